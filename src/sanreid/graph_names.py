"""Checks of names that one section of params.yaml defines and another uses, which no section's own model can check.

Decisions: works on plain values as YAML gives them (numbers used as names become strings), because every stage runs
these checks at its start, and most sections are not its own. Missing sections are not reported here: DVC and params.py
do that.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from sanreid.params import parse

OWN = ("experiment", "tables")  # sections that tables.*.set may not change: a table's other keys do that
System = Literal["two_branch", "two_head", "strong", "aligned"]  # the networks of evaluate_system
SETS = ("cuhk03_labeled", "cuhk03_detected", "market1501")  # of data/interim, beside the classic splits and folders
BRANCHES_TAKEN = {*get_args(System), "alignment", "attributes", "mnist", "san", "san_pg"} - {"two_branch"}
GENERATED = {
    "frontal": "frontal",
    "texture": "texture",
    "shared_texture": "texture",
}  # decoder target -> its generator


def across(values: Mapping[str, Any]) -> Iterator[str]:
    """One line for each name that is used in one section of `values` and defined in none: key, names, remedy."""
    yield from _sets(values)
    yield from _variants(values)
    yield from _systems(values)
    models, grids = (
        _names(values, *key) for key in (("train_mnist_classifier", "models"), ("compare_mnist_cells", "grids"))
    )
    if models is not None:
        for key in (("mnist", "models"), ("sweep_mnist", "model")):
            yield from _strange(values, key, models, f"not under train_mnist_classifier.models: {_listed(models)}")
    if grids is not None:
        yield from _strange(values, ("mnist", "grids"), grids, f"not under compare_mnist_cells.grids: {_listed(grids)}")
    runs = {"evaluate_open_world": ("mnist", "divisions"), "evaluate_open_world_people": ("systems", "sets")}
    for section in (section for section, instances in runs.items() if _at(values, *instances)):
        shown = "report_open_world", "shown"
        if (links := _names(values, section, "links")) is not None:
            yield from _strange(values, (*shown, "link"), links, f"not under {section}.links: {_listed(links)}")
        rule, hands = _at(values, *shown, "rule"), _at(values, section, "rules", "by_hand")
        if hands is not None and str(rule).startswith("by hand ") and rule not in {f"by hand {h:g}" for h in hands}:
            yield f"report_open_world.shown.rule: '{rule}' is not of {section}.rules.by_hand: {hands}"


def setting(text: str) -> tuple[str, Any]:
    """A parameter as `dvc exp run -S` takes it, section.key=value: the dotted key and the value."""
    key, _, value = text.partition("=")
    return key, parse(value)


def settings_amiss(values: Mapping[str, Any]) -> Iterator[str]:
    """One line for each entry of tables.*.set that is no existing key, or whose value is of another type."""
    for name, table in (values.get("tables") or {}).items():
        for text in table["set"]:
            yield from (f"tables.{name}.set: {line}" for line in _setting_amiss(values, text))


def _setting_amiss(values: Mapping[str, Any], text: str) -> Iterator[str]:
    key, new = setting(text)
    if key.partition(".")[0] in OWN or key not in (known := dict(dotted(values))):
        near = difflib.get_close_matches(key, [k for k, _ in dotted(values)], n=1)
        yield f"{text}: no parameter that a table sets is called so" + (f"; did you mean {near[0]}?" if near else "")
    elif isinstance(old := known[key], Mapping) or (old is not None and _kind(old) != _kind(new)):
        yield f"{text}: of another kind than what stands at {key} ({old!r})"


def dotted(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All keys of nested mappings with their values."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield f"{prefix}{key}", value
            yield from dotted(value, f"{prefix}{key}.")


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _sets(values: Mapping[str, Any]) -> Iterator[str]:
    """Sets that are no published set, not under `folders`, and no split of the classic protocol."""
    splits = _at(values, "extract_cuhk03_classic", "splits") or ()
    sets = {*SETS, *(_names(values, "folders") or ()), *(f"cuhk03_classic_{k}" for k in splits)}
    remedy = f"no set; there are {_listed(sets)}; more come from folders and extract_cuhk03_classic.splits"
    for key in (("experiment", "sets"), ("experiment", "cross"), ("systems", "sets")):
        yield from _strange(values, key, sets, remedy)
    told = sets | {re.sub(r"_\d+$", "", name) for name in sets} | {"cuhk03_classic"}  # of splits, the mean
    for section in ("report", "compare_systems"):
        yield from _strange(values, (section, "published"), told, remedy)


def _variants(values: Mapping[str, Any]) -> Iterator[str]:
    """Variants of the main chain that are not defined, or whose generator is not trained."""
    known = _names(values, "train_san", "variants")
    if known is None:
        return
    keys = [("experiment", "variants"), ("report", "comparisons")]
    keys += [("tables", name, "variants") for name in _names(values, "tables") or ()]
    keys += [("report", "published", name) for name in _names(values, "report", "published") or ()]
    for key in keys:
        yield from _strange(values, key, known, "not under train_san.variants")
    if (generators := _names(values, "experiment", "generators")) is None:
        return
    if not generators:
        yield "experiment.generators: none, but every texture comes from one; name texture"
    for name in sorted((_names(values, "experiment", "variants") or set()) & known):
        variant = _at(values, "train_san", "variants", name)
        if not isinstance(variant, Mapping):
            continue
        target = str(variant.get("reconstruct"))
        needed = {GENERATED[target]} if target in GENERATED else set()
        if variant.get("initialise") != "scratch":
            needed.add("frontal" if target == "frontal" else "texture")
        if generators and (missing := needed - generators):
            yield f"experiment.generators: variant {name} needs {_listed(missing)}; add it"


def _systems(values: Mapping[str, Any]) -> Iterator[str]:
    """Systems that are not defined, or that have no metric."""
    yield from _strange(values, ("systems", "alignments"), {"aligned"}, "without stripes; there are: aligned")
    branches = _names(values, "train_two_branch", "variants")
    if branches is None:
        return
    for name in sorted(branches & BRANCHES_TAKEN):
        yield f"train_two_branch.variants.{name}: models/ or reports/systems/ has another {name}; take another name"
    yield from _strange(values, ("systems", "variants"), branches, "not under train_two_branch.variants")
    others = {*get_args(System)} - {"two_branch"}
    trained = others | (_names(values, "systems", "variants") or set())
    remedy = f"not trained; there are {_listed(trained)}, and what of train_two_branch.variants systems.variants names"
    yield from _strange(values, ("systems", "names"), trained, remedy)
    rows = others | branches | (_names(values, "train_san", "variants") or set())
    yield from _strange(values, ("compare_systems", "labels"), rows, f"no row of the table; there are {_listed(rows)}")
    metric = _names(values, "evaluate_system", "metric")
    systems = {name if name in others else "two_branch" for name in _names(values, "systems", "names") or ()}
    for name in sorted(systems - metric) if metric is not None else ():
        yield f"evaluate_system.metric: no '{name}', which systems.names wants; say euclidean or cosine for it"


def _at(values: Any, *key: str) -> Any:
    """The value at the dotted `key`, or None; numbers used as names become strings."""
    for part in key:
        if not isinstance(values, Mapping):
            return None
        values = {str(k): v for k, v in values.items()}.get(part)
    return values


def _names(values: Any, *key: str) -> set[str] | None:
    """The names in the list or mapping at `key` (of pairs, both names); None if there is no such key."""
    found = _at(values, *key)
    if isinstance(found, str):
        return {found}
    if not isinstance(found, (list, Mapping)):
        return None
    return {str(one) for item in found for one in (item if isinstance(item, list) else [item])}


def _strange(values: Any, key: Sequence[str], known: set[str], remedy: str) -> Iterator[str]:
    """One line if `key` has names that are not in `known`."""
    if strange := sorted((_names(values, *key) or set()) - known):
        yield f"{'.'.join(key)}: {', '.join(strange)} {remedy}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
