"""Views: size, box, crops, visibility, determinism, cameras."""

import dataclasses

import cv2
import numpy as np
import pytest

from sanreid.runtime import rng
from sanreid.synthesis import background, body, canvas, people, props, render, scene


@pytest.fixture(scope="module")
def person():
    return people.make(0, "render", 4)


@pytest.fixture(scope="module")
def cameras():
    return scene.cameras("reid", 0, 2)


def test_view_has_the_size_asked_for_and_a_tight_box(person, cameras):
    view = render.view(person, cameras[0], rng(1), height=120, margin=0.2, occluders=False)
    x0, y0, x1, y1 = view.box
    height, width = view.image.shape[:2]
    assert view.image.dtype == np.uint8
    assert height == 168
    assert abs((y1 - y0) - 120) <= 3
    assert all(abs(border - 24) <= 3 for border in (x0, y0, width - x1, height - y1))


def test_view_is_a_function_of_its_random_stream(person, cameras):
    first = render.view(person, cameras[1], rng(1, 2), height=96)
    people.make(5, "between", 1).mesh()
    again = render.view(people.make(0, "render", 4), scene.cameras("reid", 0, 2)[1], rng(1, 2), height=96)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.texel_index, again.texel_index)
    assert first.box == again.box
    other = render.view(person, cameras[1], rng(1, 3), height=96)
    assert other.image.shape != first.image.shape or (other.image != first.image).any()


def test_crop_repeats_the_border_and_resizes(person, cameras):
    view = render.view(person, cameras[0], rng(2), height=96)
    height, width = view.image.shape[:2]
    whole, _ = view.crop((0, 0, width, height))
    np.testing.assert_array_equal(whole, view.image)
    wide, _ = view.crop((-5, -3, width + 4, height + 2))
    assert wide.shape == (height + 5, width + 9, 3)
    np.testing.assert_array_equal(wide[3:-2, 5:-4], view.image)
    np.testing.assert_array_equal(wide[0, 5:-4], view.image[0])
    assert view.crop(view.box, (64, 32))[0].shape == (64, 32, 3)
    with pytest.raises(ValueError, match="empty"):
        view.crop((5, 5, 5, 9))


def test_a_smaller_crop_shows_fewer_texels(person, cameras):
    view = render.view(person, cameras[0], rng(3), height=128, occluders=False)
    x0, y0, x1, y1 = view.box
    _, whole = view.crop(view.box)
    _, upper = view.crop((x0, y0, x1, (y0 + y1) // 2))
    _, lower = view.crop((x0, (y0 + y1) // 2, x1, y1))
    assert whole.shape == (256, 256)
    assert whole.dtype == bool
    assert 0.2 < whole[body.coverage()].mean() < 0.6
    assert not whole[~body.coverage()].any()
    np.testing.assert_array_equal(upper | lower, whole)
    assert not (upper & lower).any()
    assert upper.any()
    assert lower.any()


def test_front_and_back_show_different_texels(person, cameras):
    shown = []
    for azimuth in (0.0, np.pi):
        camera = dataclasses.replace(cameras[0], facing=azimuth, facing_spread=0.0)
        stream = rng(4)
        view = render.view(person, camera, stream, height=128, pose="stand", occluders=False)
        shown.append(view.crop(view.box)[1])
    overlap = (shown[0] & shown[1]).sum() / (shown[0] | shown[1]).sum()
    assert overlap < 0.35


def test_skirt_and_hair_are_seen_from_outside(cameras):
    def share_seen(person, slot, azimuth):
        camera = dataclasses.replace(cameras[0], facing=azimuth, facing_spread=0.0, height=1.5)
        seen = [render.view(person, camera, rng(k), height=256, pose="stand", occluders=False) for k in range(6)]
        top, bottom, left, right = body.slot_box(slot)
        return max(view.crop(view.box)[1][top:bottom, left:right].mean() for view in seen)

    crowd = [people.make(0, "crowd", i) for i in range(12)]
    skirted = next(p for p in crowd if p.outfit.lower_kind != "trousers")
    assert 0.3 < share_seen(skirted, "skirt", 0.0) < 0.6
    assert 0.3 < share_seen(skirted, "skirt", 1.5) < 0.6
    long_haired = next(p for p in crowd if p.outfit.hair == "long" and not p.outfit.backpack)
    assert share_seen(long_haired, "hair", np.pi) > 0.5


def test_what_stands_in_front_hides_texels(person, cameras):
    always = dataclasses.replace(cameras[0], occlusion=1.0)
    hidden = 0
    for k in range(12):
        covered = render.view(person, always, rng(5, k), height=96)
        free = render.view(person, always, rng(5, k), height=96, occluders=False)
        assert set(covered.texel_index) <= set(free.texel_index)
        hidden += len(covered.texel_index) < 0.95 * len(free.texel_index)
    assert hidden >= 6


def test_texel_colours_come_back_from_the_picture(person, cameras):
    """Where a texel is said to be seen, the picture has its colour."""
    plain = dataclasses.replace(
        cameras[0],
        gain=np.ones(3, np.float32),
        gamma=1.0,
        saturation=1.0,
        noise=0.0,
        blur=0.0,
        ambient=1.0,
        diffuse=0.0,
    )
    view = render.view(person, plain, rng(6), height=256, occluders=False)
    colours = person.texture.reshape(-1, 3)[view.texel_index] * 255
    x, y = view.texel_place.T
    seen = view.image[y, x].astype(float)
    close = np.abs(seen - colours).max(1) < 70  # ambient light alone still varies by a quarter with the height
    assert close.mean() > 0.85
    assert np.corrcoef(seen.mean(1), colours.mean(1))[0, 1] > 0.8


def test_frontal_is_grey_around_an_upright_person(person):
    picture = render.frontal(person)
    assert picture.shape == (256, 128, 3)
    assert picture.dtype == np.uint8
    for corner in (picture[0, 0], picture[0, -1], picture[-1, 0], picture[-1, -1]):
        np.testing.assert_array_equal(corner, [128, 128, 128])
    rows = np.nonzero((picture != 128).any((1, 2)))[0]
    assert 230 < rows[-1] - rows[0] < 250
    assert render.frontal(person, (64, 32)).shape == (64, 32, 3)


def test_unknown_pose_is_refused(person, cameras):
    with pytest.raises(ValueError, match="moonwalk"):
        render.view(person, cameras[0], rng(0), height=64, pose="moonwalk")


def test_families_of_cameras_differ_and_are_reproducible(monkeypatch):
    flat = background.Backdrop(np.zeros((480, 960, 3), np.uint8), 0.0, 3.0)
    monkeypatch.setattr(background, "procedural", lambda *_: flat)  # scenes take time and do not matter here
    pit, reid = scene.cameras("pit", 0, 5), scene.cameras("reid", 0, 5)
    assert all(camera.facing is None for camera in pit)
    assert all(camera.facing is not None for camera in reid)

    def spread(cameras):
        return np.std([np.log(camera.gain).mean() for camera in cameras])

    assert spread(reid) > 1.5 * spread(pit)
    monkeypatch.undo()
    for one, other in zip(scene.cameras("reid", 0, 1), scene.cameras("reid", 0, 1), strict=True):
        np.testing.assert_array_equal(one.gain, other.gain)
        np.testing.assert_array_equal(one.backdrops[0].picture, other.backdrops[0].picture)
    facing = np.array([camera.facing for camera in reid])
    assert np.ptp(np.mod(facing, 2 * np.pi)) > np.pi
    assert all(50 <= camera.jpeg_quality <= 96 for camera in pit + reid)


def test_wrong_cameras_are_refused(tmp_path):
    with pytest.raises(ValueError, match="family"):
        scene.cameras("indoor", 0, 2)
    with pytest.raises(ValueError, match="at least 1"):
        scene.cameras("pit", 0, 0)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scene.cameras("pit", 0, 1, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no picture"):
        scene.cameras("pit", 0, 1, tmp_path)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.png"):
        scene.cameras("pit", 0, 1, tmp_path)


def test_a_folder_of_pictures_serves_as_background(person, tmp_path):
    cv2.imwrite(str(tmp_path / "green.png"), np.full((90, 120, 3), (0, 200, 0), np.uint8))
    camera = scene.cameras("pit", 0, 1, tmp_path)[0]
    picture = render.view(person, camera, rng(0), height=96, occluders=False).image
    corner = picture[:8, :8].mean((0, 1))
    assert corner[1] > 3 * corner[0]
    assert corner[1] > 3 * corner[2]


@pytest.mark.parametrize("family", ["pit", "reid"])
def test_scenes_of_any_height_are_drawn(family):
    for i, height in enumerate((1.2, 2.8, 4.5)):
        backdrop = background.procedural(rng(1, i), family, height)
        assert backdrop.picture.dtype == np.uint8
        assert backdrop.picture.std() > 5
        cut = backdrop.cut(rng(2, i), (120, 80), 90.0, 105.0)
        assert cut.shape == (120, 80, 3)
        assert cut.dtype == np.float32
        assert 0 <= cut.min() <= cut.max() <= 1


def test_every_prop_is_drawn_and_laid():
    for kind in props.DRAWN:
        prop = props.draw(kind, rng(1), 40.0)
        assert prop.shape[2] == 4
        assert 0.02 < prop[..., 3].mean() < 1.0001
        picture = np.zeros((100, 100, 3), np.float32)
        cover = canvas.lay(picture, prop, 50, 100)
        assert 0 < cover.mean() <= 1
        assert (picture[cover == 0] == 0).all()
        assert canvas.lay(picture, prop, -500, -500).max() == 0
