"""The person turned: colours on the side where the texture has them, sizes, and what is no texture."""

import cv2
import numpy as np
import pytest

from sanreid.synthesis import body, texels, turned


@pytest.fixture(scope="module")
def halves():
    """A texture whose texels are red on the front of the body and blue on its back, greener on the person's left."""
    adult, skeleton = body.canonical(), body.model()
    triangle, barycentric = body.texel_faces()
    texture = np.full((body.TEXTURE, body.TEXTURE, 3), 128, np.uint8)
    rows, columns = np.nonzero(triangle >= 0)
    corners = skeleton.faces[triangle[rows, columns]]
    weights = np.concatenate([barycentric[rows, columns], 1 - barycentric[rows, columns].sum(-1, keepdims=True)], 1)
    normals = (adult.normals[corners] * weights[..., None]).sum(1)
    points = (adult.vertices[corners] * weights[..., None]).sum(1)
    texture[rows, columns] = np.where(normals[:, 1:2] < 0, [200, 0, 0], [0, 0, 200])
    texture[rows, columns, 1] = np.where(points[:, 0] > 0, 200, 0)
    return texture


def test_each_side_shows_what_is_there(halves):
    pictures = turned.turned(halves, 128)
    assert list(pictures) == ["front", "left", "back", "right"]
    assert len({p.shape for p in pictures.values()}) == 1
    means = {}
    for name, picture in pictures.items():
        assert picture.shape[0] == 128
        assert picture.dtype == np.uint8
        person = (picture != 128).any(2)
        rows = np.flatnonzero(person.any(1))
        assert rows[-1] - rows[0] + 1 == pytest.approx(0.94 * 128, abs=3)
        means[name] = picture[person].astype(float).mean(0)
    assert means["front"][0] > 4 * means["front"][2]
    assert means["back"][2] > 4 * means["back"][0]
    assert means["left"][1] > 4 * means["right"][1]
    # seen from the front, the person's left is at the picture's right
    front = pictures["front"][60:70].astype(float)
    assert front[:, front.shape[1] // 2 :, 1].mean() > front[:, : front.shape[1] // 2, 1].mean()


def steps(colours: np.ndarray, size: int) -> np.ndarray:
    """The step from column to column in the middle of the back of who wears `colours` (n, 3) of the texels."""
    texture = cv2.resize(texels.unfold(colours.astype(np.float32)), (size, size), interpolation=cv2.INTER_AREA)
    back = turned.turned((255 * texture).astype(np.uint8), 256)["back"].astype(float)
    middle = back[70:120, back.shape[1] // 2 - 12 : back.shape[1] // 2 + 12]
    return np.abs(np.diff(middle, axis=1)).mean((0, 2))


@pytest.mark.parametrize("size", [256, 128])
def test_where_the_texture_is_cut_along_the_back_no_seam_is_seen(size):
    surface = texels.texels()
    colours = np.clip(np.stack([0.5 + surface.x, 0.5 * surface.z, np.full_like(surface.x, 0.3)], 1), 0, 1)
    found = steps(colours, size)
    assert found.max() < 2 * np.median(found)
    colours[:, 2] += np.where(surface.x > 0, 0.3, 0)  # a texture that has one shows one
    found = steps(colours, size)
    assert found.max() > 8 * np.median(found)


def test_what_is_no_texture_is_refused(halves):
    for wrong in (halves.astype(float), halves[:, :9], halves[..., 0]):
        with pytest.raises(ValueError, match="a texture is"):
            turned.turned(wrong)
