"""The export's arithmetic, on an invented model: the package it reads is not a dependency."""

from pathlib import Path

import numpy as np
import pytest

from sanreid.synthesis import body
from tools import export_body


@pytest.fixture
def invented():
    """60 targets of 50 vertices that really span 20 directions, 26 anchors, 4 joints."""
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((60, 20))
    return {
        "phenotype_mask": (rng.random((90, 26)) < 0.1).astype(float),
        "phenotype_projection": rng.standard_normal((90, 60)),
        "vertex_shapes": (spread @ rng.standard_normal((20, 150))).reshape(60, 50, 3),
        "head_shapes": (spread @ rng.standard_normal((20, 12))).reshape(60, 4, 3),
    }


def test_compact_shapes_reproduce_bodies_and_joints(invented):
    compact = export_body.compact_shapes(invented, people=300)
    assert compact["vertex_shapes"].shape == (export_body.COMPONENTS, 50, 3)
    weights = body.phenotype_weights(gender=0.8, age=0.4, weight=0.9)
    targets = np.prod(weights * invented["phenotype_mask"] + 1 - invented["phenotype_mask"], axis=-1)
    for shapes in ("vertex_shapes", "head_shapes"):
        before = np.tensordot(targets @ invented["phenotype_projection"], invented[shapes], 1)
        after = np.tensordot(targets @ compact["phenotype_projection"], compact[shapes], 1)
        np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())


def test_hidden_parts_go_and_weights_are_sorted():
    model = {
        "part_names": np.array(["body", *export_body.HIDDEN_PARTS]),
        "part": np.array([0, 1, 0, 3]),
        "faces": np.arange(12).reshape(4, 3),
        "uv_faces": np.arange(12).reshape(4, 3),
        "weights": np.array([[0.1, 0.9], [0.7, 0.3]]),
        "weight_bones": np.array([[4, 5], [6, 7]]),
    }
    assert len(export_body.drop_hidden_parts(model)["faces"]) == 2
    ordered = export_body.sort_weights(model)
    np.testing.assert_array_equal(ordered["weight_bones"], [[5, 4], [6, 7]])
    np.testing.assert_allclose(ordered["weights"], [[0.9, 0.1], [0.7, 0.3]])


def test_the_shipped_file_is_small_and_licensed():
    assets = Path(body.__file__).with_name("assets")
    assert (assets / "body.npz").stat().st_size < 4e6
    assert "CC0" in (assets / "LICENSE").read_text()
    assert "Apache" in (assets / "NOTICE").read_text()
