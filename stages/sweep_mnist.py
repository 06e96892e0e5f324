"""Train one cell of a hyperparameter grid: a digit classifier with the learning rate, weight decay and batch size that
the cell's name gives.
"""

from collections.abc import Callable
from pathlib import Path

from sanreid import runtime
from sanreid.bounds import Epochs, Name
from sanreid.data import digits
from sanreid.models import digit_classifiers
from sanreid.params import Section, run
from sanreid.training import checkpoint, digit_cells, digit_classifier, digit_training, loop


class Params(Section):
    """Section `sweep_mnist`."""

    model: Name
    epochs: Epochs


def main(images: Path, cell: str, out: Path, p: Params, train_mnist_classifier: digit_classifier.Plan) -> None:
    """`out` gets metrics.json (test accuracy, and where it diverged) and history.csv of the completed epochs.

    `images` is the folder that extract_mnist wrote; seed, momentum and networks are those of train_mnist_classifier.
    """
    train(lambda: digits.read(images), images, cell, out, p, train_mnist_classifier)


def train(
    read: Callable[[], digits.Digits],
    images: Path,
    cell: str,
    out: Path,
    p: Params,
    plan: digit_classifier.Plan,
    hasten: Callable[[digit_classifier.Step], loop.Step] = lambda step: step,
) -> None:
    """As `main`; `read` returns the digits of folder `images`, and `hasten` may wrap the step (as a CUDA graph)."""
    asked = digit_cells.parse(cell)
    chosen = plan.model(p.model, "sweep_mnist.model").model_copy(update={"epochs": p.epochs})
    sgd = plan.optimiser.model_copy(update={"lr": asked.lr, "weight_decay": asked.weight_decay})
    recipe = plan.recipe.model_copy(update={"batch": asked.batch, "optimiser": sgd})
    digit_training.prepare(recipe.seed)
    everything = read()
    network = digit_training.place(digit_classifiers.build(chosen.network), recipe.compute, runtime.device())
    try:
        step = digit_classifier.Step(network, everything, recipe)
    except ValueError as error:
        raise ValueError(f"mnist.cells: '{cell}': {error}") from None
    settings = digit_classifier.settings(recipe, p.model, chosen)
    key = digit_training.run_key(step, settings, images)
    name = "/".join(out.parts[-3:])
    with checkpoint.owned(key, name):
        diverged, took = None, {"seconds": 0.0, "epochs": 0}
        try:
            took = loop.fit(hasten(step), epochs=p.epochs, seed=recipe.seed, run=key, name=name).record(
                step.device.type
            )
        except loop.NonFiniteLossError as error:
            diverged = str(error)
            runtime.log.info("%s: diverged, which is its result: %s", cell, diverged)
            if whole := checkpoint.load_state(key, step.device):
                took = {"seconds": round(sum(whole["seconds"]), 1), "epochs": len(whole["seconds"])}
        metrics = {
            "accuracy": step.validate()[digit_classifier.TESTED],
            "diverged": diverged,
            "tested": len(step.tested.labels),
            "trained": len(step.labels),
            **checkpoint.resolved(settings),
        }
        with runtime.atomic_folder(out) as work:
            runtime.write_json(work / "metrics.json", metrics)
            (work / "history.csv").write_bytes((checkpoint.folder(key) / "history.csv").read_bytes())
            runtime.write_json(work / "training.json", took)


if __name__ == "__main__":
    run(main)
