"""`sanreid attributes`: what people in pictures wear."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import given, lines
from sanreid.cli.bar import bar


def attributes(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Pictures, folders, globs, or - (paths on stdin).")
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A folder of train_attributes (default: the shipped network).")
    ] = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print classes and probabilities as JSON.")] = False,
) -> None:
    """Tell what people in pictures wear: twelve attributes, by a trained attribute classifier.

    The shipped classifier was trained on rendered people; `dvc repro train_attributes` trains another.

    **Examples**

    - `sanreid attributes a.jpg b.jpg`
    - `sanreid attributes my/pictures --model models/attributes/seed0 --json`
    """
    paths = given.pictures(pictures)
    from sanreid import api
    from sanreid.search import attributes as wearing

    model = model or wearing.SHIPPED
    classifier = wearing.Classifier(model, api.device_named(device))
    with bar(len(paths), "attributes") as done:
        told = classifier.tell(paths, batch, done)
    if as_json:
        print(json.dumps({"model": str(model), "pictures": told}, indent=2))
        return
    heads = list(told[0]["attributes"])
    if not sys.stdout.isatty():
        lines.line("path", *heads)
        for one in told:
            lines.line(one["path"], *(one["attributes"][head]["class"] for head in heads))
        return
    columns = ("attribute", "class", "probability")
    for one in told:
        worn = {wearing.called(head): answer for head, answer in one["attributes"].items()}
        rows = [(name, answer["class"], f"{answer['probability']:.2f}") for name, answer in worn.items()]
        lines.table(columns, rows, one["path"], left=columns)
