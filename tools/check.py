"""Checks of the project's own rules, run by `make check`; needs no data.

Parameters: every stage's sections are closed models without defaults; params.yaml and every profile satisfy them; there
are no unused sections; every key has a comment; profiles have the same keys, and repeat no value of their base; every
name that one section uses is defined in another. Graph: the same name in dvc.yaml, stages/ and tests/stages/; `desc`
and `meta` on every stage; the `.py` deps are exactly the imported modules; the listed params include all sections that
a stage reads.
"""

import copy
import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from deps import differences  # noqa: E402

from sanreid import graph_names, graph_params, params  # noqa: E402

FREE = "folders."  # its keys are the user's own names
CELL = re.compile(r"lr.*_wd.*_b\d+")  # a key that says itself what it is


def sections(stage: str) -> dict[str, type[params.Section]]:
    """The sections of params.yaml that a stage's `main` takes, by name."""
    main = importlib.import_module(f"stages.{stage}").main
    found = {}
    for name, argument in inspect.signature(main).parameters.items():
        if isinstance(argument.annotation, type) and issubclass(argument.annotation, params.Section):
            found[stage if name == "p" else name] = argument.annotation
    return found


def open_models(model: type[params.Section], name: str, seen: set[type] | None = None) -> Iterator[str]:
    """Complaints about sections, nested ones too, that are not closed or that hide a default."""
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    if model.model_config.get("extra") != "forbid" or not model.model_config.get("frozen"):
        yield f"{name}: {model.__name__} is not closed and frozen"
    for key, field in model.model_fields.items():
        if not field.is_required():
            yield f"{name}.{key}: has a default in {model.__name__}; params.yaml is the only home of a value"
        for part in _types(field.annotation):
            if isinstance(part, type) and issubclass(part, params.Section):
                yield from open_models(part, f"{name}.{key}", seen)


def _types(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is None and not isinstance(annotation, UnionType):
        yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def uncommented(path: Path, explained: Collection[str]) -> Iterator[str]:
    """Keys of a YAML file without a comment: none on the line or above it, or between braces and not `explained`."""
    above, inside = "", 0  # how many braces are open
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code, comment = _halves(line)
        if not inside and re.match(r"\s*[\w.-]+:\s+\S", code) and not comment and not above.lstrip().startswith("#"):
            yield f"{path.name}:{number}: '{line.strip()}' has no comment (meaning, unit, source)"
        for key in re.findall(r"(?:[{,]\s*|^\s+)([\w.]+): " if inside else r"[{,]\s*([\w.]+): ", code):
            if key not in explained and not CELL.fullmatch(key):
                yield f"{path.name}:{number}: no comment says what '{key}' is"
        above, inside = line, inside + len(re.findall(r"[{[]", code)) - len(re.findall(r"[]}]", code))


def named(path: Path) -> set[str]:
    """What the comments of a YAML file explain: the words in them, and keys on lines of their own with a comment."""
    words = set()
    for line in path.read_text().splitlines():
        code, comment = _halves(line)
        words |= set(re.findall(r"[\w.]+", comment))
        if comment and (key := re.match(r"\s*([\w.]+):", code)):
            words.add(key[1])
    return words


def _halves(line: str) -> tuple[str, str]:
    """A line of YAML before and behind the sign that begins a comment."""
    code, *comment = re.split(r"(?:^|\s)#", line, maxsplit=1)
    return code, "".join(comment)


def repeated(path: Path) -> Iterator[str]:
    """Keys of a profile whose value is the one of its base: the number would have two homes."""
    *bases, (_, own) = params.chain(path)
    if bases:
        base = bases[-1][0]
        yield from (f"{path.name}: {key}: as in {base.name}; leave it out" for key in _same(own, params.read(base)))


def _same(values: Any, base: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of the leaves of `values` that are in `base` too, with the same value."""
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            yield from _same(value, base[key], f"{prefix}{key}.")
        elif key in base and value == base[key]:
            yield f"{prefix}{key}"


def strange_names(path: Path) -> Iterator[str]:
    """What a parameter file gets wrong about the graph, and names that one section uses and no other gives."""
    try:
        graph_params.check(params.read(path), path.name)
    except params.ParamsError as error:
        yield from str(error).splitlines()


def check_parameters(stages: list[str]) -> Iterator[str]:
    """Everything wrong with the parameter files."""
    models: dict[str, type[params.Section]] = {}
    for stage in stages:
        models |= sections(stage)
    for name, model in models.items():
        yield from open_models(model, name)
    files = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]
    demo, levers = ROOT / "profiles" / "demo.yaml", ROOT / "profiles" / "look" / "photographs.yaml"
    reference, explained = {key for key, _ in graph_names.dotted(params.read(demo))}, named(demo) | named(levers)
    for path in files:
        try:
            values = params.read(path)
        except params.ParamsError as error:  # a key that its base lacks
            yield str(error)
            continue
        for name, model in models.items():
            try:
                params.section(values, name, model, path)
            except params.ParamsError as error:
                yield str(error)
        yield from (
            f"{path.name}: section '{name}' is read by no stage"
            for name in values.keys() - models.keys() - graph_params.TOP
        )
        if have := {key for key in {k for k, _ in graph_names.dotted(values)} ^ reference if not key.startswith(FREE)}:
            yield f"{path.name}: keys differ from profiles/demo.yaml: {sorted(have)}"
        yield from uncommented(path, explained)
        yield from repeated(path)
        yield from set_amiss(path.name, values, models)
        yield from strange_names(path)


def set_amiss(name: str, values: dict[str, Any], models: dict[str, type[params.Section]]) -> Iterator[str]:
    """What the tables of ablations set to values that the stages would refuse."""
    for table, keys in values.get("tables", {}).items():
        for text in keys.get("set", ()):
            key, value = graph_names.setting(text)
            section, *rest = key.split(".")
            changed = copy.deepcopy(values)
            for part in reversed(rest):
                value = {part: value}
            try:
                params.lay(changed, {section: value}, f"{name}: tables.{table}.set: ")
                if section in models:
                    params.validate(changed[section], models[section], f"{name}: tables.{table}.set: {section}")
            except params.ParamsError as error:
                yield from str(error).splitlines()


META = {"gpus": 0, "minutes": 1, "retries": 0}  # what `meta` may hold, each a whole number of at least that


def strange_meta(name: str, meta: Any) -> Iterator[str]:
    """What is wrong with a stage's `meta`, which the flows read: a training, and nothing else, is tried again."""
    wanted = set(META) if name.startswith("train_") else set(META) - {"retries"}
    if not isinstance(meta, dict) or set(meta) != wanted:
        yield f"dvc.yaml: {name}: meta must give {', '.join(k for k in META if k in wanted)}, and no more"
        return
    for key, value in meta.items():
        if type(value) is not int or value < META[key]:
            yield f"dvc.yaml: {name}: meta.{key}: {value!r} is no whole number of at least {META[key]}"


def check_graph(graph: dict, stages: list[str]) -> Iterator[str]:
    """Everything wrong with dvc.yaml."""
    defined = set(graph["stages"])
    yield from (f"stages/{n}.py: not in dvc.yaml" for n in sorted(set(stages) - defined))
    yield from (f"dvc.yaml: stage '{n}' has no stages/{n}.py" for n in sorted(defined - set(stages)))
    for name, stage in graph["stages"].items():
        body = stage.get("do", stage)
        if not body.get("desc"):
            yield f"dvc.yaml: {name}: no desc"
        yield from strange_meta(name, body.get("meta"))
        if not (ROOT / "tests" / "stages" / f"test_{name}.py").is_file():
            yield f"tests/stages/test_{name}.py: missing"
        if name not in stages:
            continue
        listed = {p for p in body.get("params", []) if isinstance(p, str)}
        for section, model in sections(name).items():
            wanted = {section} | {f"{section}.{key}" for key in model.model_fields}
            here = {p.split(".${")[0] for p in listed} & wanted
            missing = set() if section in here else wanted - {section} - here - EXEMPT.get(name, set())
            missing -= {w for w in missing if any(p.startswith(f"{section}.${{") for p in listed)}
            yield from (f"dvc.yaml: {name}: params lacks {m}: a change would not rerun it" for m in sorted(missing))
    for name, (missing, needless) in differences(graph).items():
        yield f"dvc.yaml: {name}: deps lack {missing}, need not {needless}; run `make deps`"


RECIPE = "augment compute epochs images losses optimiser people pictures schedule texture_optimiser"
EXEMPT = {
    "synthesize": {"synthesize.processes"},  # the number of processes changes no byte
    "extract_cuhk03_classic": {"extract_cuhk03_classic.splits"},  # the matrix itself: another split is another instance
    "prepare_san": {f"train_san.{key}" for key in RECIPE.split()},  # it looks at the variant alone
}


def main() -> int:
    """Print every complaint; the number of them decides the exit status."""
    stages = sorted(p.stem for p in (ROOT / "stages").glob("*.py") if p.stem != "__init__")
    graph = params.read(ROOT / "dvc.yaml")
    complaints = [*check_parameters(stages), *check_graph(graph, stages)]
    for complaint in complaints:
        sys.stderr.write(complaint + "\n")
    sys.stdout.write(f"project rules: {len(stages)} stages, {len(complaints)} complaints\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
