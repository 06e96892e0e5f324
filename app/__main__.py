"""The search page: drop a picture of a person, choose a folder, see who in it looks most alike.

    make app FOLDERS="photos more" MODEL=models/san/...      # or: python -m app photos more --model models/san/...

Decisions: the page reads the folders named here and no others, and keeps what it made of them in KEPT, which git does
not see. The port is taken before the network is loaded, so that one in use is told at once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.folders import Folders
from app.page import Page
from app.painting import Painting
from app.server import create, listen, serving
from app.wearing import Wearing
from sanreid import faults, runtime
from sanreid.api import Model
from sanreid.search import attributes, same, textures

KEPT = Path("data/.search")
PORT = 4210


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(
        prog="app", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*", help="of pictures (default: the sets below data/interim)")
    parser.add_argument("--model", type=Path, help="a model folder (default: the network that ships)")
    parser.add_argument(
        "--attributes", type=Path, default=attributes.SHIPPED, help="tells what people wear (default: ships)"
    )
    parser.add_argument("--texture", type=Path, default=textures.SHIPPED, help="paints their textures (default: ships)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1 (default: auto)")
    parser.add_argument("--port", type=int, default=PORT, help=f"on loopback (default: {PORT})")
    parser.add_argument("--kept", type=Path, default=KEPT, help=f"where features are kept (default: {KEPT})")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("app"):
        folders = Folders(given.folders)
        with listen(given.port) as listening:
            model = Model.load(given.model, given.device)
            wearing, painting = Wearing(given.attributes, given.device), Painting(given.texture, given.device)
            page = Page(model, folders, given.kept, wearing, painting, calibrated(model.folder))
            runtime.log.info("the search page: http://127.0.0.1:%d (Ctrl-C ends it)", listening.getsockname()[1])
            serving(create(page)).run([listening])


def calibrated(folder: Path) -> same.Calibration | None:
    """The calibration that lies in a model folder; None where there is none, ValueError where it is damaged."""
    try:
        return same.find(folder)
    except FileNotFoundError:
        runtime.log.info("no probabilities: `sanreid calibrate FOLDER --model %s` measures them", folder)
        return None


if __name__ == "__main__":
    main()
