"""Sheets of pictures: every picture where it belongs, frames that tell right from wrong, proportions kept."""

import numpy as np
import pytest

from sanreid.reporting.shared import image_grids
from sanreid.reporting.shared.image_grids import Ranked, Triplet


def plain(colour, height=60, width=30):
    return np.full((height, width, 3), colour, np.uint8)


COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (200, 30, 200), (30, 200, 200)]


def where(sheet, colour):
    """Rows and columns of the bounding box of a colour: top, bottom, left, right."""
    mask = (sheet == np.array(colour, np.uint8)).all(axis=2)
    assert mask.any(), f"{colour} is not in the sheet"
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_pictures_keep_their_proportions():
    sheet = image_grids.texture_triplets(
        [Triplet(plain(COLOURS[0], 100, 20), plain(COLOURS[1], 50, 50), None)], columns=1
    )
    top, bottom, left, right = where(sheet, COLOURS[0])
    assert bottom - top == image_grids.PERSON[0]
    assert abs((right - left) - image_grids.PERSON[0] / 5) <= 1


def ranked(right, pictures=None):
    n = len(right)
    pictures = pictures or [plain(c) for c in COLOURS[:n]]
    return Ranked(plain((9, 99, 199)), pictures, right, "person 1", [f"{i}, c1" for i in range(n)])


def frame(sheet, colour):
    """The colour just above a picture."""
    top, _, left, right = where(sheet, colour)
    return tuple(sheet[top - 2, (left + right) // 2])


def test_frames_tell_right_from_wrong_in_rank_order():
    sheet = image_grids.ranked_list([ranked([True, False, True])])
    assert [frame(sheet, c) for c in COLOURS[:3]] == [image_grids.RIGHT, image_grids.WRONG, image_grids.RIGHT]
    assert frame(sheet, (9, 99, 199)) == image_grids.INK
    lefts = [where(sheet, c)[2] for c in ((9, 99, 199), *COLOURS[:3])]
    assert lefts == sorted(lefts)


def test_signs_differ_besides_their_colour():
    right, wrong = (image_grids.ranked_list([ranked([mark])]) for mark in (True, False))
    box = where(right, COLOURS[0])
    below = slice(box[1] + image_grids.FRAME + 2, box[1] + image_grids.FRAME + 20), slice(box[2] - 4, box[3] + 4)
    assert ((right[below].min(2) < 200) != (wrong[below].min(2) < 200)).any()


def test_a_row_holds_no_blank_line_and_rows_are_apart():
    sheet = image_grids.ranked_list([ranked([True, False]), ranked([False, False])])
    blank = (sheet == 255).all(axis=(1, 2))
    starts = np.flatnonzero(np.diff(blank.astype(int)) == -1)
    assert len(starts) == 3  # the ranks' names, then the two rows
    assert tuple(sheet[starts[1] + 2, image_grids.MARGIN]) == image_grids.RIGHT
    assert tuple(sheet[starts[2] + 2, image_grids.MARGIN]) == image_grids.WRONG


def test_a_short_gallery_leaves_the_rest_of_the_row_empty():
    sheet = image_grids.ranked_list([ranked([True, False, True]), ranked([False], [plain(COLOURS[5])])])
    top, bottom, _, right = where(sheet, COLOURS[5])
    assert (sheet[top:bottom, right + image_grids.FRAME :] == 255).all()


@pytest.mark.parametrize("true", [plain(COLOURS[2], 64, 64), None])
def test_triplets_stand_side_by_side(true):
    triplet = Triplet(plain(COLOURS[0]), plain(COLOURS[1], 32, 32), true, "person 7")
    sheet = image_grids.texture_triplets([triplet, triplet, triplet], columns=2)
    person, pseudo = where(sheet, COLOURS[0]), where(sheet, COLOURS[1])
    assert person[0] == pseudo[0]
    if true is None:
        assert (
            sheet.shape[1]
            < image_grids.texture_triplets([Triplet(triplet.person, triplet.pseudo, plain(COLOURS[2]))] * 2).shape[1]
        )
    else:
        assert where(sheet, COLOURS[2])[0] == pseudo[0]
    single = image_grids.texture_triplets([triplet], columns=1)
    assert 2 * single.shape[1] - 2 * image_grids.MARGIN + 3 * image_grids.GAP == sheet.shape[1]


def test_inputs_are_left_alone_and_bad_ones_refused():
    picture = plain(COLOURS[0])
    before = picture.copy()
    image_grids.texture_triplets([Triplet(picture, picture, picture)])
    np.testing.assert_array_equal(picture, before)
    with pytest.raises(ValueError, match="uint8 RGB"):
        image_grids.texture_triplets([Triplet((picture / 255).astype(np.float32), picture, None)])  # pyrefly: ignore[bad-argument-type]
    with pytest.raises(ValueError, match="at least one query"):
        image_grids.ranked_list([])
    with pytest.raises(ValueError, match="2 right for 1 places"):
        image_grids.ranked_list([Ranked(picture, [picture], [True, False], "", ["a"])])
    with pytest.raises(ValueError, match="needs triplets"):
        image_grids.texture_triplets([])


def test_a_grid_of_people_by_camera_leaves_pale_cells_and_wants_a_name_each():
    red, blue = (np.full((32, 16, 3), c, np.uint8) for c in ((250, 10, 10), (10, 10, 250)))
    sheet = image_grids.people_by_camera([[red, None], [blue, red]], ["person 1", "person 2"], ["camera 1", "camera 2"])
    cells = [(sheet == np.array(c)).all(2).sum() for c in ((250, 10, 10), (10, 10, 250), (240, 242, 245))]
    assert cells[0] == 2 * cells[1] == 2 * cells[2]
    with pytest.raises(ValueError, match="1 names for 2 places"):
        image_grids.people_by_camera([[red], [blue]], ["person 1"], ["camera 1"])
    with pytest.raises(ValueError, match="needs people and cameras"):
        image_grids.people_by_camera([], [], ["camera 1"])
