"""What docs/pipeline.md shows of DVC's own views: each command, on this project's declarations and chart templates.

The graph is one stage that writes what `report` does, by way of the report's own module, from numbers that a parameter
shifts; `metrics`, `plots`, .dvc/config and .dvc/plots are the project's, and DVC, git and the pages are real.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from sanreid import params
from tests import yamls
from tests.docs import command_lines

STAGE = """\
import json, pathlib
shift = float(pathlib.Path("params.yaml").read_text().split("shift: ")[1].split()[0])
plots = pathlib.Path("reports/plots"); plots.mkdir(parents=True)
san = {"rank1": 0.25 + shift, "mAP": 0.2, "texture_l1": 0.15}
pathlib.Path("reports/summary.json").write_text(json.dumps({"baseline": {"rank1": 0.1, "mAP": 0.1}, "san": san}))
ranks = [f"san,{rank},{min(1, shift + rank / 50)}" for rank in range(1, 51)]
(plots / "cmc.csv").write_text("\\n".join(["method,rank,cmc", *ranks]))
(plots / "losses.csv").write_text("method,term,epoch,loss\\nsan,id,1,4.5\\nsan,id,2,3.5\\n")
"""
SEVERAL = """\
import json, sys
from dvc.cli import main
for words in json.load(sys.stdin):
    print("$ dvc", *words, flush=True)
    status = main(words)
    sys.stdout.flush()
    if status:
        sys.exit(f"dvc {words}: status {status}")
"""  # DVC's import costs more than most of its commands


class Clone:
    """A git and DVC repository with the project's declarations; `dvc` runs several commands in one process."""

    def __init__(self, root, folder) -> None:
        self.folder = folder
        who = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.env = os.environ | who | {"DVC_NO_ANALYTICS": "1"}
        (folder / ".dvc").mkdir()
        shutil.copy2(root / ".dvc/config", folder / ".dvc/config")
        shutil.copytree(root / ".dvc/plots", folder / ".dvc/plots")
        (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
        declared = params.read(root / "dvc.yaml")
        report = declared["stages"]["report"]
        stage = {"cmd": f"{sys.executable} run.py", "deps": ["run.py"], "params": ["shift"], "outs": ["reports/plots"]}
        stage["metrics"] = report["metrics"]
        graph = {"plots": declared["plots"], "stages": {"report": stage}}
        for name, text in {
            "dvc.yaml": yamls.dump(graph),
            "run.py": STAGE,
            ".gitignore": "/reports/*\n!/reports/summary.json\n/dvc_plots/\n",
        }.items():
            (folder / name).write_text(text)
        (folder / "reports").mkdir()
        shutil.copy2(root / "reports/summary.json", folder / "reports")
        self.shift(0.0)
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "add", "--all")
        self.run("git", "commit", "-qm", "A graph")

    def shift(self, value: float) -> None:
        (self.folder / "params.yaml").write_text(f"other: [1, 2]\nshift: {value}\n")

    def run(self, *words: str) -> None:
        done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def dvc(self, *commands: list[str]) -> dict[str, str]:
        """What each command said, standard error too, by its words."""
        words, given = [sys.executable, "-c", SEVERAL], json.dumps(commands)
        out, both = subprocess.PIPE, subprocess.STDOUT
        done = subprocess.run(words, cwd=self.folder, env=self.env, input=given, stdout=out, stderr=both, text=True)
        assert done.returncode == 0, done.stdout
        parts = done.stdout.split("$ dvc ")[1:]
        return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


@pytest.mark.slow
def test_each_view_that_is_shown_tells_a_run_without_complaint(root, tmp_path):
    clone = Clone(root, tmp_path)
    shown = [c for c in command_lines.collect(root) if c.page == "docs/pipeline.md" and not c.mention]
    views = [list(c.words[1:]) for c in shown if c.words[0] == "dvc" and c.words[1] in ("metrics", "params", "plots")]
    assert len(views) == 5
    told = clone.dvc(["repro", "--quiet"], ["metrics", "diff"], ["metrics", "show"])
    assert not re.search("failed|error|warning", "".join(told.values()), re.IGNORECASE)
    published = json.loads((root / "reports/summary.json").read_text())["san"]["rank1"]
    [row] = (line.split() for line in told["metrics diff"].splitlines() if "san.rank1" in line)
    assert row[2:4] == [str(published), "0.25"]
    for command in shown:
        if command.words[0] == "git":
            clone.run(*command.words)
    clone.shift(0.5)
    told = clone.dvc(["repro", "--quiet"], *views, ["exp", "show"])
    assert not re.search("failed|error|warning", "".join(told.values()), re.IGNORECASE)
    numbers = {line.split()[1]: line.split()[2:] for line in told["metrics diff"].splitlines()}
    assert numbers["san.rank1"] == ["0.25", "0.75", "0.5"]
    assert set(numbers) == {"Metric", "san.rank1"}  # what is equal takes no row
    assert [line.split() for line in told["params diff"].splitlines()[1:]] == [["params.yaml", "shift", "0.0", "0.5"]]
    header, *rows = told["metrics show"].splitlines()
    assert len(header.split()) == 6
    assert len(rows) == 1
    page = (tmp_path / "dvc_plots/index.html").read_text()
    assert not re.search(r"""<(script|link|img|iframe)[^>]*\s(src|href)=["']?https?:""", page)
    charts = [text for text in re.findall(r"\{.*\}", page) if '"HEAD"' in text and '"workspace"' in text]
    assert any("queries matched" in text for text in charts)
    assert any('"term"' in text for text in charts)


def test_the_committed_numbers_are_those_of_the_readme(root):
    numbers = json.loads((root / "reports/summary.json").read_text())
    rows = (line.strip("|").split("|") for line in (root / "README.md").read_text().splitlines() if line[:2] == "| ")
    shown = {row[0].strip(" *"): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 6}
    for name, columns in {"baseline": 2, "baseline_syn": 2, "san": 3}.items():
        rank1, _, mean_ap, _, texture = shown[name]
        given = [f"{100 * numbers[name]['rank1']:.1f}", f"{100 * numbers[name]['mAP']:.1f}"]
        given += [f"{numbers[name]['texture_l1']:.3f}"] if columns == 3 else []
        assert [rank1, mean_ap, texture][:columns] == given, name
