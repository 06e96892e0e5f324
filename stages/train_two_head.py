"""Train the two-head network (ROB313) on a re-ID set's training people.

Decision: what all systems' trainings share is in training/reid.py; this is the order of the calls.
"""

from pathlib import Path

from sanreid import process_group, runtime
from sanreid.models.two_head import TwoHead
from sanreid.params import run
from sanreid.training import loop, reid, two_head


class Params(two_head.Recipe):
    """Section `train_two_head`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `images` holds the set's table, `start` the weights that the network starts from (reid.start).
    """
    reid.check(p, "train_two_head")
    runtime.prepare(seed)
    people = reid.read(images, p.network.size)
    model = TwoHead(p.network, people.count)
    begun = reid.start(model, p.network, start)
    step = two_head.Step(loop.place(model, p.compute, runtime.device()), people, p)
    reid.train(step, p, begun, system="two_head", seed=seed, people=people, images=images, out=out)


if __name__ == "__main__":
    run(main, process_group.launch)
