"""Batched augmentation against a picture-by-picture reference with the same draws, the distributions, the traps."""

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode

from sanreid.data import augment, tensors
from sanreid.data.augment import Augment, Draws

SIZE = (32, 16)
VALUES = {
    "crop_probability": 0.5,
    "enlargement": 1.125,
    "flip": "mirrored",
    "flip_probability": 0.5,
    "erase_probability": 0.5,
    "erase_area": (0.02, 0.4),
}


def make(**changes) -> Augment:
    return Augment.model_validate(VALUES | changes)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Smooth colour: byte and float resizing agree to a level or two."""
    small = torch.randint(0, 256, (n, 3, 5, 4), generator=generator(1)).float()
    large = torch.nn.functional.interpolate(small, size=size, mode="bilinear")
    return large.round().to(torch.uint8).contiguous(memory_format=torch.channels_last)


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


class TestFlip:
    LEFT, RIGHT, TRUNK = (2, 1), (5, 6), (0, 3)  # texels: an arm is here, its counterpart somewhere else entirely

    def mirror(self) -> np.ndarray:
        uv = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"), -1).astype(np.int16)
        uv[self.LEFT], uv[self.RIGHT] = self.RIGHT, self.LEFT
        return uv

    def textures(self) -> Tensor:
        """A red left arm and a blue right one on grey."""
        t = torch.full((2, 3, 8, 8), 128, dtype=torch.uint8)
        t[:, :, *self.LEFT] = torch.tensor([255, 0, 0], dtype=torch.uint8)
        t[:, :, *self.RIGHT] = torch.tensor([0, 0, 255], dtype=torch.uint8)
        return t

    def test_a_left_arms_texel_moves_to_the_right_arm(self):
        a = make(crop_probability=0.0, erase_probability=0.0, flip_probability=1.0)
        source, images = self.textures(), pictures(2)
        got, moved = a(images, source, generator(), augment.mirror_index(self.mirror(), 8))
        torch.testing.assert_close(got, tensors.normalise_images(images).flip(3))
        red, blue = torch.tensor([1.0, -1.0, -1.0]), torch.tensor([-1.0, -1.0, 1.0])
        assert moved is not None
        for t in moved:
            torch.testing.assert_close(t[:, *self.RIGHT], red)
            torch.testing.assert_close(t[:, *self.LEFT], blue)
        unmoved = tensors.normalise_textures(source)
        assert (moved != unmoved).any(1).sum() == 4  # 2 texels of 2 textures, and no other
        assert torch.equal(source, self.textures())

    def test_only_flipped_pictures_have_their_texture_moved(self):
        a, mirror = make(crop_probability=0.0, erase_probability=0.0), augment.mirror_index(self.mirror(), 8)
        images, textures = pictures(1).repeat(50, 1, 1, 1), self.textures()[:1].repeat(50, 1, 1, 1)
        got, moved = a(images, textures, generator(), mirror)
        assert moved is not None
        flipped = (got != tensors.normalise_images(images)).flatten(1).any(1)
        swapped = moved[:, 0, *self.RIGHT] > 0.9
        assert torch.equal(flipped, swapped)
        assert 10 < flipped.sum() < 40

    @pytest.mark.parametrize("flip", ["unmirrored", "none"])
    def test_other_flips_leave_the_texture(self, flip):
        a = make(crop_probability=0.0, erase_probability=0.0, flip_probability=1.0, flip=flip)
        images = pictures(2)
        got, textures = a(images, self.textures(), generator(), augment.mirror_index(self.mirror(), 8))
        torch.testing.assert_close(textures, tensors.normalise_textures(self.textures()))
        assert torch.equal(got, tensors.normalise_images(images)) == (flip == "none")
        a(images, self.textures(), generator())  # and need no map

    @pytest.mark.parametrize(
        ("flip", "known", "textures", "settled"),
        [
            ("mirrored_if_known", True, True, "mirrored"),
            ("mirrored_if_known", False, True, "none"),
            ("mirrored_if_known", False, False, "mirrored"),  # no texture to contradict the picture
            ("mirrored", False, True, "mirrored"),
            ("unmirrored", False, True, "unmirrored"),
            ("none", True, True, "none"),
        ],
    )
    def test_a_wish_is_settled_by_what_is_known(self, flip, known, textures, settled):
        mirror = augment.mirror_index(self.mirror(), 8) if known else None
        a = make(flip=flip)
        assert a.settle(mirror, textures).flip == settled
        assert a.settle(mirror, textures).erase_area == a.erase_area

    def test_mirrored_textures_without_a_map_are_refused_with_the_remedy(self):
        with pytest.raises(ValueError, match=r"uv_mirror\.npy.*flip: none.*flip: unmirrored"):
            make()(pictures(2), self.textures(), generator())
        make()(pictures(2), None, generator())  # nothing to move
        make(flip_probability=0.0)(pictures(2), self.textures(), generator())

    def test_a_map_of_another_size_is_refused(self):
        a = make(flip_probability=1.0)
        with pytest.raises(ValueError, match=r"mirror map of 16 texels for textures of 8 x 8; use mirror_index"):
            a(pictures(2), self.textures(), generator(), augment.mirror_index(self.mirror(), 4))

    def test_a_gpus_form_moves_the_same_texels(self, monkeypatch):
        a, mirror = make(), augment.mirror_index(self.mirror(), 8)
        textures = pictures(24, (8, 8))
        draws = a.draw(24, SIZE, generator())
        expected = a.move(textures, draws, mirror)
        assert not torch.equal(expected, textures)
        moved = augment._move_at_once(textures.permute(0, 2, 3, 1).reshape(24, 64, 3), draws.flip, mirror)
        assert torch.equal(moved.reshape(24, 8, 8, 3).permute(0, 3, 1, 2), expected)

    def test_masks_move_as_textures_do(self):
        a = make(flip_probability=1.0)
        mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
        mask[:, 0, *self.LEFT] = True
        moved = a.move(mask, a.draw(2, SIZE, generator()), augment.mirror_index(self.mirror(), 8))
        assert moved.dtype == torch.bool
        assert moved[:, 0].nonzero()[:, 1:].tolist() == [list(self.RIGHT)] * 2


class TestMirrorIndex:
    def plain(self, size: int) -> np.ndarray:
        rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
        return np.stack([rows, size - 1 - columns], -1).astype(np.int16)

    @pytest.mark.parametrize("size", [256, 128, 64])
    def test_a_plain_flip_stays_one_at_other_sizes(self, size):
        index = augment.mirror_index(self.plain(256), size)
        values = torch.rand(size, size)
        assert torch.equal(values.flatten()[index].reshape(size, size), values.flip(1))

    @pytest.mark.parametrize("size", [256, 128, 192, 100, 512])
    def test_identity_stays_identity(self, size):
        rows, columns = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
        index = augment.mirror_index(np.stack([rows, columns], -1).astype(np.int16), size)
        side = torch.arange(size * size)
        distance = torch.stack([(index // size - side // size).abs(), (index % size - side % size).abs()])
        assert distance.max() <= (0 if size <= 256 else 1)

    def test_rows_and_columns_are_not_confused(self):
        uv = np.zeros((4, 4, 2), np.int16)
        uv[1, 2] = (3, 0)
        assert augment.mirror_index(uv, 4)[1 * 4 + 2] == 3 * 4 + 0

    @pytest.mark.parametrize("spoil", [lambda u: u[:, :, :1], lambda u: u[:3], lambda u: u - 1, lambda u: u + 1])
    def test_another_shape_or_value_is_refused(self, spoil):
        with pytest.raises(ValueError, match="uv_mirror: shape"):
            augment.mirror_index(spoil(self.plain(4)), 4)


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


def test_the_map_of_a_picture_is_its_mirror_image():
    picture = torch.arange(5 * 5).reshape(1, 1, 5, 5)
    assert torch.equal(picture.reshape(-1)[augment.flip_index(5)].reshape(1, 1, 5, 5), picture.flip(3))
