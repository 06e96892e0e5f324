"""Train the attribute classifier on Market-1501's training people, with early stopping on the validation people.

Decision: split `test` is not used; `val` decides which epoch's weights are kept, so the scores that evaluate_attributes
measures on `val` are slightly optimistic.
"""

from pathlib import Path

from sanreid.data import attribute_labels
from sanreid.models.attributes import AttributeClassifier
from sanreid.params import run
from sanreid.training import attributes, loop, systems


class Params(attributes.Recipe):
    """Section `train_attributes`."""


def main(market: Path, labels: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `market` is the extracted Market-1501, `labels` the folder that extract_attributes wrote, `start` has the weights
    that the network starts from (reid.start).
    """
    held_out = attributes.read(market, labels, "val", p.network.size)
    systems.train(
        *("attributes", p, market, start, seed, out),
        people=lambda: attributes.read(market, labels, "train", p.network.size),
        check=lambda people: attributes.check(p, people, "train_attributes"),
        network=lambda _: AttributeClassifier(p.network, attributes.CLASSES),
        step=lambda model, people: attributes.Step(model, people, held_out, attribute_labels.class_weights(labels), p),
        also=[labels / attribute_labels.WEIGHTS],
        held_out=held_out,
        stop=loop.EarlyStop(attributes.WATCHED, p.patience),
    )


if __name__ == "__main__":
    run(main)
