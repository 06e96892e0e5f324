"""Pictures of a run, picked from the files that stages wrote and made small enough to sit inside the page.

Decisions: a picture is scaled down but never up, and becomes a JPEG in a data URI (PNG for masks and digits, where
JPEG would ring); which people are shown is drawn with a seed, so that the same run gives the same page.
"""

import base64
import io
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from PIL import Image

from sanreid import runtime
from sanreid.data import images


class Picture(NamedTuple):
    """An image for the page: a data URI, its size in px, and what is said under it."""

    uri: str
    width: int
    height: int
    caption: str = ""


def load(path: Path, mode: str = "RGB") -> Image.Image:
    """Open a picture as RGB or grey (`mode` L), turned as its EXIF says; the errors of `images.read_rgb`."""
    try:
        return Image.fromarray(images.read_grey(path) if mode == "L" else images.read_rgb(path))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; `dvc repro` makes it") from None


def embed(
    image: Image.Image, caption: str = "", height: int | None = None, quality: int = 85, width: int | None = None
) -> Picture:
    """`image` as a data URI, at most `height` px high and `width` px wide."""
    scale = min(1.0, (height or image.height) / image.height, (width or image.width) / image.width)
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    data = io.BytesIO()
    if image.mode == "RGB":
        image.save(data, "JPEG", quality=quality, optimize=True, progressive=True)
    else:
        image.save(data, "PNG", optimize=True)
    kind = "jpeg" if image.mode == "RGB" else "png"
    text = base64.b64encode(data.getvalue()).decode()
    return Picture(f"data:image/{kind};base64,{text}", image.width, image.height, caption)


def draw(items: list, count: int, seed: int, key: str) -> list:
    """`count` of `items` by a seeded draw, in their own order (all of them where there are fewer)."""
    if len(items) <= count:
        return list(items)
    chosen = runtime.rng(seed, "report", key).choice(len(items), count, replace=False)
    return [items[i] for i in sorted(chosen)]


def dimmed(texture: Image.Image, visible: Image.Image) -> Image.Image:
    """`texture` where `visible` (grey, 0 or 255) is on; a faint ghost of it elsewhere."""
    mask = visible.resize(texture.size, Image.Resampling.NEAREST).point(lambda v: 255 if v > 127 else 0)
    ghost = Image.blend(texture, Image.new("RGB", texture.size, (128, 128, 128)), 0.82)
    return Image.composite(texture, ghost, mask)


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures as one, in the height of the left one."""
    width = max(1, round(right.width * left.height / right.height))
    both = Image.new("RGB", (left.width + width, left.height))
    both.paste(left, (0, 0))
    both.paste(right.resize((width, left.height), Image.Resampling.LANCZOS), (left.width, 0))
    return both


def across_cameras(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Up to `count` images of a person, taken from the cameras in turn; the table's order."""
    turn = rows.groupby("camid", dropna=False).cumcount()
    return rows.loc[turn.sort_values(kind="stable").index[:count]].sort_index()
