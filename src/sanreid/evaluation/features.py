"""Extracts a network's features for decoded images, and splits them into query and gallery.

Decisions: one float32 array in the order of the images; pids and camids come from the index table. Flip averaging and
normalisation to unit length are options, off by default, because both change the results.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sanreid import runtime
from sanreid.data.tensors import normalise_images
from sanreid.evaluation.ranking import Embeddings

Precision = Literal["float32", "bfloat16"]


def extract(
    model: nn.Module,
    images: Tensor,
    batch: int,
    flip_average: bool = False,
    l2: bool = False,
    read: Callable[[Any], Tensor] = lambda output: output.feature,
    precision: Precision = "float32",
    device: torch.device | None = None,
) -> NDArray[np.float32]:
    """The features (N, D) of uint8 images (N, 3, H, W), `batch` at a time, in evaluation mode without gradients.

    `flip_average` takes the mean of an image's feature and its mirror image's; `l2` scales each to unit length
    (after the mean; a zero feature stays zero). `read` selects the (B, D) feature from the model's output. Runs on
    `device` (default: `runtime.device()`), on a GPU in bfloat16 if `precision` asks for it; the model's mode is
    restored afterwards.
    Raises ValueError for no images.
    """
    if not len(images):
        raise ValueError("no images to extract features from: is the split empty?")
    device, training = device or runtime.device(), model.training
    model.to(device).eval()
    parts = []
    try:
        with torch.inference_mode(), runtime.autocast(precision, device):
            for part in images.split(batch):
                pixels = normalise_images(part.to(device)).contiguous(memory_format=torch.channels_last)
                feature = read(model(pixels)).float()
                if flip_average:
                    feature = (feature + read(model(pixels.flip(3))).float()) / 2
                parts.append((nn.functional.normalize(feature) if l2 else feature).cpu())
    finally:
        model.train(training)
    return torch.cat(parts).numpy()


def retrieval_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of splits query and gallery, in the table's order; ValueError if one of the splits is missing."""
    for split in ("query", "gallery"):
        if not (table["split"] == split).any():
            raise ValueError(f"index.parquet has no rows of split '{split}': this set is not made for retrieval")
    return table[table["split"].isin(["query", "gallery"])].reset_index(drop=True)


def split(features: NDArray[np.float32], rows: pd.DataFrame) -> tuple[Embeddings, Embeddings]:
    """Query and gallery of the features (N, D) of `rows` (N of the index table, in the same order).

    Raises ValueError where the lengths differ or some cameras are known and some are not.
    """
    if len(features) != len(rows):
        raise ValueError(f"{len(features)} features for {len(rows)} rows of the index")
    cameras = rows["camid"]
    if cameras.isna().any() and not cameras.isna().all():
        raise ValueError(f"{rows['path'][cameras.isna()].iloc[0]}: camid is missing while others are given")

    def part(name: str) -> Embeddings:
        mask = (rows["split"] == name).to_numpy()
        camids = None if cameras.isna().all() else np.asarray(cameras[mask], np.int64)
        return Embeddings(features[mask], np.asarray(rows["pid"][mask], np.int64), camids)

    return part("query"), part("gallery")
