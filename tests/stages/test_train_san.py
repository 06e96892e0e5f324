"""Stage train_san on people of two colours: variants, what is recorded, what is loaded, what decides a run."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sanreid.data import augment, images
from sanreid.training import san
from stages import train_san as stage
from tests.stages import toy_san as toy
from tests.stages.toy_train_san import SECTION, VARIANTS, params, train, write

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folders(tmp_path):
    return write(tmp_path)


@pytest.mark.parametrize(
    ("variant", "terms"),
    [
        ("baseline", ["id", "triplet"]),
        ("baseline_syn", ["id", "triplet"]),
        ("san", ["id", "triplet", "reconstruction", "texture_triplet"]),
    ],
)
@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_run_says_which_losses_were_on(folders, tmp_path, variant, terms, schedule):
    out = train(folders, tmp_path / "models" / variant, variant, seed=5, schedule=schedule)
    pictures = ["pictures"] if variant == "san" else []  # the others have no decoder
    expected = ["history.csv", "load_report.json", "params.json", *pictures, "training.json", "weights.safetensors"]
    assert sorted(p.name for p in out.iterdir()) == expected
    history = pd.read_csv(out / "history.csv")
    assert list(history) == ["epoch", "step", "lr", *terms]
    assert len(history) == 2 * 4  # 24 images of 6 people, 3 x 2 a batch
    assert history.notna().all(axis=None)
    record = toy.read_json(out / "params.json")
    assert record["variant"] == variant
    assert record["seed"] == 5
    assert record["people"] == 6
    assert record["settings"] == VARIANTS[variant]
    assert record["architecture"] == toy.ARCHITECTURE
    rest = ("variants", "pictures")
    assert record["recipe"] == {k: v for k, v in {**SECTION, "schedule": schedule}.items() if k not in rest}
    assert record["pictures"] == SECTION["pictures"]
    names = load_file(out / "weights.safetensors")
    assert names["encoder.classifier.weight"].shape == (6, 8)
    assert any(n.startswith("decoder.") for n in names) == (variant == "san")
    assert not list((tmp_path / "checkpoints").iterdir())


def test_the_load_report_hides_nothing(folders, tmp_path):
    reports = {v: toy.read_json(train(folders, tmp_path / v, v, epochs=1) / "load_report.json") for v in VARIANTS}
    assert reports["baseline"] == {"initialise": "scratch", "pretrained": "none"}
    state = load_file(folders[1] / "weights.safetensors")
    encoder = {n for n in state if n.startswith("encoder.")}
    syn, both = reports["baseline_syn"], reports["san"]
    assert set(syn["matched"]) == encoder
    assert set(syn["left_out"]) == set(state) - encoder  # the decoder is there and not wanted
    assert set(both["matched"]) == set(state)
    assert both["left_out"] == []
    for report in (syn, both):
        assert {n.split(".")[1] for n in report["untouched"]} == {"fc", "classifier"}
        assert report["missing"] == report["unexpected"] == report["other_shape"] == []


def test_the_decoder_is_taught_what_the_variant_names(folders, tmp_path, monkeypatch):
    """The input: the set's own images, moved by a flip as pictures; a texture: what was prepared, moved by the map."""
    people, _ = folders
    seen = {}
    inner = san.Step.__init__

    def noting(self, model, data, recipe, variant, mirror=None):
        seen[variant.reconstruct] = (data, mirror)
        inner(self, model, data, recipe, variant, mirror)

    monkeypatch.setattr(san.Step, "__init__", noting)
    for kind in ("texture", "input", "frontal", "nothing"):
        given = {**VARIANTS["baseline" if kind == "nothing" else "san"], "initialise": "scratch", "reconstruct": kind}
        train(folders, tmp_path / kind, "x", epochs=1, variants={"x": given})
    index = pd.read_parquet(people / "index.parquet")
    first = index[index["split"] == "train"].iloc[0]
    image = images.read_rgb(people / first["path"])
    data, mirror = seen["input"]
    wide = data.textures[0].permute(1, 2, 0).numpy()
    assert wide.shape == (32, 32, 3)  # the picture stretched to the decoder's square
    assert np.abs(wide.reshape(32, 16, 2, 3).mean(2) - image).mean() < 8
    square = torch.arange(32 * 32).reshape(32, 32)
    assert torch.equal(mirror.reshape(32, 32), square.flip(1))
    data, mirror = seen["texture"]
    assert np.array_equal(data.textures[0].permute(1, 2, 0).numpy(), toy.texture(int(first["pid"])))
    assert torch.equal(mirror, augment.mirror_index(toy.mirror_map(), 32))
    assert torch.equal(seen["frontal"][1], augment.flip_index(32))
    assert seen["nothing"] == (seen["nothing"][0], None)
    assert seen["nothing"][0].textures is None


def test_variants_of_a_seed_begin_alike_and_seeds_differ(folders, tmp_path):
    kept = {}
    for variant in VARIANTS:
        torch.manual_seed(1)
        network, _ = san.build(toy.architecture(), params().variants[variant], 6, folders[1] / "weights.safetensors")
        kept[variant] = network.state_dict()
    given = load_file(folders[1] / "weights.safetensors")
    for variant, begun in kept.items():
        assert torch.equal(begun["encoder.fc.0.weight"], kept["baseline"]["encoder.fc.0.weight"])
        from_pg = torch.equal(begun["encoder.layer4.0.conv1.weight"], given["encoder.layer4.0.conv1.weight"])
        assert from_pg == (variant != "baseline")
    a, again, other = (
        (train(folders, tmp_path / n, "baseline", s, epochs=1) / "weights.safetensors").read_bytes()
        for n, s in (("a", 0), ("again", 0), ("other", 1))
    )
    assert a == again != other


def test_only_training_people_are_trained_on(folders, tmp_path):
    """Pictures look at a few images of split query, and a variant without a decoder at none at all."""
    people, textures = folders
    before = (train(folders, tmp_path / "before", "san", epochs=1) / "weights.safetensors").read_bytes()
    for path in (people / "images" / "query").iterdir():
        images.write_rgb(path, 255 - images.read_rgb(path))
    for path in (people / "images" / "gallery").iterdir():
        path.write_bytes(b"not a picture")
    index = pd.read_parquet(textures / "index.parquet")
    index[~index["path"].str.contains("/gallery/")].to_parquet(textures / "index.parquet", index=False)
    out = train(folders, tmp_path / "out", "san", epochs=1)
    assert (out / "weights.safetensors").read_bytes() == before
    name = "pictures/query_epoch001.jpg"
    assert (out / name).read_bytes() != (tmp_path / "before" / name).read_bytes()
    for path in (people / "images" / "query").iterdir():
        path.write_bytes(b"not a picture")
    index[index["path"].str.contains("/train/")].to_parquet(textures / "index.parquet", index=False)
    train(folders, tmp_path / "baseline", "baseline", epochs=1)


def test_pictures_show_people_trained_on_and_people_who_are_not(folders, tmp_path):
    out = train(folders, tmp_path / "out", "san", pictures={"every": 0, "people": 2})
    assert sorted(p.name for p in (out / "pictures").iterdir()) == ["query_epoch002.jpg", "train_epoch002.jpg"]
    for split, people in (("train", range(100, 106)), ("query", range(106, 108))):
        sheet = images.read_rgb(out / "pictures" / f"{split}_epoch002.jpg").astype(int)
        for top in (4, 40):
            true = sheet[top : top + 32, 60:92]
            differences = [np.abs(true - toy.texture(person)).mean() for person in range(100, 108)]
            assert min(differences) < 12
            assert 100 + int(np.argmin(differences)) in people


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_pictures_change_no_number(folders, tmp_path, schedule):
    for every in (0, 1):
        pictures = {"every": every, "people": 2}
        train(folders, tmp_path / str(every), "san", epochs=3, schedule=schedule, pictures=pictures)
    for name in ("weights.safetensors", "history.csv"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes(), name


def test_a_set_without_a_query_shows_its_training_people(folders, tmp_path):
    people = folders[0]
    index = pd.read_parquet(people / "index.parquet")
    index[index["split"] == "train"].to_parquet(people / "index.parquet", index=False)
    out = train(folders, tmp_path / "out", "san", epochs=1)
    assert [p.name for p in (out / "pictures").iterdir()] == ["train_epoch001.jpg"]


def test_an_unfinished_run_is_continued_to_the_same_end(folders, tmp_path, monkeypatch):
    whole = train(folders, tmp_path / "whole", "san", schedule="alternating")
    calls = 0
    once = san.Step.__call__

    def crashing(self, batch, generator):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return once(self, batch, generator)

    monkeypatch.setattr(san.Step, "__call__", crashing)
    with pytest.raises(KeyboardInterrupt):
        train(folders, tmp_path / "broken", "san", schedule="alternating")
    assert not (tmp_path / "broken").exists()
    train(folders, tmp_path / "other", "san", seed=1, schedule="alternating")  # has nothing to do with it
    assert calls == 7 + 8
    broken = train(folders, tmp_path / "broken", "san", schedule="alternating")
    assert calls == 7 + 8 + 4
    drawn = [f"pictures/{split}_epoch{epoch:03d}.jpg" for split in ("query", "train") for epoch in (1, 2)]
    assert sorted(f"pictures/{p.name}" for p in (broken / "pictures").iterdir()) == drawn  # from before the crash too
    for name in ("weights.safetensors", "history.csv", "params.json", "load_report.json", *drawn):
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def test_textures_are_part_of_what_decides_a_run(folders, tmp_path, monkeypatch):
    """SAN-PG trained anew changes pictures and not their table: an old checkpoint must not be continued."""
    keys = []
    inner = stage.checkpoint.key
    monkeypatch.setattr(stage.checkpoint, "key", lambda *a: keys.append(inner(*a)) or keys[-1])
    train(folders, tmp_path / "a", "san", epochs=1)
    train(folders, tmp_path / "b", "baseline", epochs=1)
    for path in (folders[1] / "flat").iterdir():
        images.write_rgb(path, np.zeros((32, 32, 3), np.uint8))
    train(folders, tmp_path / "a", "san", epochs=1)
    train(folders, tmp_path / "b", "baseline", epochs=1)
    assert keys[0] != keys[2]
    assert keys[1] == keys[3]  # has no use for them
