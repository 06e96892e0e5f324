"""Paths and names that a shell or YAML would take for something else, through `dvc repro` as a user has them."""

import shutil

import pytest

from sanreid.data import index
from tests.workspace import Workspace

pytestmark = pytest.mark.slow

ODD = 'data/raw/It\'s "the" $HOME; `x` \\ & (2024) 校园'


def test_any_path_and_any_plain_name_work(root, tmp_path, cache, warm, kernels):
    workspace = Workspace(root, tmp_path, cache, warm, kernels)
    workspace.leave_code_out()
    folder = workspace.folder
    workspace.repro("extract_market1501")
    market = folder / "data/interim/market1501"
    paths = (index.read(market)["path"].copy(), market.rglob("*"))
    shutil.move(folder / "data/synthetic/market1501", folder / ODD)
    table = index.read(market)[["path", "pid", "camid", "split"]]
    for own in (f"{ODD} own", "data/raw/plain"):
        shutil.copytree(market / "images", folder / own / "images")
        table.to_csv(folder / own / "index.csv", index=False)
    shutil.rmtree(market)
    workspace.edit(
        {
            "raw": {"market1501": ODD},
            "folders": {"my campus": f"{ODD} own", "2024": "data/raw/plain"},
            "experiment": {"sets": ["my campus", 2024], "variants": ["baseline"]},
        }
    )
    ran = workspace.repro("extract_market1501", "evaluate_floor", "extract_folder")
    assert {"extract_market1501", "extract_folder@my campus", "extract_folder@2024"} <= set(ran)
    assert {"evaluate_floor@my campus", "evaluate_floor@2024"} <= set(ran)
    assert paths[0].equals(index.read(market)["path"])
    for name in ("my campus", "2024"):
        assert (folder / "reports/floor" / name / "metrics.json").is_file()
    assert workspace.repro("extract_market1501", "evaluate_floor") == []


def test_a_name_that_breaks_a_command_is_refused_by_key_before_any_work(root, tmp_path):
    workspace = Workspace(root, tmp_path)
    workspace.edit({"folders": {"it's": "data/raw/x"}})
    with pytest.raises(
        AssertionError, match=r"synthesize: params\.yaml: folders\.it's: .* take letters, digits, spaces"
    ):
        workspace.repro("synthesize@mnist")
    assert not (workspace.folder / "data/synthetic").exists()
