"""Table 1 of a run that had not the time for everything: rows of what was evaluated, each over the seeds that it has.

Decisions: the experiment says which runs there could be, the files say which there are; a variant without any has no
row. Words and comparisons are those of the other reports. The intervals of the rows themselves stand here too: what a
mean over so few seeds may be off by is to be seen beside it.
"""

from pathlib import Path
from typing import Any, NamedTuple

from sanreid import params
from sanreid.graph_params import Experiment as Section
from sanreid.graph_params import Table
from sanreid.params import validate
from sanreid.reporting.shared import (
    ablations,
    markdown_table,
    paired_differences,
    results,
    results_table,
    results_text,
)
from sanreid.reporting.shared.number_format import interval_words, percent, signed
from sanreid.reporting.shared.paired_differences import Comparison
from sanreid.reporting.shared.results import MEASURES, Method
from sanreid.reporting.shared.results_table import Outcome

NOTHING = "Nothing was evaluated."


class Evaluated(results.Experiment):
    """The runs of an experiment that have their metrics.json."""

    def runs(self, tree: Path, name: str) -> dict[str, dict[int, Path]]:
        """variant -> seed -> folder of the runs that are there."""
        every = super().runs(tree, name)
        found = {v: {k: p for k, p in s.items() if (p / "metrics.json").is_file()} for v, s in every.items()}
        return {variant: seeds for variant, seeds in found.items() if seeds}


class Layout(NamedTuple):
    """What params.yaml says of the table: the runs that there could be, the pairs compared, the tables of ablations."""

    experiment: Evaluated
    pairs: list[tuple[str, str]]
    tables: dict[str, Table]


def layout(parameters: Path) -> Layout:
    """That of a parameter file. Raises ParamsError naming the key."""
    section = validate(params.value(parameters, "experiment"), Section, f"{parameters}: experiment")
    experiment = Evaluated(section.sets, section.variants, section.seeds)
    pairs = [(a, b) for a, b in params.value(parameters, "report.comparisons")]
    return Layout(experiment, pairs, ablations.read(parameters))


def read(folder: Path, layout: Layout) -> list[Outcome]:
    """The outcome of each set of which a run was evaluated below `folder`/reports. Raises as `results.collect` does."""
    measured = results.collect(layout.experiment, folder / "reports/san", folder / "reports/floor")
    return results_table.outcomes([r for r in measured if r.variants], layout.pairs, layout.tables, {})


def plain(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The same as JSON holds it: fractions by seed, means, deviations and intervals; differences in points."""
    return [
        {
            "set": o.result.set,
            "rows": [_row(m) for m in (*o.result.floors, *o.result.variants)],
            "differences": [_difference(c) for c in o.comparisons],
            "sentence": results_text.sentence(o.result, o.headline),
            "answer": answer(o.headline),
        }
        for o in outcomes
    ]


def _row(method: Method) -> dict[str, Any]:
    told: dict[str, Any] = {"name": method.name, "label": method.label, "floor": method.floor}
    told["seeds"] = {} if method.floor else {str(seed): values for seed, values in method.seeds.items()}
    told["textures"] = {str(seed): scores for seed, scores in method.textures.items()}
    return told | {
        m: {"mean": method.mean(m), "deviation": method.deviation(m), "interval": method.interval(m)} for m in MEASURES
    }


def _difference(c: Comparison) -> dict[str, Any]:
    return {"name": c.name, "seeds": c.seeds} | {
        m: {"points": c.values(m), "mean": c.mean(m), "interval": c.interval(m), "verdict": c.verdict(m)}
        for m in paired_differences.JUDGED
    }


def answer(comparison: Comparison | None) -> str:
    """Whether the method's own part helps, in a sentence; what is asked in Table 1 of the headline's pair."""
    if comparison is None:
        return (
            "Do the texture losses help? Not known: the variant with them and the one without were not both evaluated."
        )
    verdict, count = comparison.verdict("mAP"), len(comparison.seeds)
    said = f"{comparison.name} is {signed(comparison.mean('mAP'))} points of mAP"
    interval = interval_words(comparison.interval("mAP")) if count >= paired_differences.FEWEST else ""
    said += f" {interval} over {count} paired seeds" if interval else f" with {count} seed{'s' * (count > 1)}"
    words = {
        "gain": "Yes, by an interval that excludes 0",
        "loss": "No, they cost, by an interval that excludes 0",
        "none": "No difference is shown",
        "few": f"Not to be told from fewer than {paired_differences.FEWEST} seeds",
    }[verdict]
    return f"Do the texture losses help? {words}: {said}."


def markdown(outcomes: list[Outcome], source: str) -> str:
    """For docs/ablations.md: the tables, each mean's interval, the answer; `source` says where all that is from."""
    if not outcomes:
        return f"{source}\n\n{NOTHING}\n"
    parts = [source, results_text.markdown(outcomes).rstrip()]
    for outcome in outcomes:
        if rows := intervals(outcome):
            parts.append(markdown_table.table(["95 % interval of the mean", *MEASURES.values()], rows))
        parts.append(f"**{answer(outcome.headline)}**")
    return "\n\n".join(parts) + "\n"


def intervals(outcome: Outcome) -> list[list[str]]:
    """A row a variant that has several seeds: the interval of each measure's mean, in percent."""
    found = []
    for method in outcome.result.variants:
        if method.deviation("mAP") is not None:
            spans = (method.interval(m) for m in MEASURES)
            words = ["" if s is None else f"[{percent(s[0])}, {percent(s[1])}]".replace("-", "−") for s in spans]
            found.append([method.label, *words])
    return found
