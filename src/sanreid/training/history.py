"""The record of a run: one row a step, one column a named term, in history.csv and TensorBoard.

Decisions: the file only grows, an epoch at a time; a resumed run cuts it back to the length that its checkpoint
remembers, so that it ends byte for byte as if it had never stopped. Values keep all the digits of a float32.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LEADING = ("epoch", "step", "lr")  # epoch and step count from 1; step runs through the whole training
DIGITS = ".9g"  # enough to give a float32 back exactly


class History:
    """Rows of `epoch, step, lr` and the terms; `at_end` names the columns that only an epoch's last row fills."""

    def __init__(self, path: Path, terms: Sequence[str], at_end: Sequence[str], board: Path | None) -> None:
        self.path, self.columns = path, (*LEADING, *terms, *at_end)
        self.board_folder, self.board = board, None

    def start(self, length: int | None) -> None:
        """Begin a new file, or cut the one of a stopped run back to `length` bytes."""
        if length is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(",".join(self.columns) + "\n")
        else:
            os.truncate(self.path, length)

    def append(self, rows: Sequence[Mapping[str, float]]) -> int:
        """Add an epoch's rows; returns the file's length in bytes."""
        lines = [",".join(_text(row.get(column)) for column in self.columns) for row in rows]
        with self.path.open("a") as file:
            file.write("".join(line + "\n" for line in lines))
        if self.board_folder:
            self._to_board(rows)
        return self.path.stat().st_size

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


def board_folder(name: str) -> Path | None:
    """Where TensorBoard finds the run `name`: under $SANREID_RUNS (default runs/; empty: no TensorBoard)."""
    root = os.environ.get("SANREID_RUNS", "runs")
    return Path(root) / name if root else None


def _writer(folder: Path | None, first_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # a second or two to import: only a run that writes pays

    return SummaryWriter(str(folder), purge_step=first_step)


def _text(value: float | int | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else format(value, DIGITS)
