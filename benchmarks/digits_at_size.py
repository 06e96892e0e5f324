"""MNIST's published grids at their size on one GPU, without DVC: 60,000 digits, 5 epochs, beside the published numbers.

First every cell of the grids at 28 pixels, then those at 224 while time is left. What trains a cell is stage
sweep_mnist's code; cells run several at once (benchmarks/digit_workers.py), each step replayed as a CUDA graph
(training/cuda_graph.py), since small steps keep a GPU waiting for the CPU. The cells of most steps come first, so
that none is left alone at the end. The arithmetic is --precision (tf32 is what PyTorch convolved in by default when the
published numbers were made), kernels are cuDNN's fastest. --out gets digits.json after each cell, and table.md.

    python benchmarks/digits_at_size.py --mnist FOLDER --minutes 8 --out reports/benchmarks/digits
    python benchmarks/digits_at_size.py --mnist FOLDER --minutes 5 --out /tmp/digits --device cpu --toy   # that it runs

FOLDER holds MNIST's four files. With --profile profiles/demo.yaml the 28-pixel network is a quarter as wide.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]  # the workers import from both, and this is a script

import digit_workers  # noqa: E402
import gpu_use  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from digit_workers import Settings, Task  # noqa: E402

from sanreid import params, runtime  # noqa: E402
from sanreid.data import index, mnist  # noqa: E402
from sanreid.params import validate  # noqa: E402
from sanreid.reporting.digits import sweep  # noqa: E402
from sanreid.training import digit_cells, digit_classifier  # noqa: E402

SMALL, LARGE = "resnet18_28", "resnet18_224"
TOY_TRAIN, TOY_TEST = 210, 100  # digits: one batch of 200


def read(folder: Path, work: Path, toy: bool) -> tuple[int, int]:
    """Put the digits of `folder` and their table into `work`; how many train and test."""
    table, greys = mnist.read_grey(folder)
    pictures = np.stack([grey for _, grey in greys])[:, None]
    tested = (table["split"] == "test").to_numpy()
    if toy:
        kept = np.r_[np.flatnonzero(~tested)[:TOY_TRAIN], np.flatnonzero(tested)[:TOY_TEST]]
        table, pictures, tested = table.iloc[kept], pictures[kept], tested[kept]
    parts = pictures, table["pid"].to_numpy("int64", copy=True), tested.copy()
    torch.save(tuple(torch.from_numpy(part) for part in parts), work / digit_workers.DIGITS)
    table.reset_index(drop=True).to_parquet(work / index.NAME)
    return int((~tested).sum()), int(tested.sum())


def planned(profile: Path, precision: str, toy: bool) -> tuple[digit_classifier.Plan, int]:
    """The profile's classifiers with this arithmetic, and a cell's epochs."""
    values = params.read(profile)
    section, epochs = values[digit_classifier.SECTION], values["sweep_mnist"]["epochs"]
    compute = {"precision": precision, "compile": False, "deterministic": False}
    models = {name: section["models"][name] for name in (SMALL, LARGE)}
    if toy:
        models = {n: m | {"network": m["network"] | {"width": 2}} for n, m in models.items()}
        models[LARGE]["network"]["side"] = 56
    where = f"{profile}: {digit_classifier.SECTION}"
    plan = validate(section | {"compute": compute, "models": models}, digit_classifier.Plan, where)
    return plan, 1 if toy else epochs


def ordered(grids: dict[str, sweep.Grid], by: str) -> list[str]:
    """The grids' cells, each once: `steps` puts those of most steps first, `images` the largest batches."""
    cells = list(dict.fromkeys(cell for grid in grids.values() for cell in grid))
    return sorted(cells, key=lambda cell: digit_cells.parse(cell).batch * (1 if by == "steps" else -1))


def text(grids: dict[str, sweep.Grid], facts: dict[str, Any], plan: digit_classifier.Plan, epochs: int) -> str:
    """The grids that are whole as the pipeline tells them, then every cell with its speed."""
    head = f"{facts['device']}, torch {facts['torch']}, {facts['precision']}, {facts['at_once']} cells at once; "
    use = facts.get("gpu_busy_percent")
    parts = [head + ("GPU use not measured." if use is None else f"GPU busy {use:.0f} % of the time.")]
    if facts["toy"]:
        parts.append("A toy set: the numbers mean nothing.")
    published = {cell: value for grid in grids.values() for cell, value in grid.items()}
    for model, records in facts["cells"].items():
        done = {
            c: sweep.Result(r["accuracy"], r["tested"], r["diverged"] is not None)
            for c, r in records.items()
            if "tested" in r
        }
        width = plan.models[model].network.width  # pyrefly: ignore
        parts.append(f"## {model}, width {width}: {len(done)} of {len(published)} cells")
        whole = {name: grid for name, grid in grids.items() if set(grid) <= set(done)}
        if whole:
            parts.append(sweep.markdown(whole, done, model, epochs, facts["trained"]).strip())
        rows = ["| cell | ours | published | epochs | s | images/s |", "|---|---:|---:|---:|---:|---:|"]
        for cell, record in records.items():
            found = record.get("unfinished", record)
            ours = (
                "failed"
                if "failed" in found
                else "-"
                if found["accuracy"] is None
                else f"{100 * found['accuracy']:.2f}"
            )
            ours += " (unfinished)" if "unfinished" in record else " (diverged)" if record.get("diverged") else ""
            told = [published[cell], found.get("epochs"), record.get("seconds"), record.get("images_a_second")]
            shown = ["-" if v is None else f"{v:.{d}f}" for v, d in zip(told, (2, 0, 1, 0), strict=True)]
            rows.append(f"| {cell} | {ours} | " + " | ".join(shown) + " |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def main(given: argparse.Namespace) -> None:
    """Train what fits, write after each cell, print the table."""
    end = time.monotonic() + 60 * given.minutes
    device = torch.device(given.device)
    grids = params.value(given.profile, "compare_mnist_cells.grids")[given.grids]
    plan, epochs = planned(given.profile, given.precision, given.toy)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        trained, tested = read(given.mnist, work, given.toy)
        cells: dict[str, dict[str, Any]] = {}
        facts = {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
            "torch": torch.__version__,
            "toy": given.toy,
            "profile": str(given.profile),
            "precision": given.precision,
            "at_once": given.at_once,
            "replayed": device.type == "cuda" and not given.no_replay,
            "minutes_allowed": given.minutes,
            "trained": trained,
            "tested": tested,
            "epochs": epochs,
            "cells": cells,
        }
        print(f"{facts['device']}: {trained:,} digits, {epochs} epochs, {given.at_once} cells at once", flush=True)
        tasks = [
            [Task(m, c, epochs, plan, facts["replayed"]) for c in ordered(grids, by) if m in given.models]
            for m, by in ((SMALL, "steps"), (LARGE, "images"))
        ]
        phases = list(zip(tasks, (given.at_once, given.at_once_large), strict=True))
        use = gpu_use.Utilisation() if device.type == "cuda" else None
        begun = time.monotonic()
        for model, cell, record in digit_workers.run(Settings(work, given.threads, given.device), phases, end):
            cells.setdefault(model, {})[cell] = record
            brief = {k: v for k, v in record.items() if k != "trace"}
            print(f"{time.monotonic() - begun:6.1f} s  {model} {cell}: {brief}", flush=True)
            runtime.write_json(given.out / "digits.json", facts)
        sampled = use.stop() if use else None
    facts |= {"seconds": time.monotonic() - begun, "gpu_busy_percent": sampled.percent if sampled else None}
    facts["left_out"] = {t[0].model: [x.cell for x in t if x.cell not in cells.get(x.model, {})] for t in tasks if t}
    runtime.write_json(given.out / "digits.json", facts)
    with runtime.atomic_file(given.out / "table.md") as file:
        file.write_text(text(grids, facts, plan, epochs))
    print((given.out / "table.md").read_text(), end="")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--mnist", type=Path, required=True, help="the folder of MNIST's four files")
    arguments.add_argument("--minutes", type=float, default=5, help="end by then")
    arguments.add_argument("--out", type=Path, default=Path("reports/benchmarks/digits"), help="a folder")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: hours, unless --toy")
    arguments.add_argument("--toy", action="store_true", help="few digits, one epoch, a narrow network: that it runs")
    arguments.add_argument("--profile", type=Path, default=ROOT / "profiles" / "paper.yaml", help="networks and grids")
    arguments.add_argument("--grids", default="published", help="under compare_mnist_cells.grids")
    arguments.add_argument("--models", nargs="+", choices=[SMALL, LARGE], default=[SMALL, LARGE], help="which networks")
    arguments.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="tf32", help="on a GPU")
    arguments.add_argument("--at-once", type=int, default=8, help="cells of 28 pixels at a time")
    arguments.add_argument("--at-once-large", type=int, default=2, help="cells of 224 pixels at a time")
    arguments.add_argument("--threads", type=int, default=1, help="of each process")
    arguments.add_argument("--no-replay", action="store_true", help="without CUDA graphs")
    given = arguments.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device: nothing trained (`--device cpu --toy` shows that the script runs)")
    else:
        main(given)
