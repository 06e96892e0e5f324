"""What benchmarks/gpu_training.py measures: the paper profile's recipe and its changes, in which order, by which bar.

Decisions: the rows of the profile's own settings come first and have the larger share of a limited time, since the bar
is about them; what torch must build first comes last, since nobody knows how long that takes.
"""

from pathlib import Path
from typing import Any

from sanreid import params
from sanreid.models import san as network
from sanreid.params import validate
from sanreid.training import optim
from sanreid.training import san as method

BAR, LOGGED, BUSY = 30.0, 8.5 * 60, 90.0  # minutes, minutes, percent
PROFILE = Path(__file__).parent.parent / "profiles" / "paper.yaml"
TOY = {"backbone": "resnet18", "width": 4, "fc": 8, "height": 32, "width_px": 16, "texture": 32}
TOY |= {"decoder_channels": [8, 8, 8, 4, 4]}
FIRST, SLOWER, BUILD = 3.0, 5.0, 25.0  # weight of a first row; float32 over bfloat16; seconds, with a filled cache
REFERENCE = "reference: alternating, float32"
Row = dict[str, Any]


def settings(toy: bool) -> tuple[method.Recipe, method.Variant, network.Architecture, int]:
    """The paper profile's, and all its epochs.

    Without ImageNet's weights, which change no time, and without the warm-up, whose plain Adam is a little cheaper.
    """
    values = params.read(PROFILE)
    section = values["train_san"]
    published = validate(section["optimiser"], optim.Optimiser, f"{PROFILE}: train_san.optimiser")
    plain = {**section["optimiser"], "warm_up": {"kind": "none", "epochs": 0, "start": 1.0, "factor": 1.0}}
    section |= {"optimiser": plain, **({"people": 3, "images": 2} if toy else {})}
    recipe = validate({k: section[k] for k in method.Recipe.model_fields}, method.Recipe, f"{PROFILE}: train_san")
    variant = validate(section["variants"]["san"], method.Variant, f"{PROFILE}: train_san.variants.san")
    shape = {**values["san"], "pretrained": "none", **(TOY if toy else {})}
    arch = validate(shape, network.Architecture, f"{PROFILE}: san")
    return recipe, variant, arch, recipe.epochs + optim.extra_epochs(published)


def rows(recipe: method.Recipe, with_compile: bool, deterministic_too: bool = False) -> dict[str, method.Recipe]:
    """What is measured: name -> recipe. Ours as the profile has it, then with other settings, then the reference."""

    def change(schedule: str, **compute: Any) -> method.Recipe:
        settled = recipe.compute.model_copy(update=compute)
        return recipe.model_copy(update={"schedule": schedule, "compute": settled})

    kinds = ("joint", "alternating")
    found = {f"{kind}, bfloat16": change(kind) for kind in kinds}
    found |= {f"{kind}, bfloat16, not deterministic": change(kind, deterministic=False) for kind in kinds}
    if with_compile:
        fast = {"compile": True, "deterministic": False}
        found |= {f"{kind}, bfloat16, not deterministic, compiled": change(kind, **fast) for kind in kinds}
        if deterministic_too:
            found |= {f"{kind}, bfloat16, compiled": change(kind, compile=True) for kind in kinds}
    return found | {REFERENCE: change("alternating", precision="float32", deterministic=False)}


def order(found: dict[str, method.Recipe], hurried: bool, only: str | None) -> dict[str, method.Recipe]:
    """The rows in the order of measuring: those that contain `only`; in a hurry those that must be built come last."""
    kept = {title: recipe for title, recipe in found.items() if only is None or only in title}
    return dict(sorted(kept.items(), key=lambda item: item[1].compute.compile)) if hurried else kept


def weight(recipe: method.Recipe) -> float:
    """The row's share of the time: the profile's own settings are what the bar is about."""
    compute = recipe.compute
    return FIRST if compute.deterministic and not compute.compile and compute.precision == "bfloat16" else 1.0


def verdict(measured: dict[str, Row]) -> list[str]:
    """Of each schedule the fastest row, beside the bars of time and of the GPU's use: a line each."""
    told = []
    for kind in ("joint", "alternating"):
        mine = {title: row for title, row in measured.items() if title.startswith(kind)}
        if not mine:
            told.append(f"{kind}: not measured")
            continue
        title, row = min(mine.items(), key=lambda item: item[1]["minutes"])
        busy = row["utilisation_percent"]
        use = "not measured" if busy is None else f"{busy:.0f} % ({'met' if busy >= BUSY else 'FALLS SHORT'})"
        told.append(
            f"{title}: {row['minutes']:.1f} min of {BAR:.0f} ({'met' if row['minutes'] < BAR else 'FALLS SHORT'}), "
            f"GPU busy, bar {BUSY:.0f} %: {use}; an epoch waits {1000 * row['of_them_drawing']:.0f} ms for its batches"
        )
    return told


def judge(facts: dict[str, Any]) -> None:
    """Put in what follows from the rows so far: times the reference where that was measured, and the verdict."""
    measured = facts["rows"]
    if reference := measured.get(REFERENCE):
        for row in measured.values():
            row["times_reference"] = row["images_a_second"] / reference["images_a_second"]
    facts["verdict"] = ["a toy: the numbers mean nothing"] if facts["toy"] else verdict(measured)
