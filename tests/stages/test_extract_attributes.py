"""Stage extract_attributes on hand-built files."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
import scipy.io

from sanreid.data import attributes, index
from sanreid.params import validate
from stages import extract_attributes

SIDES = {"train": range(1, 11), "test": range(11, 14)}


def values(pid):
    person = dict.fromkeys(attributes.FIELDS, 1) | {"upblack": 2, "downblue": 2, "age": 2}
    return person | {"hat": 2 if pid in (4, 5, 12) else 1}


@pytest.fixture
def market(tmp_path):
    folder = tmp_path / "market"
    (folder / "images").mkdir(parents=True)
    rows = []
    for side, pids in SIDES.items():
        for pid in pids:
            splits = ["train"] * (1 + pid % 2) if side == "train" else ["query", "gallery"]
            for i, split in enumerate(splits):
                rows.append({"path": f"images/{pid}_{i}.jpg", "pid": pid, "camid": 1 + i, "split": split})
                (folder / rows[-1]["path"]).write_bytes(b"x")
    index.write(index.build(rows), folder)
    return folder


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "attribute"
    folder.mkdir()
    struct = {}
    for side, pids in SIDES.items():
        ids = np.empty((1, len(pids)), dtype=object)
        ids[0] = [f"{pid:04d}" for pid in pids]
        columns = {f: np.array([[values(pid)[f] for pid in pids]], np.uint8) for f in attributes.FIELDS}
        struct[side] = columns | {"image_index": ids}
    scipy.io.savemat(folder / "market_attribute.mat", {"market_attribute": struct})
    with (folder / "annotations_train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", *attributes.FIELDS])
        writer.writeheader()
        writer.writerows({"id": pid} | values(pid) for pid in SIDES["train"])
    return folder


def params(file="market_attribute.mat", **given):
    return validate({"file": file, "train_ratio": 0.8, "seed": 0} | given, extract_attributes.Params, "p")


def test_labels_weights_and_summary(raw, market, tmp_path):
    out = tmp_path / "out"
    extract_attributes.main(raw, market, out, params())
    labels = pd.read_parquet(out / "labels.parquet")
    assert list(labels.columns) == ["pid", *attributes.HEADS, "split"]
    assert list(labels["pid"]) == list(range(1, 14))
    assert list(labels["split"]).count("val") == 2
    assert set(labels["split"][10:]) == {"test"}
    hats = dict(zip(labels["pid"], zip(labels["hat"], labels["split"], strict=True), strict=True))
    assert {hats[4][1], hats[5][1]} == {"train", "val"}
    # class weights: images of split train, by plain loops
    count = [0, 0]
    for pid, (hat, split) in hats.items():
        if split == "train":
            count[hat] += 1 + pid % 2
    weights = json.loads((out / "weights.json").read_text())
    assert weights["hat"] == [max(count) / c for c in count]
    assert weights["age"] == [1.0] * 4
    summary = json.loads((out / "summary.json").read_text())
    assert summary["people"] == 13
    assert summary["splits"]["test"] == {"people": 3, "images": 6}
    assert summary["splits"]["train"]["people"] + summary["splits"]["val"]["people"] == 10
    assert summary["splits"]["train"]["images"] + summary["splits"]["val"]["images"] == 15
    assert summary["people_with"]["hat"] == {"no": 10, "yes": 3}
    assert summary["people_without_images"] == summary["people_without_labels"] == []


def test_the_csv_gives_the_same_training_labels(raw, market, tmp_path):
    extract_attributes.main(raw, market, tmp_path / "a", params())
    extract_attributes.main(raw, market, tmp_path / "b", params("annotations_train.csv"))
    a, b = (pd.read_parquet(tmp_path / x / "labels.parquet") for x in "ab")
    pd.testing.assert_frame_equal(a[a["split"] != "test"], b)
    assert (tmp_path / "a/weights.json").read_bytes() == (tmp_path / "b/weights.json").read_bytes()


def test_an_absent_file_is_named_and_leaves_nothing(raw, market, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"attributes\.csv: not found"):
        extract_attributes.main(raw, market, tmp_path / "out", params("attributes.csv"))
    assert not (tmp_path / "out").exists()
