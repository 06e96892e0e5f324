"""`sanreid export`: a network as a file that other programs run without this one."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import given


class Format(StrEnum):
    """What is written."""

    onnx = "onnx"
    torch = "torch"


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file: .onnx, or .pt2 for torch.")],
    form: Annotated[Format, typer.Option("--format", "-f", help="onnx, or torch's exported program.")] = Format.onnx,
    model: given.ModelFolder = None,
) -> None:
    """Write a network as ONNX or as torch's exported program.

    The file takes `pictures` (N, 3, height, width) float32, any N, and gives `feature` (N, D) of unit length. How
    pictures become that input (size, mean, standard deviation, order of the colours) stands in the file: in ONNX's
    metadata, for torch in its extra file `preprocessing.json`. It is run before it is kept: features have to be this
    program's to 1e-4, for one picture and for several.

    **Examples**

    - `sanreid export -o reid.onnx`
    - `sanreid export --format torch -o reid.pt2 --model models/strong/market1501/seed0`
    """
    suffix = {Format.onnx: ".onnx", Format.torch: ".pt2"}[form]
    if out.suffix != suffix:
        raise typer.BadParameter(f"{out}: end it in {suffix} for {form}", param_hint="--out")
    given.output(out)
    from sanreid.api import Model
    from sanreid.cli import formats

    network = Model.load(model, "cpu")
    largest = formats.write_onnx(network, out) if form is Format.onnx else formats.write_torch(network, out)
    height, width = network.image_size
    print(
        f"{out}: {network.name}, {width} x {height} pixels to {network.dimension} numbers; "
        f"differs from this program's features by {largest:.1e} at most",
        file=sys.stderr,
    )
