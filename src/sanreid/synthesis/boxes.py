"""Bounding boxes as drawn by hand or by a detector: (x0, y0, x1, y1) in pixels, as floats.

Decisions: the CUHK03 and Market-1501 detections came from a deformable-part model whose boxes sit loosely and
sometimes lose the feet or a side; a normal jitter of each edge and a seldom cut of one edge imitate both.
"""

import numpy as np

Box = tuple[float, float, float, float]

EDGES = ("left", "top", "right", "bottom")
CUT_ODDS = (0.15, 0.2, 0.15, 0.5)  # which edge a cut takes: a detector loses the legs most often
CUT_SHARE = (0.15, 0.35)  # how much of the height or width a cut takes


def jitter(box: Box, rng: np.random.Generator, sd: float) -> Box:
    """Move each edge by a normal step of `sd` times the box's side."""
    x0, y0, x1, y1 = box
    steps = rng.normal(0, sd, 4).clip(-3 * sd, 3 * sd)
    steps *= [x1 - x0, y1 - y0, x1 - x0, y1 - y0]
    return x0 + steps[0], y0 + steps[1], x1 + steps[2], y1 + steps[3]


def cut(box: Box, rng: np.random.Generator) -> Box:
    """Take 15 to 35 % off one side, the legs most often."""
    edges = list(box)
    edge = int(rng.choice(4, p=CUT_ODDS))
    side = edges[edge % 2 + 2] - edges[edge % 2]
    edges[edge] += (side if edge < 2 else -side) * rng.uniform(*CUT_SHARE)
    return edges[0], edges[1], edges[2], edges[3]


def to_aspect(box: Box, width_over_height: float) -> Box:
    """Grow the side that is too short, about the centre, until the box has that shape."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    dx = max(0.0, height * width_over_height - width) / 2
    dy = max(0.0, width / width_over_height - height) / 2
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy


def widen(box: Box, width_over_height: float) -> Box:
    """Make a thin box that wide, about its centre; a wider one stays as it is."""
    x0, y0, x1, y1 = box
    dx = max(0.0, (y1 - y0) * width_over_height - (x1 - x0)) / 2
    return x0 - dx, y0, x1 + dx, y1


def pixels(box: Box) -> tuple[int, int, int, int]:
    """The box on whole pixels, never empty."""
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def astray(box: Box, rng: np.random.Generator, low: float, high: float, picture: tuple[int, int]) -> Box:
    """A box of half a person's shape inside `picture` (height, width) whose overlap with `box` is in [low, high).

    Drawn until one fits; of a thousand misses the nearest is taken, so that it always ends.
    """
    height, width = box[3] - box[1], box[2] - box[0]
    best, miss = box, np.inf
    for _ in range(1000):
        h = min(height * rng.uniform(0.35, 1.1), picture[0])
        w = min(max(h / 2, width * rng.uniform(0.5, 1.0)), picture[1])
        x, y = rng.uniform(0, picture[1] - w), rng.uniform(0, picture[0] - h)
        candidate = (x, y, x + w, y + h)
        share = overlap(box, candidate)
        distance = max(low - share, share - high, 0.0)
        if distance < miss:
            best, miss = candidate, distance
        if low <= share < high:
            break
    return best
