"""A copy of the project's files in a folder of its own, under git and DVC, with parameters that run in seconds."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sanreid.params import parse
from tests import yamls

TINY = {
    "synthesize": {"processes": 1},
    "synthesize.pit": {"people": 8, "images": 10},
    "pair_pit": {"validation_people": 2},
    "synthesize.cuhk03": {
        "people": [6, 2, 2, 1, 1],
        "test_people": 5,
        "splits": 2,
        "split_people": 3,
        "heights": [70, 100],
    },
    "synthesize.market1501": {
        "train_people": 6,
        "test_people": 4,
        "cameras_a_person": [2, 3],
        "frames_a_camera": [1, 2],
    },
    "synthesize.market1501 ": {"distractors": 4, "junk": 2},
    "synthesize.mnist": {"test_per_digit": 485},
    "extract_cuhk03": {"validation_people": 2},
    "san": {"width": 8, "fc": 16, "height": 64, "width_px": 32, "texture": 64, "decoder_channels": [16, 16, 8, 8, 4]},
    "train_san_pg": {"epochs": 2},
    "train_san_pg.pictures": {"every": 1, "people": 2},
    "train_san_pg.optimiser.warm_up": {"epochs": 1},
    "train_san": {"epochs": 2, "people": 3, "images": 2},
    "train_san.optimiser.warm_up": {"epochs": 1},
    "train_san.pictures": {"every": 1, "people": 2},
    "train_attributes": {"epochs": 2, "batch": 4},
    "train_attributes.network": {"width": 8, "height": 64, "width_px": 32},
    "evaluate_attributes": {"pictures": 2},
    "experiment": {"variants": ["baseline", "san"], "seeds": [0]},
    "evaluate_textures": {"images": 10, "samples": 2},
    "evaluate_san.lists": {"queries": 2, "top": 5},
    "report": {"people": 2},
    "systems": {"names": ["strong"], "variants": [], "sets": ["market1501"], "alignments": []},
    "mnist": {"models": ["perceptron"], "cells": [], "grids": [], "divisions": []},
    "train_strong": {"epochs": 2, "people": 3, "images": 2},
    "train_strong.network": {"width": 8, "height": 64, "width_px": 32},
    "train_strong.optimiser.warm_up": {"epochs": 1},
    "evaluate_system.reranking": {"k1": 4, "k2": 2},
    "evaluate_system.lists": {"queries": 2, "top": 5},
    "compare_systems": {"people": 2},
}


class Workspace:
    """A copy of the project's files under git and DVC, with tiny parameters."""

    def __init__(
        self,
        root: Path,
        folder: Path,
        cache: Path | None = None,
        warm: Path | None = None,
        kernels: Path | None = None,
    ) -> None:
        """With a `cache` folder, what another workspace with it has computed is restored, as DVC's users share one.

        With `warm`, stages start by the `python` there (warm_python), from then on. With a `kernels` folder, what
        numba compiled in another workspace with it is not compiled again: ten processor seconds in a fresh clone.
        """
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            if name == "dvc.lock" or not (root / name).is_file():
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
        for compiled in (root / "src").rglob("__pycache__"):  # numba's kernels too; they go by path, date and size
            shutil.copytree(compiled, folder / compiled.relative_to(root))
        self.kernels = kernels
        if kernels is not None:
            with _locked(kernels):
                shutil.copytree(kernels, folder / "src", dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK))
        shutil.copy2(root / "profiles" / "demo.yaml", folder / "params.yaml")
        self.folder = folder
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.env = os.environ | {
            "PATH": os.pathsep.join(path),
            "DVC_NO_ANALYTICS": "1",
            "OMP_NUM_THREADS": "1",  # tensors this small lose by more
        }
        self.run("git", "init", "-q")
        if cache is not None:
            (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n")
        if warm is not None:
            self.hasten(warm)
        self.edit(TINY)

    def hasten(self, warm: Path) -> None:
        """From now on stages start by the `python` in `warm`."""
        if os.fspath(warm) not in self.env["PATH"].split(os.pathsep):
            self.env["PATH"] = os.pathsep.join([os.fspath(warm), self.env["PATH"]])

    def leave_code_out(self) -> None:
        """Take the `.py` entries out of all stages' dependencies in dvc.yaml, before any stage has run.

        They are three quarters of dvc.lock, which DVC reads and writes after each stage in a second. What they are,
        `make check` and its tests see; workspaces that keep them run too (test_one_owner, docs/test_extend).
        """
        file = self.folder / "dvc.yaml"
        file.write_text(re.sub(r"^ +- (?:src|stages)/\S+\.py\n", "", file.read_text(), flags=re.MULTILINE))

    def run(self, *command: str) -> str:
        """Run in the workspace; a failure shows what was printed."""
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        if self.kernels is not None:
            self._hand_on(self.kernels)
        assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def repro(self, *arguments: str) -> list[str]:
        """The stages that `dvc repro` brought up to date: it ran them, or restored what another workspace had."""
        lines = self.run("dvc", "repro", *arguments).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage") or "is cached - " in line]

    def edit(self, values: dict[str, dict]) -> None:
        """Change params.yaml; dotted names descend."""
        path = self.folder / "params.yaml"
        params = parse(path.read_text())
        for name, change in values.items():
            section = params
            for part in name.strip().split("."):
                section = section[part]
            assert name == "folders" or change.keys() <= section.keys(), (
                f"{name}: {change.keys() - section.keys()} are no keys"
            )
            section.update(change)
        path.write_text(yamls.dump(params))

    def _hand_on(self, kernels: Path) -> None:
        """Copy to `kernels` what numba compiled here and nobody before; of a function an index and a file a type."""
        source = self.folder / "src"
        with _locked(kernels):
            for index in source.rglob("*.nbi"):
                known = kernels / index.relative_to(source)
                if not known.is_file() or known.stat().st_size < index.stat().st_size:
                    known.parent.mkdir(parents=True, exist_ok=True)
                    for file in [*index.parent.glob(f"{index.stem}.*.nbc"), index]:
                        shutil.copy2(file, known.parent)


LOCK = ".lock"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in a folder of all processes of the tests, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
