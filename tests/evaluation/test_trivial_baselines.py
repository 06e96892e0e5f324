"""The floors: histograms against a plain loop, camera means, and that colour tells people apart where it should."""

import colorsys

import numpy as np
import pandas as pd
import pytest
import torch

from sanreid.evaluation import trivial_baselines
from sanreid.evaluation.trivial_baselines import Stripes


def test_stripes_equal_a_loop_over_pixels():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, 9, 10), dtype=np.uint8)
    p = Stripes(count=4, bins=(6, 3, 2), margin=0.2)
    loop = np.zeros((2, 4, 6, 3, 2))
    for n in range(2):
        for y in range(9):
            for x in range(2, 8):
                h, s, v = colorsys.rgb_to_hsv(*(images[n, :, y, x] / 255))
                cell = min(int(h * 6), 5), min(int(s * 256 / 255 * 255 * 3 / 256), 2), min(int(v * 255 * 2 / 256), 1)
                loop[n, y * 4 // 9][cell] += 1
    expected = np.sqrt(loop / 54).reshape(2, -1)
    result = trivial_baselines.colour_stripes(torch.from_numpy(images), p)
    # OpenCV's hue is rounded to two degrees and its saturation to 1/255: a few pixels sit in the next bin
    assert np.abs(result**2 - expected**2).sum() * 54 / 2 <= 8
    np.testing.assert_allclose((result**2).sum(1), 1, rtol=1e-5)


def test_channel_order_is_rgb_and_stripes_run_from_the_top():
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    images[0, 0, :2] = 255  # red above, black below
    result = trivial_baselines.colour_stripes(images, Stripes(count=2, bins=(3, 2, 2), margin=0.0)).reshape(2, 3, 2, 2)
    assert result[0, 0, 1, 1] == pytest.approx(np.sqrt(0.5))  # hue 0 (red), saturated, bright
    assert result[1, 0, 0, 0] == pytest.approx(np.sqrt(0.5))
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    images[0, 2] = 255  # blue lies in the last third of the hues
    blue = trivial_baselines.colour_stripes(images, Stripes(count=1, bins=(3, 2, 2), margin=0.0)).reshape(3, 2, 2)
    assert blue[2, 1, 1] == 1


def test_margin_leaves_the_sides_out():
    images = torch.full((1, 3, 4, 10), 255, dtype=torch.uint8)
    images[..., 3:7] = 0
    dark = trivial_baselines.colour_stripes(images, Stripes(count=1, bins=(1, 1, 2), margin=0.3))
    assert dark.tolist() == [[1, 0]]


def test_too_many_stripes_name_the_key():
    with pytest.raises(ValueError, match=r"stripes\.count: 5"):
        trivial_baselines.colour_stripes(
            torch.zeros(1, 3, 4, 4, dtype=torch.uint8), Stripes(count=5, bins=(1, 1, 1), margin=0)
        )


def test_centring_removes_each_cameras_mean():
    features = np.array([[1.0, 2], [3, 4], [10, 20], [30, 40]], np.float32)
    result = trivial_baselines.centre(features, np.array([1, 2, 1, 2]))
    assert result.tolist() == [[-4.5, -9], [-13.5, -18], [4.5, 9], [13.5, 18]]
    assert features[0].tolist() == [1, 2]


def test_a_physical_camera_is_a_camid_within_its_pair():
    rows = pd.DataFrame({"camid": pd.array([1, 2, 1, 2, 1], "Int64")})
    assert trivial_baselines.cameras(rows).tolist() == [0, 1, 0, 1, 0]
    assert len(set(trivial_baselines.cameras(rows.assign(pair=[1, 1, 2, 2, 1])))) == 4
    assert trivial_baselines.cameras(pd.DataFrame({"camid": pd.array([None, None], "Int64")})).tolist() == [0, 0]


def test_random_features_follow_the_seed():
    a, b = trivial_baselines.random_features(5, 8, 0), trivial_baselines.random_features(5, 8, 0)
    np.testing.assert_array_equal(a, b)
    assert (a != trivial_baselines.random_features(5, 8, 1)).all()
    assert a.shape == (5, 8)
    assert a.dtype == np.float32
