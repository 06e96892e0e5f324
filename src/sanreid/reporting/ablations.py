"""The tables of ablations: section `tables` of params.yaml, which `make table1` runs and the report lays out.

Decisions: a table is a list of variants and nothing that runs; it is shown wherever an experiment holds all of them, in
its own order and under its own labels, so that it reads as the paper's does. No stage's command line takes this
section: `tools/table.py` turns it into an experiment.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from sanreid import params
from sanreid.params import ParamsError, Section, validate

Percent = Annotated[float, Field(ge=0, le=100)]
Published = dict[str, dict[str, tuple[Percent, Percent]]]  # set -> variant -> rank-1 and mAP


class Table(Section):
    """One table: its title, its rows, and what has to be generated for them to be trained."""

    title: str
    variants: Annotated[list[str], Field(min_length=1)]
    generators: list[str]
    labels: dict[str, str]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants: {', '.join(self.variants)} names one twice")
        if strange := self.labels.keys() - set(self.variants):
            raise ValueError(f"labels: {', '.join(sorted(strange))} not among the table's variants")
        return self

    def label(self, variant: str) -> str:
        """The row's name as the paper writes it, or '' where the table gives none."""
        return self.labels.get(variant, "")


def read(path: Path) -> dict[str, Table]:
    """The tables of the parameter file `path` by name. Raises ParamsError naming the file and the key."""
    section = params.read(path).get("tables")
    if not isinstance(section, dict):
        raise ParamsError(f"{path}: section 'tables' is missing; compare profiles/demo.yaml")
    return {name: validate(table, Table, f"{path}: tables.{name}") for name, table in section.items()}
