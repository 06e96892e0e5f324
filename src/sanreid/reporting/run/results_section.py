"""The page's section of results: each set's table, its CMC curves, its paired differences, and the other sets' tests.

Decisions: a variant keeps its colour in every chart of the page; a table of ablations that the run holds stands in the
paper's order under its title; the differences are drawn, and stand as numbers in a fold below, seed by seed.
"""

from collections.abc import Mapping, Sequence

from sanreid.reporting.shared.forest_plot import Row as Difference
from sanreid.reporting.shared.forest_plot import forest
from sanreid.reporting.shared.line_chart import Line, chart, dots
from sanreid.reporting.shared.number_format import cell, difference, each_seed, interval_words, shows, signed
from sanreid.reporting.shared.paired_differences import JUDGED, Comparison
from sanreid.reporting.shared.results import MEASURES, Crossed, Results
from sanreid.reporting.shared.results_table import PUBLISHED, TEXTURE, Outcome, Row, board, caption
from sanreid.reporting.shared.results_text import sentence

COLOURS = 8  # of page.css
BESIDE = 3  # seeds that fit beside their row; more stand in a fold


def kinds(results: Sequence[Results]) -> dict[str, str]:
    """Each variant's colour class, the same in every chart of the page."""
    names = dict.fromkeys(m.name for r in results for m in r.variants)
    return {name: f"m{i % COLOURS}" for i, name in enumerate(names)}


def article(outcome: Outcome, about: Mapping[str, str]) -> dict:
    """What the template shows of one set."""
    result, colours, laid = outcome.result, kinds([outcome.result]), board(outcome)
    best, beside = result.best(), max((len(m.seeds) for m in result.variants), default=0) <= BESIDE

    def row(r: Row) -> dict:
        method, kind = r.method, colours.get(r.method.name, "f")
        words = [method.name if r.label else "", about.get(method.name) or ""]
        return {
            "label": r.label or method.label,
            "about": " · ".join(w for w in words if w),
            "floor": method.floor,
            "best": method is best,
            "kind": kind,
            "cells": [
                {"words": words, "tip": _tip(r, column), "apart": column == PUBLISHED}
                for words, column in zip(r.cells, laid.columns, strict=True)
            ],
            "dots": dots(method.values("rank1"), kind, method.floor),
            "seeds": [f"{k}: {pair}" for k, pair in each_seed(method).items()] if beside else [],
        }

    return {
        "set": result.set,
        "sentence": sentence(result, outcome.headline),
        "caption": caption(outcome),
        "columns": laid.columns,
        "dots_title": "each seed: rank-1 / mAP" if beside else "rank-1 of each seed",
        "blocks": [{"title": b.title, "rows": [row(r) for r in b.rows]} for b in laid.blocks],
        "cmc": cmc_chart(result),
        "legend": colours | ({"floors, named on hover": "f"} if result.floors else {}),
        "forests": [_forest(outcome.comparisons, m, colours) for m in JUDGED] if outcome.comparisons else [],
        "folds": [
            *([] if beside else [_seeds(result)]),
            *([_numbers(outcome.comparisons)] if outcome.comparisons else []),
        ],
    }


def crossed(pairs: Sequence[Crossed], colours: Mapping[str, str]) -> list[dict]:
    """Rows of the section on other test sets, a block a pair of sets."""
    return [
        {
            "title": f"{pair.train} → {pair.test}",
            "rows": [
                {
                    "label": m.label,
                    "kind": colours.get(m.name, "f"),
                    "cells": [cell(m, measure) for measure in MEASURES],
                    "dots": dots(m.values("rank1"), colours.get(m.name, "f"), False),
                }
                for m in pair.variants
            ],
        }
        for pair in pairs
    ]


def cmc_chart(result: Results, ranks: int = 20) -> str:
    """CMC of every variant and seed, and of the floors; '' where no curve was written."""
    lines = []
    for method in (*result.floors, *result.variants):
        for seed, curve in method.cmc.items():
            shown = curve[curve["rank"] <= ranks]
            kind = "f" if method.floor else f"{kinds([result])[method.name]} seed"
            tip = method.label if method.floor else f"{method.label}, seed {seed}"
            lines.append(Line(shown["rank"].tolist(), (100 * shown["cmc"]).tolist(), kind, tip))
    return chart(lines, f"CMC on {result.set}", "rank (percent of queries)", (0, 100), (620, 340)) if lines else ""


def _tip(row: Row, column: str) -> str:
    """What a cell says when it is pointed at."""
    if column == TEXTURE and row.method.texture("l1"):
        parts = {"shown by the picture": "l1_visible", "hidden": "l1_hidden"}
        known = {words: row.method.texture(score) for words, score in parts.items()}
        return ", ".join(f"{words} {sum(v) / len(v):.3f}" for words, v in known.items() if v)
    return ""


def _forest(comparisons: Sequence[Comparison], measure: str, colours: Mapping[str, str]) -> dict:
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
    return {"title": MEASURES[measure], "svg": forest(rows, f"Paired differences in {MEASURES[measure]}")}


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
