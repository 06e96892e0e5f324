"""All runs of this clone in one table that fits a terminal: their results, and the parameters in which they differ.

    python -m tools.experiments --last 3

Decisions: rows and values are those of `dvc exp show --csv`; only columns are left out. Plain `dvc exp show` has a
column for each key of params.yaml and each dependency of each stage, a thousand here. Its table is at most 1,024
characters wide, and the gaps between a thousand columns fill those: two of the results remain. DVC 3.67 has no setting
for that: it always reads all of params.yaml, whichever keys dvc.yaml names, and --only-changed, --keep and --drop exist
as options only. Shown are rank-1, mAP and texture L1 of each method, and at most MOST columns that differ between rows.
A method's rank-1 and mAP share a column, in percent, and column names are broken at their dots: the demo's table is 76
characters wide, and a further parameter adds about ten.
"""

import argparse
import csv
import io
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from sanreid import faults

NUMBERS = r"^(?!floor|textures|.*/(floor|textures))[^.]+\.(rank1|mAP|texture_l1)$"  # of reports/summary.json
ROW = ("Experiment", "rev", "typ", "Created", "parent", "State", "Executor")  # what `dvc exp show` says of each row
FILES = r".*(/|\.yaml$|\.lock$)"  # dependencies: a column a file
UNREADABLE = "!"  # DVC's sign for a number that a row should have and that could not be read
LONGEST = 24  # characters of a parameter's value
MOST = 8  # columns of what differs: another profile differs in scores of parameters


def ask(last: int) -> str:
    """The output of `dvc exp show` about the workspace, the last commits and their experiments, as CSV.

    ValueError with DVC's own message if it fails.
    """
    keep = [f"^({'|'.join(ROW)})$", NUMBERS]
    command = [sys.executable, "-m", "dvc", "exp", "show", "--csv", "--only-changed", "--drop", FILES, "-n", str(last)]
    done = subprocess.run([*command, *(w for k in keep for w in ("--keep", k))], capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"dvc exp show failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def table(text: str) -> tuple[Table, list[str]]:
    """The table of DVC's CSV, and the notes to print below it.

    ValueError if no row has a result: nothing was run.
    """
    lines = csv.DictReader(io.StringIO(text))
    rows, names = list(lines), [name for name in lines.fieldnames or () if name not in ROW]
    numbers = [name for name in names if re.match(NUMBERS, name)]
    if not any(row[name] not in ("", UNREADABLE) for row in rows for name in numbers):
        raise ValueError("there are no results yet: run `make demo` first")
    methods = list(dict.fromkeys(name.partition(".")[0] for name in numbers if not name.endswith("texture_l1")))
    textures = [name for name in numbers if name.endswith("texture_l1")]
    differ = [n for n in names if n not in numbers and len({row[n] for row in rows} - {UNREADABLE}) > 1]
    states = [name for name in ("State", "Executor") if any(row.get(name) for row in rows)]

    shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    for _ in ["run", "made", *states]:
        shown.add_column("", no_wrap=True)
    heads = [f"{method}\nrank-1   mAP" for method in methods]
    for head in [*heads, *(name.replace(".", "\n") for name in [*textures, *differ[:MOST]])]:
        shown.add_column(head, justify="right", vertical="bottom", no_wrap=True)
    for row in rows:
        cells = [title(row), row["Created"].replace("T", " ")[5:16], *(row[name] for name in states)]
        cells += [f"{percent(row, f'{method}.rank1')}{percent(row, f'{method}.mAP')}" for method in methods]
        cells += [rounded(row[name]) for name in textures] + [plain(row[name]) for name in differ[:MOST]]
        shown.add_row(*cells, style="bold" if row["typ"] == "baseline" else "")

    notes = ["rank-1 and mAP in percent; all columns: dvc exp show --csv"]
    if len(differ) > MOST:
        notes.append(f"{len(differ) - MOST} more columns differ: dvc params diff")
    bare = [row["rev"] for row in rows if row["typ"] == "baseline" and UNREADABLE in (row[name] for name in numbers)]
    if bare:
        notes.append(
            f"{', '.join(bare)}: no results of that commit are here. Commit dvc.lock after\n"
            "a run (git add dvc.lock && git commit) to compare later runs with it; results of\n"
            "another clone are fetched by dvc pull."
        )
    return shown, notes


def title(row: Mapping[str, str]) -> str:
    """The name of a row: workspace, a branch or commit, and below it its experiments."""
    return row["rev"] if row["typ"] == "baseline" else f"  {row['Experiment'] or row['rev']}"


def percent(row: Mapping[str, str], name: str) -> str:
    """A share in six characters; a dash if it was not measured."""
    text = row.get(name, "")
    return f"{'-' if text in ('', UNREADABLE) else format(100 * float(text), '.1f'):>6}"


def rounded(text: str) -> str:
    """A distance of textures, as the report's tables have it."""
    return "-" if text in ("", UNREADABLE) else f"{float(text):.3f}"


def plain(text: str) -> str:
    """A value as DVC writes it, a long one cut."""
    if text in ("", UNREADABLE):
        return "-"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--last", type=int, default=1, help="how many commits, from HEAD back, with their experiments")
    given = parser.parse_args(arguments)
    if given.last < 1:
        parser.error(f"--last: {given.last} commits are none")
    with faults.told("experiments"):
        shown, notes = table(ask(given.last))
        console = Console(highlight=False, markup=False, emoji=False)
        whole = console.measure(shown, options=console.options.update(width=4096)).maximum
        console.width = max(console.width, whole)  # in a narrow terminal lines wrap; rich would drop numbers instead
        console.print(shown)
        sys.stdout.write("".join(f"{note}\n" for note in notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
