"""Flips: a texture's texels move where the picture's sides go, or the flip is settled or refused."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sanreid.data import augment, tensors
from tests.data.toy_batch import SIZE, generator, make, pictures


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


def test_the_map_of_a_picture_is_its_mirror_image():
    picture = torch.arange(5 * 5).reshape(1, 1, 5, 5)
    assert torch.equal(picture.reshape(-1)[augment.flip_index(5)].reshape(1, 1, 5, 5), picture.flip(3))
