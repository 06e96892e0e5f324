"""A command that several ranks can share: `python toy_ranks.py --out OUT [--trouble NAME]`, run by test_distributed.py.

It trains each of `runs()` for two epochs and leaves OUT/<run>/{weights,start,gradients}.safetensors and history.csv,
the gradients being those of a first step; or it runs into the trouble that is named.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sanreid import params, process_group, runtime  # noqa: E402

if TYPE_CHECKING:
    from sanreid.training import loop

EPOCHS = 2


def runs() -> "Mapping[str, Callable[[], loop.Step]]":
    """The steps by name; each has another loss, schedule or number of networks."""
    import torch

    from sanreid.data import augment
    from sanreid.models.aligned import Cohort
    from sanreid.models.san import SAN
    from sanreid.models.strong import Strong
    from sanreid.training import aligned, loop, reid, san, san_pg, strong
    from tests.stages import toy_san as toy
    from tests.training import test_aligned, test_san, test_san_pg, test_strong

    device = runtime.device()
    mirror = augment.mirror_index(toy.mirror_map(), toy.SIDE)
    # Adam makes whole steps of gradients that are rounding alone, so the steps are small
    slow = {**toy.OPTIMISER, "lr": 1e-4, "schedule": "constant"}
    noisy = {"augment": {**toy.AUGMENT, "erase_probability": 0.5}, "optimiser": slow}
    pk = {"people": 4, "images": 2, **noisy}
    random = torch.Generator().manual_seed(2)
    pictures = torch.randint(0, 256, (24, 3, toy.HEIGHT, toy.WIDTH), generator=random, dtype=torch.uint8)
    textures = torch.randint(0, 256, (24, 3, toy.SIDE, toy.SIDE), generator=random, dtype=torch.uint8)
    labels = torch.arange(24) // 4
    people = reid.People(pictures, labels, 6)

    def of_san(schedule: str, scheme: str) -> loop.Step:
        r, v = test_san.recipe(schedule=schedule, texture_optimiser=slow, **pk), test_san.variant(scheme=scheme)
        model = loop.place(SAN(toy.architecture(), people=6), r.compute, device)
        return san.Step(model, san.People(pictures, textures, labels), r, v, mirror)

    def of_san_pg() -> loop.Step:
        weights = {"reconstruction": 1.0, "structure": 0.5}
        r = test_san_pg.recipe(hidden_weight=0.1, weights=weights, **noisy)
        model = loop.place(SAN(toy.architecture(), people=1), r.compute, device)
        return san_pg.Step(model, test_san_pg.pairs(), r, mirror, held_out=test_san_pg.pairs())

    def of_strong() -> loop.Step:
        r = test_strong.recipe(**pk)
        return strong.Step(loop.place(Strong(r.network, 6), r.compute, device), people, r)

    def of_aligned() -> loop.Step:
        p = test_aligned.plan(weights={"mutual_local": 0.5}, losses={"local_samples": "own"}, **pk)
        return aligned.Step(loop.place(Cohort(p.network, people=6, count=2), p.compute, device), people, p)

    return {
        "san_joint": lambda: of_san("joint", "paper"),
        "san_alternating": lambda: of_san("alternating", "batch"),
        "san_pg": of_san_pg,
        "strong": of_strong,
        "aligned": of_aligned,
    }


def train(out: Path) -> None:
    """All runs, each of them from the same start as in another process."""
    import torch
    from safetensors.torch import save_file

    from sanreid.training import distributed, loop

    def make(build: Callable[[], loop.Step]) -> loop.Step:
        torch.manual_seed(0)
        step = build()
        step.model.train()
        for optimisation in step.optimisations.values():
            optimisation.at(0, 0.0)
        return step

    with distributed.together():
        for name, build in runs().items():
            step = make(build)
            start = {k: v.clone().contiguous() for k, v in step.model.state_dict().items()}
            step(step.batches(0, 0)[0], torch.Generator().manual_seed(0))
            gradients = {n: p.grad for n, p in step.model.named_parameters() if p.grad is not None}
            again = make(build)
            history = loop._fit(again, EPOCHS, 7, f"{out.name}-{name}", name, None, None).history
            if process_group.first():
                (out / name).mkdir(parents=True)
                weights = {k: v.contiguous() for k, v in again.model.state_dict().items()}
                for what, values in (("start", start), ("gradients", gradients), ("weights", weights)):
                    save_file({k: v.cpu() for k, v in values.items()}, out / name / f"{what}.safetensors")
                (out / name / "history.csv").write_bytes(history.read_bytes())


def main(out: Path, trouble: str = "") -> None:
    """Train, or run into `trouble`: `nan` or `killed`."""
    if not trouble:
        train(out)
        return
    from sanreid.training import distributed, loop

    if trouble == "nan":
        step = runs()["strong"]()
        if process_group.rank() == 1:
            next(step.model.parameters()).data.fill_(float("nan"))
        loop.fit(step, epochs=1, seed=0, run="nan", name="nan")
    else:
        with distributed.together(), runtime.atomic_folder(out.with_name(f"{out.name}{process_group.rank()}")):
            if process_group.rank() == 1:
                os.kill(os.getpid(), 9)
            distributed.from_first(lambda: time.sleep(60))


if __name__ == "__main__":
    params.run(main, process_group.launch)
