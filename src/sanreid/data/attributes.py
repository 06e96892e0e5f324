"""Market-1501 attributes (Lin et al., Pattern Recognition 2019): 27 attributes of a person, in both public forms.

Decisions: fields are found by name, never by position, because the real file has different orders for train and test.
All values are checked before use. If none of a person's upper (lower) colours is set, the garment is multicolour. The
27 fields become 12 heads. The people of train are split so that each attribute value is in both parts, if two people
have it.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sanreid.data import images, index, mat5, stratified, text
from sanreid.faults import short

UP_COLORS = ("black", "white", "red", "purple", "yellow", "gray", "blue", "green")
DOWN_COLORS = ("black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown")
BINARY = ("backpack", "bag", "handbag", "clothes", "down", "up", "hair", "hat", "gender")
COLOR_FIELDS = tuple("up" + c for c in UP_COLORS) + tuple("down" + c for c in DOWN_COLORS)
FIELDS = ("age", *BINARY, *COLOR_FIELDS)  # the 27, as the publisher's CSV orders them
MULTICOLOR = ("upmulticolor", "downmulticolor")  # in a variant of the CSV
HEADS = {
    "age": ("young", "teenager", "adult", "old"),
    "backpack": ("no", "yes"),
    "bag": ("no", "yes"),
    "handbag": ("no", "yes"),
    "clothes": ("dress", "pants"),
    "down": ("long", "short"),
    "up": ("long", "short"),
    "hair": ("short", "long"),
    "hat": ("no", "yes"),
    "gender": ("male", "female"),
    "up_color": ("multicolor", *UP_COLORS),
    "down_color": ("multicolor", *DOWN_COLORS),
}
NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
LARGEST, LARGEST_CSV = 10**9, 64 << 20  # a number that is told as unknown, and bytes; the course's file has 50,000
MAT, CSV = "market_attribute.mat", "annotations_train.csv"


class Person(NamedTuple):
    """One row of a publisher's file: `side` is train or test, `fields` maps the 27 names to 1-based values."""

    pid: int
    side: str
    fields: dict[str, int]


def read(
    raw: Path, market: Path, file: str = MAT, train_ratio: float = 0.8, seed: int = 0
) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """One row an image of the extracted Market-1501 in `market` whose person is labelled, and a stream of the images.

    Columns path, pid, camid, split (train | val | test) and the 12 heads; paths are relative to `market`.
    Errors as in `people` and `label`.
    """
    table = index.read(market)
    source = Path(raw) / file
    labels, _ = label(people(source), table, train_ratio, seed, source)
    rows = table.drop(columns="split").merge(labels, on="pid", how="inner", validate="many_to_one")
    return rows, ((path, images.read_rgb(Path(market) / path)) for path in rows["path"])


def people(path: Path) -> list[Person]:
    """The people of a publisher's file, by its suffix: .mat has train and test, .csv train alone.

    Raises FileNotFoundError, or ValueError naming the file, the person or line, and the field.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; the publisher's file is {MAT}, the course's {CSV}")
    if path.suffix not in (".mat", ".csv"):
        raise ValueError(f"{path}: neither a .mat nor a .csv; choose with the key `file`")
    found = _read_mat(path) if path.suffix == ".mat" else _read_csv_people(path)
    seen: dict[int, str] = {}
    for person in found:
        if person.pid in seen:
            raise ValueError(f"{path}: person {person.pid:04d} is listed twice (in {seen[person.pid]}, {person.side})")
        seen[person.pid] = person.side
    return found


def read_predictions(path: Path) -> pd.DataFrame:
    """A CSV whose `id` is an image name: column image and the 12 heads (0-based). For scoring; it names no person.

    Raises FileNotFoundError, or ValueError naming the line and the field.
    """
    rows, seen = [], set()
    for line, name, values in _read_csv(path):
        where = f"{path}:{line}"
        if name in seen:
            raise ValueError(f"{where}: image {name} is listed twice")
        seen.add(name)
        rows.append({"image": name} | heads(values, where))
    return pd.DataFrame(rows, columns=["image", *HEADS])


def heads(values: dict[str, int], where: str) -> dict[str, int]:
    """The 12 heads' 0-based classes of checked 1-based field values; class 0 of a colour head is multicolour.

    Raises ValueError (prefixed by `where`) for an absent field, an unknown value, or two colours of one garment.
    """
    for field in FIELDS:
        if field not in values:
            raise ValueError(f"{where}: field {field!r} is missing")
        top = len(HEADS["age"]) if field == "age" else 2
        if not 1 <= values[field] <= top:
            raise ValueError(f"{where}: {field} is {values[field]}; known values are 1 to {top}")
    result = {"age": values["age"] - 1} | {field: values[field] - 1 for field in BINARY}
    for part, colors in (("up", UP_COLORS), ("down", DOWN_COLORS)):
        worn = [i for i, color in enumerate(colors, 1) if values[part + color] == 2]
        multicolor = values.get(f"{part}multicolor")
        if multicolor not in (None, 1, 2):
            raise ValueError(f"{where}: {part}multicolor is {multicolor}; known values are 1 to 2")
        if len(worn) > 1 or (multicolor is not None and (multicolor == 2) == bool(worn)):
            flag = "" if multicolor is None else f", {part}multicolor is {multicolor}"
            raise ValueError(f"{where}: {part} colours {[colors[i - 1] for i in worn]}{flag}; one class must be left")
        result[f"{part}_color"] = worn[0] if worn else 0
    return result


def label(
    persons: list[Person], table: pd.DataFrame, train_ratio: float, seed: int, source: Path | str = "attributes"
) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """One row a person of the Market-1501 `table`: pid, the 12 heads, split; and what does not fit together.

    Training people are split into train and val by `stratified.split`, test people are `test`. The report lists people
    who are labelled but have no image, and people who have images but no label (of the sides that the file covers).
    Raises ValueError, naming `source`, where a person's side is not the table's, or no training person is left.
    """
    table = table[table["pid"] > 0]
    side = {
        pid: "train" if split == "train" else "test" for pid, split in zip(table["pid"], table["split"], strict=True)
    }
    rows = []
    for person in persons:
        values = heads(person.fields, f"{source}: person {person.pid:04d} ({person.side})")
        if person.pid in side:
            if side[person.pid] != person.side:
                raise ValueError(
                    f"{source}: person {person.pid:04d} is labelled in {person.side}, and the images are in "
                    f"{side[person.pid]}; do the attributes belong to this data set?"
                )
            rows.append({"pid": person.pid} | values | {"split": person.side})
    trained = [row for row in rows if row["split"] == "train"]
    if not trained:
        raise ValueError(
            f"{source}: no labelled person has a training image; do the attributes belong to this data set?"
        )
    classes = np.array([[row[head] for head in HEADS] for row in trained])
    for row, chosen in zip(trained, stratified.split(classes, train_ratio, seed), strict=True):
        row["split"] = chosen
    labels = pd.DataFrame(rows, columns=["pid", *HEADS, "split"])
    known, sides = {person.pid for person in persons}, {person.side for person in persons}
    report = {
        "people_without_images": sorted(known - set(side)),
        "people_without_labels": sorted(pid for pid, s in side.items() if pid not in known and s in sides),
    }
    return labels, report


def class_weights(labels: pd.DataFrame, images_of: pd.Series) -> dict[str, list[float]]:
    """For each head, a weight a class: count of the majority class / count of the class, over images of split train.

    `images_of` maps pid to its number of images. A class that train does not hold weighs 1: no image asks for it, and
    neither a division by zero nor a weight of 0 (whose mean over a batch is 0/0) may come of it.
    """
    trained = labels[labels["split"] == "train"]
    weights = {}
    for head, classes in HEADS.items():
        counts = [0] * len(classes)
        for pid, value in zip(trained["pid"], trained[head], strict=True):
            counts[value] += int(images_of[pid])
        weights[head] = [max(counts) / count if count else 1.0 for count in counts]
    return weights


def _read_mat(path: Path) -> list[Person]:
    content = mat5.read(path)
    if "market_attribute" not in content:
        raise ValueError(f"{path}: has no struct 'market_attribute'; is it the publisher's file?")
    found = []
    for side in ("train", "test"):
        struct = content["market_attribute"]
        if not isinstance(struct, dict) or not isinstance(struct.get(side), dict):
            raise ValueError(f"{path}: market_attribute has no {side!r}; is it the publisher's file?")
        columns = dict(struct[side])
        if odd := set(columns) ^ {*FIELDS, "image_index"}:
            raise ValueError(f"{path}: {side}: fields {short(sorted(odd))} are missing or unknown; download it again")
        ids = columns.pop("image_index")
        if not isinstance(ids, list):
            raise ValueError(f"{path}: {side}: image_index is no list of people; download it again")
        numbers = {field: mat5.whole(columns[field], f"{path}: {side}: {field}", -LARGEST, LARGEST) for field in FIELDS}
        for name, column in numbers.items():
            if len(column) != len(ids):
                raise ValueError(
                    f"{path}: {side}: {name} has {len(column)} values for {len(ids)} people; download it again"
                )
        for row, name in enumerate(ids):
            if not isinstance(name, str) or not re.fullmatch(r"[0-9]{4}", name):
                raise ValueError(f"{path}: {side}: person {short(name)} is not a 4-digit number")
            found.append(Person(int(name), side, {field: numbers[field][row] for field in FIELDS}))
            heads(found[-1].fields, f"{path}: {side}: person {name}")
    return found


def _read_csv_people(path: Path) -> list[Person]:
    found = []
    for line, name, values in _read_csv(path):
        if not re.fullmatch(r"[0-9]{1,9}", name):
            raise ValueError(
                f"{path}:{line}: id {short(name)} is no person; a file with image names holds predictions "
                f"and cannot be trained on: give {CSV} or {MAT}"
            )
        heads(values, f"{path}:{line}")
        found.append(Person(int(name), "train", values))
    return found


def _read_csv(path: Path) -> Iterator[tuple[int, str, dict[str, int]]]:
    """(line number, id, values by field) of each row."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        odd = set(header) ^ {"id", *FIELDS}
        if (odd and odd != set(MULTICOLOR)) or len(set(header)) < len(header):
            columns = short(sorted(odd) or header)
            raise ValueError(f"{path}:1: columns {columns} are missing, unknown or there twice")
        for row in reader:
            line = reader.line_num
            if None in row:
                raise ValueError(f"{path}:{line}: more values than columns")
            values = {}
            for field in header:
                if field != "id":
                    given = row[field]
                    if not NUMBER.fullmatch((given or "").strip()):
                        raise ValueError(f"{path}:{line}: {field} is {short(given)}, not a number")
                    values[field] = int(given)
            yield line, (row["id"] or "").strip(), values
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num + 1}: not a line of a CSV ({error}); mend or remove it") from None


def _text(path: Path) -> str:
    """The file's text; ValueError where it is not UTF-8, or its columns are not apart by commas."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found")
    if (size := path.stat().st_size) > LARGEST_CSV:
        raise ValueError(f"{path}: {size} bytes, more than the {LARGEST_CSV} of any such file; is it the right one?")
    content = text.read(path)
    first = content.partition("\n")[0]
    if "," not in first and (found := next((mark for mark in ";\t|" if mark in first), None)):
        raise ValueError(f"{path}:1: has {found!r} between the columns; {text.REMEDY}")
    return content
