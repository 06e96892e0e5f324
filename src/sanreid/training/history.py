"""The record of a run: one row a step, one column a named term, in history.csv and TensorBoard.

Decisions: the file only grows, an epoch at a time; a run's checkpoint holds its text, and a resumed run begins with
that, so that it ends byte for byte as if it had never stopped, whatever became of the file. Values keep all the digits
of a float32.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LEADING = ("epoch", "step", "lr")  # epoch and step count from 1; step runs through the whole training
FAR = 3.0  # times the first step's losses, before anything was learnt: a sound training ends below them
DIGITS = ".9g"  # enough to give a float32 back exactly


class History:
    """Rows of `epoch, step, lr` and the terms; `at_end` names the columns that only an epoch's last row fills.

    Without a `path` (a rank that is not the first) nothing is written, and `text` is all.
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
    """A warning where the losses of `epoch` (from 1) lie far above those of the first step, else None.

    `text` is history.csv's. Compared are sums over `terms`, unweighted: one alone may rise in a sound training (what
    two networks teach one another is nothing as long as both know nothing).
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
