"""The tables of ablations: section `tables` of params.yaml, which `make table1` runs and the report lays out.

Decisions: a table is a list of variants and nothing that runs; it is shown wherever an experiment holds all of them, in
its own order and under its own labels, so that it reads as the paper's does. No stage's command line takes this
section: `tools/table.py` turns it into an experiment.
"""

from pathlib import Path

from sanreid import params
from sanreid.bounds import Name, Percent
from sanreid.graph_params import Table as Table
from sanreid.params import ParamsError, validate

Published = dict[Name, dict[Name, tuple[Percent, Percent]]]  # set -> variant -> rank-1 and mAP


def read(path: Path) -> dict[str, Table]:
    """The tables of the parameter file `path` by name. Raises ParamsError naming the file and the key."""
    section = params.read(path).get("tables")
    if not isinstance(section, dict):
        raise ParamsError(f"{path}: section 'tables' is missing; compare profiles/demo.yaml")
    return {name: validate(table, Table, f"{path}: tables.{name}") for name, table in section.items()}
