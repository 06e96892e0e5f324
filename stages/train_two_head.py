"""Train the two-head network (ROB313) on a re-ID set's training people."""

from pathlib import Path

from sanreid import process_group
from sanreid.models.two_head import TwoHead
from sanreid.params import run
from sanreid.training import systems, two_head


class Params(two_head.Recipe):
    """Section `train_two_head`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `images` holds the set's table, `start` the weights that the network starts from (reid.start).
    """
    systems.train(
        *("two_head", p, images, start, seed, out),
        network=lambda people: TwoHead(p.network, people),
        step=lambda model, people: two_head.Step(model, people, p),
    )


if __name__ == "__main__":
    run(main, process_group.launch)
