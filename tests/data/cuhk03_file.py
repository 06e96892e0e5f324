"""A small cuhk-03.mat, laid out as published, in which every picture names its own place."""

import h5py
import numpy as np

PEOPLE = (4, 2, 1, 1, 1)  # a pair
SLOTS = (1, 2, 6, 7, 9)  # of every person, so that slot 8 stays empty between two full ones
SPLITS = [[(1, 2), (2, 1)], [(5, 1), (1, 4), (4, 1)]]  # the classic test sets: (pair, person)


def pixels(boxes, pair, person, slot):
    """(H, W, 3) RGB that names its own place; height and width differ."""
    image = np.zeros((12 + slot, 5 + pair, 3), np.uint8)
    image[..., 0] = 200 + pair
    image[..., 1] = 10 * person + slot
    image[..., 2] = 1 if boxes == "labeled" else 2
    image[0, -1] = (255, 0, 0)  # a red corner: top right
    return image


def write_mat(path, missing=(), splits=SPLITS):
    """`missing` (boxes, pair, person, slot) are empty cells; without `splits` the file has no test sets."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for boxes in ("detected", "labeled"):
            pairs = file.create_dataset(boxes, (1, 5), dtype=h5py.ref_dtype)
            for pair, people in enumerate(PEOPLE, 1):
                slots = file.create_dataset(f"#refs#/{boxes}{pair}", (10, people), dtype=h5py.ref_dtype)
                for person in range(1, people + 1):
                    for slot in range(1, 11):
                        full = slot in SLOTS and (boxes, pair, person, slot) not in missing
                        data = pixels(boxes, pair, person, slot).transpose(2, 1, 0) if full else np.zeros(2, np.uint64)
                        cell = file.create_dataset(f"#refs#/{boxes}_{pair}_{person}_{slot}", data=data)
                        slots[slot - 1, person - 1] = cell.ref
                pairs[0, pair - 1] = slots.ref
        if splits is not None:
            sets = file.create_dataset("testsets", (1, len(splits)), dtype=h5py.ref_dtype)
            for i, people in enumerate(splits):
                sets[0, i] = file.create_dataset(f"#refs#/testset{i}", data=np.array(people, np.float64).T).ref
