"""Train AlignedReID (Zhang et al. 2017) on a re-ID set's training people: one network, or more that teach each other.

Decision: what all systems' trainings share is in training/reid.py; this is the order of the calls.
"""

from pathlib import Path

from sanreid import process_group, runtime
from sanreid.models.aligned import Cohort
from sanreid.params import run
from sanreid.training import aligned, loop, reid


class Params(aligned.Plan):
    """Section `train_aligned`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    The weights are the first network's, and its peers' below `peers`. `images` holds the set's table,
    `start` the weights that the networks start from (reid.start).
    """
    people = reid.read(images, p.network.size)
    aligned.check(p, people.labels, "train_aligned")
    runtime.prepare(seed)
    cohort = Cohort(p.network, people.count, p.networks)
    begun = aligned.start(cohort, p, start)
    step = aligned.Step(loop.place(cohort, p.compute, runtime.device()), people, p)
    reid.train(step, p, begun, system="aligned", seed=seed, people=people, images=images, out=out)


if __name__ == "__main__":
    run(main, process_group.launch)
