"""Stage prepare_san: each target in its place, the weights that a variant starts from, and what is missing told."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from sanreid.data import images
from sanreid.params import ParamsError, validate
from sanreid.pseudo_textures import texture_table
from sanreid.training.san import Plan
from stages import prepare_san as stage
from tests.stages import toy_san as toy
from tests.stages.test_train_san import SECTION

LOSS = {"id": 1.0, "triplet": 1.0, "reconstruction": 1.0, "texture_triplet": 0.0}
SEEN = {"texture": 1.0, "frontal": 2.0}  # a weight that tells the generator
GENERATED = {"texture": (250, 0, 0), "frontal": (0, 0, 250)}


@pytest.fixture
def folders(tmp_path):
    """A set with truth, two generators' pictures (red textures a shade an image, blue frontals) and their weights."""
    people = toy.write_people(tmp_path / "people")
    index = pd.read_parquet(people / "index.parquet")
    (people / "truth" / "textures").mkdir(parents=True)
    for pid in index["pid"].unique():
        images.write_rgb(people / f"truth/textures/{pid}.png", toy.texture(int(pid)))
    for name, colour in GENERATED.items():
        out = tmp_path / "textures" / name
        names = texture_table.names(index["path"].tolist())
        for i, file in enumerate(names):
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            images.write_rgb(
                out / file,
                np.full((toy.SIDE, toy.SIDE, 3), np.array(colour) - 3 * (i % 4) * (np.array(colour) > 0), np.uint8),
            )
        texture_table.write(index["path"].tolist(), names, out)
        pg = tmp_path / "san_pg" / name
        pg.mkdir(parents=True)
        save_file({"encoder.conv1.weight": torch.full((1,), SEEN[name])}, pg / "weights.safetensors")
    np.save(tmp_path / "textures" / "texture" / "uv_mirror.npy", toy.mirror_map())
    return people, tmp_path / "textures", tmp_path / "san_pg"


def prepare(folders, out, reconstruct, initialise="scratch"):
    weights = LOSS if reconstruct != "nothing" else LOSS | {"reconstruction": 0.0}
    settings = {
        "initialise": initialise,
        "reconstruct": reconstruct,
        "weights": weights,
        "texture_triplet_scheme": "batch",
    }
    section = validate({**SECTION, "variants": {"x": settings}}, Plan, "train_san")
    stage.main(*folders, "x", out, section)
    return out


def shown(out, path):
    return images.read_rgb(out / texture_table.find(out, [path])[0])


def test_generated_targets_are_handed_on_unchanged(folders, tmp_path):
    people, textures, _ = folders
    index = pd.read_parquet(people / "index.parquet")
    for kind in GENERATED:
        out = prepare(folders, tmp_path / kind, kind)
        used = index.loc[index["split"] != "gallery", "path"]
        for path in used:
            assert np.array_equal(shown(out, path), images.read_rgb(textures / kind / path))
        assert len(list(out.rglob("*.png"))) == len(used)  # what nobody looks at is not copied
    assert (tmp_path / "texture" / "uv_mirror.npy").is_file()
    assert not (tmp_path / "frontal" / "uv_mirror.npy").exists()


def test_a_shared_texture_is_the_mean_of_a_training_persons(folders, tmp_path):
    people, textures, _ = folders
    index = pd.read_parquet(people / "index.parquet")
    out = prepare(folders, tmp_path / "out", "shared_texture")
    for pid, rows in index[index["split"] == "train"].groupby("pid"):
        plain = np.stack([images.read_rgb(textures / "texture" / p) for p in rows["path"]]).astype(float).mean(0)
        for path in rows["path"]:
            assert np.abs(shown(out, path) - plain).max() <= 0.5, pid
    for path in index.loc[index["split"] == "query", "path"]:  # a test person's label is not made use of
        assert np.array_equal(shown(out, path), images.read_rgb(textures / "texture" / path))


def test_the_truth_of_a_rendered_set(folders, tmp_path):
    people, _, _ = folders
    out = prepare(folders, tmp_path / "out", "true_texture")
    row = pd.read_parquet(people / "index.parquet").iloc[5]
    assert np.array_equal(shown(out, row["path"]), toy.texture(int(row["pid"])))
    (people / f"truth/textures/{row['pid']}.png").unlink()
    with pytest.raises(ValueError, match=rf"{row['pid']}\.png: reconstruct 'true_texture' is for rendered sets"):
        prepare(folders, tmp_path / "again", "true_texture")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("kind", ["nothing", "input"])
def test_what_needs_no_picture_gets_none(folders, tmp_path, kind):
    out = prepare(folders, tmp_path / "out", kind)
    assert [p.name for p in out.iterdir()] == ["variant.json"]
    assert toy.read_json(out / "variant.json")["reconstruct"] == kind


@pytest.mark.parametrize(
    ("kind", "generator"),
    [("nothing", "texture"), ("texture", "texture"), ("shared_texture", "texture"), ("frontal", "frontal")],
)
def test_the_weights_are_those_of_the_targets_generator(folders, tmp_path, kind, generator):
    out = prepare(folders, tmp_path / "out", kind, "encoder")
    assert load_file(out / "weights.safetensors")["encoder.conv1.weight"].item() == SEEN[generator]
    assert not (out / "load_report.json").exists()  # of weights from elsewhere nobody knows how they began
    began = folders[2] / generator / "load_report.json"
    began.write_text('{"initialise": "scratch", "pretrained": "imagenet"}')
    out = prepare(folders, tmp_path / "out", kind, "encoder")
    assert (out / "load_report.json").read_bytes() == began.read_bytes()
    scratch = prepare(folders, tmp_path / "scratch", kind)
    assert not [f for f in scratch.iterdir() if f.name in ("weights.safetensors", "load_report.json")]


def test_what_was_not_generated_is_named_with_the_remedy(folders, tmp_path):
    (folders[1] / "frontal" / "index.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"frontal: not generated; .* experiment\.generators"):
        prepare(folders, tmp_path / "out", "frontal")
    (folders[2] / "texture" / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"texture.weights\.safetensors: no weights there; run train_san_pg"):
        prepare(folders, tmp_path / "out", "texture", "both")


@pytest.mark.parametrize(("kind", "weight"), [("nothing", 1.0), ("texture", 0.0)])
def test_a_target_and_the_decoder_losses_go_together(kind, weight):
    settings = {
        "initialise": "scratch",
        "reconstruct": kind,
        "weights": LOSS | {"reconstruction": weight},
        "texture_triplet_scheme": "batch",
    }
    with pytest.raises(ParamsError, match=r"variants\.x.*reconstruct: .* the two go together"):
        validate({**SECTION, "variants": {"x": settings}}, Plan, "train_san")
