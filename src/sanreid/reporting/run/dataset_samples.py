"""What the raw data look like: rows of labelled pictures for the page, one function a kind of set.

Decisions: sets that end in _labeled and _detected (cuhk03_labeled, cuhk03_detected) are two boxes of the same scenes
and stand side by side; of the numbered splits of one set (cuhk03_classic_1, ...) the first stands for all. What a set
does not have is said in a note; it is never a crash.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from sanreid.data import index
from sanreid.data.attributes import HEADS
from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.pseudo_textures import texture_table
from sanreid.reporting.run import split_means
from sanreid.reporting.shared.pictures import Picture, across_cameras, beside, dimmed, draw, embed, load

BOXES = ("labeled", "detected")
CARRIED = ("hat", "backpack", "bag", "handbag")


class Row(NamedTuple):
    """Pictures that belong together, usually of one person."""

    title: str
    pictures: list[Picture]
    text: str = ""


@dataclass(frozen=True)
class Sheet:
    """A titled group of rows, and what is not there."""

    title: str
    text: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wide: bool = False  # a row takes the page's width


class Look(NamedTuple):
    """How much is shown, and how large."""

    people: int
    height: int  # px
    quality: int  # JPEG
    seed: int


def pit(folder: Path, look: Look, images: int = 4) -> Sheet:
    """Texture, frontal picture, then images of the person, each with the texels that it shows."""
    table = index.read(folder)
    has = {name: name in table and bool(table[name].notna().any()) for name in ("frontal", "visibility")}
    rows = []
    for pid in draw(sorted(table["pid"].unique()), look.people, look.seed, "pit"):
        own = table[table["pid"] == pid]
        first = own.iloc[0]
        pictures = [_small(folder / first["texture"], "texture", look)]
        texture = load(folder / first["texture"])
        if has["frontal"] and pd.notna(first["frontal"]):
            pictures.append(_small(folder / first["frontal"], "frontal", look))
        for _, image in own.iloc[:images].iterrows():
            picture = load(folder / image["path"])
            if has["visibility"] and pd.notna(image["visibility"]):
                picture = beside(picture, dimmed(texture, load(folder / image["visibility"], "L")))
            pictures.append(embed(picture, Path(image["path"]).name, look.height, look.quality))
        rows.append(Row(f"person {pid}", pictures))
    told = {"frontal": "Pose-aligned frontal pictures", "visibility": "Visibility maps"}
    notes = [f"{words}: not available in this set." for name, words in told.items() if not has[name]]
    people, count = table["pid"].nunique(), len(table)
    text = f"{count:,} images of {people:,} textures. Beside each image stands the part of the texture that it shows."
    return Sheet("PIT: paired image and texture", text, rows, notes, wide=True)


def sets(interim: Path) -> list[Path]:
    """The folders of `interim` that hold a re-ID set, by name: a table with queries."""
    tables = sorted(interim.glob(f"*/{index.NAME}"))
    return [path.parent for path in tables if (pd.read_parquet(path, columns=["split"])["split"] == "query").any()]


def groups(folders: list[Path]) -> list[list[Path]]:
    """Folders of sets, boxes of the same scenes together, and the first split alone where a set has numbered ones."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        stem, _, last = folder.name.rpartition("_")
        if split_means.stem(folder.name) is None:
            found.setdefault(stem if last in BOXES else folder.name, []).append(folder)
        else:
            found.setdefault(folder.name.removesuffix(last), [folder])
    return [sorted(group, key=lambda f: f.name.endswith(BOXES[1])) for group in found.values()]


def people(folders: list[Path], attributes: Path | None, look: Look, images: int = 6) -> Sheet:
    """People of one re-ID set, or of several boxes of it, across their cameras, with file names and attributes."""
    tables = [index.read(folder) for folder in folders]
    labels = _labels(attributes, folders[0].name)
    shared = set.intersection(*(set(_shown(table, labels)) for table in tables))
    rows = []
    for pid in draw(sorted(shared), look.people, look.seed, folders[0].name):
        text = describe(labels.loc[pid]) if labels is not None and pid in labels.index else ""
        own = across_cameras(tables[0][tables[0]["pid"] == pid], images)
        stems = [Path(path).stem for path in own["path"]]
        for folder, table in zip(folders, tables, strict=True):
            box = folder.name.rsplit("_", 1)[1] if len(folders) > 1 else ""
            by_stem = {Path(path).stem: path for path in table.loc[table["pid"] == pid, "path"]}
            pictures = [_small(folder / by_stem[stem], stem, look) for stem in stems if stem in by_stem]
            rows.append(Row(f"person {pid}" + (f", {box}" if box else ""), pictures, text))
    counts = "; ".join(_counts(f.name, t) for f, t in zip(folders, tables, strict=True))
    return Sheet(" and ".join(f.name for f in folders), counts + ".", rows)


def digits(folder: Path, look: Look, columns: int = 20) -> Sheet:
    """Digits of each class in one picture, a class a line."""
    table = index.read(folder)
    lines = []
    for digit in sorted(table["pid"].unique()):
        chosen = draw(list(table.loc[table["pid"] == digit, "path"]), columns, look.seed, f"digit {digit}")
        tiles = [np.asarray(load(folder / path, "L")) for path in chosen]
        tiles += [np.zeros_like(tiles[0])] * (columns - len(tiles))
        lines.append(np.concatenate(tiles, axis=1))
    picture = embed(Image.fromarray(np.concatenate(lines)))
    return Sheet(folder.name, f"{len(table):,} digits, as sets per class.", [Row("", [picture])])


def textures(images: Path, folder: Path, look: Look) -> Sheet:
    """Person, pseudo texture, true texture, and the part of the truth that the picture shows; held-out people first."""
    table = index.read(images)
    held_out = table[table["split"].isin(["query", "validation"])]
    chosen = (held_out if len(held_out) else table).drop_duplicates("pid")
    shown = chosen.loc[draw(list(chosen.index), 2 * look.people, look.seed, "textures")]
    paths = shown["path"].tolist()
    made = texture_table.find(folder, paths)
    rows, notes = [], []
    for path, pid, texture in zip(paths, shown["pid"], made, strict=True):
        pictures = [_small(images / path, "picture", look), _small(folder / texture, "pseudo texture", look)]
        truth = images / "truth" / "textures" / f"{pid}.png"
        if truth.is_file():
            pictures.append(_small(truth, "true texture", look))
            seen = images / "truth" / "visibility" / f"{Path(path).stem}.png"
            if seen.is_file():
                visible = dimmed(load(truth), load(seen, "L"))
                pictures.append(embed(visible, "visible part", look.height, look.quality))
        rows.append(Row(f"person {pid}", pictures))
    if not any((images / "truth" / "textures").glob("*.png")):
        notes.append(f"True textures: not available for {images.name}; photographs have none.")
    return Sheet(images.name, "", rows, notes)


def describe(labels: pd.Series) -> str:
    """A person's attributes (a row of labels.parquet) in words."""
    value = {head: names[int(labels[head])] for head, names in HEADS.items()}
    words = [
        f"{value['age']} {value['gender']}",
        f"{value['hair']} hair",
        f"{value['up_color']} top, {value['up']} sleeves",
        f"{value['down']} {value['down_color']} {value['clothes']}",
    ]
    return ", ".join(words + [name for name in CARRIED if value[name] == "yes"])


def _small(path: Path, caption: str, look: Look) -> Picture:
    return embed(load(path), caption, look.height, look.quality)


def _shown(table: pd.DataFrame, labels: pd.DataFrame | None) -> list[int]:
    """The pids to draw from: with several cameras, and with attributes where the set has them."""
    known = table[table["pid"].isin(labels.index)] if labels is not None else table
    cameras = known[known["pid"] != DISTRACTOR].groupby("pid")["camid"].nunique()
    return cameras.index[cameras >= min(2, cameras.max())].tolist()


def _labels(attributes: Path | None, name: str) -> pd.DataFrame | None:
    if attributes is None or attributes.name != f"{name}_attributes":
        return None
    return pd.read_parquet(attributes / "labels.parquet").set_index("pid")


def _counts(name: str, table: pd.DataFrame) -> str:
    splits = ", ".join(f"{count:,} {split}" for split, count in table["split"].value_counts(sort=False).items())
    people = table.loc[table["pid"] != DISTRACTOR, "pid"].nunique()
    nobody = int((table["pid"] == DISTRACTOR).sum())
    extra = f"; {nobody:,} are distractors" if nobody else ""
    return f"{name}: {len(table):,} images of {people:,} people ({splits}{extra})"
