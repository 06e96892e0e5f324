"""A predicted texture's edges are joined on the trunk, and what is no edge stays as it was."""

import cv2
import numpy as np

from sanreid.synthesis import body, sewing, texels
from tests.synthesis.test_turned import steps


def smooth() -> np.ndarray:
    surface = texels.texels()
    return np.clip(np.stack([0.5 + surface.x, 0.5 * surface.z, np.full_like(surface.x, 0.3)], 1), 0, 1)


def as_bytes(colours: np.ndarray, size: int) -> np.ndarray:
    texture = cv2.resize(texels.unfold(colours.astype(np.float32)), (size, size), interpolation=cv2.INTER_AREA)
    return (255 * texture).astype(np.uint8)


def test_two_halves_of_a_back_meet_without_a_step():
    colours = smooth()
    colours[:, 2] += np.where(texels.texels().x > 0, 0.3, 0)
    before = steps(colours, 128)
    assert before.max() > 4 * np.median(before)
    sewn = sewing.sewn(as_bytes(colours, 128))
    after = steps(sewn[texels.texel_index()] / 255, body.TEXTURE)
    assert after.max() < 0.4 * before.max()
    # far from the cut nothing has changed
    surface = texels.texels()
    arms = surface.arm > 0.9
    plain = cv2.resize(as_bytes(colours, 128), (body.TEXTURE, body.TEXTURE), interpolation=cv2.INTER_LINEAR)
    shift = np.abs(sewn.astype(float) - plain)[texels.texel_index()]
    assert np.median(shift[arms]) <= 1


def test_the_grey_at_the_border_of_a_chart_is_not_shown():
    texture = as_bytes(np.full_like(smooth(), 0.9), 64)  # grey is blurred into the border
    blurred = cv2.GaussianBlur(texture, (0, 0), 1.0)
    trunk = sewing.trunk()
    shown = sewing.sewn(blurred)[texels.texel_index()][trunk]
    whole = cv2.resize(blurred, (body.TEXTURE, body.TEXTURE))[texels.texel_index()][trunk]
    assert whole.min() < 200
    assert shown.mean() > 225
    assert np.quantile(shown, 0.01) > whole.min() + 20
