"""Allowed values of numbers and names in params.yaml: the field types of the sections, and their error messages.

Decisions: every number has a lower and an upper bound, so that a typing error (epochs: 1200000, lr: 1e300) is refused
by key before any work, instead of failing after hours. The bounds are generous: a value outside of them cannot be
meant. Integers from a short list have bounds too, because pydantic's Literal[1, 2] accepts `true` for 1.
"""

import re
import unicodedata
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from sanreid.faults import short

# Draws
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # 32 bits: what scikit-learn's generators take; none is negative
Repeats = Annotated[int, Field(ge=1, le=1_000_000)]  # orders, galleries, people drawn again: a million is past any use

# Training
Epochs = Annotated[int, Field(ge=1, le=100_000)]  # SAN trains 320; more than 100,000 would not end
EpochsOrNone = Annotated[int, Field(ge=0, le=100_000)]  # as Epochs, where 0 is none
Milestones = Annotated[tuple[Epochs, ...], Field(max_length=1000)]  # epochs at which a rate falls
Batch = Annotated[int, Field(ge=1, le=65_536)]  # images at once: above, no device holds them
PairsBatch = Annotated[int, Field(ge=2, le=65_536)]  # as Batch, where batch normalisation wants two
PerBatch = Annotated[int, Field(ge=2, le=4096)]  # P or K of P x K: two at least, or there is no triplet
Rate = Annotated[float, Field(gt=0, le=100)]  # a learning rate; the published grids go to 1
Growth = Annotated[float, Field(gt=0, le=10)]  # of a rate, an epoch (SAN: 1.259)
Start = Annotated[float, Field(gt=0, le=1)]  # of a rate, in parts of it
Decay = Annotated[float, Field(ge=0, le=100)]  # L2 or decoupled; published 0 to 0.1
Momentum = Annotated[float, Field(ge=0, lt=1)]  # of a moving mean: at 1 it would never move
Weight = Annotated[float, Field(ge=0, le=1e6)]  # of a loss, 0 turns it off; beyond, float32 loses the other losses
OnWeight = Annotated[float, Field(gt=0, le=1e6)]  # as Weight, of a loss that is never off
Margin = Annotated[float, Field(ge=0, le=1e6)]  # of a triplet loss, in the unit of its distances
Threshold = Annotated[float, Field(ge=0, le=1e6)]  # a distance; none is negative
Sigmas = Annotated[float, Field(ge=0, le=1000)]  # deviations above a mean
Networks = Annotated[int, Field(ge=1, le=64)]  # trained together on one device

# Shapes
Pixels = Annotated[int, Field(ge=1, le=4096)]  # a side of a picture: a network's maps grow with its square
Channels = Annotated[int, Field(ge=1, le=4096)]  # of a stage; the published ResNet begins with 64
Features = Annotated[int, Field(ge=1, le=65_536)]  # of a vector or a hidden layer; published 128 to 2048
Stride = Annotated[int, Field(ge=1, le=2)]  # of the last stage

# Shares
Share = Annotated[float, Field(ge=0, le=1)]  # a part of a whole, or a probability
NotAll = Annotated[float, Field(ge=0, lt=1)]  # as Share, where all of it would leave nothing
Within = Annotated[float, Field(gt=0, lt=1)]  # as Share, where both parts must hold something
Jitter = Annotated[float, Field(ge=0, lt=0.3)]  # deviation of a box's edge, in parts of the box
Percent = Annotated[float, Field(ge=0, le=100)]

# Counts
Count = Annotated[int, Field(ge=0, le=10_000_000)]  # of images or people: ten of the largest galleries
Some = Annotated[int, Field(ge=1, le=10_000_000)]  # as Count, where none would be no run
MaxRank = Annotated[int, Field(ge=10, le=10_000_000)]  # of a CMC curve: rank-1, 5 and 10 are always reported
Neighbours = Annotated[int, Field(ge=1, le=100_000)]  # each takes room in every row of a gallery
InPicture = Annotated[int, Field(ge=1, le=250)]  # rows of a picture: a JPEG holds 65,500 pixels, a row takes up to 260
Columns = Annotated[int, Field(ge=1, le=500)]  # of people, 88 pixels and a frame each, in such a picture
Quality = Annotated[int, Field(ge=30, le=95)]  # of a JPEG: below it is mud, above it only grows
Processes = Annotated[int, Field(ge=0, le=1024)]  # 0 = one a core

T = TypeVar("T", bound=Hashable)
LONGEST = 200  # bytes of a name: file systems take 255 for a folder, and a temporary sibling's name is longer
_MARKS = " _.+-"
_QUOTES = "put it in quotes"


def once(values: list[T]) -> list[T]:
    """`values`; ValueError if one of them occurs twice."""
    if twice := sorted({str(v) for v in values if values.count(v) > 1}):
        raise ValueError(f"{', '.join(twice)} stands there twice")
    return values


def text(value: Any) -> str:
    """An integer as a string: YAML reads a folder named 2024 as a number."""
    if isinstance(value, (bool, float)) or not isinstance(value, (str, int)):
        raise ValueError(f"{short(value)} is no name: YAML reads null, true and 1.5 as other things; {_QUOTES}")
    return str(value)


def name(value: str) -> str:
    """`value` if it can be a folder's name and be put in a shell's single quotes; ValueError says what is wrong."""
    if not value:
        raise ValueError("is empty; give it a name")
    if len(value.encode("utf-8", "replace")) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes, which no folder's name may be; shorten it")
    if odd := [c for c in value if c not in _MARKS and unicodedata.category(c)[0] not in "LMN"]:
        raise ValueError(f"{short(value)} has {odd[0]!r}; take letters, digits, spaces and {_MARKS.strip()} alone")
    if value[0] in " .-" or value[-1] == " ":
        raise ValueError(
            f"{short(value)} begins with a point, dash or space, or ends with a space; begin with a letter"
        )
    return value


def place(value: str) -> str:
    """`value` if it can be a path; ValueError says what is wrong. Quotes and spaces are allowed (see params.py)."""
    if not value.strip():
        raise ValueError("is empty; name the folder")
    if odd := [c for c in value if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]:
        raise ValueError(f"{short(value)} has {odd[0]!r}, which no log or page can show; rename the folder")
    return value


def _quoted(value: Any) -> Any:
    """`value`; ValueError if YAML has read it as a number or a boolean."""
    if value is not None and not isinstance(value, (str, dict, list)):
        raise ValueError(f"{short(value)} is no path; {_QUOTES} if it is a folder's name")
    return value


Name = Annotated[str, AfterValidator(name), BeforeValidator(text)]  # of a set, variant, model: of a folder on the disk
Place = Annotated[str, AfterValidator(place), BeforeValidator(_quoted)]  # a path as the user writes it
Folder = Annotated[Path, BeforeValidator(lambda v: place(v) if isinstance(v, str) else _quoted(v))]  # as Place, to open
Text = Annotated[str, Field(max_length=10_000)]  # words that are shown as they are
Each = Annotated[list[T], Field(max_length=1000), AfterValidator(once)]  # what a run is made for: no instance twice
OneOrMore = Annotated[list[T], Field(min_length=1, max_length=1000), AfterValidator(once)]  # as Each, and not none


def complaints(error: ValidationError, values: Any, where: str) -> list[str]:
    """One line for each invalid key of `values`: `where`, the dotted key, what is wrong, what was given.

    pydantic's locations also contain the member of a union; here the key is written as in the user's file.
    """
    lines = []
    for e in error.errors(include_url=False):
        parts, here = _written(e["loc"], values, e["type"] == "missing")
        message = e["msg"].removeprefix("Value error, ")
        own = re.match(r"([A-Za-z_][\w.]*): ", message)
        if e["type"] == "value_error" and own and isinstance(here, dict) and own[1].split(".")[0] in here:
            parts, message = [*parts, own[1]], message[own.end() :]
        if e["type"].startswith("union_tag"):
            parts.append(e["ctx"]["discriminator"].strip("'"))
        told = e["type"] in ("missing", "value_error", "union_tag_invalid") or isinstance(e["input"], (dict, list))
        given = "" if told else f" (given: {short(e['input'])})"
        lines.append(f"{'.'.join([where, *parts])}: {message}{given}")
    return lines


def _written(loc: Sequence[int | str], values: Any, missing: bool) -> tuple[list[str], Any]:
    """The parts of a place that are keys or numbers of `values`, and what lies there."""
    parts, here = [], values
    for number, part in enumerate(loc):
        if isinstance(here, dict):
            below = {str(key): value for key, value in here.items()}
            if part in below:
                here = below[str(part)]
            elif not (missing and number == len(loc) - 1):
                continue  # the kind of a union
        elif isinstance(here, (list, tuple)) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            continue  # '[key]', or the kind of a union of plain values
        parts.append(str(part))
    return parts, here
