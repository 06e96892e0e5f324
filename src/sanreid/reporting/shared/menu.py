"""The menu that every page carries, and where each page lies below reports/.

Decisions: a page is written by its stage, when others may not have run or never will: so the menu names all pages and
what makes each, and the page itself looks, whenever it is opened, which of them lie there. A page on a disk may not
read files, but it may show pictures: each page's stage writes a `cover` beside it, and a cover that loads is the proof
(page.js). Without scripts every entry is a plain link. No stage depends on another one for its menu.
"""

from types import SimpleNamespace
from typing import NamedTuple

START = "start.html"


class Entry(NamedTuple):
    """A page: its title, the paths below reports/ where it and its cover may lie, and what makes it.

    Several places are of a page that lies in a folder a seed; the first that is there is meant.
    """

    title: str
    places: tuple[str, ...]
    covers: tuple[str, ...]
    command: str


SEEDS = range(5)  # whose folders are tried
ATTRIBUTES = [tuple(f"attributes/seed{k}/{file}" for k in SEEDS) for file in ("index.html", "histograms.svg")]
DIGITS = "mnist/classifiers/"
PHOTOGRAPHS = "make photographs PHOTOGRAPHS=folder"
ENTRIES = (
    Entry("Results", ("index.html",), ("figures/strip.jpg",), "make demo"),
    Entry("Textures", ("index.html#textures",), ("figures/strip.jpg",), "make demo"),
    Entry("Systems", ("comparison/index.html",), ("comparison/cover.jpg",), "make systems"),
    Entry("Attributes", ATTRIBUTES[0], ATTRIBUTES[1], "make systems"),
    Entry("Digits", (f"{DIGITS}index.html",), (f"{DIGITS}confusion.svg",), "make digits"),
    Entry("Open world", ("open_world/index.html",), ("open_world/cover.jpg",), "make open-world"),
    Entry("Photographs", ("photographs/index.html",), ("photographs/cover.jpg",), PHOTOGRAPHS),
    Entry("Two runs", ("compare/index.html",), ("compare/cover.jpg",), "make compare A=revision"),
)


class Menu(NamedTuple):
    """The links of a page, the start page's first; `up` leads from the page to reports/.

    A link has an entry's title and command, the first place as its href, all places as hrefs and all covers,
    parted by blanks, as the page at some depth links them; here: whether that is the page itself.
    """

    up: str
    start: SimpleNamespace
    links: list[SimpleNamespace]


def of(place: str) -> Menu | None:
    """The menu of the page at `place`, a path below reports/; None for '', a page that lies elsewhere."""
    if not place:
        return None
    up = "../" * place.count("/")
    start = Entry("SAN-ReID", (START,), (), "make demo")
    return Menu(up, _link(start, up, place), [_link(entry, up, place) for entry in ENTRIES])


def _link(entry: Entry, up: str, place: str) -> SimpleNamespace:
    hrefs, covers = ([up + path for path in paths] for paths in (entry.places, entry.covers))
    here = place in entry.places or entry.places[0] == place.split("/")[0] + "/index.html"
    led = {"href": hrefs[0], "hrefs": " ".join(hrefs), "covers": " ".join(covers), "here": here}
    return SimpleNamespace(title=entry.title, command=entry.command, **led)
