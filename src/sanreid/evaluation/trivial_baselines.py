"""Trivial baselines: features without training, which every re-ID result has to beat (stage evaluate_floor).

Decisions: colour stripes are the classic hand-made descriptor (a colour histogram of each horizontal stripe, similar to
Gray and Tao, ECCV 2008); the square root of histograms (Hellinger) makes the euclidean distance suitable for them.
Subtracting each camera's mean removes the camera's colour cast, which needs no labels and makes the strongest trivial
baseline here.
"""

from typing import Annotated

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sanreid import runtime
from sanreid.bounds import Pixels
from sanreid.params import Section

Bins = Annotated[int, Field(ge=1, le=256)]  # a byte has 256 values


class Stripes(Section):
    """The colour descriptor."""

    count: Pixels  # horizontal stripes
    bins: tuple[Bins, Bins, Bins]  # of hue, saturation, value
    margin: Annotated[float, Field(ge=0, lt=0.5)]  # fraction of the width left out at either side, mostly background


def random_features(rows: int, width: int, seed: int) -> NDArray[np.float32]:
    """Normal noise (rows, width): what chance gives on this query and gallery."""
    return runtime.rng(seed, "random features").standard_normal((rows, width), dtype=np.float32)


def colour_stripes(images: Tensor, p: Stripes) -> NDArray[np.float32]:
    """Square roots of HSV histograms of `p.count` stripes, uint8 RGB (N, 3, H, W) -> (N, count * bins), rows of norm 1.

    Raises ValueError where an image has fewer rows than stripes.
    """
    pixels = images.permute(0, 2, 3, 1).numpy()
    height, width = pixels.shape[1:3]
    if height < p.count:
        raise ValueError(f"stripes.count: {p.count} stripes do not fit {height} rows of pixels")
    cut = int(width * p.margin)
    hues, saturations, values = p.bins
    size = hues * saturations * values
    stripe = (np.arange(height) * p.count // height)[:, None] * size
    result = np.empty((len(pixels), p.count * size), np.float32)
    for out, image in zip(result, pixels, strict=True):
        hsv = cv2.cvtColor(np.ascontiguousarray(image[:, cut : width - cut]), cv2.COLOR_RGB2HSV).astype(np.int64)
        h = hsv[..., 0] * hues // 180  # OpenCV's 8-bit hue is in half degrees
        s = hsv[..., 1] * saturations // 256
        v = hsv[..., 2] * values // 256
        counts = np.bincount((stripe + (h * saturations + s) * values + v).ravel(), minlength=len(out))
        out[:] = np.sqrt(counts / counts.sum())
    return result


def cameras(rows: pd.DataFrame) -> NDArray[np.int64]:
    """A number (N,) for the physical camera of each index row; 0 for all if cameras are not known.

    CUHK03's camid is 1 or 2 within a pair of cameras, so an extra column `pair`, where a table has it, counts as well.
    """
    keys = [column for column in ("pair", "camid") if column in rows]
    return np.asarray(rows.groupby(keys, dropna=False).ngroup(), np.int64)


def centre(features: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.float32]:
    """`features` (N, D) less the mean of their group (N,)."""
    result = features.copy()
    for group in np.unique(groups):
        result[groups == group] -= features[groups == group].mean(0)
    return result
