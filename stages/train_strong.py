"""Train the strong baseline (BNNeck, Luo et al. 2019) on a re-ID set's training people."""

from pathlib import Path

from sanreid import process_group
from sanreid.models.strong import Strong
from sanreid.params import run
from sanreid.training import strong, systems


class Params(strong.Recipe):
    """Section `train_strong`."""


def main(images: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `images` holds the set's table, `start` the weights that the network starts from (reid.start).
    """
    systems.train(
        *("strong", p, images, start, seed, out),
        network=lambda people: Strong(p.network, people),
        step=lambda model, people: strong.Step(model, people, p),
    )


if __name__ == "__main__":
    run(main, process_group.launch)
