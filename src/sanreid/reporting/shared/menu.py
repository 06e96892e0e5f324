"""The menu that every page carries, and where each page lies below reports/.

Decisions: a page is written by its stage, when others may not have run or never will: so the menu names all pages and
what makes each, and the page itself looks, whenever it is opened, which of them lie there. A page on a disk may not
read files, but it may show pictures: each page's stage writes a `cover` beside it, and a cover that loads is the proof
(page.js). Without scripts every entry is a plain link. No stage depends on another one for its menu.
"""

from dataclasses import dataclass
from types import SimpleNamespace

START = "start.html"


@dataclass(frozen=True)
class Entry:
    """A page: its title, the paths below reports/ where it and its cover may lie, what makes it, what is on it.

    Several places are of a page that lies in a folder a seed; the first that is there is meant.
    """

    title: str
    places: tuple[str, ...]
    covers: tuple[str, ...]
    command: str
    about: str


SEEDS = range(5)  # whose folders are tried
ENTRIES = (
    Entry("Results", ("index.html",), ("figures/strip.jpg",), "make demo", "SAN's run: graph, data, losses, tables"),
    Entry(
        "Textures",
        ("index.html#textures",),
        ("figures/strip.jpg",),
        "make demo",
        "Pictures of people, the textures painted from them, the true ones",
    ),
    Entry(
        "Systems",
        ("comparison/index.html",),
        ("comparison/cover.jpg",),
        "make systems",
        "The other re-identification systems on the same people, and how stripes align",
    ),
    Entry(
        "Attributes",
        tuple(f"attributes/seed{k}/index.html" for k in SEEDS),
        tuple(f"attributes/seed{k}/histograms.svg" for k in SEEDS),
        "make systems",
        "What a person wears and carries, told from a picture, beside always naming the most frequent",
    ),
    Entry(
        "Digits",
        ("mnist/classifiers/index.html",),
        ("mnist/classifiers/confusion.svg",),
        "make digits",
        "Classifiers of handwritten digits, and what they mistake for what",
    ),
    Entry(
        "Open world",
        ("open_world/index.html",),
        ("open_world/cover.jpg",),
        "make open-world",
        "How many digits, and how many people, are in a stream without labels",
    ),
    Entry(
        "Photographs",
        ("photographs/index.html",),
        ("photographs/cover.jpg",),
        "make photographs PHOTOGRAPHS=folder",
        "Networks that were trained on rendered people, on photographs of others",
    ),
    Entry(
        "Two runs",
        ("compare/index.html",),
        ("compare/cover.jpg",),
        "make compare A=revision",
        "Two revisions or experiments: what differs in parameters and numbers, the same queries ranked by both",
    ),
)


@dataclass(frozen=True)
class Menu:
    """The links of a page, the start page's first; `up` leads from the page to reports/.

    A link has an entry's title, command and about, the first place as its href, all places as hrefs and all covers,
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
    start = Entry("SAN-ReID", (START,), (), "make demo", "All pages")
    return Menu(up, _link(start, up, place), [_link(entry, up, place) for entry in ENTRIES])


def _link(entry: Entry, up: str, place: str) -> SimpleNamespace:
    hrefs, covers = ([up + path for path in paths] for paths in (entry.places, entry.covers))
    here = place in entry.places or entry.places[0] == place.split("/")[0] + "/index.html"
    led = {"href": hrefs[0], "hrefs": " ".join(hrefs), "covers": " ".join(covers), "here": here}
    return SimpleNamespace(**vars(entry) | led)
