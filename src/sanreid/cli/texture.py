"""`sanreid texture`: the texture of a person, and the person turned."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sanreid.cli import given, lines
from sanreid.cli.bar import bar


def texture(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Pictures, folders, globs, or - (a picture on stdin).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the PNG files.")],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A folder of train_san_pg (default: the shipped network).")
    ] = None,
    height: Annotated[int, typer.Option(min=32, max=4096, help="Pixels of the person turned.")] = 384,
    device: given.Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the files' names as JSON.")] = False,
) -> None:
    """Paint the texture of the person in each picture, and the person turned: front, left, back, right.

    A picture `a.jpg` gives `a_texture.png`, `a_front.png`, `a_left.png`, `a_back.png`, `a_right.png` (the person's own
    left and right) and `a_turned.png`, all four side by side. The body is a mean adult's: a texture tells colours, not
    shapes. The shipped network was trained on rendered people; `dvc repro train_san_pg` trains another.

    **Examples**

    - `sanreid texture a.jpg -o painted`
    - `sanreid texture a.jpg -o painted --model models/san_pg/texture`
    """
    paths = given.pictures(pictures)
    from sanreid.search import textures

    model = model or textures.SHIPPED
    stems = textures.names(paths)
    given.output(out, folder=True)
    from sanreid import api
    from sanreid.data import images

    painter = textures.Painter(model, api.device_named(device))
    told: list[dict[str, Any]] = []
    with bar(len(paths), "painting") as done:
        painted = painter.paint(paths)
        for path, stem, one in zip(paths, stems, painted, strict=True):
            made = painter.pictures(one, height)
            files = {name: f"{stem}_{name}.png" for name in made}
            images.write_all(out, ((files[name], picture) for name, picture in made.items()))
            told.append({"path": str(path), "files": {name: str(out / file) for name, file in files.items()}})
            done(1)
    if not painter.wearable:
        print(f"{model / textures.MIRROR}: another layout than the open body's: nobody is turned", file=sys.stderr)
    if as_json:
        print(json.dumps({"model": str(model), "pictures": told}, indent=2))
        return
    for line in told:
        lines.line(f"{line['path']}: {', '.join(line['files'].values())}")
