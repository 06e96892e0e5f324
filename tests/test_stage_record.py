"""What ran is noted beside the outputs, in a project's folder alone, and never in the way of a stage."""

import json
from pathlib import Path

import pytest

from sanreid import stage_record


def lines() -> list[dict]:
    text = Path("runs/stages.js").read_text().splitlines()
    return [json.loads(line.removeprefix("sanreidRan(").removesuffix(");")) for line in text]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    return tmp_path


def test_a_run_and_a_failure_are_recorded_with_versions_and_machine(project):
    with stage_record.kept("report", {"out": Path("reports/</script>.html"), "figures": Path("f"), "p": 3}):
        pass
    with pytest.raises(ValueError, match="bad"), stage_record.kept("train_san", {"out": Path("models/san")}):
        raise ValueError("bad input")
    first, second = lines()
    assert first["outs"] == ["reports/</script>.html", "f"]
    assert "</script>" not in Path("runs/stages.js").read_text()
    assert (first["failed"], second["failed"], second["stage"]) == (False, True, "train_san")
    assert first["versions"]["numpy"] == __import__("numpy").__version__
    assert "cores" in first["machine"]
    assert "commit" not in first  # no git here


def test_elsewhere_and_in_the_other_processes_of_a_training_nothing_is_written(project, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with stage_record.kept("train_san", {}):
        pass
    monkeypatch.delenv("RANK")
    (project / "dvc.yaml").unlink()
    with stage_record.kept("train_san", {}):
        pass
    assert not (project / "runs").exists()


def test_a_folder_that_cannot_be_written_stops_no_stage_and_the_file_stays_small(project, monkeypatch):
    (project / "runs").write_text("a file")
    with stage_record.kept("report", {}):
        pass
    (project / "runs").unlink()
    monkeypatch.setattr(stage_record, "LARGEST", 10)
    for stage in "abcd":
        with stage_record.kept(stage, {}):
            pass
    assert [line["stage"] for line in lines()][-1] == "d"
    assert len(lines()) < 4


def test_what_writes_elsewhere_is_no_run_of_the_graph(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for out in (elsewhere / "model", Path("../other/model")):
        with stage_record.kept("train_strong", {"out": out}):
            pass
    assert not (project / "runs").exists()
    with stage_record.kept("train_strong", {"out": project / "models/strong"}):
        pass
    assert len(lines()) == 1
