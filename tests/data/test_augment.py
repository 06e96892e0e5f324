"""Batched augmentation against a picture-by-picture reference with the same draws, the distributions, erasing."""

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode

from sanreid.data import tensors
from sanreid.data.augment import Augment, Draws
from tests.data.toy_batch import SIZE, generator, make, pictures


def reference(picture: np.ndarray, draws: Draws, i: int, enlarged: tuple[int, int]) -> np.ndarray:
    """One (H, W, 3) uint8 picture -> normalised (H, W, 3), as code for one picture at a time is written."""
    height, width = picture.shape[:2]
    out = picture.astype(np.float64)
    if draws.crop[i]:
        big = cv2.resize(picture.astype(np.float32), enlarged[::-1], interpolation=cv2.INTER_LINEAR)
        y, x = draws.offset[i].tolist()
        out = big[y : y + height, x : x + width].astype(np.float64)
    if draws.flip[i]:
        out = out[:, ::-1]
    out = (out / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    top, left, h, w = draws.box[i].tolist()
    out[top : top + h, left : left + w] = (0.485, 0.456, 0.406)
    return out


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_picture_by_picture_reference(layout):
    images = pictures(40).contiguous(memory_format=layout)
    before, a = images.clone(), make()
    draws = a.draw(40, SIZE, generator())
    got = a.apply(images, draws)
    assert got.dtype == torch.float32
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
    level = 1.01 / 255 / 0.224  # bytes are rounded once
    for i in range(40):
        expected = reference(images[i].permute(1, 2, 0).numpy(), draws, i, (36, 18))
        np.testing.assert_allclose(got[i].permute(1, 2, 0).numpy(), expected, atol=level if draws.crop[i] else 1e-5)
    kinds = {(bool(c), bool(f), bool(b[2])) for c, f, b in zip(draws.crop, draws.flip, draws.box, strict=True)}
    assert len(kinds) == 8  # each combination was there


@pytest.mark.parametrize("size", [SIZE, (24, 24), (256, 128)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gpus_form_equals_the_cpus_bit_for_bit(layout, size):
    images = pictures(24, size).contiguous(memory_format=layout)
    before, a = images.clone(), make()
    draws = a.draw(24, size, generator(5))
    ours, theirs = a.at_once(images, draws), a.one_by_one(images, draws)
    assert torch.equal(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
    for changes in ({"crop_probability": 0.0}, {"flip": "none"}, {"erase_probability": 1.0}, {"enlargement": 1.0}):
        other = make(**changes)
        draws = other.draw(24, size, generator(6))
        assert torch.equal(other.at_once(images, draws), other.one_by_one(images, draws)), changes


def test_the_device_chooses_the_form(monkeypatch):
    monkeypatch.setattr(Augment, "at_once", lambda *_: "at once")
    a = make()
    draws = a.draw(4, SIZE, generator())
    assert isinstance(a.apply(pictures(4), draws), Tensor)
    with FakeTensorMode():
        assert a.apply(torch.empty(4, 3, *SIZE, dtype=torch.uint8, device="cuda"), draws) == "at once"


def test_nothing_drawn_is_plain_normalisation():
    a = make(crop_probability=0.0, flip="none", erase_probability=0.0)
    images = pictures(6)
    got, textures = a(images, pictures(6, (8, 8)), generator())
    torch.testing.assert_close(got, tensors.normalise_images(images))
    torch.testing.assert_close(textures, tensors.normalise_textures(pictures(6, (8, 8))))
    assert a(images, None, generator())[1] is None


def test_a_generator_gives_the_same_batch_again():
    a, images = make(flip="none"), pictures(16)
    g = generator(3)
    first, second = a(images, None, g)[0], a(images, None, g)[0]
    assert torch.equal(a(images, None, generator(3))[0], first)
    assert not torch.equal(first, second)


N = 20000


@pytest.fixture(scope="module")
def draws() -> Draws:
    return make().draw(N, (256, 128), generator())


class TestDistributions:
    def test_probabilities_are_kept_and_independent(self, draws):
        erased = draws.box[:, 2] > 0
        for chosen in (
            draws.crop,
            draws.flip,
            erased,
            draws.crop ^ draws.flip,
            draws.flip ^ erased,
            draws.crop ^ erased,
        ):
            assert chosen.float().mean().item() == pytest.approx(0.5, abs=0.015)

    def test_every_offset_is_equally_likely(self, draws):
        assert make().enlarged((256, 128)) == (288, 144)
        for axis, room in ((0, 33), (1, 17)):
            counts = torch.bincount(draws.offset[:, axis], minlength=room)
            assert len(counts) == room
            assert (counts / N * room - 1).abs().max() < 0.2

    def test_boxes_are_those_of_the_published_loop(self, draws):
        """Areas, heights and widths against the loop as the authors wrote it, drawn by other numbers."""
        random, theirs = np.random.default_rng(0), []
        for _ in range(N // 2):
            for _ in range(100):
                area = random.uniform(0.02, 0.4) * 256 * 128
                aspect = random.uniform(0.3, 1 / 0.3)
                h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
                if w < 128 and h < 256:
                    theirs.append((random.integers(0, 256 - h + 1), random.integers(0, 128 - w + 1), h, w))
                    break
        boxes = draws.box[draws.box[:, 2] > 0].numpy()
        for column in range(4):
            quantiles = [np.quantile(b[:, column], np.arange(0.1, 1, 0.1)) for b in (boxes, np.array(theirs))]
            np.testing.assert_allclose(*quantiles, atol=4)

    def test_boxes_keep_area_aspect_and_picture(self, draws):
        y, x, h, w = draws.box[draws.box[:, 2] > 0].double().T
        area, aspect = h * w / (256 * 128), h / w
        assert 0.019 < area.min() < 0.025
        assert 0.37 < area.max() < 0.405
        assert aspect.min() > 0.29
        assert aspect.max() < 3.45
        assert (y + h).max() == 256
        assert (x + w).max() == 128
        assert min(y.min(), x.min()) == 0

    def test_the_area_is_a_parameter(self):
        boxes = make(erase_area=(0.1, 0.1), erase_probability=1.0).draw(500, (256, 128), generator()).box
        area = (boxes[:, 2] * boxes[:, 3]).double() / (256 * 128)
        np.testing.assert_allclose(area, 0.1, atol=0.003)

    def test_a_box_is_smaller_than_the_picture_both_ways(self):
        boxes = make(erase_area=(0.2, 0.9), erase_probability=1.0).draw(4000, SIZE, generator()).box
        assert (boxes[:, 2].max(), boxes[:, 3].max()) == (31, 15)

    def test_where_no_box_fits_nothing_is_erased(self):
        boxes = make(erase_area=(0.99, 0.99), erase_probability=1.0).draw(50, (256, 64), generator()).box
        assert not boxes[:, 2:].any()

    def test_probabilities_0_and_1(self):
        none = make(crop_probability=0.0, flip_probability=0.0, erase_probability=0.0).draw(99, SIZE, generator())
        full = make(crop_probability=1.0, flip_probability=1.0, erase_probability=1.0).draw(99, SIZE, generator())
        assert not none.crop.any() | none.flip.any() | none.box[:, 2].any()
        assert full.crop.all() & full.flip.all() & full.box[:, 2].all()
        assert not make(flip="none", flip_probability=1.0).draw(99, SIZE, generator()).flip.any()


def test_erasing_writes_the_raw_mean_not_its_normalised_zero():
    a = make(crop_probability=0.0, flip="none", erase_probability=1.0, erase_area=(0.3, 0.3))
    images = torch.full((1, 3, *SIZE), 255, dtype=torch.uint8)
    draws = a.draw(1, SIZE, generator())
    y, x, h, w = draws.box[0].tolist()
    inside = a.apply(images, draws)[0, :, y : y + h, x : x + w]
    for c, value in enumerate((0.485, 0.456, 0.406)):
        torch.testing.assert_close(inside[c], torch.full((h, w), value))
    outside = a.apply(images, draws)[0, 0]
    outside[y : y + h, x : x + w] = 9
    white = outside[outside != 9]
    torch.testing.assert_close(white, torch.full((SIZE[0] * SIZE[1] - h * w,), (1 - 0.485) / 0.229))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"crop_probability": 1.5}, "crop_probability"),
        ({"flip_probability": -0.1}, "flip_probability"),
        ({"enlargement": 0.9}, "enlargement"),
        ({"flip": "yes"}, "flip"),
        ({"erase_area": (0.4, 0.02)}, r"erase_area: \[0.4, 0.02\]"),
        ({"erase_area": (0.0, 0.4)}, "erase_area"),
        ({"erase": 1}, "erase"),
    ],
)
def test_parameters_out_of_range_name_their_key(changes, key):
    with pytest.raises(ValueError, match=key):
        make(**changes)
