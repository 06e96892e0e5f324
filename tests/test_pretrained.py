"""The network that ships: it loads, is as small as promised, and finds rendered people whom it never saw."""

import pytest

from sanreid import api
from sanreid.data import index
from sanreid.evaluation import calibration, ranking
from sanreid.evaluation.features import retrieval_rows, split
from tools import overlay, paper_folder, pretrained

# one process: each draws the cameras' scenes anew, which takes as long as ten people's pictures
FEW = ["synthesize.seed=77", "synthesize.processes=1"]
FEW += ["synthesize.market1501.train_people=1", "synthesize.market1501.test_people=16"]
RANK1, MEAN_AP = 0.895, 0.769  # measured, seed 77


def test_it_is_small_and_says_what_it_is():
    model = api.Model.load(device="cpu")
    assert (model.name, model.dimension, model.image_size) == ("pretrained", 1280, (128, 64))
    assert sum(f.stat().st_size for f in api.SHIPPED.iterdir()) < 10e6
    assert calibration.read(api.SHIPPED / calibration.FILE).people == 150
    assert "no photograph of a person" in (api.SHIPPED / "README.md").read_text().lower()


@pytest.mark.slow
def test_it_finds_rendered_people_as_when_it_was_made(tmp_path, root):
    laid = [(f, pretrained.params.read(f)) for f in pretrained.LAID]
    file = tmp_path / "params.yaml"
    file.write_text(overlay.laid(pretrained.BASE, laid), encoding="utf-8")
    file.write_text(paper_folder.changed(file, FEW), encoding="utf-8")
    pretrained.render(file, tmp_path / "raw", tmp_path / "set")
    table = retrieval_rows(index.read(tmp_path / "set"))
    features = api.Model.load(device="cpu").embed([tmp_path / "set" / path for path in table["path"]])
    result = ranking.evaluate(*split(features, table), metric="cosine")
    assert result.cmc[0] == pytest.approx(RANK1, abs=0.03)
    assert result.mean_average_precision == pytest.approx(MEAN_AP, abs=0.03)
