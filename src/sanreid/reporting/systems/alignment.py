"""How two images align: their stripes' distances, the shortest path through them, and the stripes that it joins.

Decisions: each pair is a row: the two images with their stripes, joined by lines that are the stronger the nearer two
stripes are, then the H x H matrix with the path over it. A path right or down passes 2H - 1 cells, so a line joins each
two stripes that it passes, and a stripe may have several. One scale of shades serves all rows, so that rows compare.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sanreid.evaluation.ranking import DISTRACTOR, Embeddings
from sanreid.losses import stripe_distance
from sanreid.reporting.shared.image_grids import CAPTION, GAP, HEADING, INK, MARGIN, PAPER, RIM, SOFT, Picture, Sheet

HEIGHT, WIDTH, BETWEEN = 288, 144, 132  # px of an image, and between the two, where the lines run
LEFT = 24  # px for the stripes' numbers
LINE = (0, 114, 178)  # Okabe and Ito's blue
NEAR, FAR = (8, 48, 107), (247, 251, 255)  # shades of the matrix, nearest and farthest
PATH = (213, 94, 0)  # their vermilion


Kind = Literal["aligned", "shifted", "wrong"]
TITLES: dict[Kind, str] = {"aligned": "Well aligned", "shifted": "Shifted", "wrong": "Two persons"}


class Chosen(NamedTuple):
    """A pair worth a look: its kind, the number of the query and of the gallery image."""

    kind: Kind
    query: int
    gallery: int


class Pair(NamedTuple):
    """Two images, the distances (H, H) of their stripes, the shortest path as (row, column), and what to say."""

    one: Picture
    other: Picture
    distances: NDArray[np.float32]
    path: Sequence[tuple[int, int]]
    heading: str
    below: str


def choose(query: Embeddings, gallery: Embeddings, height: int) -> list[Chosen]:
    """A well-aligned pair, a shifted and a wrong one; the features are the images' stripes (., H * c), H = `height`.

    Of the pairs of one person that ranking counts: the nearest one whose path stays beside the diagonal, and the one
    that saves most by leaving it. The wrong one is the first's query with the nearest image of somebody else. Raises
    ValueError where no query has a match.
    """
    ours, theirs = (torch.from_numpy(e.features).unflatten(1, (height, -1)) for e in (query, gallery))
    far = (torch.arange(height)[:, None] - torch.arange(height)).abs() > 1  # off the diagonal and its neighbours
    found = []
    for q, (pid, stripes) in enumerate(zip(query.pids, ours, strict=True)):
        seen = gallery.pids == pid
        if query.camids is not None and gallery.camids is not None:
            seen = seen & (gallery.camids != query.camids[q])
        for g in np.flatnonzero(seen):
            d = stripe_distance.costs(stripes[None], theirs[g][None])
            free, straight = (float(stripe_distance.shortest(x)) for x in (d, d.masked_fill(far, torch.inf)))
            found.append((q, int(g), free, straight - free))
    if not found:
        raise ValueError("no query has an image of its person in another camera: there is no pair to show")
    least = min(saved for *_, saved in found)
    q, g, *_ = min((f for f in found if f[3] <= least), key=lambda f: f[2])
    other_q, other_g, *_ = max(found, key=lambda f: f[3])
    others = np.flatnonzero((gallery.pids != query.pids[q]) & (gallery.pids > DISTRACTOR))
    local = stripe_distance.all_pairs(ours[q][None], theirs[torch.from_numpy(others)])[0]
    wrong = int(others[int(local.argmin())])
    return [Chosen("aligned", q, g), Chosen("shifted", other_q, other_g), Chosen("wrong", q, wrong)]


def sheet(pairs: Sequence[Pair]) -> Picture:
    """One row a pair. Raises ValueError for none, or for a path that is not of its matrix."""
    if not pairs:
        raise ValueError("a sheet of alignments needs at least one pair")
    for pair in pairs:
        height, width = pair.distances.shape
        if not pair.path or pair.path[0] != (0, 0) or pair.path[-1] != (height - 1, width - 1):
            raise ValueError(f"a path from {pair.path[:1]} to {pair.path[-1:]} through a matrix {height} x {width}")
    low = min(float(p.distances.min()) for p in pairs)
    high = max(float(p.distances.max()) for p in pairs)
    step = HEADING + 10 + HEIGHT + CAPTION + 10 + 3 * GAP
    matrix_left = MARGIN + LEFT + 2 * WIDTH + BETWEEN + 6 * GAP + LEFT
    top = MARGIN + CAPTION + 10
    drawn = Sheet(matrix_left + HEIGHT + MARGIN, top + len(pairs) * step - 2 * GAP)
    names = [(MARGIN + LEFT + WIDTH // 2, "one image"), (MARGIN + LEFT + WIDTH + BETWEEN + WIDTH // 2, "another")]
    for x, name in [*names, (matrix_left + HEIGHT // 2, f"distances of stripes, {low:.2f} dark to {high:.2f} light")]:
        drawn.text(x, MARGIN, name, CAPTION, SOFT, "ma")
    for i, pair in enumerate(pairs):
        y = top + i * step
        drawn.text(MARGIN, y, pair.heading, HEADING, INK, "la")
        _images(drawn, pair, y + HEADING + 10, low, high)
        _matrix(drawn, pair, matrix_left, y + HEADING + 10, low, high)
        drawn.text(MARGIN + LEFT, y + HEADING + 16 + HEIGHT, pair.below, CAPTION, SOFT, "la")
    return np.asarray(drawn.image)


def _images(drawn: Sheet, pair: Pair, top: int, low: float, high: float) -> None:
    """The two images, their stripes' borders and numbers, and the lines between."""
    lefts = MARGIN + LEFT, MARGIN + LEFT + WIDTH + BETWEEN
    for left, picture, count in zip(lefts, (pair.one, pair.other), pair.distances.shape, strict=True):
        fitted = Image.fromarray(np.ascontiguousarray(picture)).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        drawn.image.paste(fitted, (left, top))
        for k in range(1, count):
            y = top + round(k * HEIGHT / count)
            drawn.draw.line((left, y, left + WIDTH - 1, y), fill=PAPER)
    numbers = (lefts[0] - 6, "rm"), (lefts[1] + WIDTH + 6, "lm")
    for (x, anchor), count in zip(numbers, pair.distances.shape, strict=True):
        for k in range(count):
            drawn.text(x, _middle(top, k, count), str(k + 1), CAPTION, SOFT, anchor)
    rows, columns = pair.distances.shape
    for i, j in sorted(pair.path, key=lambda cell: -pair.distances[cell]):  # the strongest last, over the others
        strength = 1 - _share(pair.distances[i, j], low, high)
        ends = (lefts[0] + WIDTH + 1, _middle(top, i, rows), lefts[1] - 2, _middle(top, j, columns))
        drawn.draw.line(ends, fill=_blend(RIM, LINE, strength), width=1 + round(4 * strength))


def _matrix(drawn: Sheet, pair: Pair, left: int, top: int, low: float, high: float) -> None:
    """The distances as shades, with their numbers and the stripes', and the path over them."""
    rows, columns = pair.distances.shape
    for i in range(rows):
        for j in range(columns):
            box = [left + round(j * HEIGHT / columns), top + round(i * HEIGHT / rows)]
            box += [left + round((j + 1) * HEIGHT / columns) - 2, top + round((i + 1) * HEIGHT / rows) - 2]
            drawn.draw.rectangle(box, fill=_blend(NEAR, FAR, _share(pair.distances[i, j], low, high)))
    points = [(_middle(left, j, columns), _middle(top, i, rows)) for i, j in pair.path]
    drawn.draw.line(points, fill=PAPER, width=7, joint="curve")
    drawn.draw.line(points, fill=PATH, width=4, joint="curve")
    for x, y in points:
        drawn.draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=PATH, outline=PAPER)
    for k in range(rows):
        drawn.text(left - 6, _middle(top, k, rows), str(k + 1), CAPTION, SOFT, "rm")
    for k in range(columns):
        drawn.text(_middle(left, k, columns), top + HEIGHT + 3, str(k + 1), CAPTION, SOFT, "ma")


def _middle(start: int, k: int, count: int) -> int:
    return start + round((k + 0.5) * HEIGHT / count)


def _share(value: float, low: float, high: float) -> float:
    return (float(value) - low) / (high - low) if high > low else 0.0


def _blend(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))  # pyrefly: ignore
