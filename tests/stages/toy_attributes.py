"""A Market-1501 of people of two colours whose attributes show: the upper half's colour is up_color, and so below.

What a publisher and the course ship: market_attribute.mat with its fields in different orders for train and test, and
both variants of the CSV of people.
"""

import csv
from pathlib import Path

import numpy as np
import scipy.io

from sanreid.data import attributes, images, index
from sanreid.params import validate
from stages import extract_attributes
from tests.stages import toy_san as toy
from tests.stages import toy_systems

COLORS = {"black": (20, 20, 20), "white": (240, 240, 240), "red": (200, 30, 30), "blue": (30, 40, 200)}
TRAIN, TEST, EACH = 16, 4, 3
TRAIN_PIDS, TEST_PIDS = range(1, TRAIN + 1), range(101, 101 + TEST)
NETWORK = {**toy_systems.NETWORK, "dropout": 0.2}
RECIPE = {**toy_systems.RECIPE, "network": NETWORK, "batch": 8, "patience": 2}
EVALUATION = {"batch": 7, "flip_average": False, "precision": "float32", "draws": 50, "seed": 0, "pictures": 3}


def colors(pid: int) -> tuple[str, str]:
    """The colour above and below: black, white or red, and black or blue."""
    return ("black", "white", "red")[pid % 3], ("black", "blue")[pid // 3 % 2]


def values(pid: int) -> dict[str, int]:
    """The 27 fields; who is dressed in black below wears a hat, and every fifth person is old."""
    above, below = colors(pid)
    given = dict.fromkeys(attributes.FIELDS, 1) | {"up" + above: 2, "down" + below: 2}
    return given | {"hat": 2 if below == "black" else 1, "age": 4 if pid % 5 == 0 else 2}


def picture(pid: int, draw: int) -> np.ndarray:
    result = toy.picture(pid, draw)
    body = result[:, 5:12]
    for half, name in enumerate(colors(pid)):
        body[half * toy.HEIGHT // 2 : (half + 1) * toy.HEIGHT // 2] = COLORS[name]
    return result


def write_market(folder: Path) -> Path:
    """The set as extract_market1501 writes it."""
    rows = []
    for pid in (*TRAIN_PIDS, *TEST_PIDS):
        for k in range(EACH):
            split = "train" if pid in TRAIN_PIDS else "query" if k == 0 else "gallery"
            name = f"images/{pid:04d}_{k}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / name, picture(pid, k))
            rows.append({"path": name, "pid": pid, "camid": 1 + k % 2, "split": split})
    index.write(index.build(rows), folder)
    return folder


def write_raw(folder: Path) -> Path:
    """market_attribute.mat, annotations_train.csv, and multicolor.csv with the two columns more."""
    folder.mkdir(parents=True)
    struct = {}
    for side, pids, order in (("train", TRAIN_PIDS, 1), ("test", TEST_PIDS, -1)):
        ids = np.empty((1, len(pids)), dtype=object)
        ids[0] = [f"{pid:04d}" for pid in pids]
        columns = {f: np.array([[values(pid)[f] for pid in pids]], np.uint8) for f in attributes.FIELDS[::order]}
        struct[side] = columns | {"image_index": ids}
    scipy.io.savemat(folder / "market_attribute.mat", {"market_attribute": struct})
    plain = ["id", *attributes.FIELDS]
    more = list(plain)
    more.insert(more.index("upblack"), "upmulticolor")
    more.insert(more.index("downblack"), "downmulticolor")
    for name, header in (("annotations_train.csv", plain), ("multicolor.csv", more)):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            for pid in TRAIN_PIDS:
                row = {"id": pid, "upmulticolor": 1, "downmulticolor": 1} | values(pid)
                writer.writerow({name: row[name] for name in header})
    return folder


def extract(raw: Path, market: Path, out: Path, file: str = "market_attribute.mat") -> Path:
    """The labels as extract_attributes writes them."""
    given = {"file": file, "train_ratio": 0.75, "seed": 0}
    extract_attributes.main(raw, market, out, validate(given, extract_attributes.Params, "p"))
    return out
