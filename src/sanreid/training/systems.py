"""How every re-ID system is trained: its section checked, its people read, its network started, its step fitted.

Decisions: a system is a network and a step, and its stage says which; the order of the calls is here, so that seeds are
set, keys checked and weights loaded alike. A new system is a model file, a step file, its section, and a stage as short
as stages/train_strong.py. What differs otherwise (people held out, networks that teach each other) is an argument.
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
    """Train by `recipe` (section train_<system>, with `network`) on the set `images`; `out` is of `reid.train`.

    `network` gives the one for so many persons, `step` its update once it is on the device. `people` reads others than
    the set's training people, `check` refuses a recipe that they cannot fill, `begin` fills the network from the folder
    `start` otherwise than `reid.start`, `also` are further files that decide the result; `more` goes to `reid.train`.
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
