"""Stage draw_alignment on a toy AlignedReID: the picture, what it shows in numbers, and what it refuses."""

import json

import numpy as np
import pytest
import torch

from sanreid.data import images, index, tensors
from sanreid.evaluation import local_distance
from sanreid.params import validate
from sanreid.reporting.systems import measure
from stages import draw_alignment as stage
from stages import train_aligned, train_strong
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.training.test_aligned import SECTION as ALIGNED
from tests.training.test_strong import SECTION as STRONG

pytestmark = pytest.mark.usefixtures("own_folders")

P = validate({"batch": 3, "queries": 4, "seed": 0}, stage.Params, "draw_alignment")


@pytest.fixture
def people(tmp_path):
    return toy.write_people(tmp_path / "people", train=3, test=5)


@pytest.fixture
def san_pg(tmp_path):
    return toy_systems.write_san_pg(tmp_path / "san_pg")


def test_the_picture_and_what_it_shows(people, san_pg, tmp_path):
    p = validate({**ALIGNED, "epochs": 1}, train_aligned.Params, "train_aligned")
    train_aligned.main(people, san_pg, 0, tmp_path / "model", p)
    stage.main(people, tmp_path / "model", tmp_path / "out", P)
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["alignment.png", "pairs.json"]
    assert images.read_rgb(tmp_path / "out/alignment.png").shape[0] > 900
    pairs = json.loads((tmp_path / "out/pairs.json").read_text())["pairs"]
    assert [pair["kind"] for pair in pairs] == ["aligned", "shifted", "wrong"]
    assert [pair["people"][0] == pair["people"][1] for pair in pairs] == [True, True, False]
    table = index.read(people).set_index("path")
    for pair in pairs:
        query, gallery = (table.loc[name] for name in pair["images"])
        assert (query["split"], gallery["split"]) == ("query", "gallery")
        assert [query["pid"], gallery["pid"]] == pair["people"]
        assert pair["kind"] == "wrong" or query["camid"] != gallery["camid"]
        distances = np.array(pair["distances"])
        assert pair["local"] == pytest.approx(sum(distances[i, j] for i, j in pair["path"]), abs=1e-3)
    assert local_distance.aligned(*stripes_of(people, tmp_path / "model", pairs[0])) == pytest.approx(
        pairs[0]["local"], abs=1e-3
    )


def stripes_of(people, model, pair):
    net, _ = measure.load(model)
    net.eval()
    found = []
    for name in pair["images"]:
        picture = torch.from_numpy(images.read_rgb(people / name)).permute(2, 0, 1)[None]
        with torch.no_grad():
            found.append(net(tensors.normalise_images(picture)).stripes.numpy())
    return found


def test_fewer_queries_are_drawn_with_the_seed(people):
    rows = index.read(people).query("split != 'train'").reset_index(drop=True)
    some = stage.drawn(rows, P.model_copy(update={"queries": 2}))
    again = stage.drawn(rows, P.model_copy(update={"queries": 2}))
    assert (some["split"] == "query").sum() == 2
    assert some["path"].tolist() == again["path"].tolist()
    assert (some["split"] == "gallery").sum() == (rows["split"] == "gallery").sum()
    assert stage.drawn(rows, P.model_copy(update={"queries": 99}))["path"].tolist() == rows["path"].tolist()


def test_a_system_without_stripes_is_refused(people, san_pg, tmp_path):
    p = validate({**STRONG, "epochs": 1}, train_strong.Params, "train_strong")
    train_strong.main(people, san_pg, 0, tmp_path / "strong", p)
    with pytest.raises(ValueError, match="is of system strong, which has no stripes"):
        stage.main(people, tmp_path / "strong", tmp_path / "out", P)
    assert not (tmp_path / "out").exists()
