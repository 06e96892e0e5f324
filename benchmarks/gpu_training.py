"""SAN's training at CUHK03's size on a GPU: the paper's recipe and network by both schedules, beside plain float32.

The claim: 320 epochs of 7,368 images take under 30 minutes on one H200; users log 8.5 hours. Each row is the product's
own `fit` with its checkpoints and history, a first epoch to warm up and then the timed ones; only the pictures are
random bytes. The reference is the released order in float32 without TF32, with everything else as ours (decoded once,
augmented on the device, fused optimizer): it says what precision and schedule bring, not what a loader costs. GPU
utilisation is nvidia-smi's, the share of time in which any kernel ran. Without a GPU it says so and ends.

    python benchmarks/gpu_training.py              # five rows, some minutes; writes --out, a JSON
    python benchmarks/gpu_training.py --compile    # and ours compiled
    python benchmarks/gpu_training.py --device cpu --toy --epochs 1   # that the script runs; the numbers mean nothing
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import gpu_use
import torch

from sanreid import params, runtime
from sanreid.models import san as network
from sanreid.params import validate
from sanreid.training import loop, optim
from sanreid.training import san as method

IMAGES, PEOPLE = 7368, 767  # CUHK03's training set under the new protocol
BAR, LOGGED = 30.0, 8.5 * 60  # minutes
PROFILE = Path(__file__).parent.parent / "profiles" / "paper.yaml"
TOY = {"backbone": "resnet18", "width": 4, "fc": 8, "height": 32, "width_px": 16, "texture": 32}
TOY |= {"decoder_channels": [8, 8, 8, 4, 4]}
Row = dict[str, Any]


class Timed(method.Step):
    """SAN's step that notes when each epoch began."""

    began: list[float]

    def batches(self, seed: int, epoch: int) -> list[torch.Tensor]:
        """The epoch's batches."""
        self.began.append(time.perf_counter())
        return super().batches(seed, epoch)


def sample(device: torch.device) -> gpu_use.Utilisation | None:
    """The GPU's utilisation from now on; None where there is none, which is said where there should be one."""
    if device.type != "cuda":
        return None
    sampled = gpu_use.Utilisation(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    if sampled.missing:
        print(f"GPU utilisation: not measured, {sampled.missing}")
    return sampled


def settings(toy: bool) -> tuple[method.Recipe, method.Variant, network.Architecture, int]:
    """The paper profile's, and all its epochs.

    Without ImageNet's weights, which change no time, and without the warm-up, whose plain Adam is a little cheaper.
    """
    values = params.read(PROFILE)
    section = values["train_san"]
    published = validate(section["optimiser"], optim.Optimiser, f"{PROFILE}: train_san.optimiser")
    plain = {**section["optimiser"], "warm_up": {"kind": "none", "epochs": 0, "start": 1.0, "factor": 1.0}}
    section |= {"optimiser": plain, **({"people": 3, "images": 2} if toy else {})}
    recipe = validate({k: section[k] for k in method.Recipe.model_fields}, method.Recipe, f"{PROFILE}: train_san")
    variant = validate(section["variants"]["san"], method.Variant, f"{PROFILE}: train_san.variants.san")
    shape = {**values["san"], "pretrained": "none", **(TOY if toy else {})}
    arch = validate(shape, network.Architecture, f"{PROFILE}: san")
    return recipe, variant, arch, recipe.epochs + optim.extra_epochs(published)


def data(arch: network.Architecture, images: int, people: int, device: torch.device) -> method.People:
    """Random bytes of that size, laid out as `decode` does."""

    def random(height: int, width: int) -> torch.Tensor:
        return torch.randint(256, (images, height, width, 3), dtype=torch.uint8, device=device).permute(0, 3, 1, 2)

    return method.People(
        random(*arch.size), random(arch.texture, arch.texture), torch.arange(images) * people // images
    )


def measure(
    recipe: method.Recipe, variant: method.Variant, model: network.SAN, pictures: method.People, timed: int
) -> Row:
    """Train one warm-up and `timed` epochs."""
    device = pictures.images.device
    loop.place(model, recipe.compute, device)
    step = Timed(model, pictures, recipe, variant)
    step.began, ended = [], []
    sampling: list[gpu_use.Utilisation | None] = []

    def watch(epoch: int, folder: Path) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()
        ended.append(time.perf_counter())
        if epoch == 1:
            sampling.append(sample(device))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    loop.fit(step, epochs=1 + timed, seed=0, run=f"row{time.monotonic_ns()}", name="benchmark", watch=watch)
    finish = time.perf_counter()
    use = sampling[0].stop() if sampling[0] is not None else None
    seconds = (finish - step.began[1]) / timed
    training = sum(end - begin for begin, end in zip(step.began[1:], ended[1:], strict=True)) / timed
    images = len(step.batches(0, 0)) * recipe.people * recipe.images
    return {
        "images_a_second": images / training,
        "seconds_an_epoch": seconds,  # with its checkpoint
        "of_them_checkpoint": seconds - training,
        "first_epoch": ended[0] - step.began[0],
        "utilisation_percent": None if use is None else use.percent,
        "peak_memory_gb": torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None,
    }


def rows(recipe: method.Recipe, with_compile: bool) -> dict[str, method.Recipe]:
    """What is measured: name -> recipe. Ours as the profile has it, then with other settings, then the reference."""

    def change(schedule: str, **compute: Any) -> method.Recipe:
        settled = recipe.compute.model_copy(update=compute)
        return recipe.model_copy(update={"schedule": schedule, "compute": settled})

    kinds = ("joint", "alternating")
    found = {f"{kind}, bfloat16": change(kind) for kind in kinds}
    found |= {f"{kind}, bfloat16, not deterministic": change(kind, deterministic=False) for kind in kinds}
    if with_compile:
        fast = {"compile": True, "deterministic": False}
        found |= {f"{kind}, bfloat16, not deterministic, compiled": change(kind, **fast) for kind in kinds}
    return found | {REFERENCE: change("alternating", precision="float32", deterministic=False)}


REFERENCE = "reference: alternating, float32"


def main(device: torch.device, toy: bool, with_compile: bool, timed: int, images: int, out: Path) -> None:
    """Measure each row, print the table, write the JSON."""
    recipe, variant, arch, epochs = settings(toy)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU (the numbers mean nothing)"
    count, people = (48, 6) if toy else (images, PEOPLE)
    runtime.prepare(0)
    pictures = data(arch, count, people, device)
    print(f"{name}, torch {torch.__version__}: {count} images, batch {recipe.people * recipe.images}, ", end="")
    print(f"{timed} timed epochs a row, extrapolated to {epochs}")
    measured: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SANREID_CHECKPOINTS": folder, "SANREID_RUNS": ""}
        for title, chosen in rows(recipe, with_compile).items():
            torch.manual_seed(0)
            row = measure(chosen, variant, network.create(arch, people), pictures, timed)
            row["minutes"] = row["seconds_an_epoch"] * epochs / 60
            measured[title] = row
            print(line(title, row), flush=True)
    for title, row in measured.items():
        row["times_reference"] = row["images_a_second"] / measured[REFERENCE]["images_a_second"]
        if title != REFERENCE:
            print(f"{title}: {row['times_reference']:.2f} times the reference's images/s", end="")
            print("" if toy else f", {LOGGED / row['minutes']:.1f} times as fast as users log", flush=True)
    if not toy:
        print(f"bar: {BAR:.0f} minutes on one H200; users log {LOGGED / 60:.1f} h")
    facts = {"device": name, "torch": torch.__version__, "toy": toy, "images": count, "timed_epochs": timed}
    runtime.write_json(out, {**facts, "epochs": epochs, "bar_minutes": BAR, "logged_minutes": LOGGED, "rows": measured})
    print(f"written: {out}")


def line(title: str, row: Row) -> str:
    """One row of the table."""
    busy = "not measured" if row["utilisation_percent"] is None else f"{row['utilisation_percent']:.0f} %"
    memory = "" if row["peak_memory_gb"] is None else f", {row['peak_memory_gb']:.1f} GB"
    return (
        f"{title:<52} {row['images_a_second']:8.0f} images/s {row['seconds_an_epoch']:7.2f} s an epoch "
        f"({row['of_them_checkpoint']:.2f} s checkpoint) {row['minutes']:7.1f} min in all, GPU busy {busy}{memory}"
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu goes with --toy alone")
    arguments.add_argument("--toy", action="store_true", help="a toy network and 48 images: that the script runs")
    arguments.add_argument("--compile", action="store_true", help="add rows for ours compiled: minutes to build")
    arguments.add_argument("--epochs", type=int, default=3, help="timed epochs a row")
    arguments.add_argument("--images", type=int, default=IMAGES, help="images of the random set")
    arguments.add_argument("--out", type=Path, default=Path("reports/benchmarks/gpu_training.json"), help="the JSON")
    given = arguments.parse_args()
    if given.device == "cpu" and not given.toy:
        arguments.error("--device cpu: the paper's network takes hours an epoch there; add --toy")
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device: nothing measured (`--device cpu --toy` shows that the script runs)")
    else:
        main(torch.device(given.device), given.toy, given.compile, given.epochs, given.images, given.out)
