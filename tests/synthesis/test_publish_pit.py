"""PIT's folders, read back by plain text and OpenCV."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sanreid.params import ParamsError, validate
from sanreid.synthesis import people, publish_cuhk03, publish_market1501, publish_pit

VALUES = {"people": 3, "images": 4, "shapes": 2, "cameras": 3, "look_alike_share": 0.0, "jitter": 0.03}


def publish(folder: Path, processes: int = 1, **changes) -> Path:
    folder.mkdir()
    publish_pit.cameras.cache_clear()
    p = validate(VALUES | changes, publish_pit.Pit, "pit")
    publish_pit.publish(folder, p, seed=4, processes=processes, backgrounds=None)
    publish_pit.cameras.cache_clear()
    return folder


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return image if image.ndim == 2 else image[:, :, ::-1]


def test_layout_and_pairing(tmp_path, fake_renderer):
    folder = publish(tmp_path / "pit")
    stems = [f"{k:05d}" for k in range(12)]
    for name, suffix in (("images", "jpg"), ("visibility", "png")):
        assert sorted(p.name for p in (folder / name).iterdir()) == [f"{s}.{suffix}" for s in stems]
    for name in ("GT_texture", "frontal"):
        assert sorted(p.name for p in (folder / name).iterdir()) == [f"{t:05d}.png" for t in range(3)]
    lines = (folder / "image-texture-label" / "label.txt").read_text().splitlines()
    assert [line.split() for line in lines] == [[f"{k:05d}.jpg", f"{k // 4:05d}.png"] for k in range(12)]
    for line in lines:
        name, texture = line.split()
        image, truth = read(folder / "images" / name), read(folder / "GT_texture" / texture)
        assert image.shape == (256, 128, 3)
        assert truth.shape == (256, 256, 3)
        person = int(texture[:5]) * 10
        assert truth[0, 0].tolist() == [person, len("pit"), 255]
        assert abs(int(image[..., 0].mean()) - person) < 3, "the image shows the person of its texture"
        assert image[..., 2].mean() > 250, "RGB"
        mask = read(folder / "visibility" / f"{name[:5]}.png")
        assert mask.shape == (256, 256)
        assert (mask[person] == 255).all()
        assert (mask == 255).sum() == 256
    assert read(folder / "frontal" / "00001.png").shape == (256, 128, 3)
    assert read(folder / "coverage.png").shape == (256, 256)
    mirror = np.load(folder / "uv_mirror.npy")
    assert (mirror.shape, mirror.dtype) == ((256, 256, 2), np.int16)
    assert {(family, count) for family, _, count, _ in fake_renderer} == {("pit", 3)}


def test_shapes_and_cameras_vary_within_a_person(tmp_path, fake_renderer, monkeypatch):
    used = []
    plain = publish_pit.render.view

    def view(person, camera, rng, **options):
        used.append((person.index, camera.number, options["shape_key"]))
        return plain(person, camera, rng, **options)

    monkeypatch.setattr(publish_pit.render, "view", view)
    publish(tmp_path / "pit", images=20)
    for index in range(3):
        assert {camera for person, camera, _ in used if person == index} == {1, 2, 3}
        assert {shape for person, _, shape in used if person == index} == {0, 1}


@pytest.mark.slow
def test_same_bytes_from_one_process_and_from_two(tmp_path):
    one, two = publish(tmp_path / "one", 1, images=2), publish(tmp_path / "two", 2, images=2)
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    covered = read(one / "coverage.png") > 0
    for stem in ("00000", "00005"):
        assert 0.1 < (read(one / "visibility" / f"{stem}.png")[covered] > 0).mean() < 0.7
    mirror = np.load(one / "uv_mirror.npy")
    there = mirror[mirror[..., 0], mirror[..., 1]]
    rows, columns = np.indices((256, 256))
    back = (np.abs(there[..., 0] - rows) <= 2) & (np.abs(there[..., 1] - columns) <= 2)
    assert back[covered].mean() > 0.9, "the mirror of the mirror is the texel, to rounding"
    person = people.make(4, "pit", 1, look_alike_share=0.0)
    np.testing.assert_allclose(read(one / "GT_texture" / "00001.png"), person.texture * 255, atol=0.51)


def test_no_person_is_in_two_sets():
    sets = (publish_pit.SET, publish_cuhk03.SET, publish_market1501.SET, f"{publish_market1501.SET} passer-by")
    textures = {people.make(4, name, index).texture.tobytes() for name in sets for index in (1, 2)}
    assert len(textures) == 8


def test_what_does_not_fit_names_its_key():
    with pytest.raises(ParamsError, match=r"pit\.shapes"):
        validate(VALUES | {"shapes": 0}, publish_pit.Pit, "pit")
