"""Points around a few centres, as a trained network would place its classes."""

import numpy as np


def clouds(classes=4, each=15, size=6, spread=0.35, seed=0, even=False):
    """Points (classes * each, size) in a random order, and their classes; `even`: all centres as far apart."""
    rng = np.random.default_rng(seed)
    centres = 2 * np.eye(classes, size) if even else rng.normal(size=(classes, size))
    labels = rng.permutation(np.repeat(np.arange(classes), each))
    return centres[labels] + spread * rng.normal(size=(len(labels), size)), labels
