"""The sections of params.yaml that dvc.yaml's templating reads (raw, experiment, systems, mnist, tables, folders).

These keys name folders, define the instances of the stages and appear in their commands, but belong to no stage.
`check` validates them at every stage's start and in `make check`.

Decisions: the models are defined once, here; the reports use them too. Names across sections (graph_names.py) are
checked only if all of these keys are valid. Nothing slow is imported, because this runs before every stage.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sanreid import bounds
from sanreid.bounds import Each, Name, OneOrMore, Place, Seed, Text
from sanreid.faults import short
from sanreid.graph_names import SETS, across, setting, settings_amiss
from sanreid.params import ParamsError, Section, validate

Generator = Literal["texture", "frontal"]  # what train_san_pg can learn to paint
Division = Annotated[str, Field(pattern="^(seen|d[0-9])$")]  # of data/digits.py
CELL = re.compile(r"lr([0-9.]+)_wd([0-9.]+)_b([1-9][0-9]{0,4})")
STEEPEST = 1e9  # largest learning rate or decay of a cell: one that diverges is a valid result there
CLASSIC = re.compile(r"cuhk03_classic_([1-9][0-9]*)")
SETTING = r"[A-Za-z_][\w-]*(\.[\w-]+)+=\S[^\n]{0,200}"  # section.key=value
OTHERS = ("market1501_attributes", "pit", "mnist")  # of data/interim, and no re-ID set
TAKEN = {"cross": "reports/san/cross"}  # folders beside those named by sets


def cell(name: str) -> str:
    """`name` if it is a valid name of a grid cell; ValueError otherwise. training/digit_cells.py parses it."""
    found = CELL.fullmatch(name)
    try:
        usual = found and f"lr{float(found[1])}_wd{float(found[2])}_b{found[3]}"
    except ValueError:  # two points in a number
        usual = None
    if not found or not usual or max(float(found[1]), float(found[2])) > STEEPEST:
        raise ValueError(f"'{name}' is no cell; write learning rate, weight decay, batch: lr0.1_wd0.01_b64")
    if usual != name or float(found[1]) == 0:
        raise ValueError(f"'{name}' is written {usual}, with a rate above 0: a cell has one name")
    return name


Cell = Annotated[str, AfterValidator(cell)]
Setting = Annotated[str, Field(pattern=f"^{SETTING}$")]


class Raw(Section):
    """Section `raw`: where each publisher's data set lies."""

    cuhk03: Place
    market1501: Place
    attributes: Place
    pit: Place
    mnist: Place


class Experiment(Section):
    """Section `experiment`: the runs of the main chain."""

    sets: OneOrMore[Name]
    variants: OneOrMore[Name]
    generators: Each[Generator]
    seeds: OneOrMore[Seed]
    cross: Each[Name]


class Systems(Section):
    """Section `systems`: the runs of the other re-ID systems, and the rows of their table."""

    names: OneOrMore[Name]
    variants: Each[Name]
    alignments: Each[Name]
    sets: Each[Name]
    seeds: OneOrMore[Seed]
    start: Place

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if strangers := sorted(set(self.alignments) - set(self.names)):
            raise ValueError(f"alignments: {', '.join(strangers)} not among `names`")
        return self


class Runs(Section):
    """Section `mnist`: the runs on digits."""

    models: Each[Name]
    cells: Each[Cell]
    grids: Each[Name]
    divisions: Each[Division]


class Table(Section):
    """One table of ablations: title, rows, the generators they need, and the parameters that its run changes."""

    title: Text
    variants: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    generators: Each[Generator]
    set: Each[Setting]
    labels: dict[Name, Text]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants: {', '.join(self.variants)} names one twice")
        if strange := self.labels.keys() - set(self.variants):
            raise ValueError(f"labels: {', '.join(sorted(strange))} not among the table's variants")
        return self

    def settings(self) -> dict[str, Any]:
        """`set` as values by dotted key."""
        return dict(setting(text) for text in self.set)

    def label(self, variant: str) -> str:
        """The row's name as the paper writes it, or '' where the table gives none."""
        return self.labels.get(variant, "")


SECTIONS: dict[str, type[Section]] = {"raw": Raw, "experiment": Experiment, "systems": Systems, "mnist": Runs}
TOP = {*SECTIONS, "folders", "tables"}


def check(values: Mapping[str, Any], where: str) -> None:
    """Check the sections above; `values` is the whole file, `where` its name.

    Raises ParamsError with one line for each invalid key.
    """
    lines = list(_folders(values.get("folders", {}), f"{where}: folders"))
    sections: list[tuple[str, Any, type[Section]]] = [(k, values[k], m) for k, m in SECTIONS.items() if k in values]
    tables = values.get("tables", {})
    if not isinstance(tables, dict):
        lines.append(f"{where}: tables: {short(tables)} is no mapping of tables; compare profiles/demo.yaml")
        tables = {}
    for key, value, model in [*sections, *((f"tables.{name}", table, Table) for name, table in tables.items())]:
        try:
            validate(value, model, f"{where}: {key}")
        except ParamsError as error:
            lines += str(error).splitlines()
    lines = lines or [f"{where}: {line}" for line in (*across(values), *settings_amiss(values))]
    if lines:
        raise ParamsError("\n".join(lines))


def _folders(folders: Any, where: str) -> Iterator[str]:
    """What is wrong with section `folders` (name -> path), one line each."""
    if not isinstance(folders, dict):
        yield f"{where}: {short(folders)} is no mapping of names to folders; write {{}} where there is none"
        return
    seen: set[str] = set()
    for key, folder in folders.items():
        try:
            if isinstance(key, int) and not isinstance(key, bool):
                raise ValueError(f"is a number in YAML, and DVC leaves it out; put it in quotes: '{key}'")
            name = bounds.name(bounds.text(key))
            if name in (*SETS, *OTHERS) or CLASSIC.fullmatch(name) or name in TAKEN:
                other = TAKEN.get(name, f"data/interim/{name}")
                raise ValueError(f"{other} is the graph's own; take another name")
            if name in seen:
                raise ValueError("stands there twice; rename one")
            seen.add(name)
            if not isinstance(folder, str):
                raise ValueError(f"{short(folder)} is no path; put it in quotes if it is a folder's name")
            bounds.place(folder)
        except ValueError as error:
            yield f"{where}.{key if str(key).isprintable() else repr(key)}: {error}"
