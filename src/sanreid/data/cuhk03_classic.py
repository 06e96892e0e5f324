"""CUHK03's classic protocol (Li et al., CVPR 2014): 20 test sets of 100 people, measured single-gallery-shot.

Decisions: everything comes from cuhk-03.mat, which contains the test sets; no other file is needed. People are numbered
in the file's order, pair by pair, so a pid is the same person in every split and, in the published file, in the new
protocol. The test people's images of their pair's camera 1 are the queries, those of camera 2 the gallery; all other
people are for training. A test person without an image of camera 2 is left out, with a warning, because their queries
would have no match; one without an image of camera 1 stays in the gallery. The constant column `protocol` tells the
evaluation to measure single-gallery-shot.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from sanreid import runtime
from sanreid.data import cuhk03, index, mat5, mat73
from sanreid.data.cuhk03 import Shot

People = list[tuple[int, int]]  # (pair, person), both from 1


def read(
    raw: Path, boxes: str, split: int, skip: Callable[[str], bool] = lambda path: False
) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table of test set `split` (from 1), with the extra columns `pair` and `protocol`, and a stream of
    (path, (H, W, 3) uint8 RGB) in its order: by pair, person and slot.

    `raw`, `boxes` and `skip` as in `cuhk03.read`. Raises FileNotFoundError for a missing file, ValueError for a broken
    one, one without test sets, a split that it lacks, and a test set with a person that it lacks.
    """
    if boxes not in cuhk03.BOXES:
        raise ValueError(f"cuhk03: boxes {boxes!r}: choose one of {cuhk03.BOXES}")
    path = cuhk03.find(raw) / cuhk03.MAT
    with cuhk03.open_mat(path, boxes) as file:
        pairs = cuhk03.cells(file, boxes)
        tested = testset(file, split, [slots.shape[1] for slots in pairs])
        found = list(shots(file, boxes, pairs, set(tested)))
    queries = [shot for shot in found if shot.split == "query"]
    lost = {s.pid for s in queries} - {s.pid for s in found if s.split == "gallery"}
    if lost:
        runtime.log.warning(
            "%s: %s: split %d: %d test people have no image of camera 2 and are left out, the first is pid %d",
            *(path, boxes, split, len(lost), min(lost)),
        )
        found = [shot for shot in found if shot.pid not in lost]
    return cuhk03.table_of(found).assign(protocol=index.SINGLE_GALLERY_SHOT), cuhk03.pictures(path, boxes, found, skip)


def testset(file: h5py.File, split: int, sizes: list[int]) -> People:
    """The people of test set `split`; `sizes` is the number of people of each pair. Errors as in `read`."""
    where = file.filename
    sets = mat73.named(file, "testsets")
    if sets is None:
        raise ValueError(f"{where}: has no 'testsets', which the classic protocol needs; download the file again")
    references = mat73.references(sets, f"{where}: testsets").ravel()
    if not 1 <= split <= len(references):
        raise ValueError(f"{where}: no split {split}; extract_cuhk03_classic.splits go from 1 to {len(references)}")
    where = f"{where}: testset {split}"
    try:
        rows = mat73.values(mat73.follow(file, references[split - 1], where), where)
        pairs, persons = (mat5.whole(row, where, 0, cuhk03.PEOPLE) for row in rows)
    except (TypeError, ValueError) as error:
        why = str(error).removeprefix(where).strip()
        raise ValueError(f"{where} is not (2, people) of pair and person ({why})") from None
    people = list(zip(pairs, persons, strict=True))
    for pair, person in people:
        if not (1 <= pair <= len(sizes) and 1 <= person <= sizes[pair - 1]):
            raise ValueError(f"{where} names person {person} of pair {pair}, but there is no such one")
    if not people or len(set(people)) < len(people):
        raise ValueError(f"{where} {'names a person twice' if people else 'is empty'}; download the file again")
    return people


def shots(file: h5py.File, boxes: str, pairs: list[np.ndarray], tested: set[tuple[int, int]]) -> Iterator[Shot]:
    """Every image of the file, by pair, person and slot, from `cuhk03.cells`; empty slots are left out."""
    pid = 0
    for pair, slots in enumerate(pairs, 1):
        for person, cells in enumerate(slots.T, 1):
            pid += 1
            for slot, cell in enumerate(cells, 1):
                camera = 1 if slot <= 5 else 2
                name = f"{pair}_{person:03d}_{camera}_{slot:02d}.png"
                if len(mat73.follow(file, cell, f"{file.filename}: {boxes}: {name}").shape) < 3:  # MATLAB's empty cell
                    continue
                split = "train" if (pair, person) not in tested else "query" if camera == 1 else "gallery"
                yield Shot(name, pid, camera, split, pair, person, slot)
