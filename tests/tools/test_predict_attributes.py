"""The tool that writes a folder's attributes in the course's format, and scores them against a truth."""

import csv

import pytest
import torch

from sanreid.data import attribute_labels, attributes, images
from sanreid.models.attributes import AttributeClassifier
from sanreid.params import validate
from sanreid.training import attributes as method
from sanreid.training import checkpoint
from tests.data import broken_pictures as made
from tests.stages import toy_attributes as toy
from tools import predict_attributes


@pytest.fixture
def model(tmp_path):
    recipe = validate(toy.RECIPE, method.Recipe, "p")
    torch.manual_seed(2)
    (tmp_path / "model").mkdir()
    net = AttributeClassifier(recipe.network, method.CLASSES)
    checkpoint.save_model(tmp_path / "model", net, {"system": "attributes", "recipe": recipe}, None)
    return tmp_path / "model"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures/more").mkdir(parents=True)
    for i, name in enumerate(["000001.jpg", "000000.jpg", "more/x.PNG"]):
        images.write_rgb(tmp_path / "pictures" / name.lower(), toy.picture(i + 1, 0))
    (tmp_path / "pictures/Thumbs.db").write_bytes(b"x")
    return tmp_path / "pictures"


def test_every_picture_has_its_row_in_the_courses_format(model, folder, tmp_path):
    predict_attributes.main([str(model), str(folder), str(tmp_path / "p.csv")])
    table = attributes.read_predictions(tmp_path / "p.csv")
    assert list(table["image"]) == ["000000.jpg", "000001.jpg", "more/x.png"]
    predict_attributes.main([str(model), str(folder), str(tmp_path / "m.csv"), "--multicolor"])
    assert attributes.read_predictions(tmp_path / "m.csv").equals(table)
    assert "upmulticolor" in (tmp_path / "m.csv").read_text()


def test_a_truth_is_scored_for_the_pictures_that_it_names(model, folder, tmp_path, capsys):
    found, classes = predict_attributes.predict(model, folder, tmp_path / "p.csv")
    truth = classes.copy()
    truth[1, 8] = 1 - truth[1, 8]  # the hat of 000001.jpg
    attribute_labels.write_predictions(tmp_path / "t.csv", [*found[:2], "elsewhere.jpg"], truth)
    predict_attributes.main([str(model), str(folder), str(tmp_path / "p.csv"), "--truth", str(tmp_path / "t.csv")])
    said = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert said["2"] == ["2", "of", "3", "pictures", "have", "a", "truth"]
    assert said["hat"][1] == "50.0"
    assert all(said[head][1] == "100.0" for head in attributes.HEADS if head != "hat")
    with (tmp_path / "other.csv").open("w", newline="") as file:
        csv.writer(file).writerow(["id", *attributes.FIELDS])
    with pytest.raises(SystemExit, match=r"names none of the pictures; the first is 000000\.jpg"):
        predict_attributes.main(
            [str(model), str(folder), str(tmp_path / "p.csv"), "--truth", str(tmp_path / "other.csv")]
        )


def test_what_is_no_folder_of_pictures_is_named(model, tmp_path):
    with pytest.raises(SystemExit, match="no such folder"):
        predict_attributes.main([str(model), str(tmp_path / "none"), str(tmp_path / "p.csv")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=r"no pictures \(\.bmp, \.jpeg, \.jpg, \.png\) in it"):
        predict_attributes.main([str(model), str(tmp_path / "empty"), str(tmp_path / "p.csv")])
    (tmp_path / "empty/broken.jpg").write_bytes(b"no picture")
    with pytest.raises(SystemExit, match=r"broken\.jpg: not a readable picture"):
        predict_attributes.main([str(model), str(tmp_path / "empty"), str(tmp_path / "p.csv")])
    assert not (tmp_path / "p.csv").exists()


def test_hidden_files_are_no_pictures(model, folder, tmp_path):
    for name in ("._000001.jpg", ".hidden/x.jpg", "__MACOSX/._x.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"resource fork")
    (folder / "folder.jpg").mkdir()
    found, _ = predict_attributes.predict(model, folder, tmp_path / "p.csv")
    assert found == ["000000.jpg", "000001.jpg", "more/x.png"]


@pytest.mark.parametrize("name", ["jpeg_cut", "jpeg_hole", "png_hole", "png_bomb", "empty"])
def test_broken_pictures_and_links_out_are_refused(model, folder, tmp_path, name):
    (folder / "000001.jpg").write_bytes(made.everything()[name])
    with pytest.raises(ValueError, match=r"000001\.jpg: "):
        predict_attributes.predict(model, folder, tmp_path / "p.csv")
    (folder / "000001.jpg").rename(tmp_path / "elsewhere.jpg")
    (folder / "000001.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with pytest.raises(ValueError, match=r"000001\.jpg: a link out of .*pictures; put the file itself there"):
        predict_attributes.predict(model, folder, tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()
