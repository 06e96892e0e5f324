"""`sanreid embed`: pictures to features, in a file that `sanreid search` searches in."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import given
from sanreid.cli.bar import bar


def embed(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER|PICTURE...", help="A folder of pictures; or pictures, globs, or - (paths on stdin)."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="features.parquet or features.npz; - writes parquet to stdout.")
    ],
    model: given.ModelFolder = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
) -> None:
    """Turn pictures of people into features, in a file to search in.

    The file has a row a picture: `path`, `feature` (unit length, so that a product of two is their cosine), and `pid`
    and `camid` where the folder's table or the pictures' names tell them.

    **Examples**

    - `sanreid embed my/pictures -o features.parquet`
    - `sanreid embed my/pictures -o features.npz --model models/strong/market1501/seed0 --device cpu`
    - `find . -name "*.jpg" | sanreid embed - -o features.parquet`
    """
    if out != "-" and Path(out).suffix not in (".parquet", ".npz"):
        raise typer.BadParameter(f"{out}: end it in .parquet or .npz, or write -", param_hint="--out")
    folder = Path(pictures[0]) if len(pictures) == 1 and Path(pictures[0]).is_dir() else None
    from sanreid.search import index, listing

    table = listing.pictures(folder) if folder else None
    paths = [] if folder else given.pictures(pictures)
    from sanreid.api import Model

    network = Model.load(model, device)
    with bar(len(paths) if table is None else len(table), "embedding") as done:
        if folder is not None and table is not None:
            made = index.of_table(network, folder, table, batch, done)
        else:
            made = index.of_pictures(network, paths, batch, done)
    if out == "-":
        index.write(made, sys.stdout.buffer)
    else:
        index.write(made, Path(out))
        print(f"{out}: {len(made)} pictures, {network.dimension} numbers each, by {network.name}", file=sys.stderr)
