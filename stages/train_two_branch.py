"""Train a variant of the two-branch network on a re-ID set's training people, a few of whom are held out for early
stopping.

Decision: the held-out people are chosen by the run's seed, and are ranked in the same way as the test people.
"""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from sanreid import process_group
from sanreid.data import index
from sanreid.evaluation import features, ranking
from sanreid.models.two_branch import TwoBranch
from sanreid.params import run
from sanreid.training import holdout, loop, reid, systems, two_branch
from sanreid.training.error_context import in_section

LOOK = 128  # held-out images at a time; affects speed and memory only


class Params(two_branch.Plan):
    """Section `train_two_branch`."""


def main(images: Path, start: Path, variant: str, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors (the best epoch's), params.json, history.csv, load_report.json, training.json.

    `images` holds the set's table, `start` the weights that the network starts from (reid.start).
    """
    v = p.variant(variant)
    recipe = two_branch.Recipe(**{k: getattr(p, k) for k in two_branch.Recipe.model_fields})
    table = index.of_split(index.read(images), "train", images)
    with in_section(two_branch.SECTION):
        parts = holdout.split(table, p.validation.share, seed)
    systems.train(
        *("two_branch", recipe, images, start, seed, out),
        people=lambda: reid.decode(images, parts.train, p.network.size),
        network=lambda people: TwoBranch(p.network, people),
        begin=lambda model, folder: begin(model, p, folder),
        step=lambda model, people: two_branch.Step(model, people, recipe, v, ranked(images, parts, p.network.size)),
        stop=loop.EarlyStop(two_branch.VALIDATION, p.validation.patience, "greater"),
        variant=variant,
        settings=v,
    )


def begin(model: TwoBranch, p: Params, folder: Path) -> reid.Start:
    """Load the starting weights into the trunk, and copy its stage 4 into the max branch."""
    begun = reid.start(model, p.network, folder)
    if p.network.initialise != "scratch":
        model.copy_stage()
    return begun


def ranked(images: Path, parts: holdout.Parts, size: tuple[int, int]) -> Callable[[nn.Module], float]:
    """A function that measures a network's mAP on the held-out people."""
    pictures = reid.decode(images, parts.validation, size).images

    def measure(model: nn.Module) -> float:
        query, gallery = features.split(features.extract(model, pictures, LOOK), parts.validation)
        return ranking.evaluate(query, gallery).mean_average_precision

    return measure


if __name__ == "__main__":
    run(main, process_group.launch)
