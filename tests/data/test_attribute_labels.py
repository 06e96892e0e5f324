"""Labels joined to images, weights read back, and predictions in the course's format, there and back."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from sanreid.data import attribute_labels, attributes, index
from tests.stages import toy_attributes as toy


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    market = toy.write_market(folder / "market")
    return market, toy.extract(toy.write_raw(folder / "raw"), market, folder / "labels")


def test_every_image_of_a_labelled_person_is_in_one_split_with_its_persons_classes(extracted):
    market, labels = extracted
    tables = {split: attribute_labels.rows(market, labels, split) for split in attribute_labels.SPLITS}
    assert list(tables["train"]) == ["path", "pid", *attributes.HEADS]
    assert set(tables["train"]["pid"]) | set(tables["val"]["pid"]) == set(toy.TRAIN_PIDS)
    assert not set(tables["train"]["pid"]) & set(tables["val"]["pid"])
    assert set(tables["test"]["pid"]) == set(toy.TEST_PIDS)
    everyone = pd.concat(tables.values())
    assert sorted(everyone["path"]) == sorted(index.read(market)["path"])
    for row in everyone.to_dict("records"):
        assert int(row["path"].split("/")[1][:4]) == row["pid"]
        expected = attributes.heads(toy.values(row["pid"]), "")
        assert {head: row[head] for head in attributes.HEADS} == expected


def test_weights_come_back_in_the_order_of_the_heads(extracted):
    _, labels = extracted
    weights = attribute_labels.class_weights(labels)
    assert list(weights) == list(attributes.HEADS)
    assert weights == json.loads((labels / "weights.json").read_text())


def test_what_is_not_there_or_of_another_time_is_named(extracted, tmp_path):
    market, labels = extracted
    with pytest.raises(FileNotFoundError, match=r"labels\.parquet: not found; the stage extract_attributes"):
        attribute_labels.rows(market, tmp_path, "train")
    with pytest.raises(FileNotFoundError, match=r"weights\.json: not found"):
        attribute_labels.class_weights(tmp_path)
    table = pd.read_parquet(labels / "labels.parquet")
    table.drop(columns="hat").to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(ValueError, match=r"columns \['hat'\] are missing"):
        attribute_labels.rows(market, tmp_path, "train")
    table.assign(age=4).to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(ValueError, match=r"age has values outside 0\.\.3"):
        attribute_labels.rows(market, tmp_path, "train")
    table.assign(split="validation").to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(ValueError, match="split 'validation' is none of train, val, test"):
        attribute_labels.rows(market, tmp_path, "train")
    weights = json.loads((labels / "weights.json").read_text())
    (tmp_path / "weights.json").write_text(json.dumps(weights | {"up_color": [1.0] * 8}))
    with pytest.raises(ValueError, match="up_color wants 9 weights"):
        attribute_labels.class_weights(tmp_path)


def drawn(count=200):
    draw = np.random.default_rng(3)
    return np.stack([draw.integers(0, len(c), count) for c in attributes.HEADS.values()], 1)


def test_fields_are_what_the_reader_turns_into_heads():
    for row in drawn():
        classes = dict(zip(attributes.HEADS, row.tolist(), strict=True))
        fields = attribute_labels.fields(classes)
        assert list(fields) == list(attributes.FIELDS)
        assert attributes.heads(fields, "") == classes


@pytest.mark.parametrize("multicolor", [False, True])
def test_written_predictions_are_read_back_equal(tmp_path, multicolor):
    classes, names = drawn(50), [f"{i:06d}.jpg" for i in range(50)]
    attribute_labels.write_predictions(tmp_path / "p.csv", names, classes, multicolor)
    table = attributes.read_predictions(tmp_path / "p.csv")
    assert list(table["image"]) == names
    np.testing.assert_array_equal(table[list(attributes.HEADS)], classes)
    header = (tmp_path / "p.csv").read_text().splitlines()[0]
    course = (
        "id,age,backpack,bag,handbag,clothes,down,up,hair,hat,gender,upblack,upwhite,upred,uppurple,upyellow,upgray,"
        "upblue,upgreen,downblack,downwhite,downpink,downpurple,downyellow,downgray,downblue,downgreen,downbrown"
    )
    if multicolor:
        course = course.replace("upblack", "upmulticolor,upblack").replace("downblack", "downmulticolor,downblack")
    assert header == course
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    first = dict(zip(attributes.HEADS, classes[0], strict=True))
    assert rows[0]["hat"] == str(first["hat"] + 1)


def test_the_real_labels_survive_the_way_there_and_back(published):
    people = attributes.people(published / "market_attribute.mat")
    for person in people:
        assert attribute_labels.fields(attributes.heads(person.fields, "")) == {
            name: person.fields[name] for name in attributes.FIELDS
        }


def test_the_table_of_heads_is_that_of_the_real_file(published):
    """Each class of each head is carried by somebody there, and nobody carries another."""
    people = attributes.people(published / "market_attribute.mat")
    seen = {head: {attributes.heads(p.fields, "")[head] for p in people} for head in attributes.HEADS}
    assert seen == {head: set(range(len(classes))) for head, classes in attributes.HEADS.items()}
    worn = {c for p in people for c in attributes.COLOR_FIELDS if p.fields[c] == 2}
    named = {"up" + c for c in attributes.HEADS["up_color"]} | {"down" + c for c in attributes.HEADS["down_color"]}
    assert named - {"upmulticolor", "downmulticolor"} == worn


def test_damaged_files_and_values_of_another_kind_are_named(extracted, tmp_path):
    market, labels = extracted
    table = pd.read_parquet(labels / "labels.parquet")
    file = tmp_path / "labels.parquet"
    file.write_bytes((labels / "labels.parquet").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"labels\.parquet: not a readable table .*run extract_attributes again"):
        attribute_labels.rows(market, tmp_path, "train")
    for change, words in (
        ({"hat": 0.5}, "hat is float64, not whole numbers"),
        ({"hat": "no"}, "hat is .*, not whole numbers"),
        ({"pid": table["pid"] + 0.5}, "pid is float64, not whole numbers"),
        ({"pid": 1}, "a person is there twice"),
        ({"split": None}, "split 'None' is none of"),
    ):
        table.assign(**change).to_parquet(file)
        with pytest.raises(ValueError, match=rf"labels\.parquet: {words}.*run extract_attributes again"):
            attribute_labels.rows(market, tmp_path, "train")
    weights = json.loads((labels / "weights.json").read_text())
    for text, words in (
        ("{", "not readable JSON"),
        ("\xff", "hat wants|not readable JSON"),
        ("[1]", "age wants 4 weights"),
        (json.dumps(weights | {"hat": [1.0, "x"]}), "hat has a weight that is no positive number"),
        (json.dumps(weights | {"hat": [1.0, float("nan")]}), "hat has a weight that is no positive number"),
        (json.dumps(weights | {"hat": [1.0, 0]}), "hat has a weight that is no positive number"),
        (json.dumps(weights | {"hat": 2}), "hat wants 2 weights"),
    ):
        (tmp_path / "weights.json").write_text(text, encoding="latin-1")
        with pytest.raises(ValueError, match=rf"weights\.json: ({words}).*run extract_attributes again"):
            attribute_labels.class_weights(tmp_path)
