"""The start page, and plotly's script, which the pages beside it share.

Decisions: a stage of its own, since the pages are written by others and at other times; it reads no result. The script
is copied out of the installed package, once for all pages, and no page needs it: charts are drawn without it too, so a
bare machine does without the package.
"""

import importlib.util
from importlib import resources
from pathlib import Path

from sanreid import runtime
from sanreid.params import run
from sanreid.reporting.shared import templates

PACKAGE, SCRIPT = "plotly", "plotly.min.js"


def main(out: Path, start: Path) -> None:
    """`out` (a folder) gets plotly.min.js where plotly is installed, `start` is the start page's file."""
    with runtime.atomic_folder(out) as work:
        if importlib.util.find_spec(PACKAGE):
            (work / SCRIPT).write_bytes(resources.files(PACKAGE).joinpath("package_data", SCRIPT).read_bytes())
        else:
            runtime.log.warning("%s is not installed: the pages' charts tell no values when pointed at", PACKAGE)
    with runtime.atomic_file(start) as file:
        file.write_text(templates.render("start/page.html"), encoding="utf-8")


if __name__ == "__main__":
    run(main)
