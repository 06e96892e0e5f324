"""Pictures that stages drew as a sheet of rows: cut at the blank lines between the rows, and laid out in columns.

Decision: rows are found by their blank lines and not by a stage's geometry, so that a stage may change its drawing.
"""

import math

import numpy as np
from PIL import Image

TOLERANCE = 20  # of 255: what JPEG makes of a line of one colour


def rows(sheet: Image.Image, least: int = 24) -> list[Image.Image]:
    """The parts of an RGB sheet between lines as grey as its first; parts lower than `least` px join the next one."""
    grey = np.asarray(sheet.convert("L")).astype(np.int16)  # JPEG smears colours over 16 px, but not the brightness
    blank = (np.abs(grey - np.median(grey[0])) <= TOLERANCE).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], blank, [True]]).astype(np.int8)))
    spans = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    found, start = [], None
    for top, bottom in spans:
        start = top if start is None else start
        if bottom - start >= least:
            found.append(sheet.crop((0, start, sheet.width, bottom)))
            start = None
    return found


def wrapped(sheet: Image.Image, aspect: float = 2.6, gap: int = 14) -> Image.Image:
    """A tall sheet's rows in as many columns as make it about `aspect` times wider than high; a wide one as it is."""
    parts = rows(sheet)
    if len(parts) < 2 or sheet.width >= aspect * sheet.height:
        return sheet
    columns = min(len(parts), max(1, round(math.sqrt(aspect * sheet.height / sheet.width))))
    lines = math.ceil(len(parts) / columns)
    height = max(part.height for part in parts) + 4
    paper = sheet.getpixel((0, 0))
    result = Image.new("RGB", (columns * (sheet.width + gap) - gap, lines * height), paper)
    for i, part in enumerate(parts):
        result.paste(part, (i // lines * (sheet.width + gap), i % lines * height))
    return result
