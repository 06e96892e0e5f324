"""Train one classifier of digits: the perceptron, or a ResNet-18 with a one-channel stem."""

from pathlib import Path

from sanreid import runtime
from sanreid.data import digits
from sanreid.models import digit_classifiers
from sanreid.params import run
from sanreid.training import digit_classifier, digit_training
from sanreid.training.error_context import in_section


class Params(digit_classifier.Plan):
    """Section `train_mnist_classifier`."""


def main(images: Path, model: str, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv and training.json.

    `images` is the folder that extract_mnist wrote, `model` a name under `models` of the section.
    """
    chosen, recipe = p.model(model, "mnist.models"), p.recipe
    digit_training.prepare(recipe.seed)
    everything = digits.read(images)
    network = digit_training.place(digit_classifiers.build(chosen.network), recipe.compute, runtime.device())
    with in_section(digit_classifier.SECTION):
        step = digit_classifier.Step(network, everything, recipe)
    settings = digit_classifier.settings(recipe, model, chosen)
    digit_training.train(step, settings, images, out, epochs=chosen.epochs, seed=recipe.seed)


if __name__ == "__main__":
    run(main)
