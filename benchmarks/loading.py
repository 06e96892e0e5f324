"""Batches for training: ours (decoded once, augmented by batch) beside loaders of Pillow pictures, one at a time.

Both give crop of an enlargement, flip, erasing after normalisation, in 256 x 128 float batches from 128 x 64 JPEGs. The
claim: at least 2.5 times the images a second of the loader, at the second epoch; the first one's decoding is told.

    python benchmarks/loading.py [--images 1024]
"""

import argparse
import contextlib
import io
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import measuring
import numpy as np
import peers
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from sanreid.data import augment, tensors
from sanreid.params import validate

HEIGHT, WIDTH, BATCH = 256, 128, 64
MEAN, DEVIATION = (np.array(v, np.float32) for v in (tensors.IMAGE_MEAN, tensors.IMAGE_STD))
SETTINGS = {
    "crop_probability": 0.5,
    "enlargement": 1.125,
    "flip": "unmirrored",
    "flip_probability": 0.5,
    "erase_probability": 0.5,
    "erase_area": [0.02, 0.4],
    "photometric": None,
}


class Pictures(Dataset):
    """Pillow opens a file, and `change` makes a tensor of it."""

    def __init__(self, paths: list[Path], change: Callable[[Image.Image], torch.Tensor]) -> None:
        self.paths, self.change = paths, change

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.change(Image.open(self.paths[index]).convert("RGB"))


def plain(image: Image.Image) -> torch.Tensor:
    """The peers' transforms, written straight down: Pillow resizes and flips, the array is normalised and erased."""
    if random.random() < 0.5:
        tall, wide = round(HEIGHT * 1.125), round(WIDTH * 1.125)
        image = image.resize((wide, tall), Image.Resampling.BILINEAR)
        x, y = random.randint(0, wide - WIDTH), random.randint(0, tall - HEIGHT)
        image = image.crop((x, y, x + WIDTH, y + HEIGHT))
    else:
        image = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = ((np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)
    if random.random() < 0.5:
        for _ in range(100):
            area, aspect = random.uniform(0.02, 0.4) * HEIGHT * WIDTH, random.uniform(0.3, 1 / 0.3)
            h, w = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
            if h < HEIGHT and w < WIDTH:
                y, x = random.randint(0, HEIGHT - h), random.randint(0, WIDTH - w)
                pixels[:, y : y + h, x : x + w] = MEAN[:, None, None]
                break
    return torch.from_numpy(np.ascontiguousarray(pixels))


def main(count: int, repeats: int) -> None:
    """Measure, print, record."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i:05d}.jpg" for i in range(count)]
        for path in paths:  # smooth pictures with some texture: JPEGs of about the published size
            coarse = rng.integers(0, 256, (16, 8, 3), dtype=np.uint8)
            smooth = np.asarray(Image.fromarray(coarse).resize((64, 128), Image.Resampling.BICUBIC), np.int16)
            noisy = smooth + rng.integers(-12, 13, smooth.shape)
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        section = validate(SETTINGS, augment.Augment, "augment")
        changes = {"Pillow": plain}
        if peer := peers.torchreid("data/transforms.py"):
            with contextlib.redirect_stdout(io.StringIO()):
                random_ones = ["random_flip", "random_crop", "random_erase"]
                changes["torchreid"] = peer.build_transforms(HEIGHT, WIDTH, random_ones)[0]

        def epoch(name: str, workers: int) -> None:
            for _ in DataLoader(Pictures(paths, changes[name]), BATCH, shuffle=True, num_workers=workers):
                pass

        decoding, store = measuring.timed(tensors.decode, Path(folder), [p.name for p in paths], (HEIGHT, WIDTH))
        generator = torch.Generator().manual_seed(0)

        def ours() -> None:
            for numbers in torch.randperm(count, generator=generator).split(BATCH):
                section(tensors.take(store, numbers), None, generator)

        ours()
        rivals = [(name, workers) for name in changes for workers in (0, 2)]
        runs = measuring.alternating(repeats, ours, *(partial(epoch, *rival) for rival in rivals))
    fast, slow = runs[0], dict(zip(rivals, runs[1:], strict=True))
    print(f"decoding once: {count / decoding:.0f} images/s; then a batch a time {count / min(fast):.0f} images/s")
    for name in changes:
        alone, pair = slow[name, 0], slow[name, 2]
        best = [min(a, b) for a, b in zip(alone, pair, strict=True)]
        times = 1 / measuring.ratio(fast, best)
        print(f"{name} {count / min(alone):.0f} images/s, with two worker processes {count / min(pair):.0f}")
        print(f"ratio: {times:.1f} times the better of the two (bar 2.5)")
        measuring.record(
            f"loading 256 x 128 batches, beside {name}",
            scale=f"{count} JPEGs",
            ours_s=min(fast),
            reference=f"a DataLoader with {name}'s pictures",
            reference_s=min(best),
            times_faster=times,
            bar="at least 2.5 times faster",
            extra_mb=None,
            told=f"{count / min(fast):.0f} images/s",
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--images", type=int, default=1024, help="in the folder")
    arguments.add_argument("--repeats", type=int, default=3, help="alternating epochs of each")
    given = arguments.parse_args()
    main(given.images, given.repeats)
