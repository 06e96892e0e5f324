"""Run the digits' grids, cell by cell: `make digits-grid` is `python -m tools.digits_grid published`.

Every cell of the grids under compare_mnist_cells.grids is trained (model and epochs: section sweep_mnist), and the
table with the published numbers is printed. Existing cells are not trained again, and one that was stopped continues.
tools/experiment.py changes the parameters for the run, and restores them.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sanreid import params
from sanreid.params import ParamsError
from tools import experiment
from tools.experiment import PARAMETERS, Changes

REPORTS = Path("reports/mnist/grids")


def changes(parameters: Path, name: str) -> Changes:
    """What the grids `name` replace in the parameters. Raises ParamsError naming what is wrong."""
    known = params.value(parameters, "compare_mnist_cells.grids")
    if name not in known:
        raise ParamsError(f"{parameters}: no '{name}' under compare_mnist_cells.grids: {', '.join(known)}")
    cells = dict.fromkeys(cell for grid in known[name].values() for cell in grid)
    return {"mnist": {"cells": list(cells), "grids": [name]}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the grids and print their table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", nargs="?", default="published", help="under compare_mnist_cells.grids")
    given = parser.parse_args(arguments)
    changed = partial(changes, PARAMETERS, given.grids)
    return experiment.carry_out("digits-grid", changed, "compare_mnist_cells", REPORTS / given.grids / "table.md")


if __name__ == "__main__":
    sys.exit(main())
