"""A cell of the hyperparameter grids for digits; its name gives learning rate, weight decay and batch size.

Decision: a training that diverges is a valid result here, and is tested with the weights that it had when its loss
became infinite. The published grids seem to have such cells: 9.80, 10.09, 9.82, 9.74 and 8.92 % are the shares of the
digits 0, 9, 4, 8 and 5 in the published test files, so those networks always predicted one digit.
"""

import re
from typing import NamedTuple

_NAME = re.compile(r"lr([0-9.]+)_wd([0-9.]+)_b([0-9]+)")


class Cell(NamedTuple):
    """Learning rate, weight decay (L2) and images a batch."""

    lr: float
    weight_decay: float
    batch: int

    @property
    def name(self) -> str:
        """What the cell is called: lr0.1_wd0.01_b64."""
        return f"lr{self.lr}_wd{self.weight_decay}_b{self.batch}"


def parse(name: str) -> Cell:
    """The cell of that name.

    Raises ValueError for another form, a value that is not positive, or another way to write a cell's name.
    """
    try:
        found = _NAME.fullmatch(name)
        cell = Cell(float(found[1]), float(found[2]), int(found[3])) if found else None
    except ValueError:  # two points in a number
        cell = None
    if cell is None:
        raise ValueError(
            f"mnist.cells: '{name}' is no cell; write learning rate, weight decay, batch: lr0.1_wd0.01_b64"
        )
    if min(cell.lr, cell.batch) <= 0:
        raise ValueError(f"mnist.cells: '{name}': learning rate and batch must be above 0")
    if cell.name != name:
        raise ValueError(f"mnist.cells: '{name}' is written {cell.name}: a cell has one name")
    return cell
