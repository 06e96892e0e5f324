"""A data set's pictures, decoded once into one uint8 tensor, and the normalisation of pictures and textures.

Decisions: decoding a file in every epoch costs more than augmenting it, so a set is decoded once. The tensor is
(N, 3, H, W) with the memory layout (N, H, W, 3), which is what the decoder writes and what channels_last needs. Files
are read in a pool of threads with OpenCV limited to one thread each: nested threads made loading 17 times slower on a
busy machine.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from sanreid import process_group
from sanreid.data import images

IMAGE_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, RGB, of values in [0, 1]
IMAGE_STD = (0.229, 0.224, 0.225)
HELD = 0.5  # share of a GPU's free memory for a decoded set; network, gradients and feature maps need the rest

log = logging.getLogger("sanreid")


def decode(
    folder: Path,
    paths: Sequence[str],
    size: tuple[int, int],
    limit_bytes: int = 2 << 30,
    threads: int | None = None,
) -> Tensor:
    """Read `paths` (relative to `folder`) as uint8 RGB (N, 3, H, W), each resized to `size` = (H, W).

    Shrinking averages areas, enlarging is bilinear. Above `limit_bytes` the tensor is memory-mapped from a temporary
    file in $TMPDIR, which is removed with it; several ranks of a training share one. Raises FileNotFoundError or
    ValueError naming the file.
    """
    height, width = size
    shape = (len(paths), height, width, 3)

    def fill(store: np.ndarray) -> None:
        def read(i: int) -> None:
            _read_into(Path(folder) / paths[i], store[i])

        with _one_inner_thread(), ThreadPoolExecutor(threads or images.THREADS) as pool:
            for _ in pool.map(read, range(len(paths))):  # the first error surfaces here
                pass

    shared = process_group.once(
        (str(folder), shape, paths), lambda file: fill(np.memmap(file, np.uint8, "w+", shape=shape))
    )
    if shared is not None:
        return torch.from_numpy(np.memmap(shared, np.uint8, "r+", shape=shape)).permute(0, 3, 1, 2)
    if len(paths) * height * width * 3 > limit_bytes:
        with tempfile.TemporaryFile() as file:
            store: np.ndarray = np.memmap(file, np.uint8, "w+", shape=shape)  # lives on without the file's name
    else:
        store = np.empty(shape, np.uint8)
    fill(store)
    return torch.from_numpy(store).permute(0, 3, 1, 2)


def keep(store: Tensor, device: torch.device, free: int | None = None) -> Tensor:
    """`store` moved to `device`, unless it would fill more than half of the free memory there; see `take`.

    `free` is in bytes; by default what CUDA reports. A store that stays on the host is copied batch by batch.
    """
    if device.type == "cuda" and free is None:
        free = torch.cuda.mem_get_info(device)[0]
    if free is None or store.nbytes <= HELD * free:
        return store.to(device)
    told = store.nbytes / 1e9, free / 1e9
    log.info("%.1f GB of pictures stay on the host, of the GPU's memory %.1f GB are free: batches are sent", *told)
    return store


def take(store: Tensor, numbers: Tensor, device: torch.device | None = None) -> Tensor:
    """`store[numbers]` of a (N, C, H, W) tensor in channels_last, 8 times faster: whole pictures are copied at once.

    The result is on `device`, by default where `store` is.
    """
    n, c, height, width = store.shape
    rows = store.permute(0, 2, 3, 1).reshape(n, -1)  # a view, for what `decode` gives
    taken = rows.index_select(0, send(numbers, store.device)).reshape(-1, height, width, c).permute(0, 3, 1, 2)
    return send(taken, device or store.device)


def send(values: Tensor, device: torch.device) -> Tensor:
    """`values` on `device`; from CPU to CUDA through pinned memory, so that the copy waits for no earlier step."""
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def normalise_images(pictures: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) -> float32 by ImageNet's mean and deviation, which every backbone here expects."""
    return _scale(
        pictures, [1 / (255 * s) for s in IMAGE_STD], [-m / s for m, s in zip(IMAGE_MEAN, IMAGE_STD, strict=True)]
    )


def normalise_textures(textures: Tensor) -> Tensor:
    """uint8 (N, 3, T, T) -> float32 in [-1, 1]."""
    return _scale(textures, [2 / 255] * 3, [-1.0] * 3)


def textures_to_uint8(textures: Tensor) -> Tensor:
    """Decoded textures, about [-1, 1], to uint8: clipped (values up to 1.54 occur, and would wrap) and rounded."""
    return ((textures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def _scale(values: Tensor, gain: list[float], shift: list[float]) -> Tensor:
    """values * gain + shift a channel, float32, the memory layout kept."""
    g, s = (send(torch.tensor(v), values.device) for v in (gain, shift))
    if not values.is_contiguous(memory_format=torch.channels_last):
        return values.float().mul_(g[:, None, None]).add_(s[:, None, None])
    # whole rows of pixels: with the 3 channels innermost, broadcasting over them alone is 4 times slower on a CPU
    n, c, height, width = values.shape
    rows = values.permute(0, 2, 3, 1).reshape(n, height, width * c).float()
    rows.mul_(g.repeat(width)).add_(s.repeat(width))
    return rows.reshape(n, height, width, c).permute(0, 3, 1, 2)


def _read_into(path: Path, out: np.ndarray) -> None:
    picture = images.read_rgb(path)
    height, width = out.shape[:2]
    if picture.shape[:2] == (height, width):
        out[:] = picture
        return
    shrinks = picture.shape[0] >= height and picture.shape[1] >= width
    cv2.resize(picture, (width, height), dst=out, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


@contextmanager
def _one_inner_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
