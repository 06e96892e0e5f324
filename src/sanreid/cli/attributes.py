"""`sanreid attributes`: what people in pictures wear."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import given


def attributes(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Pictures, folders, globs, or - (paths on stdin).")
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A folder of train_attributes: models/attributes/seed0.")
    ] = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print classes and probabilities as JSON.")] = False,
) -> None:
    """Tell what people in pictures wear: twelve attributes, by a trained attribute classifier.

    The network that ships tells none: `dvc repro train_attributes` trains a classifier.

    **Examples**

    - `sanreid attributes a.jpg b.jpg --model models/attributes/seed0`
    - `sanreid attributes my/pictures --model models/attributes/seed0 --json`
    """
    paths = given.pictures(pictures)
    from sanreid.search import attributes as wearing

    if model is None:
        raise ValueError(wearing.TRAIN)
    from sanreid import api

    told = wearing.tell(model, paths, api.device_named(device), batch)
    if as_json:
        print(json.dumps({"model": str(model), "pictures": told}, indent=2))
        return
    heads = list(told[0]["attributes"])
    if not sys.stdout.isatty():
        print("\t".join(["path", *heads]))
        for line in told:
            print("\t".join([line["path"], *(line["attributes"][head]["class"] for head in heads)]))
        return
    from rich.console import Console
    from rich.table import Table

    for line in told:
        table = Table(title=line["path"], title_justify="left")
        for column in ("attribute", "class", "probability"):
            table.add_column(column)
        for head in heads:
            found = line["attributes"][head]
            table.add_row(head, found["class"], f"{found['probability']:.2f}")
        Console().print(table)
