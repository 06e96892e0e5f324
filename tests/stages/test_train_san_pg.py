"""Stage train_san_pg on people of two colours."""

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from sanreid.data import images
from sanreid.params import ParamsError, validate
from sanreid.training import san_pg
from stages import train_san_pg as stage
from tests.stages import toy_san as toy

pytestmark = pytest.mark.usefixtures("own_folders")

SECTION = {
    "seed": 3,
    "epochs": 3,
    "batch": 10,
    "weights": {"reconstruction": 1.0, "structure": 0.0},
    "hidden_weight": 1.0,
    "pictures": {"every": 20, "people": 2},
    "optimiser": toy.OPTIMISER,
    "augment": toy.AUGMENT,
    "compute": toy.COMPUTE,
}


@pytest.fixture
def pit(tmp_path):
    return toy.write_pit(tmp_path / "pit")


def params(**changes) -> stage.Params:
    return validate({**SECTION, **changes}, stage.Params, "train_san_pg")


def test_it_writes_a_model_folder_and_leaves_no_checkpoint(pit, tmp_path):
    out = tmp_path / "models" / "san_pg"
    stage.main(pit, "texture", out, params(epochs=40), toy.architecture())
    assert sorted(p.name for p in out.iterdir()) == [
        "coverage.png",
        "history.csv",
        "load_report.json",
        "params.json",
        "pictures",
        "reconstructions.jpg",
        "training.json",
        "uv_mirror.npy",
        "weights.safetensors",
    ]
    assert not list((tmp_path / "checkpoints").iterdir())
    history = pd.read_csv(out / "history.csv")
    assert list(history) == ["epoch", "step", "lr", "reconstruction", "validation_l1"]
    assert len(history) == 40 * 2
    assert history["validation_l1"].notna().sum() == 40
    by_epoch = history.groupby("epoch")["reconstruction"].mean()
    assert by_epoch.iloc[-1] < 0.6 * by_epoch.iloc[0]  # it learns
    record = toy.read_json(out / "params.json")
    assert record["target"] == "texture"
    assert record["recipe"] == {**SECTION, "epochs": 40}
    assert record["architecture"] == toy.ARCHITECTURE
    names = load_file(out / "weights.safetensors")
    assert any(n.startswith("decoder.final_layer") for n in names)
    assert not [n for n in names if "fc." in n or "classifier" in n]  # never trained, so not passed on
    assert images.read_rgb(out / "reconstructions.jpg").shape == (2 * 36 + 4, 16 + 64 + 16, 3)
    drawn = [f"{split}_epoch{epoch:03d}.jpg" for split in ("train", "validation") for epoch in (20, 40)]
    assert sorted(p.name for p in (out / "pictures").iterdir()) == drawn
    last = (out / "pictures" / "validation_epoch040.jpg").read_bytes()
    assert (out / "reconstructions.jpg").read_bytes() == last


def test_pictures_show_people_trained_on_and_people_held_out(pit, tmp_path):
    out = tmp_path / "out"
    stage.main(pit, "texture", out, params(epochs=1, pictures={"every": 0, "people": 2}), toy.architecture())
    for split, people in (("train", range(10)), ("validation", range(10, 12))):
        sheet = images.read_rgb(out / "pictures" / f"{split}_epoch001.jpg").astype(int)
        for top in (4, 40):
            true = sheet[top : top + 32, 60:92]
            differences = [np.abs(true - toy.texture(person)).mean() for person in range(12)]
            assert min(differences) < 12
            assert int(np.argmin(differences)) in people


def test_without_people_held_out_the_last_picture_is_of_training_people(tmp_path):
    pit = toy.write_pit(tmp_path / "pit", validation=0)
    stage.main(pit, "texture", tmp_path / "out", params(epochs=1), toy.architecture())
    assert [p.name for p in (tmp_path / "out" / "pictures").iterdir()] == ["train_epoch001.jpg"]
    assert (tmp_path / "out" / "reconstructions.jpg").is_file()


def test_pictures_change_no_number(pit, tmp_path):
    for every in (0, 1):
        stage.main(
            pit, "texture", tmp_path / str(every), params(pictures={"every": every, "people": 2}), toy.architecture()
        )
    assert len(list((tmp_path / "0" / "pictures").iterdir())) == 2
    assert len(list((tmp_path / "1" / "pictures").iterdir())) == 6
    for name in ("weights.safetensors", "history.csv"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes(), name


def test_it_learns_frontal_pictures_too_whose_mirror_image_is_a_flip(pit, tmp_path):
    stage.main(pit, "frontal", tmp_path / "frontal", params(epochs=1, hidden_weight=0.5), toy.architecture())
    assert not (tmp_path / "frontal" / "uv_mirror.npy").exists()  # a map of texels, and these are none
    record = toy.read_json(tmp_path / "frontal" / "params.json")
    assert record["target"] == "frontal"
    assert record["recipe"]["hidden_weight"] == 1.0  # visibility is of texels
    with pytest.raises(ValueError, match=r"experiment\.generators: 'depth'; .* texture, frontal"):
        stage.main(pit, "depth", tmp_path / "depth", params(), toy.architecture())
    table = pd.read_parquet(pit / "index.parquet").drop(columns="frontal")
    table.to_parquet(pit / "index.parquet", index=False)
    with pytest.raises(ValueError, match=r"column 'frontal' .* take generator 'frontal' out"):
        stage.main(pit, "frontal", tmp_path / "none", params(), toy.architecture())


def test_the_same_inputs_give_the_same_weights_and_another_seed_does_not(pit, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        stage.main(pit, "texture", tmp_path / name, params(seed=seed, epochs=1), toy.architecture())
    a, b, c = ((tmp_path / n / "weights.safetensors").read_bytes() for n in "abc")
    assert a == b != c


def test_a_crash_leaves_no_output_and_the_rerun_ends_as_if_there_was_none(pit, tmp_path, monkeypatch):
    often = params(pictures={"every": 1, "people": 2})
    stage.main(pit, "texture", tmp_path / "whole", often, toy.architecture())
    calls = 0
    once = san_pg.Step.__call__

    def crashing(self, batch, generator):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return once(self, batch, generator)

    monkeypatch.setattr(san_pg.Step, "__call__", crashing)
    with pytest.raises(KeyboardInterrupt):
        stage.main(pit, "texture", tmp_path / "broken", often, toy.architecture())
    assert not (tmp_path / "broken").exists()
    stage.main(pit, "texture", tmp_path / "broken", often, toy.architecture())
    assert calls == 4 + 4  # the first epoch's two batches were not repeated
    drawn = [f"pictures/{split}_epoch{epoch:03d}.jpg" for split in ("train", "validation") for epoch in (1, 2, 3)]
    assert len(list((tmp_path / "broken" / "pictures").iterdir())) == len(drawn)  # those before the crash too
    for name in ("weights.safetensors", "history.csv", "params.json", "reconstructions.jpg", *drawn):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_without_a_mirror_map_a_flip_has_to_be_named(tmp_path):
    pit = toy.write_pit(tmp_path / "pit", mirror=False)
    with pytest.raises(ValueError, match=r"train_san_pg\.augment\.flip: mirrored needs"):
        stage.main(pit, "texture", tmp_path / "out", params(), toy.architecture())
    stage.main(
        pit, "texture", tmp_path / "out", params(epochs=1, augment={**toy.AUGMENT, "flip": "none"}), toy.architecture()
    )
    assert not (tmp_path / "out" / "uv_mirror.npy").exists()


@pytest.mark.parametrize(("mirror", "settled"), [(True, "mirrored"), (False, "none")])
def test_a_flip_if_known_is_settled_and_recorded(tmp_path, mirror, settled):
    pit = toy.write_pit(tmp_path / "pit", mirror=mirror)
    wish = params(epochs=1, augment={**toy.AUGMENT, "flip": "mirrored_if_known"})
    stage.main(pit, "texture", tmp_path / "out", wish, toy.architecture())
    assert toy.read_json(tmp_path / "out" / "params.json")["recipe"]["augment"]["flip"] == settled


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"batch": 30}, r"train_san_pg\.batch: 30 .* 20 training images"),
        (
            {"optimiser": {**toy.OPTIMISER, "schedule": "halving", "milestones": [3]}},
            r"train_san_pg\.optimiser\.milestones: 3",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(pit, tmp_path, changes, named, monkeypatch):
    monkeypatch.setattr(stage.san_pg, "read_pairs", lambda *a, **k: pytest.fail("decoded first"))
    with pytest.raises(ValueError, match=named):
        stage.main(pit, "texture", tmp_path / "out", params(**changes), toy.architecture())


def test_visibility_weights_are_used_and_missing_maps_are_refused(pit, tmp_path):
    for weight in (1.0, 0.5):
        stage.main(pit, "texture", tmp_path / str(weight), params(epochs=1, hidden_weight=weight), toy.architecture())
    plain, weighted = (pd.read_csv(tmp_path / w / "history.csv")["reconstruction"] for w in ("1.0", "0.5"))
    assert not np.allclose(plain[1:], weighted[1:], rtol=1e-6)
    table = pd.read_parquet(pit / "index.parquet").drop(columns="visibility")
    table.to_parquet(pit / "index.parquet", index=False)
    with pytest.raises(ValueError, match=r"column 'visibility' .* hidden_weight 1\.0"):
        stage.main(pit, "texture", tmp_path / "out", params(hidden_weight=0.5), toy.architecture())


def test_a_typing_error_names_the_key():
    with pytest.raises(ParamsError, match=r"train_san_pg\.epoch\b"):
        params(epoch=3)
    with pytest.raises(ParamsError, match=r"train_san_pg\.hidden_weight"):
        params(hidden_weight=2.0)
