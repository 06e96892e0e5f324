"""Parse command lines of the documents by the programs' own parsers, without doing their work.

Run as a process: a JSON list on stdin, a JSON list of answers on stdout, "" where the line holds, else what is wrong.
{"argv": ["tools/x.py", ...]} and {"module": "flows.run", "argv": [...]} start the script and stop it where its
arguments are parsed, so that a missing or unknown option, a wrong type and a wrong choice are told as to a user.
{"set": ["train_san.epochs=20"], "folders": [...]} lays the overrides over a copy of params.yaml, as DVC does, and
checks it as the stages do. All in one process, since torch's import costs more than all of the rest.
"""

import argparse
import contextlib
import functools
import io
import json
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]


class Parsed(BaseException):
    """The arguments were understood; nothing may catch it on the way."""


def stop_when_parsed() -> None:
    """Let every parser of arguments end the script once it has understood them; parsers of subcommands go on."""
    inside = []  # the calls under way: one calls another

    def stopping(original: Any) -> Any:
        def parse(self: argparse.ArgumentParser, *given: Any, **more: Any) -> Any:
            inside.append(self)
            try:
                found = original(self, *given, **more)
            finally:
                inside.pop()
            if not inside:
                raise Parsed
            return found

        return parse

    for name in ("parse_args", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args"):
        setattr(argparse.ArgumentParser, name, stopping(getattr(argparse.ArgumentParser, name)))


def script(argv: list[str], module: str | None) -> str:
    """Start a script or module with its arguments; what its parser says against them."""
    sys.argv = [module or argv[0], *(argv if module else argv[1:])]
    told = io.StringIO()
    path = list(sys.path)
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            if module:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                sys.path.insert(0, str((ROOT / argv[0]).parent))
                runpy.run_path(str(ROOT / argv[0]), run_name="__main__")
    except Parsed:
        return ""
    except SystemExit as ended:
        return f"ended with {ended.code}: {told.getvalue()[-500:]}"
    finally:
        sys.path[:] = path
    return "parsed no arguments: what it would do is not known"


@functools.cache
def begun(folders: tuple[str, ...]) -> str:
    """The demo's parameters with these sets of a user's own, laid over as DVC does: a second's work, and once."""
    from flows import overriding

    with tempfile.TemporaryDirectory() as place:
        shutil.copy(ROOT / "profiles/demo.yaml", Path(place) / "params.yaml")
        if folders:
            overriding.apply(Path(place), [f"+folders.{name}=data/raw/{name}" for name in folders])
        return (Path(place) / "params.yaml").read_text()


def overrides(given: list[str], folders: list[str]) -> str:
    """What is wrong with `-S` overrides of params.yaml; `folders` are sets of a user's own."""
    from flows import overriding
    from sanreid import graph_params, params
    from tools import check

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "params.yaml"
        try:
            file.write_text(begun(tuple(folders)))
            overriding.apply(Path(place), given)
            values = params.read(file)
            graph_params.check(values, "params.yaml")
            for name in {key.split(".")[0].lstrip("+~") for key in given} - set(graph_params.TOP):
                stage = name if (ROOT / "stages" / f"{name}.py").is_file() else "train_san"  # `san`: its network
                params.section(values, name, check.sections(stage)[name], file)
        except (ValueError, KeyError) as error:
            return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    stop_when_parsed()
    asked = json.load(sys.stdin)
    answers = [
        overrides(a["set"], a.get("folders", [])) if "set" in a else script(a["argv"], a.get("module")) for a in asked
    ]
    json.dump(answers, sys.stdout)
