"""A variant of SAN against its control on photographs: the differences, paired by seed, of the networks measured.

Decision: the pairs are those of the results page (`report.comparisons`), and the rules too: nothing is claimed of fewer
than three seeds, or where the interval of the mean difference holds 0.
"""

import re
from collections.abc import Sequence

from sanreid.reporting.photographs.table import TITLES, Row
from sanreid.reporting.shared import markdown_table
from sanreid.reporting.shared.number_format import difference, shows
from sanreid.reporting.shared.paired_differences import JUDGED, Comparison
from sanreid.reporting.shared.results import MEASURES

HEAD = ["points", "trained on", "ranking", "seeds", *(MEASURES[m] for m in JUDGED), "shows"]
RUN = re.compile(r"san/(?P<set>[^/]+)/(?P<variant>[^/]+)/seed(?P<seed>\d+)")  # a model's place below models/


def table(rows: Sequence[Row], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The cells below HEAD, a row a pair, set and way to rank, of everybody; none where no pair was measured."""
    runs: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        if found := RUN.fullmatch(row.folder.as_posix()):
            runs.setdefault((found["set"], found["variant"]), {})[int(found["seed"])] = row
    cells = []
    for name in dict.fromkeys(name for name, _ in runs):
        for method, control in pairs:
            ours, theirs = runs.get((name, method), {}), runs.get((name, control), {})
            seeds = sorted(ours.keys() & theirs.keys())
            ways = [w for w in TITLES if all(w in r[k].metrics["parts"]["all"] for r in (ours, theirs) for k in seeds)]
            for way in ways if seeds else ():
                pair = Comparison(
                    method, control, {m: {k: _points(ours[k], theirs[k], way, m) for k in seeds} for m in JUDGED}
                )
                numbers = [difference(pair, m) for m in JUDGED]
                cells.append([pair.name, name, TITLES[way], str(len(seeds)), *numbers, shows(pair)])
    return cells


def markdown(cells: Sequence[Sequence[str]]) -> str:
    """The table as Markdown; '' where there is none."""
    return markdown_table.table(HEAD, cells, names=3, words=1) + "\n" if cells else ""


def _points(ours: Row, theirs: Row, way: str, measure: str) -> float:
    a, b = (row.metrics["parts"]["all"][way][measure] for row in (ours, theirs))
    return 100 * (a - b)
