"""Texture scores against plain loops over texels, masks apart; SSIM against its definition, window by window."""

import numpy as np
import pytest

from sanreid.evaluation import textures
from sanreid.evaluation.textures import Truth


def window():
    g = np.array([np.exp(-(d**2) / (2 * 1.5**2)) for d in range(-5, 6)])
    g = np.outer(g, g)
    return g / g.sum()


def ssim_loop(x, y):
    """Wang et al. 2004, equation 13, a texel and channel at a time; the picture mirrored about its edge texels."""
    T = len(x)
    w = window()
    fold = lambda i: abs(i) if i < T else 2 * (T - 1) - i  # noqa: E731
    result = np.zeros_like(x, dtype=np.float64)
    for c in range(3):
        for i in range(T):
            for j in range(T):
                a, b = np.zeros((11, 11)), np.zeros((11, 11))
                for u in range(11):
                    for v in range(11):
                        row, column = fold(i + u - 5), fold(j + v - 5)
                        a[u, v], b[u, v] = x[row, column, c], y[row, column, c]
                ma, mb = (w * a).sum(), (w * b).sum()
                va, vb, cov = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum(), (w * (a - ma) * (b - mb)).sum()
                result[i, j, c] = ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / (
                    (ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)
                )
    return result


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (14, 14, 3), dtype=np.uint8)
    guess = np.clip(truth + rng.normal(0, 40, truth.shape), 0, 255).astype(np.uint8)
    coverage, visibility = rng.random((14, 14)) < 0.7, rng.random((14, 14)) < 0.5
    return guess, Truth(truth, coverage, visibility)


def test_scores_equal_plain_loops_over_each_part(pair):
    guess, truth = pair
    result = textures.compare(guess, truth)
    grey = [np.where(truth.coverage[..., None], t / 255, 0.5) for t in (guess, truth.texture)]
    similarity = ssim_loop(*grey)
    for name, keep in (("", None), ("_visible", True), ("_hidden", False)):
        errors, similar = [], []
        for i in range(14):
            for j in range(14):
                if truth.coverage[i, j] and keep in (None, bool(truth.visibility[i, j])):
                    for c in range(3):
                        errors.append(abs(int(guess[i, j, c]) - int(truth.texture[i, j, c])) / 255)
                        similar.append(similarity[i, j, c])
        assert result["l1" + name] == pytest.approx(np.mean(errors), abs=1e-6)
        assert result["psnr" + name] == pytest.approx(-10 * np.log10(np.mean(np.square(errors))), abs=1e-4)
        assert result["ssim" + name] == pytest.approx(np.mean(similar), abs=1e-4)


def test_what_does_not_exist_does_not_count(pair):
    guess, truth = pair
    before = textures.compare(guess, truth)
    changed = guess.copy()
    changed[~truth.coverage] = 255 - changed[~truth.coverage]
    assert textures.compare(changed, truth) == before
    visible = guess.copy()
    visible[truth.coverage & truth.visibility] ^= 64
    after = textures.compare(visible, truth)
    assert after["l1_hidden"] == before["l1_hidden"]
    assert after["l1_visible"] != before["l1_visible"]


def test_equal_textures_score_best(pair):
    _, truth = pair
    result = textures.compare(truth.texture, truth)
    assert result["l1"] == 0
    assert result["psnr"] == 100
    assert result["ssim"] == pytest.approx(1)


def test_truth_is_averaged_down_to_the_textures_size():
    texture = np.zeros((4, 4, 3), np.uint8)
    texture[:2, :2] = [[[0], [100]], [[100], [200]]]
    coverage = np.zeros((4, 4), bool)
    coverage[:2, :2] = coverage[0, 2] = coverage[2:, 0] = True
    small = Truth(texture, coverage, None).resized(2)
    assert small.texture[0, 0].tolist() == [100, 100, 100]
    assert small.coverage.tolist() == [[True, False], [True, False]]  # whole, a quarter, a half, none
    result = textures.compare(np.full((2, 2, 3), 100, np.uint8), Truth(texture, coverage, None))
    assert result["l1"] == pytest.approx((0 + 100 / 255) / 2)


def test_unknown_visibility_and_empty_parts_have_no_number(pair):
    guess, truth = pair
    result = textures.compare(guess, Truth(truth.texture, truth.coverage, None))
    assert np.isnan([result["l1_visible"], result["psnr_hidden"], result["ssim_visible"]]).all()
    everything = textures.compare(guess, Truth(truth.texture, truth.coverage, np.ones((14, 14), bool)))
    assert everything["l1_visible"] == everything["l1"]
    assert np.isnan(everything["l1_hidden"])
    mean = textures.average([result, everything])
    assert mean["l1"] == pytest.approx(result["l1"])
    assert mean["l1_visible"] == everything["l1_visible"]
    assert mean["psnr_hidden"] is None


def test_mean_texture_is_the_best_constant():
    a, b = np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 201, np.uint8)
    assert (textures.mean_texture(iter([a, b])) == 106).all()
    with pytest.raises(ValueError, match="no true textures"):
        textures.mean_texture([])


def test_bad_shapes_are_refused(pair):
    _, truth = pair
    with pytest.raises(ValueError, match="square RGB"):
        textures.compare(np.zeros((14, 7, 3), np.uint8), truth)
    with pytest.raises(ValueError, match="marks no texel"):
        textures.compare(truth.texture, Truth(truth.texture, np.zeros((14, 14), bool), None))
