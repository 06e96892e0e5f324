"""Train AlignedReID (Zhang et al. 2017) on a set's training people: one network, or several with mutual learning."""

from pathlib import Path

from sanreid import process_group
from sanreid.models.aligned import Cohort
from sanreid.params import run
from sanreid.training import aligned, systems


class Params(aligned.Plan):
    """Section `train_aligned`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    The weights are the first network's; those of the others have names that begin with `peers`. `images` has the set's
    table, `start` the weights that the networks start from (reid.start).
    """
    systems.train(
        *("aligned", p, images, start, seed, out),
        network=lambda people: Cohort(p.network, people, p.networks),
        step=lambda cohort, people: aligned.Step(cohort, people, p),
        check=lambda people: aligned.check(p, people.labels, "train_aligned"),
        begin=lambda cohort, folder: aligned.start(cohort, p, folder),
    )


if __name__ == "__main__":
    run(main, process_group.launch)
