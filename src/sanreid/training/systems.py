"""Trains any re-ID system: checks its section, reads the people, loads the starting weights, and runs its step.

Decisions: a system is a network and a step, given by its stage; the order of the calls is here, so that seeds are set,
keys checked and weights loaded in the same way for all. A new system needs a model file, a step file, its section, and
a stage as short as stages/train_strong.py. Further differences (held-out people, mutual learning) are arguments.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from sanreid import runtime
from sanreid.training import loop, reid
from sanreid.training.reid import People


def train(
    system: str,
    recipe: Any,
    images: Path,
    start: Path,
    seed: int,
    out: Path,
    *,
    network: Callable[[int], Any],
    step: Callable[[Any, People], loop.Step],
    people: Callable[[], People] | None = None,
    check: Callable[[People], None] | None = None,
    begin: Callable[[Any, Path], reid.Start] | None = None,
    also: Sequence[Path] = (),
    **more: Any,
) -> None:
    """Train by `recipe` (section train_<system>, with `network`) on the set `images`; for `out` see `reid.train`.

    `network(people)` makes the network for that number of people, `step(model, people)` its training step. Optional:
    `people()` returns other people than the set's training people; `check(people)` raises for an impossible recipe;
    `begin(model, start)` loads the starting weights in another way than `reid.start`; `also` are further files that
    determine the result; `more` is passed to `reid.train`.
    Raises ValueError or FileNotFoundError naming the key or file, before any training.
    """
    reid.check(recipe, f"train_{system}")
    given = people() if people else reid.read(images, recipe.network.size)
    if check:
        check(given)
    runtime.prepare(seed)
    model: nn.Module = network(given.count)
    begun = begin(model, start) if begin else reid.start(model, recipe.network, start)
    begun = begun._replace(files=[*begun.files, *also])
    made = step(loop.place(model, recipe.compute, runtime.device()), given)
    reid.train(made, recipe, begun, system=system, seed=seed, people=given, images=images, out=out, **more)
