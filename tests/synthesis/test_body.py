"""The body: its shape space, texture layout and mirror map."""

import numpy as np
import pytest

from sanreid.synthesis import body


def test_shapes_are_people_in_metres():
    adult, _ = body.shape(age=0.67, height=0.5)
    child, _ = body.shape(age=0.33, height=0.5)
    heavy, _ = body.shape(age=0.67, weight=1.0)
    assert 1.5 < np.ptp(adult[:, 2]) < 1.9
    assert 0.8 < np.ptp(child[:, 2]) < np.ptp(adult[:, 2]) - 0.15
    assert np.ptp(heavy[np.abs(heavy[:, 2]) < 0.2, 1]) > np.ptp(adult[np.abs(adult[:, 2]) < 0.2, 1])


def test_unknown_phenotype_is_refused():
    with pytest.raises(ValueError, match="wieght"):
        body.shape(wieght=0.5)


def test_body_is_symmetric_and_faces_minus_y():
    adult = body.canonical()
    left, right = (adult.vertices[:, 0] > 0.01), (adult.vertices[:, 0] < -0.01)
    assert abs(left.sum() - right.sum()) < 0.01 * len(adult.vertices)
    toes = adult.vertices[adult.vertices[:, 2] < adult.vertices[:, 2].min() + 0.02]
    assert toes[:, 1].min() < -0.1


def test_weights_sum_to_one_and_run_from_large_to_small():
    weights = body.model().weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=2e-3)
    assert (np.diff(weights, axis=1) <= 0).all()


def test_slots_are_free_with_two_texels_of_gutter():
    charts = body.texel_faces()[0] >= 0
    for name in body.SLOTS:
        top, bottom, left, right = body.slot_box(name)
        assert not charts[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2].any(), name
        assert bottom - top > 10
        assert right - left > 10


def test_coverage_is_charts_and_slots():
    exists = body.coverage()
    assert exists.shape == (256, 256)
    assert exists.dtype == bool
    assert 0.6 < exists.mean() < 0.8
    assert exists[body.texel_faces()[0] >= 0].all()
    top, bottom, left, right = body.slot_box("skirt")
    assert exists[top:bottom, left:right].all()
    assert not exists[top - 1, left:right].any()


def test_mirror_is_an_involution_up_to_rounding_and_stays_on_what_exists():
    mirror, exists = body.uv_mirror(), body.coverage()
    assert mirror.shape == (256, 256, 2)
    assert mirror.dtype == np.int16
    rows, columns = np.nonzero(exists)
    there = mirror[rows, columns]
    assert exists[there[:, 0], there[:, 1]].all()
    back = mirror[there[:, 0], there[:, 1]]
    away = np.hypot(back[:, 0] - rows, back[:, 1] - columns)
    assert (away <= 1.5).mean() > 0.99
    rows, columns = np.nonzero(~exists)
    np.testing.assert_array_equal(mirror[rows, columns], np.stack([rows, columns], 1))


def test_mirror_moves_texels_to_the_other_side():
    from sanreid.synthesis import texels

    surface, index = texels.texels(), texels.texel_index()
    x = np.full((256, 256), np.nan)
    x[index] = surface.x
    there = body.uv_mirror()[index]
    assert np.nanmax(np.abs(x[there[:, 0], there[:, 1]] + surface.x)) < 0.03
    left_hand = (surface.hand > 0.5) & (surface.x > 0)
    assert (x[there[left_hand, 0], there[left_hand, 1]] < 0).all()


def test_slots_are_mirrored_in_u():
    top, _, left, right = body.slot_box("backpack")
    assert tuple(body.uv_mirror()[top, left]) == (top, right - 1)
