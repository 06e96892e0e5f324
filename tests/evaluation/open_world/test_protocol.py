"""The evaluation as a whole: its rows, that labels of the stream only score, that a seed is a result, its summary."""

import numpy as np
import pandas as pd
import pytest

from sanreid import runtime
from sanreid.evaluation.open_world import agreement, protocol, remedy, stream
from sanreid.evaluation.open_world.protocol import Labelled
from sanreid.params import ParamsError, validate
from tests.evaluation.open_world.clouds import clouds

SECTION = {
    "seed": 0,
    "metric": "cosine",
    "links": {"barycentre": {"by": "centroid", "nearest": 1}, "density": {"by": "members", "nearest": 3}},
    "sizes": [30, 1000],
    "longest": 1000,
    "orders": 4,
    "calibration": {"images": 30, "orders": 2, "candidates": 8},
    "rules": {
        "sigmas": 3.0,
        "by_hand": [0.3, 0.7],
        "adaptive": {"fixed_for": 20, "sigmas": 3.0, "enough": 3},
        "smallest": 2,
    },
    "peers": {"core": 3, "sizes": [4, 8], "most": 50},
    "shown": {"rule": "tuned", "link": "barycentre"},
}
RULES = ["mean + sigmas", "by class", "fixed, then adaptive", "by hand 0.3", "by hand 0.7", "equal error", "tuned"]
PEERS = ["dbscan", "hdbscan", "agglomerative"]


def section(**changes):
    return validate({**SECTION, **changes}, protocol.Protocol, "evaluate_open_world")


def halves(spread=0.12):
    points, classes = clouds(classes=6, each=18, size=8, spread=spread, even=True)
    return (Labelled(points[part], classes[part]) for part in (classes < 2, classes >= 2))


@pytest.fixture(scope="module")
def result():
    return protocol.evaluate(*halves(), section())


def test_every_rule_link_remedy_size_and_order_has_a_row(result):
    runs = result.runs
    assert list(runs.columns) == [*protocol.KEYS, "order", *protocol.MEASURES]
    assert not runs.duplicated([*protocol.KEYS, "order"]).any()
    streams = runs[runs["link"] != protocol.PEER]
    assert len(streams) == len(RULES) * 2 * len(protocol.REMEDIES) * 2 * 4
    assert list(dict.fromkeys(streams["rule"])) == RULES
    assert sorted(streams["size"].unique()) == [30, 72]  # a size beyond the set is the set
    assert (runs.loc[runs["size"] == 72, "classes"] == 4).all()
    rest = runs[runs["link"] == protocol.PEER]
    assert list(dict.fromkeys(rest["rule"])) == PEERS
    assert set(rest["size"]) == {30}  # peers.most
    assert result.calibrated["barycentre"].keys() == {*RULES, "merge"}
    assert result.calibrated[protocol.PEER].keys() == set(PEERS)


def test_a_row_is_what_the_stream_gives_by_hand(result):
    p, (_, find) = section(), halves()
    order = runtime.rng(0, "order", 2).permutation(72)
    points = stream.prepare(find.features, "cosine")[order]
    labels = stream.cluster(points, 0.3, "cosine", p.links["density"]).labels
    mended = remedy.merge(points, labels, result.calibrated["density"]["merge"], "cosine")
    runs = result.runs.set_index([*protocol.KEYS, "order"])
    for name, groups in (("none", labels), ("merged", mended)):
        row = runs.loc[("by hand 0.3", "density", name, 72, 2)]
        assert tuple(row) == agreement.measure(find.classes[order], groups)


def test_what_is_plain_to_see_is_found(result):
    best = result.runs[(result.runs["rule"] == "tuned") & (result.runs["remedy"] == protocol.REMEDIES[-1])]
    assert (best["found"] == 4).all()
    assert (best["accuracy"] == 1).all()
    assert agreement.measure(list(halves())[1].classes, result.groups)[:3] == (4, 4, 1.0)


def test_labels_of_the_stream_only_score(result):
    known, find = halves()
    blind = protocol.evaluate(known, Labelled(find.features, np.zeros_like(find.classes)), section())
    pd.testing.assert_series_equal(blind.runs["found"], result.runs["found"])
    np.testing.assert_array_equal(blind.groups, result.groups)
    assert blind.calibrated == result.calibrated


def test_the_same_seed_gives_the_same_table_and_another_another():
    known, find = halves(spread=0.5)
    small = {"orders": 3, "sizes": [], "peers": {**SECTION["peers"], "most": 1}}
    one, two, other = (protocol.evaluate(known, find, section(seed=s, **small)).runs for s in (0, 0, 1))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


def test_calibration_draws_evenly_over_the_classes():
    features, classes = np.random.default_rng(0).normal(size=(100, 3)), np.repeat([0, 1, 2], [80, 15, 5])
    p = section(calibration={**SECTION["calibration"], "images": 25})
    points, drawn = protocol.draw(Labelled(features, classes), p)
    assert np.bincount(drawn).tolist() == [10, 10, 5]
    assert len(np.unique(points, axis=0)) == 25


def test_the_longest_stream_is_all_images_or_so_many_drawn_evenly():
    classes = np.repeat([0, 1, 2], [80, 15, 5])
    assert protocol.longest(classes, section()).tolist() == list(range(100))
    drawn = protocol.longest(classes, section(longest=25))
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert np.bincount(classes[drawn]).tolist() == [10, 10, 5]
    assert drawn.tolist() != protocol.longest(classes, section(longest=25, seed=1)).tolist()


def test_a_summary_is_mean_deviation_and_worst(result):
    summary = protocol.summarise(result.runs).set_index(protocol.KEYS)
    rows = result.runs[
        (result.runs["rule"] == "by hand 0.3")
        & (result.runs["link"] == "barycentre")
        & (result.runs["remedy"] == "none")
        & (result.runs["size"] == 30)
    ]
    line = summary.loc[("by hand 0.3", "barycentre", "none", 30)]
    assert line["orders"] == 4
    assert line["accuracy"] == pytest.approx(np.mean(rows["accuracy"]))
    assert line["accuracy_sd"] == pytest.approx(np.std(rows["accuracy"], ddof=1))
    assert line["accuracy_worst"] == rows["accuracy"].min()
    assert line["right_count"] == np.mean(rows["found"] == rows["classes"])
    assert abs(line["found_worst"] - 4) == max(abs(rows["found"] - rows["classes"]))


def test_what_cannot_be_is_refused():
    known, find = halves()
    shown = protocol.Shown(rule="tuned", link="nearest")
    with pytest.raises(
        ValueError, match=r"shown: no 'tuned' by 'nearest'; rules are mean .* links barycentre, density"
    ):
        protocol.evaluate(known, find, section().model_copy(update={"shown": shown}))
    with pytest.raises(ValueError, match="two classes"):
        protocol.evaluate(Labelled(known.features, np.zeros_like(known.classes)), find, section())
    for rule, link, told in (
        ("tuned", "nearest", r"shown\.link: no 'nearest' under links: barycentre, density"),
        ("tund", "density", r"shown\.rule.*'tund' is no rule; there are mean \+ sigmas"),
        ("by hand 0.4", "density", r"shown\.rule: 'by hand 0\.4' is not of rules\.by_hand: by hand 0\.3, by hand 0\.7"),
    ):
        with pytest.raises(ParamsError, match=told):
            section(shown={"rule": rule, "link": link})
    for wrong in ({"orders": 0}, {"links": {}}, {"metric": "manhattan"}):
        with pytest.raises(ParamsError, match=f"evaluate_open_world.{next(iter(wrong))}"):
            section(**wrong)
