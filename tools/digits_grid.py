"""Run the digits' grids, cell by cell: `make digits-grid` is `python tools/digits_grid.py published`.

Every cell of the grids under compare_mnist_cells.grids is trained (which model, and how long: section sweep_mnist),
and the table beside the published numbers is printed. Cells that are there already are not trained again, and one that
was stopped goes on where it was.

Decision: as with the other sweeps (tools/table.py, which does the work), params.yaml is as it was afterwards.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sanreid import params
from sanreid.params import ParamsError
from tools import table

PARAMETERS, REPORTS = Path("params.yaml"), Path("reports/mnist/grids")


def changes(parameters: Path, name: str) -> table.Changes:
    """What the grids `name` replace in the parameters. Raises ParamsError naming what is wrong."""
    known = params.read(parameters)["compare_mnist_cells"]["grids"]
    if name not in known:
        raise ParamsError(f"{parameters}: no '{name}' under compare_mnist_cells.grids: {', '.join(known)}")
    cells = dict.fromkeys(cell for grid in known[name].values() for cell in grid)
    return {"mnist": {"cells": list(cells), "grids": [name]}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the grids and print their table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", nargs="?", default="published", help="under compare_mnist_cells.grids")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        new = changes(PARAMETERS, given.grids)
        status = table.run(table.command(new, "compare_mnist_cells"), PARAMETERS, new)
    except ParamsError as error:
        sys.exit(f"digits-grid: {error}")
    except KeyboardInterrupt:
        sys.exit(f"digits-grid: stopped; {PARAMETERS} is as it was, and the same command goes on where this one was")
    if status:
        sys.stderr.write(f"digits-grid: the run failed; {PARAMETERS} is as it was, what is done stays done\n")
        return status
    sys.stdout.write((REPORTS / given.grids / "table.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
