"""Makes the shipped network: renders people, trains on them, and writes src/sanreid/pretrained (`make pretrained`).

    python -m tools.pretrained [--work DIR] [--out src/sanreid/pretrained] [-S key=value]

Decisions: the pipeline's stages do the work, with profiles/pretrained/recipe.yaml and the options of
profiles/look/photographs.yaml, in a folder of their own, so that params.yaml and data/ are not changed; with --work,
results of an interrupted run are reused. To save space, weights with two or more dimensions are float16 (BatchNorm's
are not), and the classifier of the training people is left out. The folder has the format of `train_strong`, so
everything that reads models can read it. Its calibration is from 150 other rendered people.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from sanreid import faults, params, runtime
from sanreid.cli import calibrate
from sanreid.training import checkpoint, networks
from sanreid.training.shipped import FOLDER as PRETRAINED
from tools import overlay, paper_folder

ROOT = Path(__file__).resolve().parent.parent
BASE = overlay.PROFILES / "demo.yaml"
RECIPE, LOOK = overlay.PROFILES / "pretrained" / "recipe.yaml", overlay.PROFILES / "look" / "photographs.yaml"
LAID = [RECIPE, LOOK]
SEED = "0"
HELD_OUT = ["synthesize.seed=4040", "synthesize.market1501.train_people=1", "synthesize.market1501.test_people=150"]


def make(work: Path, out: Path, start: Path, overrides: Sequence[str] = ()) -> None:
    """Render, extract and train in `work`, and write the network into `out`; `start` holds mobilenet_v2.pth.

    Raises OSError or ValueError that says what is amiss; a stage that fails has told it itself.
    """
    work.mkdir(parents=True, exist_ok=True)
    images, model, others = (work / name for name in ("images", "model", "others"))
    ours, theirs = work / "params.yaml", work / "held_out.yaml"
    for file, changes in ((ours, overrides), (theirs, [*HELD_OUT, *overrides])):
        file.write_text(overlay.laid(BASE, [(f, params.read(f)) for f in LAID]), encoding="utf-8")
        file.write_text(paper_folder.changed(file, changes), encoding="utf-8")
    render(ours, work / "raw", images)
    stage("train_strong", ours, model, "--images", images, "--start", start, "--seed", SEED)
    render(theirs, work / "others_raw", others)
    ship(model, out)
    calibrate.calibrate(others, out)


def render(file: Path, raw: Path, images: Path) -> None:
    """Render Market-1501's people by the parameters of `file` into `raw`, and extract them to `images`."""
    stage("synthesize", file, raw, "--dataset", "market1501")
    stage("extract_market1501", file, images, "--raw", raw)


def stage(name: str, file: Path, out: Path, *arguments: str | Path) -> None:
    """Run a stage by the parameters of `file` unless `out` is there already; ValueError where it fails."""
    if out.exists():
        runtime.log.info("%s: there already", out)
        return
    command = [sys.executable, str(ROOT / "stages" / f"{name}.py"), "--params", str(file), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    if subprocess.run([*command, *map(str, arguments)], cwd=ROOT, env=environment).returncode:
        raise ValueError(f"{name} failed; what it said is above")


def ship(model: Path, out: Path) -> None:
    """Write the strong network of the folder `model` as it ships into the folder `out`, whole or not at all.

    Other files of `out`, such as the model card, stay. Raises ValueError where `model` is no strong network's.
    """
    net, record = networks.load(model)
    if record["system"] != "strong":
        raise ValueError(f"{model}: of system {record['system']}; the network that ships is a strong one")
    del net.classifier
    for part in halved(net):
        part.data = part.data.half()
    with runtime.atomic_folder(out) as folder:
        for file in sorted(out.glob("*")) if out.is_dir() else ():
            (folder / file.name).write_bytes(file.read_bytes())
        settings = {**record, "people": 0, "trained_on": record["people"]}
        checkpoint.save_model(folder, net, settings, model / "history.csv")
    runtime.log.info("%s: %.1f MB", out / checkpoint.WEIGHTS, (out / checkpoint.WEIGHTS).stat().st_size / 1e6)


def halved(net: nn.Module) -> list[torch.nn.Parameter]:
    """The parameters that ship in float16: of two and more dimensions."""
    return [p for p in net.parameters() if p.ndim > 1]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; what goes wrong ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder to work in, kept (default: a temporary one)")
    parser.add_argument("--out", type=Path, default=Path(PRETRAINED), help="the model folder to write")
    parser.add_argument("--start", type=Path, default=Path("data/weights"), help="folder of mobilenet_v2.pth")
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="another parameter")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("make pretrained"), tempfile.TemporaryDirectory() as temporary:
        make((given.work or Path(temporary)).resolve(), given.out, given.start.resolve(), given.set)


if __name__ == "__main__":
    main()
