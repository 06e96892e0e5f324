"""Stage evaluate_attributes on a toy classifier: its tables agree with each other and with plain counting."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import pytest

from sanreid.data import attribute_labels, tensors
from sanreid.data.attributes import HEADS
from sanreid.evaluation import attributes as measures
from sanreid.params import validate
from sanreid.training import attributes
from stages import evaluate_attributes, train_attributes
from tests.stages import toy_attributes as toy
from tests.stages import toy_systems

FILES = [
    "attributes.csv",
    "classes.csv",
    "confusion.csv",
    "confusion.svg",
    "histograms.svg",
    "index.html",
    "metrics.json",
]


def params(**changes):
    return validate({**toy.EVALUATION, **changes}, evaluate_attributes.Params, "evaluate_attributes")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of the set, of the labels from the .mat and from the CSV, and of a trained model."""
    folder = tmp_path_factory.mktemp("toy")
    market, raw = toy.write_market(folder / "market"), toy.write_raw(folder / "raw")
    labels = toy.extract(raw, market, folder / "labels")
    course = toy.extract(raw, market, folder / "course", "multicolor.csv")
    patch = pytest.MonkeyPatch()
    patch.setenv("SANREID_CHECKPOINTS", str(folder / "checkpoints"))
    patch.setenv("SANREID_RUNS", "")
    p = validate(toy.RECIPE, train_attributes.Params, "p")
    train_attributes.main(market, labels, toy_systems.write_san_pg(folder / "san_pg"), 0, folder / "model/seed0", p)
    patch.undo()
    return market, labels, course, folder / "model/seed0"


@pytest.fixture(scope="module")
def report(made, tmp_path_factory):
    market, labels, _, model = made
    out = tmp_path_factory.mktemp("report") / "seed0"
    evaluate_attributes.main(market, labels, model, out, params())
    return out


def rows(path):
    return list(csv.DictReader(path.open()))


def test_everything_is_there(report):
    assert sorted(f.name for f in report.iterdir()) == sorted(FILES)


def test_the_numbers_are_those_of_counting(made, report):
    market, labels, _, model = made
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["split"] == "test"
    net, network = attributes.load(model)
    train = attribute_labels.rows(market, labels, "train")
    table = {(r["split"], r["attribute"]): r for r in rows(report / "attributes.csv")}
    for split in ("val", "test"):
        true = attribute_labels.rows(market, labels, split)
        images = tensors.decode(market, true["path"].tolist(), network.size)
        told = measures.predict(net, images, attributes.CLASSES, 64)
        assert metrics[split]["images"] == len(true)
        accuracies = []
        for i, head in enumerate(HEADS):
            right = [int(a) == int(b) for a, b in zip(true[head], told[:, i], strict=True)]
            most = max(range(len(HEADS[head])), key=lambda c, h=head: (train[h] == c).sum())
            accuracies.append(sum(right) / len(right))
            row = table[split, head]
            assert float(row["accuracy"]) == pytest.approx(accuracies[-1])
            assert float(row["majority_accuracy"]) == pytest.approx((true[head] == most).mean())
            assert row["majority"] == HEADS[head][most]
            assert metrics[split]["attributes"][head]["accuracy"] == pytest.approx(accuracies[-1])
        assert metrics[split]["mean"]["accuracy"] == pytest.approx(sum(accuracies) / len(HEADS))
    assert metrics["accuracy"] == metrics["test"]["mean"]["accuracy"]


def test_the_tables_agree(made, report):
    table = rows(report / "attributes.csv")
    assert len(table) == 2 * len(HEADS)
    classes = rows(report / "classes.csv")
    assert len(classes) == 2 * sum(len(c) for c in HEADS.values())
    for row in table:
        mine = [c for c in classes if (c["split"], c["attribute"]) == (row["split"], row["attribute"])]
        assert [c["class"] for c in mine] == list(HEADS[row["attribute"]])
        assert sum(int(c["support"]) for c in mine) == sum(int(c["predicted"]) for c in mine) == int(row["images"])
        recalls = [float(c["recall"]) for c in mine if c["recall"]]
        assert float(row["balanced_accuracy"]) == pytest.approx(sum(recalls) / len(recalls))
        f1s = [float(c["f1"]) for c in mine if c["f1"]]
        assert float(row["f1"]) == pytest.approx(sum(f1s) / len(f1s))
    confusion = rows(report / "confusion.csv")
    for head in ("age", "up_color", "down_color"):
        cells = [c for c in confusion if (c["split"], c["attribute"]) == ("test", head)]
        assert len(cells) == len(HEADS[head]) ** 2
        for c in classes:
            if (c["split"], c["attribute"]) == ("test", head):
                assert sum(int(x["images"]) for x in cells if x["true"] == c["class"]) == int(c["support"])


def test_the_page_stands_alone_and_says_what_was_found(report):
    page = (report / "index.html").read_text()
    assert 'src="http' not in page
    assert "<link" not in page
    metrics = json.loads((report / "metrics.json").read_text())
    said = f"{metrics['heads_above_majority']} of {metrics['judged_heads']} attributes are told better"
    assert said in page
    assert page.count("data:image/jpeg") == 3
    assert all(f"<th>{head}</th>" in page for head in HEADS)
    for name in ("histograms.svg", "confusion.svg"):
        text = (report / name).read_text()
        ET.fromstring(text)
        assert text in page


def test_the_courses_file_has_no_test_people_and_the_page_says_so(made, tmp_path):
    market, _, course, model = made
    evaluate_attributes.main(market, course, model, tmp_path / "out", params())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["split"] == "val"
    assert "test" not in metrics
    page = (tmp_path / "out/index.html").read_text()
    assert "Test people" not in page
    assert re.search(r"not trained on, but used to decide when to stop", page)


def test_the_same_inputs_give_the_same_bytes(made, report, tmp_path):
    market, labels, _, model = made
    evaluate_attributes.main(market, labels, model, tmp_path / "again", params())
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (report / name).read_bytes(), name


def test_a_folder_of_something_else_is_refused(made, tmp_path):
    market, labels, _, _ = made
    with pytest.raises(FileNotFoundError, match="name a folder of train_attributes"):
        evaluate_attributes.main(market, labels, tmp_path, tmp_path / "out", params())
    assert not (tmp_path / "out").exists()
