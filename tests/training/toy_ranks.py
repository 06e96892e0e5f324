"""A command that several ranks can share: `python toy_ranks.py OUT [TROUBLE]`, run by test_distributed.py.

It trains each of `RUNS` for two epochs and leaves OUT/<run>/{weights.safetensors, history.csv, gradients.safetensors},
the gradients being those of the first step; or it runs into the trouble that is named.
"""

import os
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sanreid import params, ranks, runtime
from sanreid.data import augment
from sanreid.models.aligned import Cohort
from sanreid.models.san import SAN
from sanreid.models.strong import Strong
from sanreid.training import aligned, distributed, loop, reid, san, san_pg, strong
from tests.stages import toy_san as toy
from tests.training import test_aligned, test_san, test_san_pg, test_strong

MIRROR = augment.mirror_index(toy.mirror_map(), toy.SIDE)
NOISY = {**toy.AUGMENT, "erase_probability": 0.5}
SLOW = {**toy.OPTIMISER, "lr": 1e-4, "schedule": "constant"}  # Adam makes large steps of small gradients' rounding
PK = {"people": 4, "images": 2, "augment": NOISY, "optimiser": SLOW}


def pictures(count: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, *shape), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)


def of_san(schedule: str, scheme: str) -> loop.Step:
    labels = torch.arange(24) // 4
    data = san.People(pictures(24, toy.HEIGHT, toy.WIDTH), pictures(24, toy.SIDE, toy.SIDE), labels)
    r = test_san.recipe(schedule=schedule, texture_optimiser=SLOW, **PK)
    model = loop.place(SAN(toy.architecture(), people=6), r.compute, runtime.device())
    return san.Step(model, data, r, test_san.variant(scheme=scheme), MIRROR)


def of_san_pg() -> loop.Step:
    weights = {"reconstruction": 1.0, "structure": 0.5}
    r = test_san_pg.recipe(hidden_weight=0.1, augment=NOISY, optimiser=SLOW, weights=weights)
    model = loop.place(SAN(toy.architecture(), people=1), r.compute, runtime.device())
    return san_pg.Step(model, test_san_pg.pairs(), r, MIRROR, held_out=test_san_pg.pairs())


def people() -> reid.People:
    return reid.People(pictures(24, toy.HEIGHT, toy.WIDTH), torch.arange(24) // 4, 6)


def of_strong() -> loop.Step:
    r = test_strong.recipe(**PK)
    return strong.Step(loop.place(Strong(r.network, 6), r.compute, runtime.device()), people(), r)


def of_aligned() -> loop.Step:
    p = test_aligned.plan(weights={"mutual_local": 0.5}, losses={"local_samples": "own"}, **PK)
    model = loop.place(Cohort(p.network, people=6, count=2), p.compute, runtime.device())
    return aligned.Step(model, people(), p)


RUNS = {
    "san_joint": lambda: of_san("joint", "paper"),
    "san_alternating": lambda: of_san("alternating", "batch"),
    "san_pg": of_san_pg,
    "strong": of_strong,
    "aligned": of_aligned,
}


def train(out: Path) -> None:
    """All runs, each from the same start."""
    with distributed.together():
        for name, make in RUNS.items():
            torch.manual_seed(0)
            step = make()
            step.model.train()
            for optimisation in step.optimisations.values():
                optimisation.at(0, 0.0)
            before = {k: v.clone() for k, v in step.model.state_dict().items()}
            step(step.batches(0, 0)[0], torch.Generator().manual_seed(0))
            gradients = {n: p.grad.clone() for n, p in step.model.named_parameters() if p.grad is not None}
            step = None
            torch.manual_seed(0)
            step = make()
            assert all(torch.equal(v, before[k]) for k, v in step.model.state_dict().items())
            path = loop._fit(step, 2, 7, f"{out.name}_{name}", name, None, None).history
            if ranks.first():
                (out / name).mkdir(parents=True)
                save_file(gradients, out / name / "gradients.safetensors")
                save_file(
                    {k: v.contiguous() for k, v in step.model.state_dict().items()}, out / name / "weights.safetensors"
                )
                (out / name / "history.csv").write_bytes((path or Path()).read_bytes())


def main(out: Path, trouble: str = "") -> None:
    """Train, or run into `trouble`."""
    if trouble == "":
        train(out)
    if ranks.rank() == 1:
        if trouble == "error":
            raise ValueError("rank 1 cannot read its file")
        if trouble == "killed":
            os.kill(os.getpid(), 9)
    if trouble == "nan":
        step = RUNS["strong"]()
        with torch.no_grad():
            if ranks.rank() == 1:  # its pictures alone
                step.people.images  # noqa: B018
    if trouble:
        with distributed.together(), runtime.atomic_folder(out):
            (out.with_name(f"begun{ranks.rank()}")).touch()
            distributed.from_first(lambda: time.sleep(60))


if __name__ == "__main__":
    params.run(main, ranks.launch)
