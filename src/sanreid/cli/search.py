"""`sanreid search`: whom a picture shows, among the pictures of a gallery.

Decisions: a terminal gets a table, a pipe tab-separated lines of whole paths, which other programs read; --json gives
the same with names. The gallery's features come from a file of `sanreid embed`, or are made on the spot.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sanreid.cli import given
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
    and depends on the other queries and the whole gallery, as published (Zhong et al., CVPR 2017).

    **Examples**

    - `sanreid search someone.jpg --gallery my/pictures`
    - `sanreid search "queries/*.jpg" -g features.parquet --top 20 --html found.html`
    - `sanreid search a.jpg b.jpg -g features.parquet --together --rerank --json`
    - `curl -s https://example.org/p.jpg | sanreid search - -g features.parquet`
    """
    if as_json and html == "-":
        raise typer.BadParameter("--json writes to stdout too; name a file", param_hint="--html")
    paths = given.pictures(query)
    from sanreid.search import index, listing

    made = index.read(gallery) if gallery.is_file() or gallery.suffix in index.SUFFIXES else None
    listed = listing.pictures(gallery) if made is None else None
    from sanreid.api import Model

    network = Model.load(model, device)
    if made is not None:
        made.check(network)
    with bar(len(paths) + (0 if listed is None else len(listed)), "embedding") as done:
        asked = network.embed(paths, batch, done)
        if made is None:
            assert listed is not None
            made = index.of_table(network, gallery, listed, batch, done)
    from sanreid.search import nearest

    groups = [[str(path) for path in paths]] if together else [[str(path)] for path in paths]
    found = nearest.nearest(nearest.pooled(asked) if together else asked, made.features, top, rerank)
    if html:
        from sanreid.search import page

        text = page.render(groups, found, made, rerank)
        if html == "-":
            sys.stdout.write(text)
        else:
            page.write(Path(html), text)
            print(f"{html}: {len(groups)} queries, {found.rows.shape[1]} pictures each", file=sys.stderr)
    told = _told(groups, found, made)
    if as_json:
        about = {"gallery": str(gallery), "model": made.model, "weights": made.weights, "rerank": rerank}
        print(json.dumps(about | {"queries": told}, indent=2))
    elif html != "-":
        _print(told)


def _told(groups: list[list[str]], found: Any, index: "Index") -> list[dict[str, Any]]:
    """For each query its pictures and its matches: rank, path, distance, and pid and camid where known."""

    def match(rank: int, row: int, distance: float) -> dict[str, Any]:
        ids = {k: int(v[row]) for k, v in (("pid", index.pids), ("camid", index.camids)) if v is not None}
        return {"rank": rank, "path": str(index.place(row)), "distance": round(float(distance), 6)} | ids

    return [
        {"query": group, "matches": [match(i + 1, int(r), d) for i, (r, d) in enumerate(zip(*row, strict=True))]}
        for group, row in zip(groups, zip(found.rows, found.distances, strict=True), strict=True)
    ]


def _print(told: list[dict[str, Any]]) -> None:
    """A table for a terminal, tab-separated lines for a pipe."""
    from rich.console import Console
    from rich.table import Table

    columns = [c for c in ("rank", "distance", "path", "pid", "camid") if c in told[0]["matches"][0]]
    if not sys.stdout.isatty():
        print("\t".join(["query", *columns]))
        for asked in told:
            for match in asked["matches"]:
                print("\t".join([" ".join(asked["query"]), *(str(match[c]) for c in columns)]))
        return
    here, console = Path.cwd(), Console()
    for asked in told:
        table = Table(title=", ".join(asked["query"]), title_justify="left")
        for column in columns:
            table.add_column(column, justify="left" if column == "path" else "right", overflow="fold")
        for match in asked["matches"]:
            path = Path(match["path"])
            shown = str(path.relative_to(here) if here in path.parents else path)
            texts = match | {"path": shown, "distance": f"{match['distance']:.4f}"}
            table.add_row(*(str(texts[column]) for column in columns))
        console.print(table)
