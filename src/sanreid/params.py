"""Typed, closed sections of params.yaml, and the command line that every stage gets from its signature.

Decisions:
- A section is a frozen pydantic model without defaults, so every number is written in params.yaml only, and a typo is
  an error before any work. The model is defined in the stage's script (or beside the code that uses it), so that an
  edit to one stage's parameters does not make other stages stale.
- YAML is read as DVC reads it (ruamel.yaml, YAML 1.2). With another reader, 1e-05 (which DVC writes for `dvc exp run
  -S a.lr=0.00001`) would be a string.
- Paths given by the user do not appear in dvc.yaml's commands, where a space or a quote would break them: the command
  says `--raw @raw.cuhk03`, and the stage reads that key.
- A profile names by `base: demo.yaml` the file that it is based on, and has only the keys that differ; reading it
  (also with a stage's --params) gives all values. DVC cannot do that, so params.yaml has no base: `make profile` writes
  it in full. YAML anchors are not used to avoid repetition, because `dvc exp run -S` of one key would change every
  block that refers to the same anchor.
"""

import argparse
import inspect
import itertools
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sanreid import bounds, faults


class Section(BaseModel):
    """A section of params.yaml: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)  # the bracket syntax wants Python 3.12


OUTPUTS = {"out", "figures"}  # what a stage's options call its outputs
BASE = "base"  # the key by which a profile names the file that it differs from, beside it
KEY = "@"  # begins an option's value that names a key of the parameter file


class ParamsError(ValueError):
    """A parameter file that cannot be used; the message names the file, the key and the remedy."""


def parse(text: str) -> Any:
    """A YAML text as DVC reads it: YAML 1.2, where 1e-05 is a number, and `on`, `no` and 1:30 are texts.

    Raises ValueError where it is no YAML or a key stands there twice.
    """
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None


def read(path: Path) -> dict[str, Any]:
    """The values of the YAML file `path`, unchecked; {} if it is no mapping.

    If its key `base` names a file, that file's values are taken and overridden by this one's. Raises ParamsError if
    there is no such file, it is not YAML, or it has a key that its base lacks.
    """
    (_, whole), *fragments = chain(path)
    for file, values in fragments:
        lay(whole, values, f"{file}: ")
    return whole


def chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The parameter file `path` and its bases, each with its own values; the one without a base first, `path` last.

    Raises ParamsError if a base does not exist, or a file is its own base, directly or indirectly.
    """
    found = [(path, _sections(path))]
    while (base := found[0][1].pop(BASE, None)) is not None:
        last, file = found[0][0], found[0][0].parent / str(base)
        if not file.is_file() or file in [f for f, _ in found]:
            raise ParamsError(
                f"{last}: base: {file}: not found, or based on this one; name the file that this differs from"
            )
        found.insert(0, (file, _sections(file)))
    return found


def lay(values: Any, fragment: Mapping[str, Any], where: str) -> None:
    """Override values of `values` by those of `fragment`, in place; a list or an empty mapping is replaced as a whole.

    Raises ParamsError, which begins with `where`, for a key that `values` lacks.
    """
    for key, new in fragment.items():
        if key not in values:
            raise ParamsError(f"{where}{key}: no such key in the parameter file; compare profiles/demo.yaml")
        if isinstance(new, Mapping) and isinstance(values[key], Mapping) and values[key]:
            lay(values[key], new, f"{where}{key}.")
        else:
            values[key] = new


def _sections(path: Path) -> dict[str, Any]:
    """The values of one YAML file, without those of its base."""
    if not path.is_file():  # reading a pipe would block
        raise ParamsError(f"{path}: not found, or no file; `make profile PROFILE=demo` writes one")
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from None
    except ValueError as error:
        raise ParamsError(f"{path}: {error}") from None
    return values if isinstance(values, dict) else {}


def value(path: Path, key: str) -> Any:
    """The value of the dotted `key` in the YAML file `path`; names may contain dots themselves, or be numbers.

    Raises ParamsError if there is no such key.
    """
    found: Any = read(path)
    rest = key
    while rest:
        names = {str(k): k for k in found} if isinstance(found, dict) else {}
        if rest in names:
            return found[names[rest]]
        name = next((n for n in sorted(names, key=len, reverse=True) if rest.startswith(f"{n}.")), None)
        if name is None:
            raise ParamsError(f"{path}: key '{key}' is missing; compare profiles/demo.yaml")
        found, rest = found[names[name]], rest[len(name) + 1 :]
    return found


def load(path: Path, key: str, model: type[S]) -> S:
    """Read section `key` (dotted for a nested one) of the YAML file `path` as `model`.

    Raises ParamsError naming the file and each offending key.
    """
    return section(read(path), key, model, path)


def section(values: Any, key: str, model: type[S], path: Path) -> S:
    """As `load`, from `values` that were read from `path` before: to read several sections from one file."""
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            raise ParamsError(f"{path}: section '{key}' is missing; compare profiles/demo.yaml")
        values = values[part]
    return validate(values, model, f"{path}: {key}")


def validate(values: Any, model: type[S], where: str) -> S:
    """Check `values` against `model`; ParamsError lists every offending key, prefixed by `where`."""
    try:
        # through JSON, because its strict mode refuses "3" for 3, but accepts a list for a tuple
        return model.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise ParamsError("\n".join(bounds.complaints(error, values, where))) from None
    except TypeError as error:  # a date can be a key in YAML, but not in JSON
        raise ParamsError(f"{where}: {error}; put it in quotes") from None


def parser(main: Callable[..., None]) -> argparse.ArgumentParser:
    """The command line of a stage: one option for each argument of `main` that is not a section of params.yaml."""
    doc = inspect.getmodule(main).__doc__ if inspect.getmodule(main) else main.__doc__
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--params", type=Path, default=Path("params.yaml"), help="the parameter file")
    for name, argument in inspect.signature(main).parameters.items():
        if _section(argument.annotation):
            continue
        kind, many = _kind(argument.annotation)
        required = argument.default is inspect.Parameter.empty
        option = "--" + name.replace("_", "-")
        result.add_argument(
            option,
            type=kind,
            nargs="+" if many else None,
            required=required,
            default=None if required else argument.default,
        )
    return result


def run(main: Callable[..., None], launch: Callable[[], bool] | None = None) -> None:
    """Run a stage from the command line: parse, load its sections, call `main`; bad input ends in one clear line.

    The stage cleans up and ends on SIGTERM, and when the DVC that started it has ended (stopping.py). `launch` is
    `process_group.launch` for a training that can run in several processes: if it returns True, they have done the
    work.
    """
    from sanreid import (  # here, because graph_params imports this module, and to keep importing it cheap
        graph_params,
        runtime,
        stage_record,
        stopping,
    )

    runtime.configure_logging()
    stage = Path(sys.argv[0]).stem
    with faults.told(stage):
        stopping.orderly()
        given = vars(parser(main).parse_args())
        path = given.pop("params")
        if path.is_file():
            graph_params.check(read(path), str(path))
        for name, argument in inspect.signature(main).parameters.items():
            if model := _section(argument.annotation):
                given[name] = load(path, stage if name == "p" else name, model)
            elif _kind(argument.annotation)[0] is Path and str(given[name]).startswith(KEY):
                given[name] = _named(path, str(given[name]).removeprefix(KEY))
        _apart(given)
        with stage_record.kept(stage, given):
            if launch is None or not launch():
                main(**given)
    if sys._getframe(1).f_back is None:  # the caller is the script itself, which no profiler, debugger or test runs
        stopping.leave()


def _apart(given: dict[str, Any]) -> None:
    """Refuse an output (`out`, `figures`) that is or contains one of the inputs, because it would replace them."""
    places = {k: v if isinstance(v, list) else [v] for k, v in given.items()}
    real = {k: [Path(os.path.realpath(v)) for v in paths if isinstance(v, Path)] for k, paths in places.items()}
    for name in OUTPUTS & real.keys():
        for other in real.keys() - OUTPUTS:
            for out, path in itertools.product(real[name], real[other]):
                if out == path or out in path.parents:
                    raise ValueError(f"--{name} {out}: is or holds --{other} {path}; name another place")


def _named(path: Path, key: str) -> Path:
    """The path that is the value of `key` in the parameter file."""
    given = value(path, key)
    if not isinstance(given, str) or not given.strip():
        raise ParamsError(f"{path}: {key}: no path (given: {faults.short(given)}); put it in quotes")
    return Path(given)


def _section(annotation: Any) -> type[Section] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def _kind(annotation: Any) -> tuple[Callable[[str], Any], bool]:
    """The type of one value, and whether the option takes several."""
    if isinstance(annotation, UnionType):  # Path | None, list[str] | None
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    return annotation, False
