"""Two runs side by side: parameters that differ, metrics with deltas, the same queries ranked by both; one page.

    python -m tools.compare HEAD~1 workspace

Decisions: a run is a git revision or an experiment's name, read through DVC's file system from its dvc.lock and the
cache, so that nothing is checked out; `workspace` is the current state of the working folder. It is a tool and no
stage, because its inputs are chosen by the user. Metrics are the files metrics.json below reports/, ranked queries the
files queries.csv of evaluate_san and evaluate_cross. If a revision's results are not in the cache, the page says so.
"""

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import RevError, resolve_rev
from PIL import Image

from sanreid import faults, params, runtime
from sanreid.reporting.compare import page
from sanreid.reporting.run import parameters
from sanreid.reporting.shared import templates
from sanreid.reporting.shared.pictures import embed

WORKSPACE, OUT = "workspace", Path("reports/compare/index.html")
COVER = "cover.jpg"  # beside the page; menu.py looks for it
QUERIES = 6  # of each model
MODELS = 8  # sheets on the page, of the models whose mAP differs most


class Run:
    """The files of a revision, by their path in the project."""

    def __init__(self, root: Path, name: str) -> None:
        """ValueError where `name` is no revision and no experiment."""
        self.name = name
        if name == WORKSPACE:
            self.files = DVCFileSystem(str(root))
            return
        try:
            with Repo(str(root)) as repo:
                rev = resolve_rev(repo.scm, name)
        except (RevError, DvcException) as error:
            raise ValueError(f"{name}: no revision or experiment here ({error}); `dvc exp list` names them") from None
        self.files = DVCFileSystem(str(root), rev=rev)

    def find(self, name: str) -> list[str]:
        """The paths below reports/ of files called `name`, in the cache or not; none of stages that never ran."""
        if not self.files.exists("reports"):
            return []
        found = (str(path) for path in self.files.find("reports"))
        return sorted(path for path in found if path.rsplit("/", 1)[-1] == name and self._made(path))

    def _made(self, path: str) -> bool:
        """Whether a stage wrote it, or it lies here: dvc.yaml names outputs of stages that never ran, too."""
        told = self.files.info(path)
        stated = told.get("dvc_info")
        return not stated or "md5" in stated or bool(told.get("fs_info"))

    def read(self, path: str) -> bytes:
        """The content; FileNotFoundError where neither workspace nor cache has it."""
        try:
            with self.files.open(path, "rb") as file:
                content = file.read()
            return content.encode() if isinstance(content, str) else content
        except (OSError, DvcException):
            raise FileNotFoundError(f"{path} of {self.name}: not in the cache; `dvc fetch` or run it again") from None


def compare(root: Path, a: str, b: str, out: Path) -> Path:
    """Write the page of the runs `a` and `b` of the project at `root` to `out`, its cover beside it; `out`."""
    runs, notes = (Run(root, a), Run(root, b)), []
    given = [parameters.leaves(params.parse(run.read("params.yaml").decode())) for run in runs]
    told: list[dict[str, parameters.Leaves]] = []
    tables: list[dict[str, pd.DataFrame]] = []
    for run in runs:
        kept: dict[str, bytes] = {}
        for path in [*run.find("metrics.json"), *run.find("queries.csv")]:
            try:
                kept[path] = run.read(path)
            except FileNotFoundError as error:
                notes.append(str(error))
        told.append({p: parameters.leaves(json.loads(v)) for p, v in kept.items() if p.endswith(".json")})
        tables.append({p: pd.read_csv(io.BytesIO(v)) for p, v in kept.items() if p.endswith(".csv")})
    pairs = {p: page.apart(tables[0][p], tables[1][p], QUERIES) for p in tables[0] if p in tables[1]}
    order = sorted(pairs, key=lambda p: -pairs[p]["gain"].abs().max())[:MODELS]
    sheets, cover = [], Image.new("RGB", (640, 360), "white")
    for path in (p for p in order if len(pairs[p])):
        found, folder = pairs[path], f"data/interim/{pairs[path]['set'].iloc[0]}"

        def picture(name: str, folder: str = folder) -> np.ndarray:
            return np.asarray(Image.open(io.BytesIO(runs[0].read(f"{folder}/{name}"))).convert("RGB"))

        try:
            drawn = page.sheet(found, picture, (f"A: {a}", f"B: {b}"))
        except FileNotFoundError as error:
            notes.append(str(error))
            continue
        cover = cover if sheets else Image.fromarray(drawn)
        sheets.append((path.removesuffix("/queries.csv"), embed(Image.fromarray(drawn), quality=85)))
    shown = {"parameters": parameters.differing(*given), "numbers": page.metrics(*told), "sheets": sheets}
    html = templates.render("compare/page.html", **shown, names=(a, b), notices=notes[:5])
    with runtime.atomic_file(out) as work:
        work.write_text(html, encoding="utf-8")
    with runtime.atomic_file(out.parent / COVER) as work:
        templates.cover(cover, work)
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", help="a git revision, an experiment's name, or workspace")
    parser.add_argument("b", nargs="?", default=WORKSPACE, help="the other one (default: workspace)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"the page (default: {OUT})")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("compare"):
        runtime.log.info("%s: the page", compare(Path.cwd(), given.a, given.b, given.out))


if __name__ == "__main__":
    main()
