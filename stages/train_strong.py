"""Train the strong baseline (BNNeck, Luo et al. 2019) on a re-ID set's training people.

Decision: what all systems' trainings share is in training/reid.py; this is the order of the calls.
"""

from pathlib import Path

from sanreid import process_group, runtime
from sanreid.models.strong import Strong
from sanreid.params import run
from sanreid.training import loop, reid, strong


class Params(strong.Recipe):
    """Section `train_strong`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `images` holds the set's table, `start` the weights that the network starts from (reid.start).
    """
    reid.check(p, "train_strong")
    runtime.prepare(seed)
    people = reid.read(images, p.network.size)
    model = Strong(p.network, people.count)
    begun = reid.start(model, p.network, start)
    step = strong.Step(loop.place(model, p.compute, runtime.device()), people, p)
    reid.train(step, p, begun, system="strong", seed=seed, people=people, images=images, out=out)


if __name__ == "__main__":
    run(main, process_group.launch)
