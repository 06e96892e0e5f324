"""One evaluation of a trained attribute classifier: its numbers, tables, drawings and a page.

Decisions: both splits that were not trained on are scored. `test` is what counts where the publisher's file has it;
`val` decided when training stopped, and is a little too good. Where there is no test (the course's CSV) `val` has to
do, and the page says so. The majority class is training's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from sanreid import runtime
from sanreid.bounds import Batch, Repeats, Seed
from sanreid.data import attribute_labels, tensors
from sanreid.data.attributes import HEADS
from sanreid.evaluation import attributes as measures
from sanreid.evaluation.attributes import Head
from sanreid.evaluation.features import Precision
from sanreid.params import Section
from sanreid.reporting.attributes import page
from sanreid.reporting.attributes.page import Scored
from sanreid.reporting.shared import class_charts, notices
from sanreid.training import attributes as method

MATRICES = ("age", "up_color", "down_color")


class Evaluation(Section):
    """Section `evaluate_attributes`."""

    batch: Batch
    flip_average: bool
    precision: Precision
    draws: Repeats
    seed: Seed
    pictures: Annotated[int, Field(ge=0, le=250)]


def evaluate(market: Path, labels: Path, model: Path, out: Path, p: Evaluation) -> None:
    """`out` gets metrics.json, attributes.csv, classes.csv, confusion.csv, histograms.svg, confusion.svg, index.html.

    Raises FileNotFoundError or ValueError naming the file where model, labels and images do not go together.
    """
    table = {split: attribute_labels.rows(market, labels, split) for split in attribute_labels.SPLITS}
    if table["train"].empty or table["val"].empty:
        raise ValueError(f"{labels}: nobody in split train or val has an image in {market}; are they of one set?")
    net, network = method.load(model)
    runtime.prepare(seed=0)
    scored = {}
    for split in ("val", "test"):
        rows = table[split]
        if rows.empty:
            runtime.log.info("%s: no labelled people in split %s, which stays out", labels, split)
            continue
        images = tensors.decode(market, rows["path"].tolist(), network.size)
        predicted = measures.predict(net, images, method.CLASSES, p.batch, p.flip_average, p.precision)
        scored[split] = Scored(rows, predicted, score(rows, predicted, table["train"], p.draws, p.seed))
    last = "test" if "test" in scored else "val"
    histograms = class_charts.histograms(counts({s: table[s] for s in ("train", "val")}), HEADS)
    matrices = {head: scored[last].heads[head].counts for head in MATRICES}
    confusion = class_charts.confusion(matrices, HEADS)
    means = {split: measures.mean(list(s.heads.values())) for split, s in scored.items()}
    with runtime.atomic_folder(out) as work:
        runtime.write_json(work / "metrics.json", metrics(scored, last))
        for name, rows in tables(scored, table["train"]).items():
            rows.to_csv(work / f"{name}.csv", index=False)
        (work / "histograms.svg").write_text(histograms)
        (work / "confusion.svg").write_text(confusion)
        people = page.people(market, scored[last], p.pictures, p.seed)
        told = notices.of_model(model)
        (work / "index.html").write_text(page.render(scored, means, last, histograms, confusion, people, told))
    m = means[last]
    runtime.log.info(
        "%s: on %s %.1f %% right, the majority class %.1f %%; above it for sure in %d of %d attributes",
        *(out, last, 100 * m["accuracy"], 100 * m["majority_accuracy"], m["heads_above_majority"], m["judged_heads"]),
    )


def score(
    rows: pd.DataFrame, predicted: NDArray[np.int64], train: pd.DataFrame, draws: int, seed: int
) -> dict[str, Head]:
    """The scores by head of what was predicted (N, 12) for `rows`; the majority class is that of `train`."""
    result = {}
    for i, (head, classes) in enumerate(HEADS.items()):
        people = measures.by_person(rows[head].to_numpy(), predicted[:, i], rows["pid"].to_numpy(), len(classes))
        majority = measures.majority(train[head].to_numpy(), len(classes))
        result[head] = measures.judge(people, majority, draws, seed, head)
    return result


def counts(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, list[int]]]:
    """split -> head -> images of each class."""
    return {
        split: {head: [int((rows[head] == k).sum()) for k in range(len(names))] for head, names in HEADS.items()}
        for split, rows in tables.items()
    }


def metrics(scored: Mapping[str, Scored], last: str) -> dict[str, Any]:
    """metrics.json: the means of the split that counts, then by split its size, means and each attribute's scores."""
    result: dict[str, Any] = {"split": last, **measures.mean(list(scored[last].heads.values()))}
    for split, s in scored.items():
        each = {h: {**_beside_majority(v), "judged": v.judged, "above_majority": v.shown} for h, v in s.heads.items()}
        sizes = {"images": s.images, "people": s.people}
        result[split] = sizes | {"mean": measures.mean(list(s.heads.values())), "attributes": each}
    return result


def _beside_majority(h: Head) -> dict[str, float]:
    """Each score of an attribute, and the majority class's."""
    pairs = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "f1": "f1"}
    both = {name: (getattr(h.scores, score), getattr(h.baseline, score)) for name, score in pairs.items()}
    return {key: v for name, pair in both.items() for key, v in zip((name, f"majority_{name}"), pair, strict=True)}


def tables(scored: Mapping[str, Scored], train: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """attributes.csv (a row an attribute), classes.csv (a class), confusion.csv (a cell of the matrices drawn).

    What cannot be divided, or has no interval, is empty.
    """
    each = [(split, head, h) for split, s in scored.items() for head, h in s.heads.items()]
    classes = [_classes(split, head, h, train) for split, head, h in each]
    cells = [_confusion(split, head, h) for split, head, h in each if head in MATRICES]
    return {
        "attributes": pd.DataFrame([_attribute(split, head, h) for split, head, h in each]),
        "classes": pd.concat(classes, ignore_index=True),
        "confusion": pd.concat(cells, ignore_index=True),
    }


def _attribute(split: str, head: str, h: Head) -> dict[str, Any]:
    about = {"split": split, "attribute": head, "images": int(h.counts.sum())}
    about |= {"classes": int((h.counts.sum(1) > 0).sum()), "majority": HEADS[head][h.majority]}
    gain = dict(zip(("gain", "gain_low", "gain_high"), (h.gain, *(h.interval or (None, None))), strict=True))
    accuracy = dict(zip(("accuracy_gain_low", "accuracy_gain_high"), h.accuracy_interval or (None, None), strict=True))
    judged = {"judged": int(h.judged), "above_majority": int(h.shown)}
    return about | _beside_majority(h) | gain | accuracy | judged


def _classes(split: str, head: str, h: Head, train: pd.DataFrame) -> pd.DataFrame:
    """Each class's support (and training's), recall, precision and F1."""
    right, true, told = (pd.Series(n) for n in (np.diagonal(h.counts), h.counts.sum(1), h.counts.sum(0)))
    names = {"split": split, "attribute": head, "class": HEADS[head], "support": true, "people": h.carriers}
    names |= {"train_support": np.bincount(train[head], minlength=len(true)), "predicted": told}
    return pd.DataFrame(names | {"recall": right / true, "precision": right / told, "f1": 2 * right / (true + told)})


def _confusion(split: str, head: str, h: Head) -> pd.DataFrame:
    names = pd.MultiIndex.from_product([[split], [head], HEADS[head], HEADS[head]])
    names.names = ["split", "attribute", "true", "predicted"]
    return pd.DataFrame({"images": h.counts.ravel()}, names).reset_index()
