"""The likely why is said at the edge of a set alone, and a cause counts where chance does not make it."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from sanreid.reporting.shared import likely_causes
from sanreid.reporting.shared.likely_causes import CAUSES, NOTHING, STANDS_OUT


def facts(count: int = 60, **columns) -> pd.DataFrame:
    """Facts of `count` queries that are all alike, but for `columns`; what the renderer alone knows is unknown."""
    usual = {"brightness": 0.4, "contrast": 0.2, "sharpness": 0.5, "height": 128.0, "light": 0.1, "own_camera": 0.3}
    given = {"camid": 1.0, "visible": np.nan, "lookalike": 0.2, "who": "person 7"} | usual | columns
    return pd.DataFrame(given, index=range(count))


def test_the_share_of_others_is_that_of_a_plain_loop_and_equal_ones_are_no_better():
    random = np.random.default_rng(0)
    values = random.integers(0, 9, 40).astype(float)
    values[3] = np.nan
    found = likely_causes.beyond(facts(40, brightness=values))
    for cause, better in ((1, lambda a, b: b > a), (2, lambda a, b: b < a)):
        assert (CAUSES[cause].fact, CAUSES[cause].low) == ("brightness", cause == 1)
        others = [[b for j, b in enumerate(values) if j != q and b == b] for q in range(40)]
        expected = [sum(better(a, b) for b in others[q]) / 38 if a == a else 0 for q, a in enumerate(values)]
        assert found[:, cause] == pytest.approx(expected)
    assert not found[:, [0, *range(3, len(CAUSES))]].any()  # unknown, or all alike


def test_what_stands_out_is_said_with_its_numbers_the_rarest_first_and_what_does_not_is_not():
    dark, camera = np.full(60, 0.4), np.full(60, 0.3)
    dark[5], camera[[5, 6]] = 0.12, (0.8, 0.9)
    told = likely_causes.sentences(facts(brightness=dark, own_camera=camera), np.full(60, 0.5))
    assert told[0] == NOTHING
    assert told[5] == (
        "it is darker than all other queries (brightness 12 %, usually 40 %); "
        "80 % of its first answers are other people in its own camera (usually 30 %): a look-alike place"
    )
    third = np.full(60, 0.1)
    third[:5] = 0.2  # 55 of 59 others are better: 93 %
    assert STANDS_OUT > 55 / 59 > likely_causes.QUARTER
    told = likely_causes.sentences(facts(lookalike=third), np.full(60, 0.5))
    assert told[0].startswith(f"{NOTHING}; nearest to it: 20 % of its first answers show person 7")
    assert told[5] == NOTHING
    third[:3] = (0.6, 0.5, 0.4)
    assert "60 % of its first answers show person 7" in likely_causes.sentences(facts(lookalike=third), np.zeros(60))[0]
    height = np.full(60, 128.0)
    height[9] = 40
    told = likely_causes.sentences(facts(height=height), np.where(np.arange(60) == 9, 1.0, 0.5))
    assert told[9] == likely_causes.FAULTLESS  # what was answered without a mistake has no why
    assert "(height 40 px, usually 128 px)" in likely_causes.sentences(facts(height=height), np.zeros(60))[9]


def test_a_cause_is_more_frequent_where_all_draws_say_so():
    precision = np.linspace(0.1, 1, 40)  # the worst four are 0 to 3
    bright = np.full(40, 0.4)
    bright[[0, 2]] = 0.1
    draws = [len({0, 2} & set(chosen)) for chosen in combinations(range(40), 4)]
    chance = np.mean(np.array(draws) >= 2)  # of four drawn from forty, both
    tried = len(CAUSES) - 1 + 1  # visible is unknown; one camera
    said = likely_causes.summary(facts(40, brightness=bright), precision)
    assert chance < likely_causes.CHANCE
    assert chance > likely_causes.CHANCE / tried  # for so many causes it is too likely
    assert "Something stands out in 50 % of them, and in 5 % of all queries." in said
    words = (
        "(4 of 40) no cause is more frequent than chance explains; the nearest to that is dark, 50 % (of all queries"
    )
    assert words in said
    camera = np.where(np.arange(40) < 4, 2.0, 1.0)
    said = likely_causes.summary(facts(40, camid=camera, brightness=bright), precision)
    assert "than chance explains: camera 2, 100 % (of all queries 10 %)." in said
    seen = np.where(np.arange(40) < 4, 0.2, 0.4) + np.arange(40) / 1000
    seen[30:36] = 0.3  # the worse quarter: all four of the worst, and six more
    said = likely_causes.summary(facts(40, visible=seen), precision)
    assert "than chance explains: little of the body seen, 100 % (of all queries 25 %)." in said
