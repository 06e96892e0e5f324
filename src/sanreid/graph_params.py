"""What the graph itself takes from params.yaml: the keys that dvc.yaml's templating reads, and names across sections.

No stage's own section holds these keys, yet they name folders, make the instances of the stages and stand in their
commands. `check` refuses what cannot be meant, at every stage's start and in `make check`.

Decisions: one home for the models, which the reports read too. Names across sections are looked at (graph_names.py)
where every key of the graph is well formed. Nothing heavy is imported: this runs before every stage.
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
STEEPEST = 1e9  # a cell's rate or decay: one that diverges is a result there
CLASSIC = re.compile(r"cuhk03_classic_([1-9][0-9]*)")
SETTING = r"[A-Za-z_][\w-]*(\.[\w-]+)+=\S[^\n]{0,200}"  # section.key=value
OTHERS = ("market1501_attributes", "pit", "mnist")  # of data/interim, and no re-ID set
TAKEN = {"cross": "reports/san/cross"}  # folders among those of sets


def cell(name: str) -> str:
    """`name` if a cell of the digits' grids is called so; ValueError otherwise. training/digit_cells.py reads it."""
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
    """Section `systems`: which runs the graph holds, the rows of the table."""

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
    """Section `mnist`: which runs of the digits the graph holds."""

    models: Each[Name]
    cells: Each[Cell]
    grids: Each[Name]
    divisions: Each[Division]


class Table(Section):
    """One table of ablations: its title, its rows, what has to be generated for them, and its run's own parameters."""

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
    """Refuse what params.yaml gets wrong about the graph; `values` is all of the file, `where` its name.

    Raises ParamsError with a line for each offending key.
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
    """What is amiss with the user's own folders: name -> where it lies."""
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
