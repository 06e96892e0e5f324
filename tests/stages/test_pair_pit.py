"""Stage pair_pit on a hand-built release."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sanreid.data import index, pit
from sanreid.params import ParamsError, validate
from stages import pair_pit
from tests.data import broken_pictures as made


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    for name in ("images", "GT_texture", "image-texture-label", "frontal", "visibility"):
        (folder / name).mkdir(parents=True)
    lines = []
    for k in range(6):
        Image.new("RGB", (4, 8), (40 * k, 9, 9)).save(folder / f"images/{k:05d}.jpg")
        Image.new("L", (8, 8), 255).save(folder / f"visibility/{k:05d}.png")
        lines.append(f"{k:05d}.jpg,{k // 2:05d}.png")
    for t in range(3):
        Image.new("RGB", (8, 8), (t, 9, 9)).save(folder / f"GT_texture/{t:05d}.png")
        Image.new("RGB", (4, 8), (t, 7, 7)).save(folder / f"frontal/{t:05d}.png")
    (folder / "image-texture-label/label.txt").write_text("\n".join(lines))
    Image.new("L", (8, 8), 255).save(folder / "coverage.png")
    np.save(folder / "uv_mirror.npy", np.zeros((8, 8, 2), np.int16))
    return folder


def params(**given):
    given = {
        "label_pattern": pit.PATTERN,
        "images_per_texture": 2,
        "validation_people": 1,
        "broken_pictures": "error",
    } | given
    return validate(given, pair_pit.Params, "p")


def test_pairs_maps_and_summary(raw, tmp_path):
    out = tmp_path / "interim"
    pair_pit.main(raw, out, params())
    table = index.read(out)
    assert table.loc[5].drop("camid").to_dict() == {
        "path": "images/00005.jpg",
        "pid": 2,
        "split": "validation",
        "texture": "textures/00002.png",
        "frontal": "frontal/00002.png",
        "visibility": "visibility/00005.png",
    }
    assert table["camid"].isna().all()
    for ours, theirs in (("images/00005.jpg",) * 2, ("textures/00002.png", "GT_texture/00002.png")):
        assert (out / ours).read_bytes() == (raw / theirs).read_bytes()
    assert json.loads((out / "summary.json").read_text()) == {
        "people": 3,
        "images": 6,
        "cameras": 0,
        "splits": {"train": {"people": 2, "images": 4}, "validation": {"people": 1, "images": 2}},
        "files": {"texture": 3, "frontal": 3, "visibility": 6},
    }
    assert sorted(p.name for p in out.iterdir()) == [
        *("coverage.png", "frontal", "images", "index.parquet", "summary.json"),
        *("textures", "truth", "uv_mirror.npy", "visibility"),
    ]


def test_the_published_set_has_no_extras(raw, tmp_path):
    for path in [*raw.glob("frontal/*"), *raw.glob("visibility/*"), raw / "coverage.png", raw / "uv_mirror.npy"]:
        path.unlink()
    pair_pit.main(raw, tmp_path / "out", params(validation_people=0))
    table = index.read(tmp_path / "out")
    assert pd.isna(table[["frontal", "visibility"]]).all(axis=None)
    assert set(table["split"]) == {"train"}
    assert not (tmp_path / "out/frontal").exists()


def test_a_disagreement_leaves_nothing(raw, tmp_path):
    with pytest.raises(ValueError, match=r"label\.txt:3: image '00002'"):
        pair_pit.main(raw, tmp_path / "out", params(images_per_texture=3))
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("key", ["label_pattern", "images_per_texture", "validation_people", "broken_pictures"])
def test_a_wrong_parameter_is_named(key):
    with pytest.raises(ParamsError, match=f"p.{key}"):
        params(**{key: -1})


@pytest.mark.parametrize("name", made.everything())
@pytest.mark.parametrize("place", ["images/00001.jpg", "GT_texture/00000.png", "frontal/00000.png"])
def test_each_broken_picture_is_refused_by_name_or_left_out_with_its_images(raw, tmp_path, place, name):
    (raw / place).write_bytes(made.everything(64, 64)[name])
    with pytest.raises(ValueError, match=f"{place}: "):
        pair_pit.main(raw, tmp_path / "out", params())
    assert not (tmp_path / "out").exists()
    pair_pit.main(raw, tmp_path / "out", params(broken_pictures="leave_out"))
    left = ["00000.jpg"] if place.startswith("images") else []
    kept = [*left, *(f"0000{k}.jpg" for k in range(2, 6))]
    assert list(index.read(tmp_path / "out")["path"]) == [f"images/{name}" for name in kept]
    for folder in ("images", "visibility"):
        assert [p.stem for p in sorted((tmp_path / "out" / folder).iterdir())] == [name[:5] for name in kept]
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["left_out"], summary["images"]) == (1, len(kept))


@pytest.mark.parametrize("place", ["images/00001.jpg", "GT_texture/00000.png", "visibility/00003.png", "uv_mirror.npy"])
def test_a_link_out_is_refused(raw, tmp_path, place):
    (raw / place).rename(tmp_path / "elsewhere")
    (raw / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{place}: a link out of .*raw; put the file itself there"):
        pair_pit.main(raw, tmp_path / "out", params(broken_pictures="leave_out"))


def test_a_mirror_map_that_declares_more_than_it_holds_is_refused(raw, tmp_path):
    data = (raw / "uv_mirror.npy").read_bytes()
    (raw / "uv_mirror.npy").write_bytes(data.replace(b"(8, 8, 2), }  ", b"(8888888888,)}"))
    with pytest.raises(
        ValueError, match=r"uv_mirror\.npy: not a readable array \(declares 17777777776 bytes, holds 256\)"
    ):
        pair_pit.main(raw, tmp_path / "out", params())
