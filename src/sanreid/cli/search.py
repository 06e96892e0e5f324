"""`sanreid search`: whom a picture shows, among the pictures of a gallery.

Decisions: a terminal gets a table, a pipe tab-separated lines of whole paths, which other programs read; --json gives
the same with names. The gallery's features come from a file of `sanreid embed`, or are made on the spot.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sanreid.cli import gallery as galleries
from sanreid.cli import given, lines
from sanreid.cli.bar import bar

if TYPE_CHECKING:
    from sanreid.search.index import Index


def search(
    query: Annotated[
        list[str], typer.Argument(metavar="QUERY...", help="Pictures, folders, globs, or - (a picture, or paths).")
    ],
    gallery: Annotated[
        Path, typer.Option("--gallery", "-g", help="A folder of pictures, or the file that `sanreid embed` wrote.")
    ],
    model: given.ModelFolder = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many pictures to show for a query.")] = 10,
    rerank: Annotated[bool, typer.Option("--rerank", help="Re-rank by k-reciprocal neighbours.")] = False,
    together: Annotated[
        bool, typer.Option("--together", help="The queries show one person: ask with their mean.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[str | None, typer.Option("--html", help="Write one page with the pictures; - is stdout.")] = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
) -> None:
    """Find the pictures that show the person of a query picture.

    The nearest first; a distance is 1 - cosine: 0 for the same picture, 2 at most. With `--rerank` it is in [0, 1]
    and depends on the other queries and the whole gallery, as published (Zhong et al., CVPR 2017). Pictures of a
    gallery's folder that cannot be read are left out and told.

    **Examples**

    - `sanreid search someone.jpg --gallery my/pictures`
    - `sanreid search "queries/*.jpg" -g features.parquet --top 20 --html found.html`
    - `sanreid search a.jpg b.jpg -g features.parquet --together --rerank --json`
    - `curl -s https://example.org/p.jpg | sanreid search - -g features.parquet`
    """
    if as_json and html == "-":
        raise typer.BadParameter("--json writes to stdout too; name a file", param_hint="--html")
    if html and html != "-":
        given.ending(Path(html), given.HTML, "--html")
    paths = given.pictures(query)
    listed = galleries.find(gallery)
    from sanreid.search import nearest

    if rerank:
        nearest.check_enough((1 if together else len(paths)) + len(listed))
    from sanreid.api import Model

    network = Model.load(model, device)
    galleries.check(listed, network, gallery)
    with bar(len(paths) + galleries.pictures(listed), "embedding") as done:
        asked = network.embed(paths, batch, done)
        made = galleries.features(listed, gallery, network, batch, done)
    galleries.tell_broken(made)
    groups = [[str(path) for path in paths]] if together else [[str(path)] for path in paths]
    found = nearest.nearest(nearest.pooled(asked) if together else asked, made.features, top, rerank)
    galleries.tell_outdated(made, found.rows.ravel().tolist(), gallery)
    if html:
        from sanreid.search import page, tiles

        text = page.render(groups, found, made, rerank)
        if html == "-":
            sys.stdout.write(text)
        else:
            tiles.write(Path(html), text)
            print(f"{html}: {len(groups)} queries, {found.rows.shape[1]} pictures each", file=sys.stderr)
    named = [[given.called(Path(path)) for path in group] for group in groups]
    told = _told(named, found, made)
    if as_json:
        about = {"gallery": str(gallery), "model": made.model, "weights": made.weights, "rerank": rerank}
        print(json.dumps(about | {"queries": told}, indent=2))
    elif html != "-":
        _print(told)


def _told(groups: list[list[str]], found: Any, index: "Index") -> list[dict[str, Any]]:
    """For each query its pictures and its matches: rank, path, distance, and pid and camid where known."""

    def match(rank: int, row: int, distance: float) -> dict[str, Any]:
        told = {"rank": rank, "path": str(index.place(row)), "distance": round(float(distance), 6)}
        return told | index.ids(row)

    return [
        {"query": group, "matches": [match(i + 1, int(r), d) for i, (r, d) in enumerate(zip(*row, strict=True))]}
        for group, row in zip(groups, zip(found.rows, found.distances, strict=True), strict=True)
    ]


def _print(told: list[dict[str, Any]]) -> None:
    """A table for a terminal, tab-separated lines for a pipe."""
    columns = [c for c in ("rank", "distance", "path", "pid", "camid") if c in told[0]["matches"][0]]
    if not sys.stdout.isatty():
        lines.line("query", *columns)
        for asked in told:
            for match in asked["matches"]:
                lines.line(" ".join(asked["query"]), *(match[c] for c in columns))
        return
    for asked in told:
        shown = (m | {"path": _near(m["path"]), "distance": f"{m['distance']:.4f}"} for m in asked["matches"])
        rows = ([match[column] for column in columns] for match in shown)
        lines.table(columns, rows, ", ".join(asked["query"]), left=("path",))


def _near(path: str) -> str:
    """The path as it is shorter to read, from the current folder."""
    here, place = Path.cwd(), Path(path)
    return str(place.relative_to(here) if here in place.parents else place)
