"""SAN's training step on the CPU: `joint` beside the released order made legal, at the demo's size.

The claim: one backward of the weighted sum trains at least 1.4 times the images a second of the two backwards and two
optimizers of the released order, in the released code's layout of memory (a GPU's figures: gpu_training.py).

    python benchmarks/training.py [--steps 6]
"""

import argparse
from pathlib import Path

import measuring
import torch

from sanreid import params, runtime
from sanreid.models import san as network
from sanreid.params import validate
from sanreid.training import loop, san

DEMO = Path(__file__).parent.parent / "profiles" / "demo.yaml"
PEOPLE, IMAGES = 16, 4


def step(schedule: str, channels_last: bool) -> san.Step:
    """A step of the demo's recipe by `schedule`, all four losses on, over random pictures."""
    values = params.read(DEMO)
    section = values["train_san"]
    section |= {"schedule": schedule, "compute": section["compute"] | {"channels_last": channels_last}}
    plan = validate(section, san.Plan, "train_san")
    arch = validate(values["san"], network.Architecture, "san")
    random = torch.Generator().manual_seed(0)

    def pictures(height: int, width: int) -> torch.Tensor:
        shape = (2 * PEOPLE * IMAGES, height, width, 3)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random).permute(0, 3, 1, 2)

    labels = torch.arange(2 * PEOPLE * IMAGES) // IMAGES
    data = san.People(pictures(*arch.size), pictures(arch.texture, arch.texture), labels)
    torch.manual_seed(0)
    model = loop.place(network.create(arch, 2 * PEOPLE), plan.compute, runtime.device())
    recipe = san.Recipe(**{k: getattr(plan, k) for k in san.Recipe.model_fields})
    mirror = torch.arange(arch.texture**2)
    made = san.Step(model.train(), data, recipe, plan.variant("san"), mirror)
    for optimisation in made.optimisations.values():
        optimisation.at(0, 0.5)
    return made


def main(repeats: int) -> None:
    """Measure, print, record."""
    runtime.prepare(0)
    generator = torch.Generator().manual_seed(0)
    steps = step("joint", channels_last=True), step("alternating", channels_last=False)
    batch = torch.arange(PEOPLE * IMAGES)
    works = [lambda made=made: made(batch, generator) for made in steps]
    for work in works:
        work()
    joint, alternating = measuring.alternating(repeats, *works)
    times = 1 / measuring.ratio(joint, alternating)
    rates = [len(batch) / min(seconds) for seconds in (joint, alternating)]
    print(f"joint {rates[0]:.1f} images/s, the released order made legal {rates[1]:.1f} images/s")
    print(f"ratio: {times:.2f} times faster (bar 1.4)")
    measuring.record(
        "SAN's training step, demo size",
        scale=f"batch {len(batch)}",
        ours_s=min(joint),
        reference="two backwards, two optimizers",
        reference_s=min(alternating),
        times_faster=times,
        bar="at least 1.4 times faster",
        extra_mb=None,
        told=f"{rates[0]:.0f} images/s",
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=6, help="timed steps of each schedule, in turn")
    main(arguments.parse_args().steps)
