"""The start page, and plotly's script, which the pages beside it share.

Decisions: a stage of its own, since the pages are written by others and at other times; it reads no result. The script
is copied out of the installed package, once for all pages, and no page needs it: charts are drawn without it too.
"""

from pathlib import Path

from plotly.offline import get_plotlyjs

from sanreid import runtime
from sanreid.params import run
from sanreid.reporting.start import page


def main(out: Path, start: Path) -> None:
    """`out` (a folder) gets plotly.min.js, `start` is the start page's file."""
    with runtime.atomic_folder(out) as work:
        (work / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    with runtime.atomic_file(start) as file:
        file.write_text(page.render("report_assets"), encoding="utf-8")


if __name__ == "__main__":
    run(main)
