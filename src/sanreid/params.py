"""Typed, closed sections of params.yaml, and the command line that every stage gets from its signature.

Decisions: a section is a frozen pydantic model without defaults, so params.yaml is the only home of a number and a
typo is an error before any work. The model lives in the stage's script (or beside the code that consumes it): an edit
to one stage's parameters must not make the other stages stale.
"""

import argparse
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """A section of params.yaml: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)  # the bracket syntax wants Python 3.12


class ParamsError(ValueError):
    """A parameter file that cannot be used; the message names the file, the key and the remedy."""


def read(path: Path) -> dict[str, Any]:
    """The YAML file `path`, section by section and unchecked; nothing where it holds no sections.

    Raises ParamsError where there is no such file or it is not YAML.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; `make profile PROFILE=demo` writes one") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not YAML: {error}") from None
    return values if isinstance(values, dict) else {}


def load(path: Path, key: str, model: type[S]) -> S:
    """Read section `key` (dots descend) of the YAML file `path` as `model`.

    Raises ParamsError naming the file and each offending key.
    """
    values: Any = read(path)
    for part in key.split("."):
        if not isinstance(values, dict) or part not in values:
            raise ParamsError(f"{path}: section '{key}' is missing; compare profiles/demo.yaml")
        values = values[part]
    return validate(values, model, f"{path}: {key}")


def validate(values: Any, model: type[S], where: str) -> S:
    """Check `values` against `model`; ParamsError lists every offending key, prefixed by `where`."""
    try:
        # by way of JSON: strict types ("3" is no 3), yet a YAML list may fill a tuple
        return model.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        lines = []
        for e in error.errors():
            name = ".".join([where, *(str(x) for x in e["loc"])])
            given = "" if e["type"] == "missing" else f" (given: {e['input']!r})"
            lines.append(f"{name}: {e['msg']}{given}")
        raise ParamsError("\n".join(lines)) from None


def parser(main: Callable[..., None]) -> argparse.ArgumentParser:
    """The command line of a stage: one option an argument of `main` that is not a section."""
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


def run(main: Callable[..., None]) -> None:
    """Run a stage from the command line: parse, load its sections, call `main`; bad input ends in one clear line."""
    from sanreid import runtime

    runtime.configure_logging()
    stage = Path(sys.argv[0]).stem
    given = vars(parser(main).parse_args())
    path = given.pop("params")
    try:
        for name, argument in inspect.signature(main).parameters.items():
            if model := _section(argument.annotation):
                given[name] = load(path, stage if name == "p" else name, model)
        main(**given)
    except (ValueError, FileNotFoundError) as error:
        runtime.log.debug("where it came from:", exc_info=True)
        sys.exit(f"{stage}: {error}")


def _section(annotation: Any) -> type[Section] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def _kind(annotation: Any) -> tuple[Callable[[str], Any], bool]:
    """The type of one value, and whether the option takes several."""
    if isinstance(annotation, UnionType):  # Path | None, list[str] | None
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    return annotation, False
