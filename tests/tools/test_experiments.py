"""Real rows of `dvc exp show` in a terminal's width: numbers, what differs, and a word where a commit has none."""

import json
import subprocess

import pytest

from tests import yamls
from tools import experiments

GRAPH = {
    "metrics": ["reports/summary.json"],
    "stages": {"train": {"cmd": "true", "deps": ["src/loop.py", "top.yaml"], "params": ["train"]}},
}
PARAMETERS = {"train": {"epochs": 8, "rate": 0.1}, "widths": {f"layer{i}": i for i in range(200)}}


def write(project, files: dict[str, str]) -> None:
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)


def summary(rank1: float) -> str:
    methods = {name: {"rank1": rank1, "mAP": 0.0704} for name in ("baseline", "baseline_syn", "san")}
    methods["san"]["texture_l1"] = 0.14785
    return json.dumps({**methods, "floor": {"rank1": 0.05, "mAP": 0.07}, "textures": {"l1": 0.15}})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two commits, the second with numbers, and a workspace of another epoch count and other numbers."""

    def git(*words):
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    files = {"dvc.yaml": yamls.dump(GRAPH), "params.yaml": yamls.dump(PARAMETERS), "top.yaml": "", "src/loop.py": ""}
    write(tmp_path, {**files, ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n"})
    git("init", "-q", "-b", "main")
    git("add", "--all")
    git("commit", "-qm", "Nothing was run")
    write(tmp_path, {"reports/summary.json": summary(0.28)})
    git("add", "--all")
    git("commit", "-qm", "A run")
    changed = {**PARAMETERS, "train": {"epochs": 20, "rate": 0.1}}
    write(tmp_path, {"reports/summary.json": summary(0.3001), "params.yaml": yamls.dump(changed)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rows_fit_a_terminal_and_hold_what_is_compared(project, capsys):
    assert experiments.main(["--last", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line.split() for line in lines[:5]]
    assert words[0] == ["baseline", "baseline_syn", "san", "san", "train"]  # no file, no floor, no layer
    assert words[1] == [*["rank-1", "mAP"] * 3, "texture_l1", "epochs"]
    assert words[2] == ["workspace", *["30.0", "7.0"] * 3, "0.148", "20"]
    assert words[3][0] == "main"
    assert words[3][3:] == [*["28.0", "7.0"] * 3, "0.148", "8"]
    assert words[4][3:] == [*["-"] * 7, "8"]
    assert max(map(len, lines[:5])) <= 100
    assert lines[6].startswith(f"{words[4][0]}: no results of that commit are here")
    assert len(lines) == 9
    assert max(map(len, lines[5:])) <= 80


ROWS = """\
Experiment,rev,typ,Created,parent,State,Executor,san.rank1,san.mAP,{names}
,workspace,baseline,,,,,0.5,,{a}
,main,baseline,2026-01-02T03:04:05,,,,0.25,0.125,{b}
quick,1234567,branch_base,2026-01-02T03:05:05,,Queued,Dvc-task,,,{b}
"""


def test_many_differences_are_cut_and_counted_and_a_queued_run_says_so():
    names = [f"train.key{i}" for i in range(experiments.MOST + 3)]
    a, b = (",".join([word * 30] * len(names)) for word in "ab")
    shown, notes = experiments.table(ROWS.format(names=",".join(names), a=a, b=b))
    assert len(shown.columns) == 2 + 2 + 1 + experiments.MOST
    assert notes[1].startswith("3 more columns differ")
    cells = [[*column.cells] for column in shown.columns]
    assert cells[0] == ["workspace", "main", "  quick"]
    assert cells[2] == ["", "", "Queued"]
    assert [cell.split() for cell in cells[4]] == [["50.0", "-"], ["25.0", "12.5"], ["-", "-"]]
    assert len(cells[5][0]) == experiments.LONGEST


def test_where_nothing_was_run_the_way_is_told():
    with pytest.raises(ValueError, match="make demo"):
        experiments.table("rev,typ,Created\nworkspace,baseline,\n")
    with pytest.raises(ValueError, match="make demo"):
        experiments.table("rev,typ,Created,san.rank1\nworkspace,baseline,,\nmain,baseline,,!\n")


def test_a_word_of_dvcs_own_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="not inside of a DVC repository"):
        experiments.main([])
