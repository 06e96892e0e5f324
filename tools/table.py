"""Run one table of ablations: `make table1 SEEDS=5` is `python -m tools.table table1 --seeds 5`.

`--splits 20` runs it on CUHK03's classic test sets, each as a data set; without a table's name the variants are those
of section `experiment` (`make classic`).

The variants and generators of the table, from section `tables` of params.yaml, replace those of section `experiment`;
the parameters under its `set` (longer trainings than the demo's) replace other values; the seeds are 0, 1, ... Then the
report is brought up to date, and its text printed. Existing runs are not repeated, and one that was stopped continues.
tools/experiment.py changes the parameters for the run, and restores them.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sanreid import params
from sanreid.graph_names import settings_amiss
from sanreid.params import ParamsError
from sanreid.reporting.shared import ablations
from tools import experiment
from tools.experiment import PARAMETERS, Changes

REPORT = Path("reports/figures/results.txt")


def changes(parameters: Path, name: str | None, seeds: int, sets: Sequence[str], splits: int = 0) -> Changes:
    """What the table replaces in the parameters. Raises ParamsError naming what is wrong."""
    tables = ablations.read(parameters)
    if name is not None and name not in tables:
        raise ParamsError(f"{parameters}: tables.{name} is missing; there are: {', '.join(tables)}")
    new: dict[str, Any] = {}
    others: Changes = {}
    if name is not None:
        known = params.value(parameters, "train_san.variants")
        if strange := [v for v in tables[name].variants if v not in known]:
            raise ParamsError(f"{parameters}: tables.{name}: {', '.join(strange)} not under train_san.variants")
        values = params.read(parameters)
        if amiss := [line for line in settings_amiss(values) if line.startswith(f"tables.{name}.")]:
            raise ParamsError("\n".join(f"{parameters}: {line}" for line in amiss))
        for key, value in tables[name].settings().items():
            _put(others, key.split("."), value)
        table = tables[name].model_dump()
        new = {key: table[key] for key in ("variants", "generators") if key in params.value(parameters, "experiment")}
    new["seeds"] = list(range(seeds))
    numbers = list(range(1, splits + 1))
    if sets or splits:
        new["sets"] = [*sets, *(f"cuhk03_classic_{k}" for k in numbers)]
    return {"experiment": new} | ({"extract_cuhk03_classic": {"splits": numbers}} if splits else {}) | others


def _put(values: dict[str, Any], key: Sequence[str], value: Any) -> None:
    """Put a value at the nested `key`."""
    for name in key[:-1]:
        values = values.setdefault(name, {})
    values[key[-1]] = value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the table and print the report's; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", help="its name in section tables; default: the experiment's variants")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0; below 3 no difference is claimed")
    parser.add_argument("--sets", nargs="*", default=[], help="of data/interim; default: experiment.sets")
    parser.add_argument("--splits", type=int, default=0, help="the first so many of CUHK03's classic test sets")
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"--seeds: {given.seeds} seeds are no run; 5 are the least that tell much")
    changed = partial(changes, PARAMETERS, given.table, given.seeds, given.sets, given.splits)
    if status := experiment.carry_out(given.table or "the experiment", changed, "report", REPORT):
        return status
    sys.stdout.write(
        f"{PARAMETERS} is as it was: `make demo` brings back its own page, `make experiments` lists this run.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
