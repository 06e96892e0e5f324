"""`sanreid same`: do two pictures show the same person?"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sanreid.cli import given

if TYPE_CHECKING:
    from sanreid.search.same import Answer


def same(
    pictures: Annotated[list[str], typer.Argument(metavar="A B", help="Two pictures.")],
    model: given.ModelFolder = None,
    rate: Annotated[float, typer.Option(help="The false-accept rate of the threshold: 0.01, 0.001 or 0.0001.")] = 0.001,
    prior: Annotated[
        float, typer.Option(help="Share of such pairs that show one person: what the probability assumes.")
    ] = 0.5,
    calibration: Annotated[
        Path | None, typer.Option(help="A calibration.json or verification.json. [default: the model folder's]")
    ] = None,
    device: given.Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Tell how probable it is that two pictures show the same person.

    The probability and the threshold are calibrated on people whom the network was not trained on; without `--prior`
    the probability is for a pair that is as likely one person as two. On people and cameras unlike those it errs more:
    calibrate on your own. The exit status is 0 whatever the answer.

    **Examples**

    - `sanreid same a.jpg b.jpg`
    - `sanreid same a.jpg b.jpg --rate 0.0001 --prior 0.01 --json`
    """
    if len(pictures) != 2:
        raise typer.BadParameter(f"{len(pictures)} given; name two pictures", param_hint="A B")
    if not 0 < prior < 1:
        raise typer.BadParameter(f"{prior}: between 0 and 1", param_hint="--prior")
    paths = given.pictures(pictures)
    if len(paths) != 2:
        raise ValueError(f"{' '.join(pictures)}: {len(paths)} pictures; two are compared")
    from sanreid.api import SHIPPED, Model
    from sanreid.search import same as comparison

    network = Model.load(model, device)
    known = comparison.find(network.folder, calibration)
    first, second = network.embed(paths)
    found = comparison.answer(first, second, known, rate, prior)
    if as_json:
        names = {"a": given.called(paths[0]), "b": given.called(paths[1])}
        print(json.dumps(names | {"model": network.name} | asdict(found), indent=2))
        return
    print(f"{verdict(found)}: probability {found.probability:.3f} of one (prior {prior:g})")
    print(f"similarity {found.similarity:.4f}, threshold {found.threshold:.4f}")
    print(
        f"the threshold took {100 * found.false_accept_rate:.3g} % of pairs of two people and "
        f"{100 * found.true_accept_rate:.3g} % of pairs of one person, of {known.people} people held out"
    )
    if calibration is None and network.folder == SHIPPED.resolve():
        print(
            "those people were rendered, and photographs are harder: `sanreid calibrate FOLDER -o mine.json` and "
            "--calibration mine.json go by people of your own",
            file=sys.stderr,
        )


def verdict(found: "Answer") -> str:
    """The answer in words; what is probable and yet below the threshold is called neither one person nor two."""
    if found.same:
        return "the same person"
    return "two people" if found.probability < 0.5 else "perhaps the same person, below the threshold"
