"""`sanreid calibrate`: the threshold and the probability of `sanreid same`, from labelled people."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sanreid.cli import given
from sanreid.cli.bar import bar

OURS = (
    "the network that ships keeps the calibration that it came with; name a file: -o mine.json "
    "(`sanreid same A B --calibration mine.json` goes by it)"
)


def calibrate(
    folder: Annotated[Path, typer.Argument(help="Pictures of people the network was not trained on, labelled.")],
    model: given.ModelFolder = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file. [default: calibration.json in the folder of --model]"),
    ] = None,
    device: given.Device = "auto",
    batch: given.Batch = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration as JSON.")] = False,
) -> None:
    """Calibrate `sanreid same` and `sanreid cluster` on labelled people who were held out from the training.

    Who is who is told by the folder's index.csv or index.parquet (path, pid, camid; rows of split `train` are left
    out), or by names as Market-1501 has them. All pairs of one person in two cameras are held against all pairs of two
    people. The network that ships keeps its own: with it, name a file, and give that to `same` and `cluster`.

    **Examples**

    - `sanreid calibrate my/people -o mine.json`, then `sanreid same a.jpg b.jpg --calibration mine.json`
    - `sanreid calibrate data/interim/market1501 --model models/strong/market1501/seed0`
    """
    if out is None and model is None:
        raise typer.BadParameter(OURS, param_hint="--out")
    if out is not None:
        given.ending(out, (".json",), "--out")
    from sanreid.search import index, listing

    table = listing.held_out(folder)
    from sanreid.api import SHIPPED, Model
    from sanreid.evaluation import calibration

    network = Model.load(model, device)
    if out is None and network.folder == SHIPPED.resolve():
        raise typer.BadParameter(OURS, param_hint="--out")
    file = out or given.output(network.folder / calibration.FILE)
    with bar(len(table), "embedding") as done:
        made = index.of_table(network, folder, table, batch, done)
    assert made.pids is not None
    found = calibration.calibrate(made.features, made.pids, made.camids)
    found.write(file)
    if as_json:
        print(json.dumps({"file": str(file)} | asdict(found), indent=2))
        return
    print(f"{file}: {found.people} people, {found.genuine:,} pairs of one person, {found.impostor:,} of two")
    print(f"equal error rate {100 * found.equal_error_rate:.2f} %, at similarity {found.equal_error_similarity:.4f}")
    for rate, at in found.thresholds.items():
        told = "too few pairs" if at is None else f"{100 * at.tpr:.1f} % taken, from similarity {at.similarity:.4f}"
        print(f"false accepts {rate}: {told}")
