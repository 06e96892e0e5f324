"""The distances that everything ranks by, against their definition."""

import numpy as np

from sanreid.evaluation import distances


def test_distances_equal_the_definition():
    rng = np.random.default_rng(0)
    q, g = rng.normal(size=(5, 9)).astype(np.float32), rng.normal(size=(11, 9)).astype(np.float32)
    g[3] = 0
    euclidean = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in g] for x in q]
    np.testing.assert_allclose(distances.matrix(q, g), euclidean, rtol=1e-5)
    cosine = [[1 - (x @ y) / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-30) for y in g] for x in q]
    np.testing.assert_allclose(distances.matrix(q, g, "cosine"), cosine, atol=1e-6)
    assert (distances.matrix(q, g, "cosine")[:, 3] == 1).all()
