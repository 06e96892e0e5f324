"""One small valid raw set of every reader, and each reader run to its end: what the fuzz damages and judges."""

import csv
import gzip
import hashlib
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.io
from PIL import Image

from sanreid.data import attributes, cuhk03, images, index, pit
from sanreid.params import validate
from stages import (
    extract_attributes,
    extract_cuhk03,
    extract_cuhk03_classic,
    extract_folder,
    extract_market1501,
    extract_mnist,
    pair_pit,
)
from tests.data import test_cuhk03
from tests.data.cuhk03_file import write_mat

MARKET = {
    "bounding_box_train": ["0002_c1s1_000451_03", "0002_c2s1_000301_01", "0007_c6s4_002427_05", "0009_c1s1_000001_01"],
    "query": ["0001_c1s1_001051_00", "0003_c2s1_000001_00"],
    "bounding_box_test": ["-1_c1s1_000401_03", "0000_c3s1_000151_01", "0001_c2s1_001151_02", "0003_c1s1_000201_01"],
}
FOLDER = [
    ("a/1.jpg", 1, 1, "train"),
    ("a/2.png", 1, 2, "train"),
    ("b/1.jpg", 2, 1, "query"),
    ("b/2.png", 2, 2, "gallery"),
]
FOLDER += [("c/1.png", 3, 1, "query"), ("c/2.jpg", 3, 2, "gallery")]


class Result(NamedTuple):
    """What a reader made: the table's rows, and each file's name and digest."""

    rows: list[tuple]
    files: dict[str, str]


class RawSet(NamedTuple):
    """`build` writes the valid set into a folder, `read` reads one from there and writes into another."""

    build: Callable[[Path], Any]
    read: Callable[[Path, Path], Any]


def run(name: str, raw: Path, out: Path) -> Result:
    """The reader of set `name` to its end; what it raises is raised."""
    made = SETS[name].read(raw, out)
    if isinstance(made, Result):
        return made
    table = pd.read_parquet(next(out.glob("*.parquet")))
    found = sorted(p for p in out.rglob("*") if p.is_file() and p.suffix != ".parquet")
    digests = {p.relative_to(out).as_posix(): hashlib.md5(p.read_bytes()).hexdigest() for p in found}
    return Result([tuple(map(str, row)) for row in table.itertuples(index=False)], digests)


def picture(path: Path, seed: int, size: tuple[int, int] = (12, 24)) -> None:
    """A picture of its own, not flat, so that a JPEG has data to damage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1] // 4, size[0] // 4, 3), np.uint8)
    Image.fromarray(pixels).resize(size).save(path)


def build_cuhk03(raw: Path, packed: bool) -> None:
    write_mat(raw / cuhk03.MAT)
    protocol = raw / cuhk03.PROTOCOL.format(boxes="labeled")
    test_cuhk03.write_protocol(protocol)
    if packed:
        content = {k: v for k, v in scipy.io.loadmat(protocol).items() if not k.startswith("__")}
        scipy.io.savemat(protocol, content, do_compression=True)


def build_market(raw: Path) -> None:
    for number, (folder, names) in enumerate(MARKET.items()):
        for k, name in enumerate(names):
            picture(raw / folder / f"{name}.jpg", 10 * number + k)


def values(pid: int) -> dict[str, int]:
    given = dict.fromkeys(attributes.FIELDS, 1) | {"age": 1 + pid % 4, "hat": 1 + pid % 2, "upred": 2, "downblue": 2}
    return given


def build_attributes(raw: Path, packed: bool) -> None:
    struct = {}
    for side, pids in (("train", [2, 7, 9]), ("test", [1, 3])):
        ids = np.empty((1, len(pids)), dtype=object)
        ids[0] = [f"{pid:04d}" for pid in pids]
        columns = {f: np.array([[values(pid)[f] for pid in pids]], np.uint8) for f in attributes.FIELDS}
        struct[side] = columns | {"image_index": ids}
    scipy.io.savemat(raw / attributes.MAT, {"market_attribute": struct}, do_compression=packed)


def build_attributes_csv(raw: Path) -> None:
    with (raw / attributes.CSV).open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", *attributes.FIELDS])
        writer.writeheader()
        writer.writerows({"id": pid} | values(pid) for pid in (2, 7, 9))


def build_pit(raw: Path) -> None:
    for k in range(6):
        picture(raw / f"images/{k:05d}.{('jpg', 'png')[k % 2]}", k)
    for t in range(3):
        picture(raw / f"GT_texture/{t:05d}.png", 50 + t, (16, 16))
    lines = [f"{k:05d}.jpg,{k // 2:05d}.png" for k in range(6)]
    (raw / "image-texture-label").mkdir()
    (raw / "image-texture-label/label.txt").write_text("\n".join(lines))


def build_mnist(raw: Path, packed: bool) -> None:
    draw = np.random.default_rng(0)
    for prefix, count in (("train", 8), ("t10k", 3)):
        pixels = draw.integers(0, 256, (count, 28, 28), np.uint8)
        for kind, head, body in (
            ("images-idx3", struct.pack(">4I", 2051, count, 28, 28), pixels.tobytes()),
            ("labels-idx1", struct.pack(">2I", 2049, count), bytes(k % 10 for k in range(count))),
        ):
            path = raw / f"{prefix}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(head + body, mtime=0) if packed else head + body)


def build_folder(raw: Path, table: str) -> None:
    for k, (path, *_) in enumerate(FOLDER):
        picture(raw / path, k)
    rows = index.build([dict(zip(index.COLUMNS, row, strict=True)) for row in FOLDER])
    if table == "index.csv":
        rows.to_csv(raw / table, index=False)
    elif table == index.NAME:
        index.write(rows, raw)


def read_attributes(raw: Path, out: Path, file: str) -> None:
    """On a Market-1501 of its own, which stays whole."""
    market = out.parent / "market"
    if not market.exists():
        release = out.parent / "release"
        build_market(release)
        extract_market1501.main(release, market, given(extract_market1501, broken_pictures="error"))
    extract_attributes.main(raw, market, out, given(extract_attributes, file=file, train_ratio=0.6, seed=0))


def read_index(raw: Path, _: Path) -> Result:
    """As every stage after the readers: the checked table, then each picture."""
    table = index.read(raw)
    digests = {p: hashlib.md5(images.read_rgb(raw / p).tobytes()).hexdigest() for p in table["path"]}
    return Result([tuple(map(str, row)) for row in table.itertuples(index=False)], digests)


def given(stage: Any, **values: Any) -> Any:
    return validate(values, stage.Params, stage.__name__)


def _pit(raw: Path, out: Path) -> None:
    p = {"label_pattern": pit.PATTERN, "images_per_texture": 2, "validation_people": 1, "broken_pictures": "error"}
    pair_pit.main(raw, out, given(pair_pit, **p))


def _cuhk03(raw: Path, out: Path) -> None:
    extract_cuhk03.main(raw, "labeled", out, given(extract_cuhk03, holdout="test", validation_people=0, seed=0))


def _classic(raw: Path, out: Path) -> None:
    extract_cuhk03_classic.main(raw, 1, out, given(extract_cuhk03_classic, splits=[1], boxes="labeled"))


def _folder(raw: Path, out: Path) -> None:
    extract_folder.main(raw, out, given(extract_folder, broken_pictures="error"))


SETS = {
    "cuhk03": RawSet(lambda raw: build_cuhk03(raw, packed=False), _cuhk03),
    "cuhk03_packed": RawSet(lambda raw: build_cuhk03(raw, packed=True), _cuhk03),
    "cuhk03_classic": RawSet(lambda raw: write_mat(raw / cuhk03.MAT), _classic),
    "market1501": RawSet(
        build_market,
        lambda raw, out: extract_market1501.main(raw, out, given(extract_market1501, broken_pictures="error")),
    ),
    "attributes": RawSet(
        lambda raw: build_attributes(raw, False), lambda raw, out: read_attributes(raw, out, attributes.MAT)
    ),
    "attributes_packed": RawSet(
        lambda raw: build_attributes(raw, True), lambda raw, out: read_attributes(raw, out, attributes.MAT)
    ),
    "attributes_csv": RawSet(build_attributes_csv, lambda raw, out: read_attributes(raw, out, attributes.CSV)),
    "pit": RawSet(build_pit, _pit),
    "mnist": RawSet(lambda raw: build_mnist(raw, packed=False), extract_mnist.main),
    "mnist_gz": RawSet(lambda raw: build_mnist(raw, packed=True), extract_mnist.main),
    "folder_csv": RawSet(lambda raw: build_folder(raw, "index.csv"), _folder),
    "folder_parquet": RawSet(lambda raw: build_folder(raw, index.NAME), _folder),
    "index": RawSet(lambda raw: build_folder(raw, index.NAME), read_index),
}


def fresh(source: Path, target: Path) -> Path:
    """`target` as a copy of `source`, whatever was there before."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    return shutil.copytree(source, target, symlinks=True)
