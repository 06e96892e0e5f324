"""How long the search page takes to answer over 10,000 pictures, beside a plain loop over them.

The whole answer is timed: the request, the ranking of all pictures, and the JSON of the 60 nearest, through the
application as the browser asks it, but without the socket. The claim: under 200 ms a question after indexing. The
reference is one product a picture and a sort, in Python. What reading the kept index takes when the page starts, and a
question with re-ranking or with a picture that is sent and goes through the network first, is told beside it.

    python benchmarks/search_page.py [--pictures 10000]

Decisions: the files are there (links to one picture) and their features are kept on disk as the page keeps them, drawn
at random: how alike people are changes nothing in what is computed. So nothing but the network's own reading of 10,000
pictures is left out, which `benchmarks/inference.py` measures.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import measuring
import numpy as np
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent.parent))  # the page is no part of the package

from app import galleries
from app.folders import Folders
from app.page import Page
from app.painting import Painting
from app.server import create
from app.wearing import Wearing
from sanreid import runtime
from sanreid.api import Model
from sanreid.data import images
from sanreid.search import attributes, textures

BAR = 0.2  # seconds


def fill(folder: Path, kept: Path, count: int, width: int) -> np.ndarray:
    """`count` picture files, and an index of them with features of `width` numbers; the features (N, D)."""
    rng = np.random.default_rng(0)
    first = folder / "0.jpg"
    images.write_rgb(first, rng.integers(0, 256, (128, 64, 3), dtype=np.uint8))
    names = ["0.jpg", *(f"{i}.jpg" for i in range(1, count))]
    for name in names[1:]:
        os.link(first, folder / name)
    values = rng.standard_normal((count, width), dtype=np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    stats = {name: galleries.stat(folder / name) for name in names}
    galleries.save(kept, stats, dict(zip(names, values, strict=True)))
    return values


def main(count: int, repeats: int, model: Path | None) -> None:
    """Measure, print, record."""
    runtime.prepare(0)
    network = Model.load(model)
    with tempfile.TemporaryDirectory() as place:
        folder, kept = Path(place) / "photos", Path(place) / "kept"
        folder.mkdir()
        page = Page(network, Folders([folder]), kept, Wearing(attributes.SHIPPED), Painting(textures.SHIPPED))
        [key] = page.folders.shown
        values = fill(folder, page.index_file(key), count, network.dimension)
        with TestClient(create(page), base_url="http://127.0.0.1") as browser:
            started = time.perf_counter()
            browser.post(f"/api/galleries/{key}/read")
            while browser.get(f"/api/galleries/{key}").json()["state"] in ("waiting", "reading"):
                time.sleep(0.01)
            reading = time.perf_counter() - started
            turns = iter(range(count))

            def ask(**more: bool) -> None:
                answer = browser.get(f"/api/galleries/{key}/search", params={"row": next(turns), **more})
                assert len(answer.json()["results"]) == 60, answer.text

            def send() -> None:
                data = (folder / "0.jpg").read_bytes() + bytes([next(turns) % 256])  # another file each time
                query = browser.post("/api/queries", content=data).json()["id"]
                browser.get(f"/api/galleries/{key}/search", params={"query": query}).raise_for_status()

            def plain() -> None:
                asked = values[next(turns)]
                found = sorted((1 - float(row @ asked), i) for i, row in enumerate(values))
                assert len(found[:60]) == 60

            for work in (ask, lambda: ask(rerank=True), send, plain):
                work()  # compiles and warms
            ours, again, sent, reference = measuring.alternating(repeats, ask, lambda: ask(rerank=True), send, plain)
    middle = {
        "a question": statistics.median(ours),
        "re-ranked": statistics.median(again),
        "a picture sent": statistics.median(sent),
        "the plain loop": statistics.median(reference),
    }
    print(f"{count} pictures of {network.dimension} numbers; the kept index is read in {reading:.2f} s")
    print(", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in middle.items()), end="")
    print(f" (bar {1000 * BAR:.0f} ms a question)")
    times = 1 / measuring.ratio(ours, reference)
    print(f"ratio: {times:.1f} times the plain loop")
    measuring.record(
        "the search page's answer",
        scale=f"{count} pictures of {network.dimension} numbers",
        ours_s=min(ours),
        reference="a product a picture and a sort",
        reference_s=min(reference),
        times_faster=times,
        bar="under 200 ms",
        extra_mb=None,
        told=", ".join(f"{name} {1000 * middle[name]:.0f} ms" for name in ("re-ranked", "a picture sent")),
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pictures", type=int, default=10_000, help="in the folder")
    arguments.add_argument("--repeats", type=int, default=9, help="questions of each kind, in turn")
    arguments.add_argument("--model", type=Path, help="a model folder (default: the network that ships)")
    given = arguments.parse_args()
    main(given.pictures, given.repeats, given.model)
