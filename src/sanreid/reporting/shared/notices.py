"""What makes a page's numbers doubtful, above everything else on it: trainings that diverged.

Decision: a training says so itself, in its training.json; an evaluation hands that on in its metrics.json, so that a
page needs to look at no model folder that it does not show.
"""

from collections.abc import Iterable
from pathlib import Path

from sanreid import runtime
from sanreid.faults import short


def of_model(folder: Path) -> list[str]:
    """What the training of a model folder warned of, led by the folder; nothing where it was trained elsewhere."""
    file = folder / "training.json"
    return [f"{folder}: {words}" for words in _warnings(file)] if file.is_file() else []


def of_evaluations(folders: Iterable[Path]) -> list[str]:
    """What the metrics.json of these folders hand on; nothing of what was not evaluated."""
    files = [folder / "metrics.json" for folder in folders]
    return [words for file in files if file.is_file() for words in _warnings(file)]


def _warnings(file: Path) -> list[str]:
    told = runtime.read_json(file).get("warnings", [])
    if not isinstance(told, list) or not all(isinstance(words, str) for words in told):
        raise ValueError(f"{file}: warnings: {short(told)} is no list of texts; run the stage that writes it again")
    return told
