"""Stage evaluate_open_world_people on a toy strong baseline: who calibrates, who walks by, and what it refuses."""

import json

import numpy as np
import pytest

from sanreid.data import index
from sanreid.evaluation import trivial_baselines
from sanreid.evaluation.open_world import result_files
from sanreid.params import ParamsError, validate
from stages import evaluate_open_world_people as stage
from stages import train_strong
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.stages.toy_streams import PROTOCOL
from tests.training.test_strong import SECTION as STRONG

pytestmark = pytest.mark.usefixtures("own_folders")


def section(**changes):
    values = {**PROTOCOL, "batch": 4, "held_out": 0.4, **changes}
    return validate(values, stage.Params, "evaluate_open_world_people")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    people = toy.write_people(folder / "people", train=3, test=6)
    p = validate({**STRONG, "epochs": 1}, train_strong.Params, "train_strong")
    train_strong.main(people, toy_systems.write_san_pg(folder / "san_pg"), 0, folder / "model", p)
    stage.main(people, folder / "model", folder / "out", section())
    return folder


def test_people_neither_trained_nor_calibrated_on_walk_by(made):
    table = index.read(made / "people").set_index("path")
    stream = result_files.load(made / "out/features").stream
    tested = set(table.loc[table["split"] != "train", "pid"]) - {0}
    walked = set(stream["class"])
    assert walked < tested
    assert len(tested - walked) == round(0.4 * len(tested))
    assert (table.loc[stream["path"], "pid"].to_numpy() == stream["class"]).all()
    everywhere = table[(table["split"] != "train") & table["pid"].isin(walked)]
    assert sorted(stream["path"]) == sorted(everywhere.index)
    assert json.loads((made / "out/metrics.json").read_text())["system"] == "strong"


def test_with_each_cameras_mean_removed_features_forget_it(made):
    plain, centred = (result_files.load(made / "out" / kind) for kind in ("features", "camera_mean_removed"))
    assert plain.stream["path"].tolist() == centred.stream["path"].tolist()
    table = index.read(made / "people").set_index("path").loc[plain.stream["path"]].reset_index()
    for camera in np.unique(trivial_baselines.cameras(table)):
        mine = trivial_baselines.cameras(table) == camera
        shift = plain.features[mine] - centred.features[mine]
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-5)
    assert not np.allclose(plain.features, centred.features)


def test_calibrating_people_are_drawn_by_the_seed():
    pids = np.repeat(np.arange(10), 3)
    known = stage.calibrating(pids, section())
    assert len(set(pids[known])) == 4
    assert not set(pids[known]) & set(pids[~known])
    np.testing.assert_array_equal(known, stage.calibrating(pids, section()))
    assert (known != stage.calibrating(pids, section(seed=1))).any()


def test_what_is_wrong_is_named(made, tmp_path):
    with pytest.raises(ValueError, match=r"held_out: 0.1 of 6 people leave too few"):
        stage.main(made / "people", made / "model", tmp_path / "out", section(held_out=0.1))
    with pytest.raises(ParamsError, match=r"evaluate_open_world_people\.held_out"):
        section(held_out=1.0)
    with pytest.raises(FileNotFoundError, match=r"params\.json"):
        stage.main(made / "people", tmp_path, tmp_path / "out", section())
    assert not (tmp_path / "out").exists()
