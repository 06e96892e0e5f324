"""What params.yaml tells the graph itself: the keys that dvc.yaml's templating reads, and names across sections.

No stage's own section holds these keys, yet they name folders, make the instances of the stages and stand in their
commands. `check` refuses what cannot be meant, at every stage's start and in `make check`.

Decisions: one home for the models, which the reports read too. A name that one section gives and another uses is
checked here alone, since neither section sees the other; what is absent is not missed here, because DVC and the loader
say that better. Nothing heavy is imported: this runs before every stage.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from sanreid import bounds
from sanreid.bounds import Each, Name, OneOrMore, Place, Seed, Text
from sanreid.params import ParamsError, Section, validate

Generator = Literal["texture", "frontal"]  # what train_san_pg can learn to paint
System = Literal["two_branch", "two_head", "strong", "aligned"]  # the networks of evaluate_system
Division = Annotated[str, Field(pattern="^(seen|d[0-9])$")]  # of data/digits.py
CELL = re.compile(r"lr([0-9.]+)_wd([0-9.]+)_b([1-9][0-9]{0,4})")
CLASSIC = re.compile(r"cuhk03_classic_([1-9][0-9]*)")
SETS = ("cuhk03_labeled", "cuhk03_detected", "market1501")  # of data/interim, beside the classic splits and folders
OTHERS = ("market1501_attributes", "pit", "mnist")  # of data/interim, and no re-ID set
TAKEN = {"cross": "reports/san/cross"}  # folders among those of sets
BRANCHES_TAKEN = {*get_args(System), "alignment", "attributes", "mnist", "san", "san_pg"} - {"two_branch"}
NEEDS = {"frontal": "frontal", "texture": "texture", "shared_texture": "texture"}  # reconstruct -> generator


def cell(name: str) -> str:
    """`name` if a cell of the digits' grids is called so; ValueError otherwise. training/digit_cells.py reads it."""
    found = CELL.fullmatch(name)
    try:
        usual = found and f"lr{float(found[1])}_wd{float(found[2])}_b{found[3]}"
    except ValueError:  # two points in a number
        usual = None
    if not found or not usual or float(found[1]) > 100 or float(found[2]) > 100:
        raise ValueError(f"'{name}' is no cell; write learning rate, weight decay, batch: lr0.1_wd0.01_b64")
    if usual != name or float(found[1]) == 0:
        raise ValueError(f"'{name}' is written {usual}, with a rate above 0: a cell has one name")
    return name


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
    cells: Each[Annotated[str, AfterValidator(cell)]]
    grids: Each[Name]
    divisions: Each[Division]


class Table(Section):
    """One table of ablations: its title, its rows, and what has to be generated for them to be trained."""

    title: Text
    variants: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    generators: Each[Generator]
    labels: dict[Name, Text]

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


SECTIONS: dict[str, type[Section]] = {"raw": Raw, "experiment": Experiment, "systems": Systems, "mnist": Runs}
TOP = {*SECTIONS, "folders", "tables"}


def check(values: Mapping[str, Any], where: str) -> None:
    """Refuse what params.yaml tells the graph amiss; `values` is all of the file, `where` its name.

    Raises ParamsError with a line for each offending key.
    """
    lines = list(_folders(values.get("folders", {}), f"{where}: folders"))
    sections: list[tuple[str, Any, type[Section]]] = [(k, values[k], m) for k, m in SECTIONS.items() if k in values]
    tables = values.get("tables", {})
    if not isinstance(tables, dict):
        lines.append(f"{where}: tables: {tables!r} is no mapping of tables; compare profiles/demo.yaml")
        tables = {}
    for key, value, model in [*sections, *((f"tables.{name}", table, Table) for name, table in tables.items())]:
        try:
            validate(value, model, f"{where}: {key}")
        except ParamsError as error:
            lines += str(error).splitlines()
    lines = lines or [f"{where}: {line}" for line in across(values)]
    if lines:
        raise ParamsError("\n".join(lines))


def _folders(folders: Any, where: str) -> Iterator[str]:
    """What is amiss with the user's own folders: name -> where it lies."""
    if not isinstance(folders, dict):
        yield f"{where}: {folders!r} is no mapping of names to folders; write {{}} where there is none"
        return
    seen: set[str] = set()
    for key, folder in folders.items():
        try:
            name = bounds.name(bounds.text(key))
            if name in (*SETS, *OTHERS) or CLASSIC.fullmatch(name) or name in TAKEN:
                other = TAKEN.get(name, f"data/interim/{name}")
                raise ValueError(f"{other} is the graph's own; take another name")
            if name in seen:
                raise ValueError("stands there twice; rename one")
            seen.add(name)
            if not isinstance(folder, str):
                raise ValueError(f"{folder!r} is no path; put it in quotes if it is a folder's name")
            bounds.place(folder)
        except ValueError as error:
            yield f"{where}.{key}: {error}"


def across(values: Mapping[str, Any]) -> Iterator[str]:
    """Names that one section of `values` uses and no other gives, a line each: the key, the names, the remedy."""
    told = _Told(values)
    variants, branches = told.names("train_san.variants"), told.names("train_two_branch.variants")
    folders = told.names("folders") or set()
    classic = {f"cuhk03_classic_{k}" for k in told.at("extract_cuhk03_classic.splits") or ()}
    sets = {*SETS, *folders, *classic}
    remedy = "no set: name a folder under folders, or a split under extract_cuhk03_classic.splits; there are "
    for key in ("experiment.sets", "experiment.cross", "systems.sets"):
        yield from told.strange(key, sets, remedy + ", ".join(sorted(sets)))
    published = sets | {re.sub(r"_\d+$", "", name) for name in sets} | {"cuhk03_classic"}
    for key in ("report.published", "compare_systems.published"):
        yield from told.strange(key, published, f"no set; there are {', '.join(sorted(sets))}")
    if variants is not None:
        keys = ["experiment.variants", "report.comparisons"]
        keys += [f"tables.{name}.variants" for name in told.at("tables") or ()]
        keys += [f"report.published.{name}" for name in told.at("report.published") or ()]
        for key in keys:
            yield from told.strange(key, variants, "not under train_san.variants")
        for name in told.at("experiment.variants") or ():
            needed = NEEDS.get(told.at(f"train_san.variants.{name}.reconstruct") or "")
            if needed and needed not in (told.at("experiment.generators") or ()):
                yield f"experiment.generators: {name} reconstructs what '{needed}' paints; add it"
    if not told.at("experiment.generators") and "experiment" in values:
        yield "experiment.generators: none, but every start and texture comes from one; name texture"
    if branches is not None:
        trained = told.names("systems.variants") or set()
        for name in sorted(branches & BRANCHES_TAKEN):
            yield f"train_two_branch.variants.{name}: models/ or reports/systems/ has a folder {name}; rename it"
        yield from told.strange("systems.variants", branches, "not under train_two_branch.variants")
        others = {*get_args(System)} - {"two_branch"}
        remedy = f"not trained: name variants under systems.variants too; other systems are {', '.join(sorted(others))}"
        yield from told.strange("systems.names", trained | others, remedy)
        if variants is not None:
            known = variants | branches | others
            yield from told.strange("compare_systems.labels", known, "no system and no variant: " + _some(known))
        metric = told.names("evaluate_system.metric")
        if metric is not None and "systems" in values:
            systems = {name if name in others else "two_branch" for name in told.names("systems.names") or ()}
            for name in sorted(systems - metric):
                yield f"evaluate_system.metric: no '{name}', which systems.names wants; say euclidean or cosine for it"
    yield from told.strange("systems.alignments", {"aligned"}, "without stripes; there are: aligned")
    if (models := told.names("train_mnist_classifier.models")) is not None:
        for key in ("mnist.models", "sweep_mnist.model"):
            yield from told.strange(key, models, f"not under train_mnist_classifier.models: {_some(models)}")
    if (grids := told.names("compare_mnist_cells.grids")) is not None:
        yield from told.strange("mnist.grids", grids, f"not under compare_mnist_cells.grids: {_some(grids)}")
    runs = {"evaluate_open_world": "mnist.divisions", "evaluate_open_world_people": "systems.sets"}
    for section in (section for section, instances in runs.items() if told.at(instances)):
        if (links := told.names(f"{section}.links")) is not None:
            yield from told.strange("report_open_world.shown.link", links, f"not under {section}.links")
        rule, hands = told.at("report_open_world.shown.rule"), told.at(f"{section}.rules.by_hand")
        if hands is not None and str(rule).startswith("by hand ") and rule not in {f"by hand {h:g}" for h in hands}:
            yield f"report_open_world.shown.rule: '{rule}' is not of {section}.rules.by_hand: {hands}"


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "there are none"


class _Told:
    """Values by dotted keys; numbers that are names as text."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def at(self, key: str) -> Any:
        """What lies at `key`, or None."""
        here: Any = self.values
        for part in key.split("."):
            if not isinstance(here, Mapping):
                return None
            here = {str(k): v for k, v in here.items()}.get(part)
        return here

    def names(self, key: str) -> set[str] | None:
        """The names in the list or mapping at `key`, pairs taken apart; None where there is none."""
        found = self.at(key)
        if isinstance(found, str):
            return {found}
        if not isinstance(found, (list, Mapping)):
            return None
        return {str(one) for item in found for one in (item if isinstance(item, list) else [item])}

    def strange(self, key: str, known: set[str], remedy: str) -> Iterator[str]:
        """A line where `key` holds names that are not `known`."""
        if strange := sorted((self.names(key) or set()) - known):
            yield f"{key}: {', '.join(strange)} {remedy}"
