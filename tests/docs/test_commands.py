"""Every command that README.md and the documents show is one that works.

What is done with each, honestly. *Run whole*, in a copy of the project: the cheap ones of CHEAP (profiles, the overlay,
the graph drawn, `make deps`). *Checked, not run*: a verb of make by `make -n`, with variables that the Makefile reads;
a script of Python by its own parser, which is stopped when it has understood the line (types, choices and required
options included); dvc by DVC's own parser, its stages by dvc.yaml, and `-S` by laying it over params.yaml and checking
that as the stages do; pytest by its paths and marks; prefect by the deployments and the parameters of their flow; pip
by its own parser; `sanreid` by the parser of its verb; `git` by its subcommands. Nothing of these trains or sends. The
shell's own, and programs that are no part of the project (SHELL, ELSEWHERE), are checked for a name alone. What the
commands *do* is the other tests' business, and test_each_is_run.py names the one for each: tests/test_pipeline.py runs
the whole graph by `dvc repro` at tiny size, tests/flows the flows, tests/tools the scripts. A kind of command that is
not known here fails. docs/extend.md's own stages and keys exist in its copy of the project: test_extend.py checks them
there.
"""

import ast
import functools
import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.exceptions import TyperException

from sanreid import params
from tests import workspace
from tests.docs import command_lines
from tests.docs.command_lines import Command

SHELL = {"cd", "exit", "export", "source"}
ELSEWHERE = {"rsync", "tensorboard"}  # used as their own manuals say
FOLDERS = ["campus", "msmt17"]  # sets of a user's own that the documents speak of
CHEAP = (
    "make deps",
    "make profile",
    "dvc dag",
    "dvc remote add",
    "python tools/overlay.py",
)
EXTENDED = "docs/extend.md"
APP = Path(__file__).resolve().parent.parent.parent / "app"  # a tree without the search page has no command for it


@pytest.fixture(scope="module")
def commands(root) -> list[Command]:
    return command_lines.collect(root)


def of(commands: list[Command], *programs: str) -> list[Command]:
    return [c for c in commands if c.words and c.words[0] in programs]


def wrong(checks: dict[str, str]) -> str:
    return "\n".join(f"{command}\n    {why}" for command, why in checks.items() if why)


def test_the_documents_hold_commands_and_each_is_of_a_known_kind(commands):
    assert len(commands) > 100
    known = {*SHELL, *ELSEWHERE, *command_lines.COMMANDS, "bash"}
    assert [str(c) for c in commands if c.words and c.words[0] not in known] == []


def test_what_the_shell_is_told_exists(commands, root):
    """Variables are read somewhere, the environment is make's, and a script that is run was written before."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    files = [root / n for n in tracked.split("\0") if n.endswith((".py", ".sh", "Makefile", ".yaml"))]
    code = "".join(f.read_text() for f in files if f.is_file() and "tests" not in f.parts)
    written: set[tuple[str, str]] = set()
    for command in commands:
        assigned = command.variables + (command.words[1:] if command.words[:1] == ("export",) else ())
        for name in (word.split("=")[0] for word in assigned):
            assert name in ("PATH", "PYTHONPATH") or re.search(rf"\b{name}\b", code), f"{command}: nothing reads {name}"
        if command.words[:1] == ("source",):
            assert command.words == ("source", ".venv/bin/activate"), command
        if command.words[:1] == ("bash",):
            assert (command.page, command.words[1]) in written, f"{command}: nothing on this page wrote it"
        written.add((command.page, command.writes))


def test_make(commands, root):
    makefile, checks = (root / "Makefile").read_text(), {}
    for command in of(commands, "make"):
        targets = [w for w in command.words[1:] if "=" not in w]
        unread = [w for w in command.words[1:] if "=" in w and f"$({w.split('=')[0]})" not in makefile]
        if targets == ["app"] and not APP.is_dir():
            continue
        done = subprocess.run(["make", "-n", *command.words[1:]], cwd=root, capture_output=True, text=True)
        failed = done.stderr.strip() if done.returncode else ""
        checks[str(command)] = f"the Makefile reads no {unread}" if unread else failed
    assert len(checks) > 30
    assert not wrong(checks), wrong(checks)


def python(command: Command) -> dict | None:
    """What known_commands is asked of a command of Python; None where another test looks at it."""
    words = list(command.words[1:])
    if command.words[0] == "torchrun":
        words = words[next(i for i, word in enumerate(words) if word.endswith(".py")) :]
    if words[:2] in (["-m", "pip"], ["-m", "pytest"]) or (words[:2] == ["-m", "app"] and not APP.is_dir()):
        return None
    return {"module": words[1], "argv": words[2:]} if words[0] == "-m" else {"argv": words}


@pytest.mark.slow
def test_scripts_and_overrides(commands, root, tmp_path):
    """By the scripts' own parsers, and the overrides by the checks of the stages."""
    asked: dict[str, dict] = {}
    for command in of(commands, "python", "python3", "torchrun"):
        if question := python(command):
            asked[str(command)] = question
    for command in of(commands, "dvc", "python", "prefect"):
        given = sets(command)
        if given and command.page != EXTENDED:
            asked[f"{command} (-S)"] = {"set": given, "folders": FOLDERS}
    assert len(asked) > 30
    script = root / "tests/docs/known_commands.py"
    questions = json.dumps(list(asked.values()))
    command = [sys.executable, script]
    done = subprocess.run(command, input=questions, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    checks = dict(zip(asked, json.loads(done.stdout), strict=True))
    mentions = {str(c) for c in commands if c.mention}
    for key in mentions & checks.keys():  # a sentence may leave out what a script works on
        if re.search("arguments are required|expected one argument", checks[key]):
            checks[key] = ""
    assert not wrong(checks), wrong(checks)


def sets(command: Command) -> list[str]:
    """The overrides of parameters in a command."""
    words = command.words
    given = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("-S", "--set-param", "--set")]
    for word in words if words[0] == "prefect" else ():
        if word.startswith("overrides="):
            given += json.loads(word.removeprefix("overrides="))
    return given


@functools.cache
def stages(root) -> set[str]:
    return set(params.read(root / "dvc.yaml")["stages"])


def test_dvc(commands, root):
    from dvc.cli import DvcParserError, parse_args

    checks = {}
    for command in of(commands, "dvc"):
        why = ""
        try:
            parsed = vars(parse_args(list(command.words[1:])))
        except (DvcParserError, SystemExit) as error:
            parsed, why = {}, "" if command.mention and len(command.words) < 5 else f"DVC does not know it: {error}"
        named = {str(t).split("@")[0] for t in parsed.get("targets") or ()} if command.page != EXTENDED else set()
        checks[str(command)] = why or (f"no stage {named - stages(root)}" if named - stages(root) else "")
    assert len(checks) > 20
    assert not wrong(checks), wrong(checks)


def test_stages_that_a_script_or_a_flow_is_told_of_exist(commands, root):
    for command in of(commands, "python", "prefect"):
        words = " ".join(command.words)
        if "flows.run" in words or "tools/script.py" in words:
            values = iter(command.words[3 if "flows.run" in words else 2 :])
            named = set()
            for word in values:
                if word in ("-S", "--jobs"):
                    next(values, None)
                elif not word.startswith("-"):
                    named.add(word.split("@")[0])
            assert named <= stages(root), command
        if found := re.search(r"targets=(\[.*?\])", words):
            assert set(json.loads(found[1])) <= stages(root), command


def test_pytest(commands, root):
    config = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    marks = {line.split(":")[0] for line in config["markers"]}
    asked = of(commands, "pytest")
    assert asked
    for command in asked:
        words = iter(command.words[1:])
        for word in words:
            if word == "-m":
                assert set(re.findall(r"\w+", next(words))) - {"not", "and", "or"} <= marks, command
            elif word == "-n":
                assert int(next(words)) > 0
                assert importlib.util.find_spec("xdist"), command
            else:
                assert (root / word).exists(), f"{command}: no {word}"


def test_prefect(commands, root):
    deployments = params.parse((root / "prefect.yaml").read_text())["deployments"]
    asked = of(commands, "prefect")
    assert asked
    for command in asked:
        assert command.words[1:3] == ("deployment", "run"), f"{command}: only deployments are known here"
        flow, _, name = command.words[3].partition("/")
        (entry,) = [d["entrypoint"] for d in deployments if d["name"] == name and d["entrypoint"].endswith(f":{flow}")]
        tree = ast.parse((root / entry.split(":")[0]).read_text())
        functions = {n.name: n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
        taken = {a.arg for a in functions[flow].args.args}
        given = [w for w in command.words[4:] if w != "-p"]
        assert {w.split("=")[0] for w in given} <= taken, command
        assert all(json.loads(w.split("=", 1)[1]) is not None for w in given), command


def test_pip_and_git(commands, root):
    from pip._internal.commands import create_command

    checks = {}
    for command in of(commands, "pip", "python", "python3"):
        words = [w for w in command.words if w not in ("-m", "python", "python3", "pip")]
        if "pip" not in command.words:
            continue
        try:
            options, _ = create_command(words[0]).parse_args([w for w in words[1:] if "*" not in w])
        except SystemExit:
            checks[str(command)] = "pip does not know it"
            continue
        missing = [r for r in options.requirements if not (root / r).is_file()]
        checks[str(command)] = f"no such file: {missing}" if missing else ""
    assert len(checks) > 3
    assert not wrong(checks), wrong(checks)
    for command in of(commands, "git"):
        done = subprocess.run(["git", command.words[1], "-h"], capture_output=True, text=True, cwd=root)
        assert done.returncode == 129, command


def test_sanreid(commands, root):
    """By the verbs' own parsers; a file that a document invents need not be there."""
    if not (root / "src/sanreid/cli/main.py").is_file():
        pytest.skip("the command line is not in this tree")
    main = importlib.import_module("sanreid.cli.main")
    group, checks, absent = typer.main.get_command(main.app), {}, set()
    for command in of(commands, "sanreid"):
        words, why = list(command.words[1:]), ""
        if words[0] in main.VERBS and not (root / f"src/sanreid/cli/{words[0]}.py").is_file():
            absent.add(words[0])
            continue
        try:
            if words != ["--help"]:
                context = typer.Context(group, info_name="sanreid")
                _, verb, rest = group.resolve_command(context, words)
                verb.make_context(words[0], rest, parent=context)
        except TyperException as error:
            why = str(error) or type(error).__name__
            if "does not exist" in why or (command.mention and type(error).__name__ == "MissingParameter"):
                why = ""
        checks[str(command)] = why
    assert not wrong(checks), wrong(checks)
    if absent:
        pytest.skip(f"promised by sanreid.cli.main and not in this tree, so not checked: {', '.join(sorted(absent))}")
    assert len(checks) > 5


@pytest.mark.slow
def test_the_cheap_ones_run_whole(commands, root, tmp_path):
    space = workspace.Workspace(root, tmp_path)
    space.env["PYTHONPATH"] = str(tmp_path / "src")
    cheap = [c for c in commands if " ".join(c.words).startswith(CHEAP) and not c.mention]
    assert {next(p for p in CHEAP if " ".join(c.words).startswith(p)) for c in cheap} == set(CHEAP)
    for words in dict.fromkeys(c.words for c in cheap):
        made = ["make", "-o", "setup", *words[1:]] if words[0] == "make" else list(words)  # the environment is there
        space.run(*made)
    assert (tmp_path / "realistic.yaml").is_file()
