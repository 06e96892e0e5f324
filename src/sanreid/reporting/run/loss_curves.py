"""Loss curves from the history.csv of each model: one chart a term, variants in their colours, seeds overlaid."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sanreid import faults
from sanreid.reporting.shared.line_chart import Line, chart, thin

NOT_TERMS = {"epoch", "step", "lr", "seconds"}
UNITS = {  # of the y axis, by a word of the term
    "id": "cross-entropy, nats",
    "triplet": "loss, distance of features",
    "reconstruction": "mean absolute error, texels in [−1, 1]",
    "L1": "mean absolute error, texels in [−1, 1]",
    "structure": "1 − SSIM",
    "accuracy": "share of images",
}


class Charts(NamedTuple):
    """Charts (SVG) that share a legend of variant -> colour class."""

    title: str
    svgs: list[str]
    legend: dict[str, str]


def of_model(folder: Path, title: str) -> Charts:
    """The terms of a single model, drawn in the first colour. Raises FileNotFoundError where it has no history."""
    history = read(folder / "history.csv")
    svgs = [_chart(term, [_line(history, term, "m0", term)]) for term in terms(history)]
    return Charts(title, svgs, {})


def of_variants(runs: dict[str, dict[int, Path]], title: str, kinds: dict[str, str]) -> Charts:
    """The terms of each run's history.csv, runs as variant -> seed -> folder; `kinds` gives each variant its colour."""
    lines: dict[str, list[Line]] = {}
    for variant, seeds in runs.items():
        kind = kinds[variant]
        for seed, path in seeds.items():
            history = read(path / "history.csv")
            for term in terms(history):
                line = _line(history, term, f"{kind} seed", f"{variant}, seed {seed}")
                if any(line.ys):  # a term that is off is a row of zeros
                    lines.setdefault(term, []).append(line)
    return Charts(title, [_chart(term, drawn) for term, drawn in lines.items()], dict(kinds))


def read(path: Path) -> pd.DataFrame:
    """A history; FileNotFoundError or ValueError names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; train the model again")
    with faults.about(path, "train the model again"):
        table = pd.read_csv(path)
    if "epoch" not in table:
        raise ValueError(f"{path}: no column epoch; train the model again")
    first = [c for c in table.columns if c not in NOT_TERMS][:1]  # a loss: every step has one
    if table.empty or not all(pd.api.types.is_numeric_dtype(table[c]) and table[c].notna().all() for c in first):
        raise ValueError(f"{path}: no rows, or rows without numbers; train the model again")
    return table


def terms(history: pd.DataFrame) -> list[str]:
    """The columns that hold a loss or a measure."""
    numeric = history.select_dtypes("number").columns
    return [c for c in numeric if c not in NOT_TERMS and history[c].notna().any()]


def _line(history: pd.DataFrame, term: str, kind: str, tip: str) -> Line:
    # a row is a step: place the epoch's n steps evenly between its start and its end
    position = history.groupby("epoch").cumcount() + 1
    epochs = history["epoch"] - 1 + position / history.groupby("epoch")["epoch"].transform("size")
    return Line(*thin(epochs.tolist(), history[term].tolist()), kind, tip)


def _chart(term: str, lines: list[Line]) -> str:
    words = term.replace("_", " ").replace("l1", "L1")
    unit = next((UNITS[word] for word in words.split() if word in UNITS), "loss")
    svg = chart(lines, f"{words} by epoch", "epoch", size=(380, 230), y_label=unit)
    return f"<figcaption>{words}</figcaption>{svg}"
