"""The README's table of speed from reports/benchmarks.json, as Markdown.

python benchmarks/table.py
"""

import json

import measuring


def row(name: str, values: dict) -> str:
    """One line: what, how long, beside what, the ratio and its bar, memory."""
    if "times_the_reference" in values:
        ratio = f"{values['times_the_reference']:.2f} times"
    elif "times_faster" in values:
        ratio = f"{values['times_faster']:.1f} times faster"
    else:
        return ""
    memory = "" if values.get("extra_mb") is None else f"{values['extra_mb']:.0f} MB"
    reference = f"{values['reference']}: {seconds(values['reference_s'])}"
    cells = [f"{name}, {values['scale']}", seconds(values["ours_s"]), reference, ratio, values["bar"], memory]
    return "| " + " | ".join(cells) + " |"


def seconds(value: float) -> str:
    """'1.16 s' or '0.8 ms'."""
    return f"{value:.2f} s" if value >= 0.1 else f"{1e3 * value:.1f} ms"


def main() -> None:
    """Print the table, and the machines it was measured on."""
    rows = json.loads(measuring.RECORD.read_text())
    print("| what | ours | reference | ratio | bar | memory beside the result |")
    print("|---|---|---|---|---|---|")
    for line in filter(None, (row(name, values) for name, values in rows.items())):
        print(line)
    for machine in sorted({values["machine"] for values in rows.values()}):
        print(f"\nMeasured on: {machine}.")


if __name__ == "__main__":
    main()
