"""The page's section of results: each set's table, its CMC curves, its paired differences, and the other sets' tests.

Decisions: a variant keeps its colour in every chart of the page; a table of ablations that the run holds stands in the
paper's order under its title; the differences are drawn, and stand as numbers in a fold below, seed by seed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sanreid.reporting.shared.forest_plot import Row as Difference
from sanreid.reporting.shared.forest_plot import forest
from sanreid.reporting.shared.line_chart import Line, chart
from sanreid.reporting.shared.number_format import difference, each_seed, interval_words, shows, signed
from sanreid.reporting.shared.paired_differences import JUDGED, Comparison
from sanreid.reporting.shared.results import MEASURES, Results
from sanreid.reporting.shared.results_table import Outcome, Row, board, caption
from sanreid.reporting.shared.results_text import sentence

COLOURS = 8  # of page.css
BESIDE = 3  # seeds that fit beside their row; more stand in a fold


def kinds(results: Sequence[Results]) -> dict[str, str]:
    """Each variant's colour class, the same in every chart of the page."""
    names = dict.fromkeys(m.name for r in results for m in r.variants)
    return {name: f"m{i % COLOURS}" for i, name in enumerate(names)}


def article(outcome: Outcome, about: Mapping[str, str]) -> dict[str, Any]:
    """What the template shows of one set, beside its board."""
    result, laid = outcome.result, board(outcome)
    beside = max((len(m.seeds) for m in result.variants), default=0) <= BESIDE
    colours = kinds([result])
    return {
        "set": result.set,
        "sentence": sentence(result, outcome.headline),
        "caption": caption(outcome),
        "board": laid,
        "about": {r.method.name: _about(r, about) for block in laid.blocks for r in block.rows},
        "best": result.best(),
        "kinds": colours,
        "tips": {r.method.name: _tip(r) for block in laid.blocks for r in block.rows},
        "beside": beside,
        "cmc": cmc_chart(result),
        "legend": colours | ({"floors, named on hover": "f"} if result.floors else {}),
        "forests": {MEASURES[m]: _forest(outcome.comparisons, m, colours) for m in JUDGED if outcome.comparisons},
        "folds": [
            *([] if beside else [_seeds(result)]),
            *([_numbers(outcome.comparisons)] if outcome.comparisons else []),
        ],
    }


def _about(row: Row, about: Mapping[str, str]) -> str:
    """A variant's own name, where its table calls it otherwise, and what it was trained with."""
    return " · ".join(filter(None, [row.method.name if row.label else "", about.get(row.method.name)]))


def cmc_chart(result: Results, ranks: int = 20) -> str:
    """CMC of every variant and seed, and of the floors; '' where no curve was written."""
    lines = []
    for method in (*result.floors, *result.variants):
        for seed, curve in method.cmc.items():
            shown = curve[curve["rank"] <= ranks]
            kind = "f" if method.floor else f"{kinds([result])[method.name]} seed"
            tip = method.label if method.floor else f"{method.label}, seed {seed}"
            lines.append(Line(shown["rank"].tolist(), (100 * shown["cmc"]).tolist(), kind, tip))
    axes = {"x_label": "rank", "y_label": "person found up to this rank, % of queries"}
    return chart(lines, f"CMC on {result.set}", y_range=(0, 100), size=(620, 340), **axes) if lines else ""


def _tip(row: Row) -> str:
    """What the cell of a variant's textures says when it is pointed at."""
    parts = {"shown by the picture": "l1_visible", "hidden": "l1_hidden"}
    known = {words: row.method.texture(score) for words, score in parts.items()}
    return ", ".join(f"{words} {sum(v) / len(v):.3f}" for words, v in known.items() if v)


def _forest(comparisons: Sequence[Comparison], measure: str, colours: Mapping[str, str]) -> str:
    rows = [
        Difference(
            name=c.name,
            seeds=c.differences[measure],
            mean=c.mean(measure),
            interval=c.interval(measure),
            words=f"{signed(c.mean(measure))} {interval_words(c.interval(measure))}".strip(),
            kind=colours[c.method],
            claimed=c.verdict(measure) in ("gain", "loss"),
        )
        for c in comparisons
    ]
    return forest(rows, f"Paired differences in {MEASURES[measure]}")


def _seeds(result: Results) -> dict:
    """Each seed's rank-1 / mAP, a column a seed."""
    seeds = list(dict.fromkeys(k for m in result.variants for k in m.seeds))
    rows = [(m.label, [each_seed(m).get(k, "") for k in seeds]) for m in result.variants]
    return {"title": "rank-1 / mAP of each seed", "columns": [f"seed {k}" for k in seeds], "blocks": [("", rows)]}


def _numbers(comparisons: Sequence[Comparison]) -> dict:
    """The paired differences: each seed, then mean ± deviation and interval; a column a measure."""
    blocks = []
    for c in comparisons:
        rows = [(f"seed {k}", [signed(c.differences[m][k]) for m in MEASURES]) for k in c.seeds]
        if len(rows) > 1:
            rows.append(("mean ± deviation [95 % interval]", [difference(c, m) for m in MEASURES]))
        blocks.append((f"{c.name}: {shows(c)}", rows))
    return {"title": "paired differences, points", "columns": list(MEASURES.values()), "blocks": blocks}
