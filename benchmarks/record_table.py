"""The tables of docs/speed.md from reports/benchmarks.json, as Markdown: printed, and put into the page when asked.

python benchmarks/record_table.py [--into docs/speed.md]
"""

import argparse
import json
import re
from pathlib import Path

import measuring

from sanreid import runtime

MARKS = "<!-- made by benchmarks/record_table.py --into docs/speed.md -->", "<!-- end of the tables -->"


def row(name: str, values: dict) -> str:
    """One line: what, how long, beside what, the ratio and its bar, memory."""
    if "times_the_reference" in values:
        ratio = f"{values['times_the_reference']:.2f} times"
    else:
        ratio = f"{values['times_faster']:.1f} times faster"
    memory = "" if values.get("extra_mb") is None else f"{values['extra_mb']:.0f} MB"
    ours = seconds(values["ours_s"]) + (f" ({values['told']})" if "told" in values else "")
    reference = f"{values['reference']}: {seconds(values['reference_s'])}"
    return "| " + " | ".join([f"{name}, {values['scale']}", ours, reference, ratio, values["bar"], memory]) + " |"


def seconds(value: float) -> str:
    """'1.16 s' or '0.8 ms'."""
    return f"{value:.2f} s" if value >= 0.1 else f"{1e3 * value:.1f} ms"


def tables(rows: dict[str, dict]) -> str:
    """Both tables, and the machines they were measured on."""
    lines = ["| what | ours | reference | ratio | bar | memory beside the result |", "|---|---|---|---|---|---|"]
    lines += [row(name, values) for name, values in rows.items() if "reference" in values]
    for name, values in rows.items():
        if "curve" in values:
            sizes = " | ".join(f"{point['gallery']:,}" for point in values["curve"])
            times = " | ".join(seconds(point["s"]) for point in values["curve"])
            memory = " | ".join(f"{point['extra_mb'] or 0:.0f} MB" for point in values["curve"])
            lines += ["", f"| {name}, {values['scale']} | {sizes} |", "|---" * (1 + len(values["curve"])) + "|"]
            lines += [f"| time | {times} |", f"| memory beside the features | {memory} |"]
    machines = sorted({values["machine"] for values in rows.values()})
    return "\n".join([*lines, "", f"Measured on: {'; '.join(machines)}."])


def put(document: str, text: str) -> str:
    """`document` with `text` between its marks. Raises ValueError where it has none."""
    pattern = re.compile(f"({re.escape(MARKS[0])}\n).*?({re.escape(MARKS[1])})", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"no place for the table: put the lines {MARKS[0]} and {MARKS[1]} where it belongs")
    return pattern.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", document)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--into", type=Path, help="a Markdown file with the table's two marks")
    given = arguments.parse_args()
    made = tables(json.loads(measuring.RECORD.read_text()))
    print(made)
    if given.into:
        with runtime.atomic_file(given.into) as work:
            work.write_text(put(given.into.read_text(), made))
