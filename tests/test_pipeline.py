"""One tiny run of the main chain through `dvc repro`, as a user would: from nothing to the page.

What it asserts: the run ends in the page and finite numbers; a second run does nothing; an edit of one parameter
reruns what depends on it and nothing else; a folder laid out as a publisher ships it takes the place of the embedded
set by one line. The rest of the graph is in test_pipeline_rest.py, which another process can run meanwhile.
"""

import json
import shutil

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(root, tmp_path_factory, cache) -> Workspace:
    return Workspace(root, tmp_path_factory.mktemp("project"), cache)


def test_from_nothing_to_the_page_then_nothing_then_what_an_edit_touches(workspace):
    ran = workspace.repro("report")
    assert ran[-1] == "report"
    assert "synthesize@pit" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    assert not any("strong" in name for name in ran)  # the main chain's page does not wait for other systems
    folder = workspace.folder
    page = (folder / "reports" / "index.html").read_text()
    assert "</html>" in page
    assert 'src="http' not in page
    metrics = json.loads((folder / "reports/san/cuhk03_labeled/san/seed0/metrics.json").read_text())
    assert all(0 <= metrics[k] <= 1 for k in ("rank1", "rank5", "rank10", "mAP", "mINP"))
    assert metrics["rank1"] <= metrics["rank5"] <= metrics["rank10"]
    textures = json.loads((folder / "reports/textures/cuhk03_labeled/metrics.json").read_text())
    assert textures["available"]

    assert workspace.repro("report") == []

    workspace.edit({"train_san": {"epochs": 3}})
    assert workspace.repro("report") == [
        "train_san@cuhk03_labeled-baseline-0",
        "train_san@cuhk03_labeled-san-0",
        "evaluate_san@cuhk03_labeled-baseline-0",
        "evaluate_san@cuhk03_labeled-san-0",
        "report",
    ]

    workspace.edit({"train_san_pg": {"seed": 7}})
    ran = workspace.repro("train_san")
    assert "prepare_san@cuhk03_labeled-baseline" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    assert "train_san@cuhk03_labeled-baseline-0" not in ran  # starts from scratch: another SAN-PG is nothing to it


def test_a_publishers_folder_takes_the_embedded_sets_place_by_one_line(workspace):
    folder = workspace.folder
    workspace.repro("extract_cuhk03@labeled")
    raw = folder / "data" / "raw" / "cuhk03" / "cuhk03_release"
    raw.mkdir(parents=True)
    for file in (folder / "data" / "synthetic" / "cuhk03").glob("*.mat"):  # no truth/: no publisher has that
        shutil.copy2(file, raw)
    before = (folder / "data/interim/cuhk03_labeled/index.parquet").read_bytes()
    workspace.edit({"raw": {"cuhk03": "data/raw/cuhk03"}})
    assert workspace.repro("extract_cuhk03@labeled", "evaluate_textures") == [
        "extract_cuhk03@labeled",
        "generate_textures@cuhk03_labeled-texture",
        "evaluate_textures@cuhk03_labeled",
    ]
    assert (folder / "data/interim/cuhk03_labeled/index.parquet").read_bytes() == before
    assert list((folder / "data/interim/cuhk03_labeled/truth").glob("*")) == []
    textures = json.loads((folder / "reports/textures/cuhk03_labeled/metrics.json").read_text())
    assert textures["available"] is False
