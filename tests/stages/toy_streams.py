"""A small open-world section, and records of a stream of toy digits as the evaluating stages write them."""

import numpy as np

from sanreid.evaluation.open_world import protocol, record
from sanreid.evaluation.open_world.protocol import Labelled
from sanreid.params import validate

PROTOCOL = {
    "seed": 0,
    "metric": "cosine",
    "links": {"barycentre": {"by": "centroid", "nearest": 1}, "density": {"by": "members", "nearest": 2}},
    "sizes": [10],
    "longest": 1000,
    "orders": 3,
    "calibration": {"images": 30, "orders": 2, "candidates": 6},
    "rules": {
        "sigmas": 3.0,
        "by_hand": [0.5],
        "adaptive": {"fixed_for": 5, "sigmas": 3.0, "enough": 2},
        "smallest": 2,
    },
    "peers": {"core": 2, "sizes": [2, 3], "most": 1000},
    "shown": {"rule": "tuned", "link": "density"},
}


def write(folder, kind, paths, classes, seed=0):
    """<folder>/<kind> of a stream whose features lie around their classes' centres."""
    p = validate(PROTOCOL, protocol.Protocol, "evaluate_open_world")
    rng = np.random.default_rng(seed)
    names, own = np.unique(classes, return_inverse=True)
    centres = rng.normal(size=(len(names), 8))
    known, find = (
        Labelled(centres[labels] + 0.2 * rng.normal(size=(len(labels), 8)), names[labels])
        for labels in (np.tile(np.arange(len(names)), 5), own)
    )
    record.save(folder / kind, protocol.evaluate(known, find, p), paths, find)
