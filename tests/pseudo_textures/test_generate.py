"""The picture of reconstructions: each thing in its place, in RGB."""

import numpy as np
import torch

from sanreid.pseudo_textures import generate


def test_side_by_side_keeps_rows_together():
    images = torch.zeros(2, 3, 8, 4, dtype=torch.uint8)
    images[0, 0], images[1, 1] = 255, 255  # red, green
    predicted = np.full((2, 6, 6, 3), 10, np.uint8)
    predicted[1] = 20
    true = torch.full((2, 3, 6, 6), 30, dtype=torch.uint8)
    true[1] = 40
    sheet = generate.side_by_side(images, predicted, true)
    assert sheet.shape == (2 * 12 + 4, 4 + 12 + 16, 3)
    rows = (4 + 4, 16 + 4)  # the middle of each
    assert sheet[rows[0], 5].tolist() == [255, 0, 0]
    assert sheet[rows[1], 5].tolist() == [0, 255, 0]
    assert [sheet[r, 14, 0] for r in rows] == [10, 20]
    assert [sheet[r, 24, 0] for r in rows] == [30, 40]
    assert sheet[0, 0].tolist() == [128, 128, 128]
    assert (sheet[4:12, 4:8] == [255, 0, 0]).all()  # the whole image, and the shorter texture centred
    assert (sheet[5:11, 12:18] == 10).all()
    assert (sheet[4, 12:18] == 128).all()
