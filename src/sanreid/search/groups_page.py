"""One HTML page of the people whom a folder's pictures show: pictures inside, nothing beside it, readable offline.

Decision: of a large group the first pictures are shown, so that a page of thousands can still be opened.
"""

from pathlib import Path

from sanreid.search.groups import Groups
from sanreid.search.index import Index
from sanreid.search.tiles import fill, tile

HEIGHT = 128  # pixels of a picture on the page
SHOWN = 24  # pictures of a group
TEMPLATE = Path(__file__).parent / "groups.html"


def render(found: Groups, index: Index) -> str:
    """The page's text: a section a person, the one with most pictures first."""
    groups = [
        {
            "count": len(rows),
            "tiles": [tile(index.place(int(r)), index.paths[r], HEIGHT) for r in rows[:SHOWN]],
        }
        for rows in found.members()
    ]
    return fill(TEMPLATE, groups=groups, index=index, threshold=found.threshold, rule=found.rule)
