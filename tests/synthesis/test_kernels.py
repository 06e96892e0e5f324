"""The compiled loops against the numpy oracle, on a real mesh."""

import numpy as np
import pytest

from sanreid.synthesis import body, figure, kernels, people, pose, shading
from tests.synthesis import oracle


@pytest.fixture(scope="module")
def drawn():
    """A walking person with a projected mesh at 96 x 64 samples."""
    person = people.make(3, "test", 1)
    mesh = person.mesh()
    vertices, normals = figure.posed(mesh, pose.sample(np.random.default_rng(0), person.limits(), "walk"))
    eye = np.array([2.0, -6.0, 1.5])
    points = kernels.project(vertices, figure.look_at(eye, vertices.mean(0)), eye.astype(np.float32))
    points[:, :2] = points[:, :2] * 300 + [32, 48]
    return person, mesh, vertices, normals, points


def test_rasteriser_equals_the_oracle_to_the_bit(drawn):
    _, mesh, _, _, points = drawn
    ours, theirs = kernels.rasterise(points, mesh.faces, 96, 64), oracle.rasterise(points, mesh.faces, 96, 64)
    assert (ours[1] >= 0).mean() > 0.05
    for mine, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_nearer_triangle_wins_and_back_faces_are_not_drawn():
    points = np.array([[0, 0, 1], [0, 9, 1], [9, 0, 1], [0, 0, 2], [0, 9, 2], [9, 0, 2]], np.float32)
    towards, away = [[0, 1, 2], [3, 4, 5]], [[0, 2, 1], [3, 5, 4]]
    for faces, nearest in ((towards, 1), (towards[::-1], 0)):
        depth, triangle, _ = kernels.rasterise(points, np.array(faces, np.int32), 8, 8)
        assert triangle[0, 0] == nearest
        assert depth[0, 0] == 2
    assert (kernels.rasterise(points, np.array(away, np.int32), 8, 8)[1] == -1).all()


def test_shading_equals_the_oracle(drawn):
    person, mesh, _, normals, points = drawn
    _, triangle, barycentric = kernels.rasterise(points, mesh.faces, 96, 64)
    light = np.array([0.6, -0.64, 0.48], np.float32)
    arguments = (triangle, barycentric, mesh.faces, mesh.uv_faces, mesh.uv, normals, person.texture, light, 0.6, 0.5)
    ours, expected = shading.shade(*arguments), oracle.shade(*arguments)
    np.testing.assert_allclose(ours, expected, atol=2e-6)
    assert ours[triangle >= 0].std() > 0.05
    assert not ours[triangle < 0].any()


def test_skinning_and_normals_equal_the_oracle(drawn):
    _, mesh, vertices, _normals, _ = drawn
    turns = pose.sample(np.random.default_rng(0), drawn[0].limits(), "walk")
    transforms = pose.transforms(mesh.heads, turns)
    keep = (mesh.bones < len(transforms)).all(1)
    arguments = (mesh.vertices[keep], mesh.normals[keep], mesh.weights[keep], mesh.bones[keep], transforms)
    for mine, expected in zip(kernels.skin(*arguments), oracle.skin(*arguments), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)
    np.testing.assert_allclose(kernels.skin(*arguments)[0], vertices[keep], atol=1e-6)
    ours, expected = kernels.vertex_normals(mesh.vertices, mesh.faces), oracle.vertex_normals(mesh.vertices, mesh.faces)
    assert (np.abs(ours - expected).max(1) < 1e-3).mean() > 0.999  # float32 sums: slivers differ


def test_composite_and_response_equal_the_oracle(drawn):
    rng = np.random.default_rng(1)
    triangle = rng.integers(-1, 2, (24, 16)).astype(np.int32)
    colour, background = rng.random((24, 16, 3), np.float32), rng.random((12, 8, 3), np.float32)
    ours = shading.composite(colour, triangle, background, 2)
    np.testing.assert_allclose(ours, oracle.composite(colour, triangle, background, 2), atol=1e-6)
    gain, curve = np.array([0.8, 1.0, 1.3], np.float32), (np.linspace(0, 1, 1025) ** 1.2).astype(np.float32)
    grain = rng.standard_normal((12, 8, 3), np.float32)
    answer = shading.respond(ours, gain, curve, 0.7, grain, 0.05)
    expected = oracle.respond(ours, gain, curve, 0.7, grain, 0.05)
    assert np.abs(answer.astype(int) - expected).max() <= 1  # rounding
    assert (answer == expected).mean() > 0.98
    assert answer.max() == 255 or answer.min() == 0 or answer.std() > 20


def test_extent_and_box_equal_numpy(drawn):
    _, mesh, _, _, points = drawn
    low, high = kernels.extent(points, mesh.shown)
    np.testing.assert_array_equal(low, points[mesh.shown].min(0))
    np.testing.assert_array_equal(high, points[mesh.shown].max(0))
    triangle = kernels.rasterise(points, mesh.faces, 96, 64)[1]
    rows, columns = np.nonzero(triangle[20:] >= 0)
    assert kernels.covered_box(triangle, 20) == (columns.min(), rows.min() + 20, columns.max(), rows.max() + 20)


def test_a_texel_is_seen_where_the_picture_shows_its_triangle(drawn):
    _, mesh, _, _, points = drawn
    points = points * np.array([16, 16, 1], np.float32) - np.array([100, 0, 0], np.float32)  # some to the left of it
    depth, triangle, _ = kernels.rasterise(points, mesh.faces, 1536, 824)
    x, y, seen = kernels.texels_seen(points, mesh.faces, mesh.texel_triangle, mesh.texel_barycentric, depth)
    assert 0.2 < seen.mean() < 0.6
    shown = np.zeros(len(mesh.faces), bool)
    shown[triangle[triangle >= 0]] = True
    # A texel called seen belongs to a triangle in the picture or to one beside it, too small for a sample.
    assert shown[mesh.texel_triangle[seen]].mean() > 0.9
    assert not seen[(x < 0) | (y < 0)].any()


def test_texel_map_finds_each_texel_in_its_triangle():
    skeleton = body.model()
    triangle, barycentric = body.texel_faces()
    rows, columns = np.nonzero(triangle >= 0)
    weights = np.concatenate([barycentric[rows, columns], 1 - barycentric[rows, columns].sum(-1, keepdims=True)], 1)
    uv = (skeleton.uv[skeleton.uv_faces[triangle[rows, columns]]] * weights[..., None]).sum(1) * body.TEXTURE
    np.testing.assert_allclose(uv, np.stack([columns, rows], 1) + 0.5, atol=0.02)
