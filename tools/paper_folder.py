"""The working folder of tools/paper_scale.py: a copy of the code, with a profile as its params.yaml.

Decisions: everything runs in a copy, so that params.yaml and data of the checkout are not changed. Only the files that
stages and the page read are copied, without git. Overrides (`key=value`, as for `dvc exp run -S`) are applied without
DVC. On a machine that has only `python3`, a program `python` is added to the path.
"""

import difflib
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML

from sanreid import graph_names, params
from sanreid.params import ParamsError
from tools import overlay

CODE = ("src", "stages", "dvc.yaml")
PARAMETERS = "params.yaml"
MEMORY = Path("/dev/shm")  # checkpoints go there where there is room: they need not outlive the machine
ROOM = 16 << 30  # bytes; two trainings' states of 0.5 GB, written beside the old ones, and data beside them
LAUNCH = "PYTHONPATH=src python "  # how the stages' commands begin


def prepare(root: Path, folder: Path, profile: Path, overrides: Sequence[str]) -> None:
    """Copy the code of `root` into the empty `folder`, and `profile` with `overrides` as its params.yaml.

    Raises ValueError where `folder` holds something already, ParamsError (one too) naming an override that cannot be.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: not empty; name a new folder for --work")
    for name in files(root):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)
    (folder / PARAMETERS).write_text(changed(profile, overrides), encoding="utf-8")


def files(root: Path) -> list[str]:
    """The code's files, POSIX paths relative to `root`, sorted."""
    found: list[str] = []
    for name in CODE:
        place = root / name
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        found += [p.relative_to(root).as_posix() for p in inside if p.is_file() and "__pycache__" not in p.parts]
    return [name for name in found if ".egg-info/" not in name]


def changed(profile: Path, overrides: Sequence[str]) -> str:
    """The text of a parameter file with `key=value` put in, comments kept. Raises ParamsError naming the override."""
    yaml = YAML()
    yaml.width = 4096  # a line that is broken loses its comment
    values = yaml.load(overlay.profile(profile))
    for override in overrides:
        key, equals, text = override.partition("=")
        section, names = values, key.split(".")
        for name in names[:-1]:
            section = section.get(name) if isinstance(section, dict) else None
        if not equals or not isinstance(section, dict) or names[-1] not in section:
            near = difflib.get_close_matches(key, [k for k, _ in graph_names.dotted(values)], n=1)
            hint = f"; did you mean {near[0]}?" if near else "; write section.key=value"
            raise ParamsError(f"{profile}: -S {override}: no key '{key}'{hint}")
        section[names[-1]] = params.parse(text)
    stream = io.StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()


def environment(folder: Path, checkpoints: Path) -> dict[str, str]:
    """What the stages' commands run with: this Python as `python`, no TensorBoard, checkpoints in the given folder."""
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    launcher = programs / "python"
    launcher.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    launcher.chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "SANREID_RUNS": "", "SANREID_CHECKPOINTS": str(checkpoints)}


def command(words: str, env: Mapping[str, str]) -> str:
    """A stage's command that finds packages of PYTHONPATH too, where they were unpacked into a folder."""
    given = env.get("PYTHONPATH")
    if not given or not words.startswith(LAUNCH):
        return words
    return f'PYTHONPATH="src:$PYTHONPATH" python {words.removeprefix(LAUNCH)}'


def checkpoints(folder: Path) -> Path:
    """Where trainings keep their state: in memory where there is room, as each epoch waits for it to be written."""
    if given := os.environ.get("SANREID_CHECKPOINTS"):
        return Path(given)
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= ROOM:
            return MEMORY / f"paper-scale-{os.getpid()}"
    return folder / ".checkpoints"


def identity(root: Path, folder: Path) -> dict[str, str | None]:
    """Which code and parameters: git's revision ('+ changes' where there are some; None without git), and hashes."""
    digest = hashlib.sha256()
    for name in files(folder):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes())
    parameters = hashlib.sha256((folder / PARAMETERS).read_bytes()).hexdigest()
    return {"revision": revision(root), "tree": digest.hexdigest(), "parameters": parameters}


def revision(root: Path) -> str | None:
    """The commit that is checked out; None where git or its repository is not there."""
    if not (root / ".git").exists():  # a repository above would be another project's
        return None
    try:
        head, changes = (
            subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + (" + changes" if changes else "")
