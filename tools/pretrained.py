"""Makes the shipped networks: renders people, trains on them, and writes src/sanreid/pretrained* (`make pretrained`).

    python -m tools.pretrained [--work DIR] [--out src/sanreid] [--networks reid attributes texture] [-S key=value]

Decisions: the pipeline's stages do the work, with the files of profiles/pretrained and the options of
profiles/look/photographs.yaml, in a folder of their own, so that params.yaml and data/ are not changed; with --work,
results of an interrupted run are reused. To save space, weights with two or more dimensions are float16 (BatchNorm's
are not), and the re-ID network's classifier of the training people is left out. The folders have the formats of
`train_strong`, `train_attributes` and `train_san_pg`, so everything that reads models can read them. The re-ID
network's calibration is from 150 other rendered people. SAN-PG's folder has no map of the layout, which is the open
body's.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sanreid import faults, params, runtime
from sanreid.cli import calibrate
from sanreid.search import attributes as attribute_search
from sanreid.search import textures
from sanreid.training import attributes, checkpoint, networks
from sanreid.training.parameter_prefixes import DECODER, TRUNK
from sanreid.training.shipped import FOLDER as PRETRAINED
from tools import overlay, paper_folder

ROOT = Path(__file__).resolve().parent.parent
BASE = overlay.PROFILES / "demo.yaml"
RECIPE, LOOK = overlay.PROFILES / "pretrained" / "recipe.yaml", overlay.PROFILES / "look" / "photographs.yaml"
LAID = [RECIPE, LOOK]
ATTRIBUTES, TEXTURE = (overlay.PROFILES / "pretrained" / f"{name}.yaml" for name in ("attributes", "texture"))
SEED = "0"
HELD_OUT = ["synthesize.seed=4040", "synthesize.market1501.train_people=1", "synthesize.market1501.test_people=150"]


def make_reid(work: Path, out: Path, start: Path, overrides: Sequence[str] = ()) -> None:
    """Render, extract and train in `work`, and write the re-ID network into `out`; `start` holds mobilenet_v2.pth.

    Raises OSError or ValueError that says what is amiss; a stage that fails has told it itself.
    """
    ours, theirs = written(work / "params.yaml", LAID, overrides), work / "held_out.yaml"
    written(theirs, LAID, [*HELD_OUT, *overrides])
    render(ours, work / "raw", work / "images")
    model = work / "model"
    stage("train_strong", ours, model, "--images", work / "images", "--start", start, "--seed", SEED)
    render(theirs, work / "others_raw", work / "others")
    ship(model, out)
    calibrate.calibrate(work / "others", out)


def make_attributes(work: Path, out: Path, start: Path, overrides: Sequence[str] = ()) -> None:
    """The attribute classifier, trained on the re-ID network's people; arguments and errors as `make_reid`."""
    ours = written(work / "attributes.yaml", [*LAID, ATTRIBUTES], overrides)
    images, labels, model = (work / name for name in ("images", "labels", "attributes"))
    render(ours, work / "raw", images)
    seen = ("--market", images, "--labels", labels)
    stage("extract_attributes", ours, labels, "--raw", work / "raw" / "attribute", "--market", images)
    stage("train_attributes", ours, model, *seen, "--start", start, "--seed", SEED)
    stage("evaluate_attributes", ours, work / "attributes_report", *seen, "--model", model)
    ship_attributes(model, out)


def make_texture(work: Path, out: Path, start: Path, overrides: Sequence[str] = ()) -> None:
    """SAN-PG, trained on rendered people of its own; arguments and errors as `make_reid`."""
    if start != (ROOT / "data/weights").resolve():
        raise ValueError(f"--start {start}: SAN-PG starts from data/weights (san.pretrained); leave --start out")
    ours = written(work / "texture.yaml", [LOOK, TEXTURE], overrides)
    raw, pit, model = (work / name for name in ("pit_raw", "pit", "texture"))
    stage("synthesize", ours, raw, "--dataset", "pit")
    stage("pair_pit", ours, pit, "--raw", raw)
    stage("train_san_pg", ours, model, "--pit", pit, "--target", "texture")
    ship_texture(model, out)


NETWORKS: dict[str, tuple[str, Callable[[Path, Path, Path, Sequence[str]], None]]] = {
    "reid": (Path(PRETRAINED).name, make_reid),
    "attributes": (attribute_search.SHIPPED.name, make_attributes),
    "texture": (textures.SHIPPED.name, make_texture),
}  # the model folder's name, and what makes it


def written(file: Path, laid: Sequence[Path], overrides: Sequence[str]) -> Path:
    """`file`, with the demo's parameters, the files `laid` over them, and the `overrides`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(overlay.laid(BASE, [(f, params.read(f)) for f in laid]), encoding="utf-8")
    file.write_text(paper_folder.changed(file, overrides), encoding="utf-8")
    return file


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
    save(out, net, {**record, "people": 0, "trained_on": record["people"]}, model)


def ship_attributes(model: Path, out: Path) -> None:
    """As `ship`, for a model folder of train_attributes."""
    save(out, attributes.load(model)[0], runtime.read_json(model / "params.json"), model)


def ship_texture(model: Path, out: Path) -> None:
    """As `ship`, for a model folder of train_san_pg."""
    net = textures.Painter(model, torch.device("cpu")).network
    save(out, net, runtime.read_json(model / "params.json"), model, only=TRUNK + DECODER)


def save(out: Path, net: nn.Module, settings: Mapping[str, Any], model: Path, only: Sequence[str] = ("",)) -> None:
    """Write `net`, in half precision, with its settings and the history of `model` into `out`; other files stay."""
    for part in halved(net):
        part.data = part.data.half()
    with runtime.atomic_folder(out) as folder:
        for file in sorted(out.glob("*")) if out.is_dir() else ():
            (folder / file.name).write_bytes(file.read_bytes())
        checkpoint.save_model(folder, net, settings, model / "history.csv", only=only)
    runtime.log.info("%s: %.1f MB", out / checkpoint.WEIGHTS, (out / checkpoint.WEIGHTS).stat().st_size / 1e6)


def halved(net: nn.Module) -> list[torch.nn.Parameter]:
    """The parameters that ship in float16: of two and more dimensions."""
    return [p for p in net.parameters() if p.ndim > 1]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; what goes wrong ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder to work in, kept (default: a temporary one)")
    parser.add_argument("--out", type=Path, default=Path(PRETRAINED).parent, help="where the model folders lie")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), help="default: all")
    parser.add_argument("--start", type=Path, default=Path("data/weights"), help="folder of mobilenet_v2.pth")
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="another parameter")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("make pretrained"), tempfile.TemporaryDirectory() as temporary:
        for name in given.networks:
            folder, make = NETWORKS[name]
            make((given.work or Path(temporary)).resolve(), given.out / folder, given.start.resolve(), given.set)


if __name__ == "__main__":
    main()
