"""`sanreid embed`: pictures to features, in a file that `sanreid search` searches in."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import gallery, given
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
    and `camid` where the folder's table or the pictures' names tell them. Pictures of a folder that cannot be read are
    left out and told.

    **Examples**

    - `sanreid embed my/pictures -o features.parquet`
    - `sanreid embed my/pictures -o features.npz --model models/strong/market1501/seed0 --device cpu`
    - `find . -name "*.jpg" | sanreid embed - -o features.parquet`
    """
    if out != "-" and Path(out).suffix not in (".parquet", ".npz"):
        raise typer.BadParameter(f"{out}: end it in .parquet or .npz, or write -", param_hint="--out")
    file = None if out == "-" else given.output(Path(out))
    folder = Path(pictures[0]) if len(pictures) == 1 and Path(pictures[0]).is_dir() else None
    from sanreid.search import index, listing

    table = listing.pictures(folder) if folder else None
    paths = given.pictures(pictures) if table is None else list(table["path"])
    index.check_names(paths, index.SUFFIXES[0] if file is None else file.suffix)
    from sanreid.api import Model

    network = Model.load(model, device)
    with bar(len(paths), "embedding") as done:
        if folder is None or table is None:
            broken = "leave_out" if all(Path(name).is_dir() for name in pictures) else "error"
            made = index.of_pictures(network, [Path(path) for path in paths], batch, done, broken)
            made = replace(made, paths=[given.called(Path(path)) for path in made.paths])
        else:
            made = gallery.features(table, folder, network, batch, done)
    gallery.tell_broken(made)
    if file is None:
        index.write(made, sys.stdout.buffer)
    else:
        index.write(made, file)
        print(f"{out}: {len(made)} pictures, {network.dimension} numbers each, by {network.name}", file=sys.stderr)
