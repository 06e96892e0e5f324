"""Digits that a network can tell in a few steps: a bar at a height of the digit's own, with noise."""

from pathlib import Path

import numpy as np

from sanreid.data import images, index

TRAIN, TEST = 8, 4  # images of each digit


def picture(digit: int, random: np.random.Generator) -> np.ndarray:
    """(28, 28) uint8."""
    result = random.integers(0, 60, (28, 28), dtype=np.uint8)
    result[4 + 2 * digit : 6 + 2 * digit, 4:24] = random.integers(180, 255, dtype=np.uint8)
    return result


def write(folder: Path, train: int = TRAIN, test: int = TEST) -> Path:
    """The set as extract_mnist writes it, the digits in turn."""
    random, rows = np.random.default_rng(0), []
    for split, count in (("train", train), ("test", test)):
        for i in range(10 * count):
            name = f"images/{split}/{i % 10}/{i:05d}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / name, picture(i % 10, random))
            rows.append({"path": name, "pid": i % 10, "camid": None, "split": split})
    index.write(index.build(rows), folder)
    return folder
