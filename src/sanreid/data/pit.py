"""PIT, the Paired-Image-Texture set (Jin et al., AAAI 2020): a table of images and their textures.

Decisions: the pattern of a line of the label text is a parameter, because the format is not documented. Ten consecutive
images share a texture; without a label text this rule makes the pairs, with one it is checked against the text. Later
stages find textures through this table only, never by replacing parts of a path. Textures keep their published size
(any square).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sanreid.data import images, index, text
from sanreid.data.links import shown
from sanreid.faults import short
from sanreid.runtime import log

IMAGES, TEXTURES, LABELS = "images", "GT_texture", "image-texture-label"
PATTERN = r"(?P<image>\S+?)(?:\s*,\s*|\s+)(?P<texture>\S+)"
MAPS = ("coverage.png", "uv_mirror.npy")  # ours, of rendered sets: texels that exist, and each texel's mirror


class Pair(NamedTuple):
    """An image's file, its texture's file and person, and of a rendered set the frontal picture and visibility map."""

    image: Path
    texture: Path
    pid: int
    frontal: Path | None
    visibility: Path | None


class Line(NamedTuple):
    """One line of the label text: `where` is file:line, the names are without suffix."""

    where: str
    image: str
    texture: str


def read(
    raw: Path,
    pattern: str = PATTERN,
    images_per_texture: int = 10,
    validation_people: int = 0,
    broken: images.Broken = "error",
) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table and a stream of (path, (H, W, 3) uint8 RGB image) in its order; arguments and errors as in `scan`.

    Beside the index columns: texture, frontal, visibility (paths; null where the set has none). pid is the texture's
    number, camid is null; the last `validation_people` people have split validation, the others train.
    """
    pairs = scan(raw, pattern, images_per_texture, broken)
    table = _table(pairs, validation_people)
    return table, ((path, images.read_rgb(p.image)) for path, p in zip(table["path"], pairs, strict=True))


def scan(raw: Path, pattern: str, images_per_texture: int, broken: images.Broken = "error") -> list[Pair]:
    """The pairs in the order of the image files' names.

    `pattern` is a regular expression with the groups image and texture that matches a whole line of the label text.
    `images_per_texture` is the publisher's rule (10); 0 trusts the label text alone.
    Raises FileNotFoundError for an absent folder, ValueError naming the line or file: a line that does not match or
    names what is not there, an image with two textures or none, a texture without images, a texture that is not square,
    and the first line that disagrees with the rule.
    """
    raw = Path(raw)
    pictures, textures = _by_stem(raw / IMAGES), _by_stem(raw / TEXTURES)
    numbered = all(stem.isdigit() for stem in textures)
    pids = {stem: int(stem) if numbered else i for i, stem in enumerate(textures)}
    if len(set(pids.values())) < len(pids):
        raise ValueError(f"{raw / TEXTURES}: two textures have the same number; rename one")
    lines = _lines(raw / LABELS, pattern)
    rule = _rule(raw, pictures, pids, images_per_texture) if images_per_texture else {}
    if not lines and not rule:
        raise ValueError(f"{raw}: no label text in {LABELS}/ and images_per_texture is 0: nothing pairs the images")
    if not lines:
        log.warning("%s: no label text in %s/: paired by images_per_texture alone", raw, LABELS)
    texture_of = _checked(lines, pictures, textures, rule) if lines else rule
    if alone := [stem for stem in pictures if stem not in texture_of]:
        raise ValueError(f"{pictures[alone[0]]}: has no texture ({len(alone)} such images); complete {LABELS}/")
    if idle := sorted(set(textures) - set(texture_of.values())):
        raise ValueError(
            f"{textures[idle[0]]}: a texture without images ({len(idle)} such); remove it or add its images"
        )
    for path in textures.values():
        try:
            height, width = images.size(path)
        except ValueError:
            if broken == "error":
                raise
            continue  # is left out where it is copied
        if height != width:
            raise ValueError(f"{path}: {height} x {width} pixels; a texture is square")
    frontal = {p.stem: p for p in images.found(raw / "frontal")}
    visibility = {p.stem: p for p in images.found(raw / "visibility")}
    return [
        Pair(path, textures[name], pids[name], frontal.get(name), visibility.get(stem))
        for stem, path in pictures.items()
        for name in [texture_of[stem]]
    ]


def files(
    raw: Path, pattern: str, images_per_texture: int, broken: images.Broken = "error"
) -> Iterator[tuple[str, Path]]:
    """(name in the interim folder, source) of every picture of the table, and of the maps where the set has them."""
    done: set[str] = set()
    for pair in scan(raw, pattern, images_per_texture, broken):
        sources = {
            "images": pair.image,
            "textures": pair.texture,
            "frontal": pair.frontal,
            "visibility": pair.visibility,
        }
        for folder, source in sources.items():
            name = _place(folder, source)
            if name and source and name not in done:
                done.add(name)
                yield name, source
    for name in MAPS:
        if (Path(raw) / name).is_file():
            yield name, Path(raw) / name


def _table(pairs: list[Pair], validation_people: int) -> pd.DataFrame:
    people = sorted({pair.pid for pair in pairs})
    if not 0 <= validation_people < len(people):
        raise ValueError(f"validation_people: {validation_people} of {len(people)}; choose 0 to {len(people) - 1}")
    held = set(people[len(people) - validation_people :])
    return index.build(
        [
            {"path": _place("images", pair.image), "pid": pair.pid, "camid": pd.NA}
            | {"split": "validation" if pair.pid in held else "train"}
            | {"texture": _place("textures", pair.texture)}
            | {"frontal": _place("frontal", pair.frontal), "visibility": _place("visibility", pair.visibility)}
            for pair in pairs
        ]
    )


def _place(folder: str, source: Path | None) -> str | None:
    return f"{folder}/{source.name}" if source else None


def _by_stem(folder: Path) -> dict[str, Path]:
    result: dict[str, Path] = {}
    for path in images.files(folder):
        if path.stem in result:
            raise ValueError(f"{path}: {result[path.stem].name} has the same name; one image, one file")
        result[path.stem] = path
    if not result:
        raise ValueError(f"{folder}: holds no pictures; put the publisher's download there")
    return result


def _lines(folder: Path, pattern: str) -> list[Line]:
    """The label text: every .txt of the folder, by name; blank lines are skipped."""
    compiled = compiled_pattern(pattern)
    lines = []
    if not os.path.lexists(folder):
        return lines
    if not folder.is_dir():
        raise ValueError(f"{folder}: no folder with the label text (a link to nowhere?); mend or remove it")
    there = [Path(entry.path) for entry in os.scandir(folder)]  # where it may not be read that is an error, glob's none
    texts = sorted(p for p in there if p.suffix == ".txt" and shown(p, folder))
    if not texts and (others := sorted(p.name for p in there if shown(p, folder))):
        raise ValueError(f"{folder}: holds {others[0]!r} and no .txt: the label text is a .txt; rename or remove it")
    for path in texts:
        for number, line in enumerate(text.read(path).splitlines(), 1):
            if not line.strip():
                continue
            match = compiled.fullmatch(line.strip())
            if not match:
                raise ValueError(
                    f"{path}:{number}: {short(line)} does not match label_pattern {pattern!r}; adapt the key"
                )
            lines.append(Line(f"{path}:{number}", Path(match["image"]).stem, Path(match["texture"]).stem))
    return lines


def compiled_pattern(pattern: str) -> re.Pattern[str]:
    """`pattern` compiled; ValueError where it is no regular expression with the groups image and texture."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"label_pattern {pattern!r} is no regular expression: {error}") from None
    if not {"image", "texture"} <= set(compiled.groupindex):
        raise ValueError(f"label_pattern {pattern!r} needs the groups (?P<image>...) and (?P<texture>...)")
    return compiled


def _rule(raw: Path, pictures: dict[str, Path], pids: dict[str, int], count: int) -> dict[str, str]:
    """Image to texture by number: image k belongs to texture k // count."""
    by_number = {pid: stem for stem, pid in pids.items()}
    result = {}
    for stem, path in pictures.items():
        if not stem.isdigit():
            raise ValueError(f"{path}: the name is no number, so that images_per_texture cannot apply; set it to 0")
        if int(stem) // count not in by_number:
            raise ValueError(f"{path}: belongs to texture {int(stem) // count}, which {raw / TEXTURES} does not have")
        result[stem] = by_number[int(stem) // count]
    return result


def _checked(
    lines: list[Line], pictures: dict[str, Path], textures: dict[str, Path], rule: dict[str, str]
) -> dict[str, str]:
    """Image to texture by the label text, each line held against the files and the rule."""
    result: dict[str, str] = {}
    for where, image, texture in lines:
        if image not in pictures:
            raise ValueError(f"{where}: image {short(image)} is not in {IMAGES}/")
        if texture not in textures:
            raise ValueError(f"{where}: texture {short(texture)} is not in {TEXTURES}/")
        if image in result:
            raise ValueError(f"{where}: image {image!r} is listed twice")
        if rule and rule[image] != texture:
            raise ValueError(
                f"{where}: image {image!r} has texture {texture!r}, by the rule of images_per_texture {rule[image]!r}; "
                "mend the text, or set images_per_texture to 0 to trust it"
            )
        result[image] = texture
    return result
