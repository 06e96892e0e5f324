"""Predicts SAN-PG's texture for each image, visible and hidden parts, in UV space (the pseudo ground truth of SAN).

Decisions: values are clipped before conversion to bytes (values up to 1.54 occur); the network is in eval mode, so that
a result does not depend on the other images of a batch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sanreid.data import tensors
from sanreid.models import san


@torch.no_grad()
def predict(model: san.SAN, images: Tensor, batch: int) -> Iterator[np.ndarray]:
    """The texture of each uint8 image (N, 3, H, W), one (T, T, 3) uint8 RGB array after the other."""
    model.eval()
    device = next(model.parameters()).device
    for part in images.split(batch):
        texture = model.reconstruct(tensors.normalise_images(part.to(device))).texture
        yield from tensors.textures_to_uint8(texture).permute(0, 2, 3, 1).cpu().numpy()


def side_by_side(images: Tensor, predicted: np.ndarray, true: Tensor) -> np.ndarray:
    """A picture of rows image | predicted texture | true texture.

    images (N, 3, H, W) and true (N, 3, T, T) uint8, predicted (N, T, T, 3) uint8; returns uint8 RGB, each image
    centred on grey in the height of the taller.
    """
    n, _, height, width = images.shape
    side = predicted.shape[1]
    tall, gap = max(height, side), 4
    sheet = np.full((n * (tall + gap) + gap, width + 2 * side + 4 * gap, 3), 128, np.uint8)
    columns = [
        (gap, images.permute(0, 2, 3, 1).numpy()),
        (2 * gap + width, predicted),
        (3 * gap + width + side, true.permute(0, 2, 3, 1).numpy()),
    ]
    for row in range(n):
        for left, pictures in columns:
            h, w = pictures.shape[1:3]
            top = gap + row * (tall + gap) + (tall - h) // 2
            sheet[top : top + h, left : left + w] = pictures[row]
    return sheet
