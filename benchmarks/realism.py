"""How rendered pictures differ from photographs: statistics side by side, and how easily a classifier tells them apart.

    python benchmarks/realism.py --rendered data/interim/pit data/interim/market1501 --photographs FOLDER

Each folder has an index.parquet (data/interim/<set>), an index.csv, or pictures whose names say person and camera. Up
to 800 pictures of each are drawn (--pictures, --seed). Printed, and written to reports/realism.json: a row a folder
(brightness, saturation, contrast, sharpness, background, spread of the cameras' colours), and for each rendered folder
the accuracy of a logistic regression, held out by person, on those numbers and on ImageNet's features (MobileNetV2,
where data/weights/mobilenet_v2.pth is there), chance being 50 %, with the kernel distance of the latter; that of two
halves of the photographs, by person, stands beside it: nothing rendered can be expected to be nearer.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sanreid import faults, runtime
from sanreid.data import photographs as reader
from sanreid.evaluation import features, imagenet, realism, trivial_baselines
from sanreid.models.backbones import WEIGHTS

OUT = Path("reports/realism.json")
BATCH = 64
HEAD = (
    "pictures | V, mean and sd | S | vivid | contrast | sharpness | background | cameras"
    " | told by statistics | told by ImageNet | kernel distance"
)


@dataclass(frozen=True)
class Set:
    """What was taken of a folder: each picture's statistics, person and ImageNet's features, and the set's summary."""

    described: NDArray[Any]
    people: NDArray[Any]
    deep: NDArray[np.float32] | None
    summary: dict[str, Any]


def take(folder: Path, pictures: int, seed: int, weights: Path) -> Set:
    """Draw up to `pictures` of a folder and measure them; errors as `photographs.everything` and `images.read_rgb`."""
    rows = reader.everything(folder)
    drawn = np.sort(runtime.rng(seed, "realism").permutation(len(rows))[:pictures])
    rows = rows.iloc[drawn].reset_index(drop=True)
    store = realism.load(folder, rows["path"].tolist())
    table, deep = realism.statistics(store), None
    if weights.is_file():
        seen = torch.from_numpy(store).permute(0, 3, 1, 2)
        deep = features.extract(imagenet.mobilenet(weights), seen, BATCH, read=lambda pooled: pooled)
    cameras = trivial_baselines.cameras(rows) if rows["camid"].notna().all() else None
    return Set(realism.described(table), rows["pid"].to_numpy(), deep, realism.summary(table, cameras))


def compare(rendered: Set, photographs: Set, seed: int) -> dict[str, Any]:
    """How well the two are told apart: by `statistics`, by `imagenet`, and the `kernel_distance`."""
    people = rendered.people, photographs.people
    found: dict[str, Any] = {
        "statistics": realism.told_apart(rendered.described, photographs.described, people, seed),
        "imagenet": None,
        "kernel_distance": None,
    }
    if rendered.deep is not None and photographs.deep is not None:
        found["imagenet"] = realism.told_apart(rendered.deep, photographs.deep, people, seed)
        found["kernel_distance"] = realism.kernel_distance(rendered.deep, photographs.deep)
    return found


def halves(photographs: Set, seed: int) -> float | None:
    """The kernel distance of two halves of the photographs that share nobody; None without ImageNet's features."""
    if photographs.deep is None:
        return None
    people = np.unique(photographs.people)
    first = runtime.rng(seed, "halves").permutation(people)[: len(people) // 2]
    mask = np.isin(photographs.people, first)
    return realism.kernel_distance(photographs.deep[mask], photographs.deep[~mask])


def line(name: str, row: dict[str, Any], told: dict[str, Any], distance: float | None) -> str:
    """A folder's line of the printed table."""
    cells = [
        f"{row['pictures']}",
        f"{row['value']:.2f}, {row['value_sd']:.2f}",
        f"{row['saturation']:.2f}",
        f"{100 * row['vivid']:.0f} %",
        f"{row['contrast']:.2f}",
        f"{row['sharpness']:,.0f}",
        f"{row['background']:.0f}",
        "" if row["cameras"] is None else f"{row['cameras']:.0f}",
        *("" if not told.get(k) else f"{100 * told[k]['accuracy']:.1f} %" for k in ("statistics", "imagenet")),
        "" if distance is None else f"{distance:.3f}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rendered", type=Path, nargs="+", required=True, help="folders of rendered pictures")
    parser.add_argument("--photographs", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--pictures", type=int, default=800, help="drawn of each folder at most")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and the folds")
    parser.add_argument("--out", type=Path, default=OUT, help="the JSON file")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("realism"):
        weights = WEIGHTS / f"{imagenet.NAME}.pth"
        if not weights.is_file():
            runtime.log.warning("%s: not there, so ImageNet's features are left out", weights)
        sizes = given.pictures, given.seed, weights
        photographs = take(given.photographs, *sizes)
        apart = halves(photographs, given.seed)
        photographed = photographs.summary | {"folder": str(given.photographs), "kernel_distance_of_halves": apart}
        record: dict[str, Any] = {"photographs": photographed, "rendered": {}}
        lines = [f"| | {HEAD} |", "| --- |" + " ---: |" * 11]
        lines.append(line(f"photographs: {given.photographs}", photographs.summary, {}, apart))
        for folder in given.rendered:
            rendered = take(folder, *sizes)
            told = compare(rendered, photographs, given.seed)
            record["rendered"][str(folder)] = rendered.summary | told
            lines.append(line(str(folder), rendered.summary, told, told["kernel_distance"]))
        runtime.write_json(given.out, record)
        print("\n".join(lines))


if __name__ == "__main__":
    main()
