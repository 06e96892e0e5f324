"""The open-world evaluation: every threshold rule on many random orders at several lengths, and offline clusterings.

Decisions: the input is two labelled sets of features, so that digits and people are measured by the same code. The
labels of the first set are for calibration, those of the second for scoring only. An order is a seeded permutation of
the second set, and a shorter stream is its beginning, so that all rules have the same streams. A stream is run once per
rule; the refinements ("remedies": merging, reassigning) start from its groups.
"""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from sanreid import runtime
from sanreid.bounds import Each, Name, Repeats, Seed, Sigmas, Some, Threshold
from sanreid.evaluation.open_world import clustering_metrics, offline_clustering, refinement, stream, thresholds
from sanreid.evaluation.open_world.stream import Adaptive, Labels, Link, Metric, Points
from sanreid.params import Section

KEYS = ["rule", "link", "remedy", "size"]
MEASURES = list(clustering_metrics.ClusteringMetrics._fields)
REMEDIES = ("none", "merged", "merged, second pass")
THREADS = min(4, os.cpu_count() or 1)  # the kernels and the products release the interpreter lock
RULES = ("mean + sigmas", "by class", "fixed, then adaptive", "equal error", "tuned")  # beside those set by hand
PEER = "all at once"  # named as the link of offline clusterings


class Rules(Section):
    """Parameters of the threshold rules."""

    sigmas: Sigmas  # of mean + sigmas x deviation, for all classes or each
    by_hand: Annotated[list[Threshold], Field(max_length=100)]  # thresholds set by hand
    adaptive: Adaptive
    smallest: Some  # images a group must have to take part in the second pass


class Calibration(Section):
    """How thresholds are calibrated."""

    images: Some  # at most, drawn evenly over the classes
    orders: Repeats  # of the streams on which a threshold is tuned
    candidates: Annotated[int, Field(ge=2, le=10_000)]  # thresholds tried


def _rule(name: str) -> str:
    """`name` if a rule is called so; ValueError otherwise."""
    if name not in RULES and not re.fullmatch(r"by hand [0-9][0-9.e+-]*", name):
        raise ValueError(f"'{name}' is no rule; there are {', '.join(RULES)}, and by hand <threshold>")
    return name


RuleName = Annotated[str, AfterValidator(_rule)]


class Shown(Section):
    """The rule and link of the main result, whose groups are drawn."""

    rule: RuleName
    link: Name


class Protocol(Section):
    """An open-world evaluation."""

    seed: Seed
    metric: Metric
    links: Annotated[dict[Name, Link], Field(min_length=1, max_length=100)]
    sizes: Each[Some]
    longest: Some
    orders: Repeats
    calibration: Calibration
    rules: Rules
    peers: offline_clustering.Peers
    shown: Shown

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rule, hands = self.shown.rule, [f"by hand {value:g}" for value in self.rules.by_hand]
        if self.shown.link not in self.links:
            raise ValueError(f"shown.link: no '{self.shown.link}' under links: {', '.join(self.links)}")
        if rule not in (*RULES, *hands):
            raise ValueError(f"shown.rule: '{rule}' is not of rules.by_hand: {', '.join(hands) or 'there are none'}")
        return self


class Labelled(NamedTuple):
    """Features (N, D) and their classes (N,)."""

    features: NDArray[np.floating]
    classes: NDArray[np.int64]


class Rule(NamedTuple):
    """A rule ready to run: thresholds (a number, or one for each image of the set to find), and whether they adapt."""

    name: str
    threshold: NDArray[np.float64]
    adaptive: Adaptive | None


class Prepared(NamedTuple):
    """The calibrated rules for one link."""

    sequences: thresholds.Sequences
    rules: list[Rule]
    merge_at: float


class Result(NamedTuple):
    """The result of an evaluation."""

    runs: pd.DataFrame  # a row a rule, link, remedy, size and order: KEYS, order, MEASURES
    calibrated: dict[str, dict[str, float]]  # link -> rule -> threshold (the mean of many), `merge`; and the peers'
    sequences: dict[str, thresholds.Sequences]  # link -> distances on the calibration set
    groups: Labels  # (N,) of the set to find: by `shown`, after the last remedy


def evaluate(calibration: Labelled, find: Labelled, p: Protocol) -> Result:
    """Calibrate on one set and group the other; the groups in the result are those of all images in the first order.

    Raises ValueError if calibration or grouping is impossible, or `shown` names no rule or link.
    """
    shown = p.shown.rule, p.shown.link
    known, points = draw(calibration, p), stream.prepare(find.features, p.metric)
    prepared = {name: calibrate(known, points, link, p) for name, link in p.links.items()}
    if shown[1] not in prepared or shown[0] not in {rule.name for rule in prepared[shown[1]].rules}:
        names = dict.fromkeys(rule.name for ready in prepared.values() for rule in ready.rules)
        raise ValueError(
            f"shown: no '{shown[0]}' by '{shown[1]}'; rules are {', '.join(names)}, links {', '.join(p.links)}"
        )
    orders = [runtime.rng(p.seed, "order", k).permutation(len(points)) for k in range(p.orders)]
    sizes = sorted({min(size, len(points)) for size in p.sizes} | {len(points)})
    rows, groups = [], np.empty(len(points), np.int64)
    with ThreadPoolExecutor(THREADS) as pool:
        for name, rule, size in [(n, r, s) for n, ready in prepared.items() for r in ready.rules for s in sizes]:
            beginnings = [order[:size] for order in orders]
            group = partial(streamed, points, rule, prepared[name].merge_at, p.links[name], p)
            for k, (order, mended) in enumerate(zip(beginnings, pool.map(group, beginnings), strict=True)):
                for remedied, labels in zip(REMEDIES, mended, strict=True):
                    measured = clustering_metrics.measure(find.classes[order], labels)
                    rows.append((rule.name, name, remedied, size, k, *measured))
                if (rule.name, name) == shown and size == len(points) and k == 0:
                    groups[order] = mended[-1]
    calibrated = {
        name: {rule.name: float(np.mean(rule.threshold)) for rule in ready.rules} | {"merge": ready.merge_at}
        for name, ready in prepared.items()
    }
    found = calibrate_peers(known, p)
    calibrated[PEER] = {peer.name: peer.value for peer in found}
    rows += run_peers(found, points, find.classes, orders, [size for size in sizes if size <= p.peers.most])
    runs = pd.DataFrame(rows, columns=[*KEYS, "order", *MEASURES])
    return Result(runs, calibrated, {name: ready.sequences for name, ready in prepared.items()}, groups)


def longest(classes: Labels, p: Protocol) -> NDArray[np.int64]:
    """Numbers of the images, with these classes (N,), in the longest stream: all, or `longest` of them."""
    return _evenly(classes, p.longest, p.seed, "longest stream")


def _evenly(classes: Labels, count: int, seed: int, name: str) -> NDArray[np.int64]:
    """Ascending numbers of at most `count` images, equally many per class as far as possible."""
    order = runtime.rng(seed, name).permutation(len(classes))
    turn = pd.Series(classes[order]).groupby(classes[order]).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:count]])


def draw(calibration: Labelled, p: Protocol) -> tuple[Points, Labels]:
    """Prepared points and classes of at most `calibration.images`, equally many per class as far as possible."""
    classes = np.asarray(calibration.classes, np.int64)
    chosen = _evenly(classes, p.calibration.images, p.seed, "calibration")
    return stream.prepare(np.asarray(calibration.features)[chosen], p.metric), classes[chosen]


def calibrate(known: tuple[Points, Labels], points: Points, link: Link, p: Protocol) -> Prepared:
    """The rules of section `p` for groups formed by `link`, with thresholds from the labelled `known`."""
    sequences = thresholds.measure(*known, p.metric, link)
    published = thresholds.mean_and_deviations(sequences.inside, p.rules.sigmas)
    resembling = thresholds.by_resemblance(points, *known, p.metric, link, p.rules.sigmas)
    equal = thresholds.equal_error(sequences)

    def run(value: float, order: NDArray[np.int64]) -> Labels:
        return stream.of_prepared(known[0][order], value, p.metric, link).labels

    tried = thresholds.candidates(sequences, p.calibration.candidates)
    orders = [runtime.rng(p.seed, "tuning", k).permutation(len(known[0])) for k in range(p.calibration.orders)]
    rules = [
        Rule("mean + sigmas", np.asarray(published), None),
        Rule("by class", resembling, None),
        Rule("fixed, then adaptive", np.asarray(equal), p.rules.adaptive),
        *(Rule(f"by hand {value:g}", np.asarray(value), None) for value in p.rules.by_hand),
        Rule("equal error", np.asarray(equal), None),
        Rule("tuned", np.asarray(thresholds.best(tried, run, known[1], orders)), None),
    ]
    return Prepared(sequences, rules, thresholds.halfway(*known, p.metric))


def streamed(
    points: Points, rule: Rule, merge_at: float, link: Link, p: Protocol, order: NDArray[np.int64]
) -> tuple[Labels, Labels, Labels]:
    """Labels (n,) of the images in `order`: the stream's, and those after each of REMEDIES."""
    sequence = points[order]
    threshold = rule.threshold[order] if rule.threshold.ndim else rule.threshold
    plain = stream.of_prepared(sequence, threshold, p.metric, link, rule.adaptive).labels
    merged = refinement.merge_prepared(sequence, plain, merge_at, p.metric)
    return plain, merged, refinement.reassign_prepared(sequence, merged, p.metric, link, p.rules.smallest)


def calibrate_peers(known: tuple[Points, Labels], p: Protocol) -> list[offline_clustering.Peer]:
    """The offline clusterings with parameters calibrated on the labelled `known`; radii to try are pair distances."""
    sequences = thresholds.measure(*known, p.metric, Link(by="members", nearest=1))
    return offline_clustering.calibrate(
        *known, p.metric, thresholds.candidates(sequences, p.calibration.candidates), p.peers
    )


def run_peers(
    found: list[offline_clustering.Peer],
    points: Points,
    classes: Labels,
    orders: list[NDArray[np.int64]],
    sizes: list[int],
) -> Iterator[tuple]:
    """Rows of the offline clusterings: for the orders' beginnings, and once for all images together."""
    for peer in found:
        for size in sizes:
            for k, order in enumerate(part[:size] for part in orders[: len(orders) if size < len(points) else 1]):
                yield (
                    peer.name,
                    PEER,
                    REMEDIES[0],
                    size,
                    k,
                    *clustering_metrics.measure(classes[order], peer.run(points[order])),
                )


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a rule, link, remedy and size: mean, deviation and worst over the orders, of fractions and counts.

    Columns: KEYS, orders, classes, `right_count` (the share of orders that found as many groups as there are classes),
    then <measure>, <measure>_sd, <measure>_worst; for `found` the worst is the count farthest from the true one. The
    standard deviation is the sample's, empty for one order.
    """
    lines = []
    for keys, rows in runs.groupby(KEYS, sort=False):
        classes = rows["classes"]
        line = dict(zip(KEYS, keys, strict=True)) | {"orders": len(rows), "classes": classes.mean()}
        line["right_count"] = float((rows["found"] == classes).mean())
        for measure in MEASURES[1:]:
            values = rows[measure]
            farthest = (values - classes).abs().idxmax() if measure == "found" else values.idxmin()
            line |= {measure: values.mean(), f"{measure}_sd": values.std(), f"{measure}_worst": values[farthest]}
        lines.append(line)
    return pd.DataFrame(lines)
