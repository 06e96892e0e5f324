"""The digits' grids become one run of their comparison, with all cells."""

import pytest

from sanreid.params import ParamsError
from tools import digits_grid, experiment


@pytest.fixture
def parameters(root):
    return root / "profiles" / "demo.yaml"


def test_all_cells_are_asked_for_once_and_a_typo_is_named(parameters):
    new = digits_grid.changes(parameters, "published")["mnist"]
    assert new["grids"] == ["published"]
    assert len(new["cells"]) == len(set(new["cells"])) == 20
    assert "lr0.001_wd0.001_b5" in new["cells"]
    with pytest.raises(ParamsError, match=r"no 'publishd' under compare_mnist_cells\.grids: published"):
        digits_grid.changes(parameters, "publishd")


def test_the_table_is_printed_and_a_failure_is_not(tmp_path, monkeypatch, capsys, parameters):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(parameters.read_text())
    (digits_grid.REPORTS / "published").mkdir(parents=True)
    (digits_grid.REPORTS / "published" / "table.md").write_text("the table\n")
    asked = []
    monkeypatch.setattr(experiment, "run", lambda words, file, new: asked.append(words) or 0)
    assert digits_grid.main([]) == 0
    assert asked[0][-1] == "compare_mnist_cells"
    assert capsys.readouterr().out == "the table\n"
    monkeypatch.setattr(experiment, "run", lambda words, file, new: 3)
    assert digits_grid.main([]) == 3
    assert "the table" not in capsys.readouterr().out
