"""SAN's training at CUHK03's size on a GPU: the paper's recipe and network by both schedules, beside plain float32.

The claim: 320 epochs of 7,368 images take under 30 minutes on one H200; users log 8.5 hours. Each row is the product's
own `fit` with its checkpoints and history, a first epoch to warm up and then the timed ones; only the pictures are
random bytes. The reference is the released order in float32 without TF32, with everything else as ours (decoded once,
augmented on the device, fused optimizer): it says what precision and schedule bring, not what a loader costs. GPU
utilisation is nvidia-smi's, the share of time in which any kernel ran; --profile adds a profile of some steps for
both schedules (benchmarks/profiling.py). The JSON is written after each row. Without a GPU it says so and ends.

With --minutes the published recipe's rows come first, at full size where they fit, and each later row is measured on
as many images as its share of the time allows (an epoch of all images is then extrapolated, and the row tells how many
it had) or is left out and said (benchmarks/time_budget.py).

    python benchmarks/gpu_training.py              # five rows, some minutes; writes --out, a JSON
    python benchmarks/gpu_training.py --compile    # and ours compiled
    python benchmarks/gpu_training.py --compile --deterministic-too --profile --minutes 2   # what fits
    python benchmarks/gpu_training.py --device cpu --toy --epochs 1   # that the script runs; the numbers mean nothing
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import gpu_use
import profiling
import torch
from gpu_rows import BAR, BUILD, LOGGED, REFERENCE, SLOWER, Row, judge, order, rows, settings, weight
from time_budget import STEPS, Budget

from sanreid import runtime
from sanreid.models import san as network
from sanreid.training import loop
from sanreid.training import san as method

IMAGES, PEOPLE = 7368, 767  # CUHK03's training set under the new protocol
PROFILED = 6  # steps


class Timed(method.Step):
    """SAN's step that notes when each epoch began, and how long the draw of its batches took."""

    began: list[float]
    drawing: list[float]

    def batches(self, seed: int, epoch: int) -> list[torch.Tensor]:
        """The epoch's batches."""
        self.began.append(time.perf_counter())
        found = super().batches(seed, epoch)
        self.drawing.append(time.perf_counter() - self.began[-1])
        return found


def sample(device: torch.device) -> gpu_use.Utilisation | None:
    """The GPU's utilisation from now on; None where there is none, which is said where there should be one."""
    if device.type != "cuda":
        return None
    sampled = gpu_use.Utilisation(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    if sampled.missing:
        print(f"GPU utilisation: not measured, {sampled.missing}")
    return sampled


def data(arch: network.Architecture, images: int, people: int, device: torch.device) -> method.People:
    """Random bytes of that size, laid out as `decode` does."""

    def random(height: int, width: int) -> torch.Tensor:
        return torch.randint(256, (images, height, width, 3), dtype=torch.uint8, device=device).permute(0, 3, 1, 2)

    return method.People(
        random(*arch.size), random(arch.texture, arch.texture), torch.arange(images) * people // images
    )


def measure(
    recipe: method.Recipe,
    variant: method.Variant,
    model: network.SAN,
    pictures: method.People,
    timed: int,
    full: int = 0,
    profiled: int = 0,
) -> Row:
    """Train one warm-up and `timed` epochs.

    An epoch's training is extrapolated to `full` images where the pictures are fewer; then `profiled` steps are.
    """
    device = pictures.images.device
    loop.place(model, recipe.compute, device)
    step = Timed(model, pictures, recipe, variant)
    step.began, step.drawing, ended = [], [], []
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
    training = sum(end - begin for begin, end in zip(step.began[1:], ended[1:], strict=True)) / timed
    checkpoint = (finish - step.began[1]) / timed - training
    drawing = sum(step.drawing[1:]) / timed
    batches = step.batches(0, 0)
    images = len(batches) * recipe.people * recipe.images
    larger = max(1.0, full / len(pictures.images))
    row: Row = {
        "images": len(pictures.images),  # fewer than all: the seconds of an epoch are extrapolated
        "images_a_second": images / training,
        "seconds_an_epoch": training * larger + checkpoint,
        "of_them_checkpoint": checkpoint,
        "of_them_drawing": drawing * larger,  # the one thing that an epoch waits for before its first step
        "first_epoch": ended[0] - step.began[0],
        "utilisation_percent": None if use is None else use.percent,
        "peak_memory_gb": torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None,
    }
    if profiled:
        generator = torch.Generator().manual_seed(0)
        row["profile"] = profiling.profile(lambda k: step(batches[k % len(batches)], generator), profiled, device)
    return row


def main(given: argparse.Namespace) -> None:
    """Measure each row, print the table, write the JSON."""
    device, toy, timed = torch.device(given.device), given.toy, given.epochs
    recipe, variant, arch, epochs = settings(toy)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU (the numbers mean nothing)"
    count, people, batch = (48, 6, 6) if toy else (given.images, PEOPLE, recipe.people * recipe.images)
    budget = Budget(None if given.minutes is None else 60 * given.minutes)
    runtime.prepare(0)
    pictures = data(arch, count, people, device)
    print(f"{name}, torch {torch.__version__}: {count} images, batch {batch}, ", end="")
    print(f"{timed} timed epochs a row, extrapolated to {epochs}", flush=True)
    measured: dict[str, Row] = {}
    left_out: dict[str, str] = {}
    facts: dict[str, Any] = {"device": name, "torch": torch.__version__, "toy": toy, "images": count}
    facts |= {"timed_epochs": timed}
    facts |= {"epochs": epochs, "bar_minutes": BAR, "logged_minutes": LOGGED, "minutes_allowed": given.minutes}
    facts |= {"rows": measured, "left_out": left_out, "verdict": []}

    def run(chosen: method.Recipe, images: int, timed: int, profiled: int = 0) -> Row:
        torch.manual_seed(0)
        if chosen.compute.compile:
            torch.compiler.reset()  # each row builds its own
        textures = None if pictures.textures is None else pictures.textures[:images]
        labels = torch.arange(images) * people // count  # as many of each person
        part = method.People(pictures.images[:images], textures, labels)
        row = measure(chosen, variant, network.create(arch, people), part, timed, count, profiled)
        return row | {"minutes": row["seconds_an_epoch"] * epochs / 60}

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SANREID_CHECKPOINTS": folder, "SANREID_RUNS": ""}
        planned = order(rows(recipe, given.compile, given.deterministic_too), given.minutes is not None, given.only)
        rate = 0.0
        if given.minutes is not None:  # seconds an image of the first row, its kernels chosen
            rate = 1 / run(next(iter(planned.values())), min(count, STEPS * batch), 1)["images_a_second"]
        for place, (title, chosen) in enumerate(planned.items()):
            waiting = [weight(other) for other in [*planned.values()][place:]]
            dearer = (SLOWER if title == REFERENCE else 1.0) * (2.0 if place == 1 else 1.0)
            fixed = BUILD if chosen.compute.compile else 0.0
            images = budget.images(waiting[0] / sum(waiting), 1 + timed, count, batch, rate * dearer, fixed)
            if not images:
                left_out[title] = f"{max(0, budget.left):.0f} s were left of {given.minutes} min"
                print(f"{title}: left out, {left_out[title]}", flush=True)
            else:
                row = run(chosen, images, timed, profiled(given, title, chosen, recipe))
                if title != REFERENCE:
                    rate = max(rate, 1 / row["images_a_second"])
                measured[title] = row
                print(line(title, row), flush=True)
                for text in (row["profile"]["table"],) if "profile" in row else ():
                    print(f"profile of {title}:\n{text}", flush=True)
            judge(facts)
            runtime.write_json(given.out, facts)  # whatever happens to the next row
    if REFERENCE in measured:
        for title, row in measured.items():
            if title != REFERENCE:
                print(f"{title}: {row['times_reference']:.2f} times the reference's images/s", end="")
                print("" if toy else f", {LOGGED / row['minutes']:.1f} times as fast as users log", flush=True)
    if not toy:
        print(f"bar: {BAR:.0f} minutes on one H200; users log {LOGGED / 60:.1f} h")
        print(*facts["verdict"], sep="\n")
    print(f"written: {given.out}")


def profiled(given: argparse.Namespace, title: str, chosen: method.Recipe, recipe: method.Recipe) -> int:
    """How many steps of a row to profile: of both schedules as the profile has them, and compiled."""
    wanted = given.profile and (chosen.compute == recipe.compute or chosen.compute.compile) and title != REFERENCE
    return PROFILED if wanted else 0


def line(title: str, row: Row) -> str:
    """One row of the table."""
    busy = "not measured" if row["utilisation_percent"] is None else f"{row['utilisation_percent']:.0f} %"
    memory = "" if row["peak_memory_gb"] is None else f", {row['peak_memory_gb']:.1f} GB"
    return (
        f"{title:<52} {row['images_a_second']:8.0f} images/s {row['seconds_an_epoch']:7.2f} s an epoch "
        f"({row['of_them_checkpoint']:.2f} s checkpoint) {row['minutes']:7.1f} min in all, GPU busy {busy}{memory}"
        f"{profile_line(row)}"
    )


def profile_line(row: Row) -> str:
    """What the profile says, and how many images the row had."""
    told = f", of {row['images']} images"
    if profile := row.get("profile"):
        share = profile["device_busy_percent"]
        told += "; profiled: " + ("no device" if share is None else f"busy {share:.0f} % of {profile['steps']} steps")
    return told


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu goes with --toy alone")
    arguments.add_argument("--toy", action="store_true", help="a toy network and 48 images: that the script runs")
    arguments.add_argument("--compile", action="store_true", help="add rows for ours compiled: minutes to build")
    arguments.add_argument("--deterministic-too", action="store_true", help="with --compile: deterministic ones too")
    arguments.add_argument("--profile", action="store_true", help="profile some steps of both schedules")
    arguments.add_argument("--minutes", type=float, help="end by then: shrink or leave out rows")
    arguments.add_argument("--only", help="rows whose title holds this")
    arguments.add_argument("--epochs", type=int, default=3, help="timed epochs a row")
    arguments.add_argument("--images", type=int, default=IMAGES, help="images of the random set")
    arguments.add_argument("--out", type=Path, default=Path("reports/benchmarks/gpu_training.json"), help="the JSON")
    given = arguments.parse_args()
    if given.device == "cpu" and not given.toy:
        arguments.error("--device cpu: the paper's network takes hours an epoch there; add --toy")
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device: nothing measured (`--device cpu --toy` shows that the script runs)")
    else:
        main(given)
