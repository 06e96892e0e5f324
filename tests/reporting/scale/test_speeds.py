"""Images of a stage, from the tables and histories that stages wrote."""

import pandas as pd
import pytest

from sanreid.reporting.scale import speeds


@pytest.fixture
def interim(tmp_path):
    folder = tmp_path / "interim"
    folder.mkdir()
    pd.DataFrame({"split": ["train"] * 5 + ["query", "gallery", "gallery"]}).to_parquet(folder / "index.parquet")
    return folder


def test_each_stage_counts_the_images_that_it_went_through(interim, tmp_path):
    model = tmp_path / "model"
    assert speeds.images("extract_cuhk03", [interim], [], []) == 8
    assert speeds.images("synthesize", [model], [], [model, interim]) == 8  # those that its reader found
    assert speeds.images("generate_textures", [model], [model, interim], []) == 8
    assert speeds.images("evaluate_san", [model], [interim, model], []) == 3
    assert speeds.images("report", [model], [interim], []) is None
    assert speeds.images("synthesize", [model], [], []) is None


def test_a_step_of_a_training(tmp_path):
    values = {"train_san": {"people": 16, "images": 4}, "train_san_pg": {"batch": 32}}
    assert [speeds.batch(s, values) for s in ("train_san", "train_san_pg", "report")] == [64, 32, None]
    history = tmp_path / "history.csv"
    history.write_text("epoch,step,lr\n1,1,0.1\n1,2,0.1\n1,3,0.1\n2,4,0.1\n")
    assert speeds.steps(history) == 3
    history.write_text("epoch,step,lr\n")
    assert speeds.steps(history) == 0
