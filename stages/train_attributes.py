"""Train the attribute classifier on Market-1501's training people, until the validation people stop gaining.

Decision: split `test` is not touched; `val` decides the epoch whose weights are kept, so what evaluate_attributes finds
on it is a little too good.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import attribute_labels
from sanreid.models.attributes import AttributeClassifier
from sanreid.params import run
from sanreid.training import attributes, loop, reid


class Params(attributes.Recipe):
    """Section `train_attributes`."""


def main(market: Path, labels: Path, start: Path, seed: int, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    `market` holds the extracted Market-1501, `labels` what extract_attributes wrote, `start` the weights that
    the network starts from (reid.start).
    """
    people, held_out = (attributes.read(market, labels, split, p.network.size) for split in ("train", "val"))
    attributes.check(p, people, "train_attributes")
    runtime.prepare(seed)
    model = AttributeClassifier(p.network, attributes.CLASSES)
    begun = reid.start(model, p.network, start)
    begun = begun._replace(files=[*begun.files, labels / attribute_labels.WEIGHTS])
    placed = loop.place(model, p.compute, runtime.device())
    step = attributes.Step(placed, people, held_out, attribute_labels.class_weights(labels), p)
    stop = loop.EarlyStop(attributes.WATCHED, p.patience)
    given = {"seed": seed, "people": people, "held_out": held_out, "images": market, "out": out}
    reid.train(step, p, begun, system="attributes", stop=stop, **given)


if __name__ == "__main__":
    run(main)
