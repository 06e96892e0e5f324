"""Measures how rendered pictures differ from photographs: simple statistics, and how well a classifier separates them.

Decisions: all pictures are resized to 64 x 128 (by area), because sharpness depends on the size. The person is assumed
to fill the middle and the background the outer columns, so that no mask is needed. A classifier finds differences that
the statistics miss; it is cross-validated with no person in two folds and equally many pictures of each kind, so that
chance, which is the goal, is 50 %. A classifier that is always right cannot show whether a change helped; the kernel
distance (Binkowski et al., ICLR 2018: unbiased, cubic kernel) can, and its goal is 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sanreid.data import images

SIZE = (128, 64)  # height and width in pixels
ROWS, COLUMNS = slice(16, 112), slice(20, 44)  # where the person is
SIDE = 10  # columns a side where mostly background is
VIVID = 0.5  # mean saturation above which a picture counts as vivid
FOLDS = 5

Pictures = NDArray[np.uint8]  # (N, 128, 64, 3) RGB


def load(folder: Path, paths: Sequence[str]) -> Pictures:
    """The pictures `paths` of `folder` at SIZE; errors as `images.read_rgb`.

    By area in both directions: a picture narrower than SIZE (PKU-Reid: 48 x 128) is enlarged by repeated pixels, which
    keeps its sharpness, and more of it than a bilinear enlargement would (1,600 against 1,260).
    """
    found = (cv2.resize(images.read_rgb(folder / path), SIZE[::-1], interpolation=cv2.INTER_AREA) for path in paths)
    return np.stack([np.asarray(picture, np.uint8) for picture in found])


def statistics(pictures: Pictures) -> pd.DataFrame:
    """A row a picture: mean `value` and `saturation` of HSV and the standard deviation of value (`contrast`) in the
    middle, in [0, 1]; the variance of the Laplacian of grey values (`sharpness`); the standard deviation of grey values
    in the outer columns (`background`); the mean `red`, `green` and `blue`.

    Raises ValueError for pictures of another size.
    """
    if pictures.ndim != 4 or pictures.shape[1:] != (*SIZE, 3):
        raise ValueError(f"pictures must be (N, {SIZE[0]}, {SIZE[1]}, 3), given {pictures.shape}")
    rows = []
    for picture in pictures:
        middle = cv2.cvtColor(np.ascontiguousarray(picture[ROWS, COLUMNS]), cv2.COLOR_RGB2HSV) / 255.0
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        sides = np.concatenate([grey[:, :SIDE], grey[:, -SIDE:]], 1)
        rows.append(
            {
                "value": middle[..., 2].mean(),
                "saturation": middle[..., 1].mean(),
                "contrast": middle[..., 2].std(),
                "sharpness": cv2.Laplacian(grey, cv2.CV_64F).var(),
                "background": sides.std(),
                **dict(zip(("red", "green", "blue"), picture.mean((0, 1)), strict=True)),
            }
        )
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, cameras: NDArray[np.int64] | None = None) -> dict[str, float | int | None]:
    """One row of the table of sets, from `statistics` and each picture's camera (N,), None where they are unknown.

    Means over pictures, but the median of sharpness; `cameras` is the standard deviation of the cameras' mean colours,
    the mean of the channels; None for fewer than two.
    """
    colours = table[["red", "green", "blue"]].groupby(cameras).mean() if cameras is not None else table.head(0)
    return {
        "pictures": len(table),
        "value": float(table["value"].mean()),
        "value_sd": float(table["value"].std(ddof=0)),
        "saturation": float(table["saturation"].mean()),
        "vivid": float((table["saturation"] > VIVID).mean()),
        "contrast": float(table["contrast"].mean()),
        "sharpness": float(table["sharpness"].median()),
        "background": float(table["background"].mean()),
        "cameras": float(colours.std(ddof=0).mean()) if len(colours) > 1 else None,
    }


def described(table: pd.DataFrame) -> NDArray[np.float64]:
    """The numbers (N, 8) of a picture that a classifier sees; sharpness by its logarithm, for it spans decades."""
    return table.assign(sharpness=np.log1p(table["sharpness"])).to_numpy(float)


def told_apart(
    rendered: NDArray[Any], photographs: NDArray[Any], people: tuple[NDArray[Any], NDArray[Any]], seed: int
) -> dict[str, float]:
    """How well a logistic regression separates rows (N, D) of the two kinds: `accuracy` and `auc`, chance being 0.5.

    As many of each kind are drawn, and `people` (each kind's persons) are never in two of the FOLDS. Raises ValueError
    for fewer than FOLDS people of a kind.
    """
    for kind, pids in zip(("rendered", "photographs"), people, strict=True):
        if len(np.unique(pids)) < FOLDS:
            raise ValueError(f"{kind}: {len(np.unique(pids))} people are too few to be held out in {FOLDS} folds")
    random, count = np.random.default_rng(seed), min(len(rendered), len(photographs))
    kept = [np.sort(random.permutation(len(x))[:count]) for x in (rendered, photographs)]
    values = np.concatenate([rendered[kept[0]], photographs[kept[1]]])
    truth = np.repeat([0, 1], count)
    groups = np.concatenate([np.unique(p[k], return_inverse=True)[1] for p, k in zip(people, kept, strict=True)])
    groups = 2 * groups + truth  # person 7 of the one is not person 7 of the other
    scores = np.zeros(len(truth))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for learn, test in folds.split(values, truth, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        scores[test] = model.fit(values[learn], truth[learn]).predict_proba(values[test])[:, 1]
    return {"accuracy": float(((scores > 0.5) == truth).mean()), "auc": float(roc_auc_score(truth, scores))}


def kernel_distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The unbiased squared distance of the mean embeddings of features (N, D) and (M, D): 0 for one distribution, on
    average, and a little below it by chance. Kernel (x y / D + 1) ** 3.
    """
    x, y = (np.asarray(values, float) for values in (one, other))

    def kernel(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(values: NDArray[Any]) -> float:
        k, n = kernel(values, values), len(values)
        return (k.sum() - np.trace(k)) / (n * (n - 1))

    return float(within(x) + within(y) - 2 * kernel(x, y).mean())
