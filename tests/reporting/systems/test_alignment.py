"""The sheet of alignments: which pairs are shown, and that what is drawn is what was measured."""

import numpy as np
import pytest

from sanreid.evaluation import local_distance
from sanreid.evaluation.ranking import Embeddings
from sanreid.reporting.shared import image_grids
from sanreid.reporting.systems import alignment

H, C = 6, 8


def people() -> tuple[Embeddings, Embeddings, np.ndarray]:
    """Person 1 seen alike, person 2 moved down by two stripes, person 3; a distractor like 1; stripes of all."""
    random = np.random.default_rng(0)
    one, two, three = random.normal(size=(3, H, C)).clip(min=0)
    moved = np.concatenate([random.normal(size=(2, C)).clip(min=0), two[:-2]])
    alike = one + 0.01
    stripes = np.stack([one, two, one, alike, moved, three, alike, 0.5 * one + three])
    flat = stripes.reshape(8, -1).astype(np.float32)
    query = Embeddings(flat[:2], np.array([1, 2]), np.array([1, 1]))
    # the query's own camera, its match, the shifted match, somebody else, a distractor, somebody alike
    return query, Embeddings(flat[2:], np.array([1, 1, 2, 3, 0, 4]), np.array([1, 2, 2, 2, 2, 2])), stripes


def test_the_pairs_are_what_their_names_say():
    query, gallery, _ = people()
    aligned, shifted, wrong = alignment.choose(query, gallery, H)
    assert aligned == ("aligned", 0, 1)  # not 0: the same camera
    assert shifted == ("shifted", 1, 2)
    assert wrong == ("wrong", 0, 5)  # not 4: nobody's


def test_without_cameras_every_image_of_the_person_counts_and_without_a_match_there_is_nothing_to_show():
    query, gallery, _ = people()
    blind = [Embeddings(e.features, e.pids) for e in (query, gallery)]
    assert alignment.choose(*blind, H)[0] == ("aligned", 0, 0)
    with pytest.raises(ValueError, match="no pair to show"):
        alignment.choose(query, Embeddings(gallery.features, gallery.pids + 10, gallery.camids), H)


def pair(stripes: np.ndarray, one: int, other: int) -> alignment.Pair:
    distances, path = local_distance.alignment(stripes[one].astype(np.float32), stripes[other].astype(np.float32))
    pictures = [np.full((60, 30, 3), shade, np.uint8) for shade in (40, 200)]
    return alignment.Pair(*pictures, distances, path, f"{one} and {other}", "below")


def matrix(sheet: np.ndarray, row: int) -> tuple[int, int]:
    """Where the matrix of a row begins: top and left."""
    step = image_grids.HEADING + 10 + alignment.HEIGHT + image_grids.CAPTION + 10 + 3 * image_grids.GAP
    top = image_grids.MARGIN + image_grids.CAPTION + 10 + row * step + image_grids.HEADING + 10
    return top, sheet.shape[1] - image_grids.MARGIN - alignment.HEIGHT


def test_the_matrix_shows_the_distances_and_the_path_lies_over_its_own_cells():
    _, _, stripes = people()
    pairs = [pair(stripes, 0, 3), pair(stripes, 1, 4)]
    sheet = alignment.sheet(pairs)
    cell = alignment.HEIGHT // H
    shades = {}
    for row, shown in enumerate(pairs):
        top, left = matrix(sheet, row)
        for i in range(H):
            for j in range(H):
                middle = sheet[top + i * cell + cell // 2, left + j * cell + cell // 2]
                assert (tuple(middle) == alignment.PATH) == ((i, j) in shown.path), (row, i, j)
                corner = sheet[top + i * cell + 2, left + j * cell + 2].astype(int).sum()
                shades[row, i, j] = corner, shown.distances[i, j]
    order = sorted(shades.values())
    assert [d for _, d in order] == pytest.approx(sorted(d for _, d in order), abs=0.02)  # the nearer the darker
    assert order[0][0] < 200 < 600 < order[-1][0]


def test_a_line_joins_every_two_stripes_on_the_path():
    _, _, stripes = people()
    shown = pair(stripes, 0, 3)
    drawn = alignment.sheet([shown])
    top, _ = matrix(drawn, 0)
    left = image_grids.MARGIN + alignment.LEFT + alignment.WIDTH
    cell = alignment.HEIGHT // H
    for i, j in shown.path:
        y = top + (i + j + 1) * cell // 2
        around = drawn[y - 2 : y + 3, left + alignment.BETWEEN // 2]
        assert (around != image_grids.PAPER).any(), (i, j)
    assert tuple(drawn[top + 2, left + alignment.BETWEEN // 2]) == image_grids.PAPER
    assert tuple(drawn[top + cell // 2, left - 20]) == (40, 40, 40)
    assert tuple(drawn[top + cell // 2, left + alignment.BETWEEN + 20]) == (200, 200, 200)


def test_equal_distances_and_nothing_at_all():
    flat = alignment.Pair(
        *[np.zeros((4, 2, 3), np.uint8)] * 2, np.zeros((2, 2), np.float32), [(0, 0), (0, 1), (1, 1)], "", ""
    )
    assert alignment.sheet([flat]).dtype == np.uint8
    with pytest.raises(ValueError, match="at least one pair"):
        alignment.sheet([])
    with pytest.raises(ValueError, match="through a matrix 2 x 2"):
        alignment.sheet([alignment.Pair(flat.one, flat.other, flat.distances, [(0, 0), (0, 1)], "", "")])
