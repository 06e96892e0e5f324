"""`sanreid cluster`: how many people a folder of pictures shows, and who is who."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sanreid.cli import gallery as galleries
from sanreid.cli import given, lines
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
    if html:
        given.ending(html, given.HTML, "--html")
    listed = galleries.find(gallery)
    from sanreid.api import Model
    from sanreid.search import groups, same

    network = Model.load(model, device)
    known = same.find(network.folder, calibration) if threshold is None else None
    with bar(galleries.pictures(listed), "embedding") as done:
        made = galleries.features(listed, gallery, network, batch, done)
    galleries.tell_broken(made)
    galleries.tell_outdated(made, range(len(made)), gallery)
    if known is not None:
        found = groups.people(made.features, known, made.camids)
    else:
        found = groups.group(made.features, cast(float, threshold))
    if html:
        from sanreid.search import groups_page, tiles

        tiles.write(html, groups_page.render(found, made))
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
        lines.line("person", "path")
        for group in told["groups"]:
            for path in group["pictures"]:
                lines.line(group["person"], path)
        return
    rows = [(g["person"], len(g["pictures"]), _some(g["pictures"])) for g in told["groups"]]
    lines.table(("person", "pictures", "some of them"), rows, left=("some of them",))


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:4]) + (" ..." if len(paths) > 4 else "")
