"""Sheets of pictures: what a person looks at before believing a number. Arrays in, one uint8 RGB array out.

Decisions: nothing is read or written here, so a stage and the report draw the same way. Pictures keep their proportions
inside a cell; text is set in DejaVu (it comes with matplotlib, so sheets look alike on every machine); right and wrong
differ by sign as well as by colour. Sheets are about 1,100 px wide, a page's width.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Colour = tuple[int, int, int]

PAPER, INK, SOFT, RIM = (255, 255, 255), (26, 34, 48), (98, 110, 128), (213, 219, 229)
PALE = (240, 242, 245)  # where there is no picture
RIGHT, WRONG = (0, 138, 98), (206, 78, 0)  # green and red of Okabe and Ito's palette, a little darker
PERSON = (176, 88)  # cell of a person image: height and width in px
TEXTURE = (176, 176)
GAP, MARGIN, FRAME = 8, 12, 4
CAPTION, HEADING = 12, 14  # px


class Ranked(NamedTuple):
    """A row of a ranked list: the query and its first gallery images, which of them are right, and what to say."""

    query: Picture
    gallery: Sequence[Picture]
    right: Sequence[bool]
    heading: str
    labels: Sequence[str]  # one a gallery image


class Triplet(NamedTuple):
    """A person, the texture that a network painted, and the true one where it is known."""

    person: Picture
    pseudo: Picture
    true: Picture | None
    label: str = ""


class Sheet:
    """White paper, `width` by `height` px, for pictures and words."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def place(self, picture: Picture, x: int, y: int, cell: tuple[int, int]) -> None:
        """Fit the picture into the cell at (x, y), centred, proportions kept but for slivers of a few pixels."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"a picture must be (H, W, 3) uint8 RGB, given {picture.shape} {picture.dtype}")
        height, width = picture.shape[:2]
        scale = min(cell[0] / height, cell[1] / width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if size[0] > 0.93 * cell[1] and size[1] > 0.93 * cell[0]:
            size = cell[1], cell[0]
        fitted = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.LANCZOS)
        self.image.paste(fitted, (x + (cell[1] - size[0]) // 2, y + (cell[0] - size[1]) // 2))

    def framed(self, picture: Picture, x: int, y: int, cell: tuple[int, int], colour: Colour) -> None:
        """The picture in its cell, in a frame of FRAME px around it whose corner is (x, y)."""
        height, width = cell
        self.draw.rectangle((x, y, x + width + 2 * FRAME - 1, y + height + 2 * FRAME - 1), fill=colour)
        self.draw.rectangle((x + FRAME, y + FRAME, x + FRAME + width - 1, y + FRAME + height - 1), fill=PALE)
        self.place(picture, x + FRAME, y + FRAME, cell)

    def text(self, x: int, y: int, text: str, size: int, colour: Colour, anchor: str, room: int | None = None) -> None:
        """Write `text`; what is wider than `room` px is cut and ends in an ellipsis."""
        if room is not None and _width(text, size) > room:
            while text and _width(text + "…", size) > room:
                text = text[:-1]
            text += "…"
        self.draw.text((x, y), text, font=font(size), fill=colour, anchor=anchor)


def ranked_list(rows: Sequence[Ranked]) -> Picture:
    """One row a query: its heading, the query, then the gallery in rank order, framed by right and wrong.

    A bar at the left of each row has the colour of rank 1. Rows are apart by blank lines, and hold none themselves.
    Cells are as wide as most of the pictures need.
    """
    if not rows:
        raise ValueError("a ranked list needs at least one query")
    cell = height, width = _slim([p for row in rows for p in (row.query, *row.gallery)])
    block = HEADING + 10 + height + 2 * FRAME + CAPTION + 6
    step_x, step_y = width + 2 * FRAME + GAP, block + 2 * GAP
    left = MARGIN + 2 * GAP
    start = left + width + 2 * FRAME + 3 * GAP
    shown = max(len(row.gallery) for row in rows)
    top = MARGIN + CAPTION + 10
    sheet = Sheet(start + shown * step_x - GAP + MARGIN, top + len(rows) * step_y - 2 * GAP + MARGIN)
    sheet.text(left + FRAME + width // 2, MARGIN, "query", CAPTION, SOFT, "ma")
    for rank in range(shown):
        name = f"rank {rank + 1}" if rank == 0 else str(rank + 1)
        sheet.text(start + rank * step_x + FRAME + width // 2, MARGIN, name, CAPTION, SOFT, "ma")
    for i, row in enumerate(rows):
        _expect(row.right, len(row.gallery), "right")
        _expect(row.labels, len(row.gallery), "labels")
        y = top + i * step_y
        bar = RIGHT if row.right and row.right[0] else WRONG
        sheet.draw.rectangle((MARGIN, y, MARGIN + 3, y + block - 1), fill=bar)
        sheet.text(left, y, row.heading, HEADING, INK, "la")
        y += HEADING + 10
        sheet.framed(row.query, left, y, cell, INK)
        for rank, (picture, right, label) in enumerate(zip(row.gallery, row.right, row.labels, strict=True)):
            x, colour = start + rank * step_x, RIGHT if right else WRONG
            sheet.framed(picture, x, y, cell, colour)
            sign = "✓" if right else "✗"
            below = y + height + 2 * FRAME + 4
            sheet.text(x + FRAME + width // 2, below, f"{sign} {label}", CAPTION, colour, "ma", width + 2 * FRAME)
    return np.asarray(sheet.image)


def texture_triplets(triplets: Sequence[Triplet], columns: int = 2) -> Picture:
    """Person, painted texture and true texture side by side, `columns` of them in a row, each under its label."""
    if not triplets or columns < 1:
        raise ValueError(f"a sheet needs triplets and columns, given {len(triplets)} and {columns}")
    known = any(t.true is not None for t in triplets)
    names = ["person", "pseudo texture", "true texture"][: 3 if known else 2]
    cells = [PERSON, TEXTURE, TEXTURE][: len(names)]
    labelled = any(t.label for t in triplets)
    group = sum(w + GAP for _, w in cells) + 2 * GAP
    head = CAPTION + 6 if labelled else 0
    step_y, top = TEXTURE[0] + 2 * GAP + head, MARGIN + CAPTION + 8
    shown, rows = min(columns, len(triplets)), -(-len(triplets) // columns)
    sheet = Sheet(2 * MARGIN + shown * group - 3 * GAP, top + rows * step_y - 2 * GAP + MARGIN)
    for i, triplet in enumerate(triplets):
        x, y = MARGIN + i % columns * group, top + i // columns * step_y
        if labelled:
            sheet.text(x, y, triplet.label, CAPTION, INK, "la", group - 3 * GAP)
        for name, cell, picture in zip(names, cells, (triplet.person, triplet.pseudo, triplet.true), strict=False):
            if i < columns:
                sheet.text(x + cell[1] // 2, MARGIN, name, CAPTION, SOFT, "ma")
            if picture is not None:
                sheet.place(picture, x, y + head, cell)
            x += cell[1] + GAP
    return np.asarray(sheet.image)


def people_by_camera(
    people: Sequence[Sequence[Picture | None]], names: Sequence[str], cameras: Sequence[str]
) -> Picture:
    """A row a person, a column a camera, with their names; a pale cell where there is no picture."""
    if not people or not cameras:
        raise ValueError(f"a grid needs people and cameras, given {len(people)} and {len(cameras)}")
    _expect(names, len(people), "names")
    cell = height, width = _slim([p for row in people for p in row if p is not None])
    left, top = MARGIN + max(_width(name, CAPTION) for name in names) + 2 * GAP, MARGIN + CAPTION + 8
    sheet = Sheet(left + len(cameras) * (width + GAP) + MARGIN - GAP, top + len(people) * (height + GAP) + 4)
    for column, camera in enumerate(cameras):
        sheet.text(left + column * (width + GAP) + width // 2, MARGIN, camera, CAPTION, SOFT, "ma", width + GAP)
    for i, (row, name) in enumerate(zip(people, names, strict=True)):
        _expect(row, len(cameras), "pictures")
        y = top + i * (height + GAP)
        sheet.text(MARGIN, y + height // 2, name, CAPTION, INK, "lm")
        for column, picture in enumerate(row):
            x = left + column * (width + GAP)
            if picture is None:
                sheet.draw.rectangle((x, y, x + width - 1, y + height - 1), fill=PALE)
            else:
                sheet.place(picture, x, y, cell)
    return np.asarray(sheet.image)


def rasterised(figure: Figure) -> Picture:
    """A figure of matplotlib as a picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _slim(pictures: Sequence[Picture]) -> tuple[int, int]:
    """A cell of PERSON's height in which three of four pictures leave nothing blank; 0.7 to all of its width."""
    aspect = float(np.quantile([p.shape[1] / p.shape[0] for p in pictures], 0.75))
    return PERSON[0], int(np.clip(round(PERSON[0] * aspect), 0.7 * PERSON[1], PERSON[1]))


def _width(text: str, size: int) -> int:
    return int(np.ceil(font(size).getlength(text)))


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, `size` px."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def _expect(values: Sequence, count: int, name: str) -> None:
    if len(values) != count:
        raise ValueError(f"{len(values)} {name} for {count} places")
