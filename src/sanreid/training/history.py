"""The history of a training: one row per step and one column per loss term, in history.csv and TensorBoard.

Decisions: rows are appended once per epoch. The run's checkpoint contains the file's text, with which a resumed run
starts, so that its history is byte for byte that of an uninterrupted run. Values are written with all digits of a
float32.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LEADING = ("epoch", "step", "lr")  # epoch and step count from 1; step runs through the whole training
FAR = 3.0  # a training whose final losses are above this multiple of its first step's has diverged
DIGITS = ".9g"  # enough to give a float32 back exactly


class History:
    """Rows of `epoch, step, lr` and the terms; `at_end` names columns that are filled in an epoch's last row only.

    Without a `path` (on ranks other than 0) no file is written, and only `text` is kept.
    """

    def __init__(self, path: Path | None, terms: Sequence[str], at_end: Sequence[str], board: Path | None) -> None:
        self.path, self.columns = path, (*LEADING, *terms, *at_end)
        self.board_folder, self.board = board, None
        self.text = ""

    def start(self, text: str | None) -> None:
        """Begin a new file, or go on after the `text` of a stopped run."""
        self.text = ",".join(self.columns) + "\n" if text is None else text
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.text)

    def append(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Add an epoch's rows to the file and to `text`."""
        lines = "".join(",".join(_text(row.get(column)) for column in self.columns) + "\n" for row in rows)
        self.text += lines
        if self.path is None:
            return
        with self.path.open("a") as file:
            file.write(lines)
        if self.board_folder:
            self._to_board(rows)

    def _to_board(self, rows: Sequence[Mapping[str, float]]) -> None:
        if self.board is None:
            self.board = _writer(self.board_folder, int(rows[0]["step"]))
        for row in rows:
            for name, value in row.items():
                if name not in ("epoch", "step"):
                    self.board.add_scalar(name, value, int(row["step"]))
        self.board.flush()

    def close(self) -> None:
        """End the TensorBoard file."""
        if self.board is not None:
            self.board.close()


def diverged(text: str, terms: Sequence[str], epoch: int) -> str | None:
    """A warning if the losses of `epoch` (from 1) are far above those of the first step, else None.

    `text` is that of history.csv. Unweighted sums over `terms` are compared, because a single term may rise in a normal
    training (mutual learning's losses start near 0).
    """
    rows = [(int(row["epoch"]), sum(float(row[term]) for term in terms)) for row in csv.DictReader(text.splitlines())]
    ours = [total for number, total in rows if number == epoch]
    if not ours or not sum(ours) / len(ours) > FAR * abs(rows[0][1]):
        return None
    return (
        f"the losses of epoch {epoch} sum up to {sum(ours) / len(ours):.4g}, those of the first step to "
        f"{rows[0][1]:.4g}: the training has diverged; a lower rate or a longer warm-up may help"
    )


def board_folder(name: str) -> Path | None:
    """Where TensorBoard finds the run `name`: under $SANREID_RUNS (default runs/; empty: no TensorBoard)."""
    root = os.environ.get("SANREID_RUNS", "runs")
    return Path(root) / name if root else None


def _writer(folder: Path | None, first_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # a second or two to import: only a run that writes pays

    return SummaryWriter(str(folder), purge_step=first_step)


def _text(value: float | int | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else format(value, DIGITS)
