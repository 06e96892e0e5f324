"""`sanreid cluster`: how many people a folder of pictures shows, and who is who."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sanreid.cli import given
from sanreid.cli.bar import bar

if TYPE_CHECKING:
    from sanreid.search.groups import Groups
    from sanreid.search.index import Index


def cluster(
    gallery: Annotated[
        Path, typer.Argument(metavar="FOLDER|FEATURES", help="A folder of pictures, or features of `sanreid embed`.")
    ],
    model: given.ModelFolder = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=2, help="Go by the distance (1 - cosine) alone: this near is one person's."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="A calibration.json or verification.json. [default: the model folder's]")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the groups' pictures.")] = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print the groups as JSON.")] = False,
) -> None:
    """Tell how many people a folder of pictures shows, and which pictures are whose.

    Nobody has to be named, and no number of people given. Pictures belong together by the neighbours that they have in
    common, each camera's mean taken off where names or an index.csv tell cameras, and never where the network's
    calibration (`sanreid calibrate`) tells them apart. Where the folder tells who is who, the groups are held against
    it.

    **Examples**

    - `sanreid cluster my/pictures --html people.html`
    - `sanreid cluster features.parquet --threshold 0.4 --json`
    """
    if not gallery.exists():
        raise FileNotFoundError(f"{gallery}: not found; name a folder of pictures, or features of `sanreid embed`")
    from sanreid.api import Model
    from sanreid.search import groups, index, listing, same

    network = Model.load(model, device)
    known = same.find(network.folder, calibration) if threshold is None else None
    if gallery.is_dir():
        table = listing.pictures(gallery)
        with bar(len(table), "embedding") as done:
            made = index.of_table(network, gallery, table, batch, done)
    else:
        made = index.read(gallery)
        made.check(network)
    if known is not None:
        found = groups.people(made.features, known, made.camids)
    else:
        found = groups.group(made.features, cast(float, threshold))
    if html:
        from sanreid import runtime
        from sanreid.search import groups_page

        with runtime.atomic_file(html) as work:
            work.write_text(groups_page.render(found, made), encoding="utf-8", errors="surrogateescape")
    told = _told(found, made)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        _print(told)


def _told(found: "Groups", made: "Index") -> dict[str, Any]:
    """What was found, for each person the pictures, and the truth beside it where the folder knows it."""
    people = [{"person": i + 1, "pictures": [made.paths[r] for r in rows]} for i, rows in enumerate(found.members())]
    told: dict[str, Any] = {"people": found.count, "pictures": len(made), "rule": found.rule}
    told["threshold"] = round(found.threshold, 6)
    if made.pids is not None and (known := made.pids > 0).any():
        from sanreid.evaluation.open_world import clustering_metrics

        measured = clustering_metrics.measure(made.pids[known], found.labels[known])
        told["truth"] = {
            "people": measured.classes,
            "people_found": measured.found,
            "accuracy": measured.accuracy,
            "adjusted_rand": measured.adjusted_rand,
        }
    return told | {"groups": people}


def _print(told: dict[str, Any]) -> None:
    """A table for a terminal, tab-separated lines for a pipe; how many people, and the truth, on standard error."""
    once = sum(len(group["pictures"]) == 1 for group in told["groups"])
    how = "by neighbours in common, " if told["rule"] == "neighbours" else ""
    summary = f"{told['people']} people in {told['pictures']} pictures ({once} seen once), {how}within "
    summary += f"{told['threshold']:.4f} (1 - cosine)"
    if truth := told.get("truth"):
        summary += (
            f"; the folder names {truth['people']}: {100 * truth['accuracy']:.1f} % of pictures in the right group, "
            f"adjusted Rand index {truth['adjusted_rand']:.2f}"
        )
    print(summary, file=sys.stderr)
    if not sys.stdout.isatty():
        print("person\tpath")
        for group in told["groups"]:
            for path in group["pictures"]:
                print(f"{group['person']}\t{path}")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column, justify in (("person", "right"), ("pictures", "right"), ("some of them", "left")):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for group in told["groups"]:
        paths = group["pictures"]
        more = " ..." if len(paths) > 4 else ""
        table.add_row(str(group["person"]), str(len(paths)), ", ".join(paths[:4]) + more)
    Console().print(table)
