"""Stage evaluate_floor on people of two colours: colour tells them apart, chance does not."""

import json

import numpy as np
import pandas as pd
import pytest

from sanreid.data import images, index
from sanreid.params import validate
from stages import evaluate_floor as stage
from tests.stages import toy_san as toy

SECTION = {
    "seed": 0,
    "batch": 8,
    "metric": "cosine",
    "max_rank": 10,
    "repeats": 5,
    "random_width": 16,
    "stripes": {"count": 2, "bins": [6, 3, 3], "margin": 0.3},
}
FLOORS = ["random", "untrained", "stripes", "stripes_centred"]


def section(**changes):
    return validate({**SECTION, **changes}, stage.Params, "evaluate_floor")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_each_floor_has_the_metrics_of_a_model_and_a_curve(tmp_path):
    people = toy.write_people(tmp_path / "people", train=2, test=12)
    stage.main(people, tmp_path / "out", section(), toy.architecture())
    result, curves = metrics(tmp_path / "out"), pd.read_csv(tmp_path / "out/cmc.csv")
    assert list(result) == FLOORS
    assert list(curves.columns) == ["rank", *FLOORS]
    for name in FLOORS:
        assert list(result[name])[:5] == ["rank1", "rank5", "rank10", "mAP", "mINP"]
        assert result[name]["queries"] == 12
        assert curves[name][4] == result[name]["rank5"]
    assert result["stripes"]["rank1"] > 0.8
    assert result["random"]["mAP"] < 0.4
    assert result["stripes"]["mAP"] > result["random"]["mAP"]


def test_the_same_seed_gives_the_same_floors_and_another_does_not(tmp_path):
    people = toy.write_people(tmp_path / "people", train=2, test=6)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        stage.main(people, tmp_path / name, section(seed=seed), toy.architecture())
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert metrics(tmp_path / "a")["random"] != metrics(tmp_path / "c")["random"]
    assert metrics(tmp_path / "a")["untrained"] != metrics(tmp_path / "c")["untrained"]
    assert metrics(tmp_path / "a")["stripes"] == metrics(tmp_path / "c")["stripes"]


@pytest.mark.parametrize("cameras", [True, False])
def test_centring_mends_a_cameras_cast_where_cameras_are_known(tmp_path, cameras):
    """A cast in red, and a green band at a height that is the person's own: the cast is in the way until removed."""
    rows = []
    for person in range(3):
        for camera in (1, 2):
            for split in ("query", "gallery"):
                picture = np.zeros((32, 16, 3), np.uint8)
                picture[..., 0] = 40 if camera == 1 else 215  # the cast
                picture[10 * person : 10 * person + 10, :, 1] = 60 if camera == 1 else 235
                name = f"images/{person}_{camera}_{split}.png"
                (tmp_path / "set/images").mkdir(parents=True, exist_ok=True)
                images.write_rgb(tmp_path / "set" / name, picture)
                rows.append({"path": name, "pid": person + 1, "camid": camera if cameras else None, "split": split})
    index.write(index.build(rows), tmp_path / "set")
    bins = {"count": 8, "bins": [6, 1, 4], "margin": 0.0}
    stage.main(tmp_path / "set", tmp_path / "out", section(stripes=bins), toy.architecture())
    result = metrics(tmp_path / "out")
    if cameras:
        assert result["stripes_centred"]["mAP"] > result["stripes"]["mAP"]
    else:
        assert result["stripes"]["rank1"] == 1  # no camera rule: the same camera's other picture is the match


def test_a_set_of_single_gallery_shot_is_measured_so(tmp_path):
    people = toy.write_people(tmp_path / "people", train=2, test=6)
    stage.main(people, tmp_path / "whole", section(), toy.architecture())
    index.write(index.read(people).assign(protocol=index.SINGLE_GALLERY_SHOT), people)
    stage.main(people, tmp_path / "out", section(), toy.architecture())
    for name, values in metrics(tmp_path / "out").items():
        assert values["protocol"] == "single_gallery_shot"
        assert values["mAP"] == values["mINP"]
        assert metrics(tmp_path / "whole")[name]["protocol"] == "whole_gallery"
    assert metrics(tmp_path / "whole")["random"]["mAP"] != metrics(tmp_path / "out")["random"]["mAP"]


def test_a_set_without_queries_is_refused(tmp_path):
    pit = toy.write_pit(tmp_path / "pit")
    with pytest.raises(ValueError, match="no rows of split 'query'"):
        stage.main(pit, tmp_path / "out", section(), toy.architecture())
