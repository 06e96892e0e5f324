"""Do two pictures show the same person? The answer of a network that is calibrated, and where its calibration lies.

Decision: a calibration belongs to weights, so it lies in their model folder (calibration.json); what an evaluation
wrote (verification.json) can be named instead, or copied there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sanreid.evaluation import calibration
from sanreid.evaluation.calibration import Calibration

REMEDY = "`sanreid calibrate` writes one"


@dataclass(frozen=True)
class Answer:
    """What two pictures' features say."""

    same: bool  # whether the similarity reaches the threshold
    probability: float  # that they show one person, where a share `prior` of such pairs does
    prior: float
    similarity: float  # cosine, -1 to 1
    threshold: float
    false_accept_rate: float  # the share of pairs of two people that the threshold took, on the people held out
    true_accept_rate: float  # the share of pairs of one person in two cameras that it took


def find(folder: Path, file: Path | None = None) -> Calibration:
    """The calibration of the network in `folder`, or the one in `file`.

    Raises FileNotFoundError that says what writes it, ValueError where it is damaged.
    """
    place = folder / calibration.FILE if file is None else file
    if not place.is_file():
        raise FileNotFoundError(
            f"{place}: {'a folder, no calibration' if place.is_dir() else 'not found'}; `sanreid calibrate PEOPLE "
            f"--model {folder} -o {place.name}` writes one from people who were held out, or name an evaluation's "
            "verification.json by --calibration"
        )
    try:
        return calibration.read(place)
    except ValueError as error:  # who has a command at hand, and no stages
        raise ValueError(str(error).replace("run the stage that writes it again", REMEDY)) from None


def answer(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    known: Calibration,
    rate: float = 0.001,
    prior: float = calibration.PRIOR,
) -> Answer:
    """The answer for two features (D,) of unit length, with the threshold of false-accept rate `rate`.

    Raises ValueError for a rate that the calibration has no threshold of, or a prior that is no share.
    """
    similarity = float(np.clip(first @ second, -1, 1))
    at = known.at(rate)
    same = similarity >= at.similarity
    return Answer(same, known.probability(similarity, prior), prior, similarity, at.similarity, at.fpr, at.tpr)
