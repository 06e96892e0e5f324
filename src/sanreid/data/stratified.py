"""A train/validation split of people that has every attribute value in both parts, if two people have it.

Decision: iterative stratification, repeated if it fails. A person may have several rare values, so that the greedy
algorithm may leave one of them in a single part only; another random order of the people can avoid that.
"""

import numpy as np

from sanreid import runtime

ATTEMPTS = 100  # orders of the people; the real file of 751 people needs one


def split(values: np.ndarray, train_ratio: float, seed: int) -> np.ndarray:
    """Divide people into "train" and "val", stratified by attribute value, the rarest value first.

    `values` is (people, heads) of classes. Each value is divided in the ratio of the split, with at least one person in
    each part if two people have it (Sechidis et al., ECML 2011, with that minimum). The same seed gives the same split.
    If no order of the people achieves that, the best one is used, and a warning gives the number of failing values.
    Raises ValueError for a ratio outside (0, 1).
    """
    if not 0 < train_ratio < 1:
        raise ValueError(f"train_ratio: {train_ratio}; choose between 0 and 1")
    carries = np.concatenate([values[:, [h]] == np.unique(values[:, h]) for h in range(values.shape[1])], axis=1)
    carries = carries[:, carries.sum(axis=0) > 1].astype(np.int64)  # one person cannot be on both sides
    best, fewest = np.zeros(len(values), np.int64), carries.shape[1] + 1
    for attempt in range(ATTEMPTS):
        order = runtime.rng(seed, "attribute split", attempt).permutation(len(values))
        side = _greedy(carries, train_ratio, order)
        missing = sum(int((carries[side == s].sum(axis=0) == 0).sum()) for s in (0, 1))
        if missing < fewest:
            best, fewest = side, missing
        if not fewest:
            break
    else:
        runtime.log.warning("attribute split: %d values are on one side only; too few people carry them", fewest)
    return np.where(best == 0, "train", "val")


def _greedy(carries: np.ndarray, train_ratio: float, order: np.ndarray) -> np.ndarray:
    """One pass: (people, values) of 0/1 and an order of the people to (people,) of 0 = train, 1 = val."""
    total = carries.sum(axis=0)
    aim = np.clip(np.round(total * (1 - train_ratio)), 1, total - 1)  # people of each value in val
    wanted = np.stack([total - aim, aim])
    people_wanted = np.array([train_ratio, 1 - train_ratio]) * len(carries)
    side = np.full(len(carries), -1)
    while (free := order[side[order] < 0]).size:
        left = carries[free].sum(axis=0)
        rarest = int(np.where(left > 0, left, len(carries) + 1).argmin()) if left.any() else -1
        for person in free[carries[free, rarest] > 0] if rarest >= 0 else free:
            need = wanted[:, rarest] if rarest >= 0 else people_wanted
            chosen = int(np.argmax(need if need[0] != need[1] else people_wanted))
            side[person] = chosen
            wanted[chosen] -= carries[person]
            people_wanted[chosen] -= 1
    return side
