"""One HTML page of queries and what was found: pictures inside, nothing beside it, readable offline.

Decisions: pictures are small JPEGs as data URIs, so that the page can be sent to somebody; of a picture that is no
longer there the page says so and shows the rest.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sanreid.search.index import Index
from sanreid.search.nearest import Nearest
from sanreid.search.tiles import fill, tile

HEIGHT = 192  # pixels of a picture on the page
CALLED = {"pid": "person", "camid": "camera"}
TEMPLATE = Path(__file__).parent / "page.html"


def render(queries: Sequence[Sequence[str]], found: Nearest, gallery: Index, reranked: bool = False) -> str:
    """The page's text: for each query its pictures (one or several of one person), then the matches, nearest first."""
    groups = []
    for paths, rows, distances in zip(queries, found.rows, found.distances, strict=True):
        matches = [_match(gallery, int(row), float(d)) for row, d in zip(rows, distances, strict=True)]
        groups.append({"asked": [tile(Path(path), path, HEIGHT) for path in paths], "matches": matches})
    how = "re-ranked by k-reciprocal neighbours" if reranked else "1 - cosine: 0 is the same picture, 2 the farthest"
    return fill(TEMPLATE, groups=groups, gallery=gallery, how=how)


def _match(gallery: Index, row: int, distance: float) -> dict[str, Any]:
    ids = [f"{CALLED[name]} {value}" for name, value in gallery.ids(row).items()]
    return tile(gallery.place(row), gallery.paths[row], HEIGHT) | {
        "distance": f"{distance:.3f}",
        "ids": ", ".join(ids),
    }
