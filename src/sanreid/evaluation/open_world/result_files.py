"""The result files of an open-world evaluation: one folder for each kind of features, metrics.json beside them.

A folder holds runs.csv (every rule, link, remedy, size and order), summary.csv (over the orders), calibration.json,
distances.npz (<link>/inside, <link>/between: at most SAMPLES of each sequence, evenly spaced), stream.parquet (path,
class and found group of each image of the stream) and features.npy (theirs). The reports read these files alone.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid import faults, runtime
from sanreid.evaluation.open_world import protocol, thresholds

SAMPLES = 2000  # of a sequence of distances: more than a figure can show
TOLD = ("found", "right_count", "accuracy", "adjusted_rand", "mutual_information")


class Record(NamedTuple):
    """The contents of a result folder."""

    runs: pd.DataFrame
    summary: pd.DataFrame
    calibrated: dict[str, dict[str, float]]
    sequences: dict[str, thresholds.Sequences]
    stream: pd.DataFrame  # path, class, group
    features: NDArray[np.float32]


def save(folder: Path, result: protocol.Result, paths: list[str], find: protocol.Labelled) -> None:
    """Write `folder`; `paths` are the images of the stream, as the set's table names them."""
    folder.mkdir(parents=True)
    result.runs.to_csv(folder / "runs.csv", index=False)
    protocol.summarise(result.runs).to_csv(folder / "summary.csv", index=False)
    runtime.write_json(folder / "calibration.json", result.calibrated)
    thinned = {
        f"{link}/{name}": values[np.linspace(0, len(values) - 1, min(SAMPLES, len(values))).round().astype(int)]
        for link, sequences in result.sequences.items()
        for name, values in sequences._asdict().items()
    }
    np.savez(folder / "distances.npz", **thinned)
    stream = pd.DataFrame({"path": paths, "class": find.classes, "group": result.groups})
    stream.to_parquet(folder / "stream.parquet", index=False)
    np.save(folder / "features.npy", np.asarray(find.features, np.float32))


def load(folder: Path) -> Record:
    """Read what `save` wrote; FileNotFoundError or ValueError names a missing or damaged file."""
    if not (folder / "summary.csv").is_file():
        raise FileNotFoundError(f"{folder / 'summary.csv'}: not found; `dvc repro report_open_world` makes it")
    with faults.about(folder):
        with np.load(folder / "distances.npz") as saved:
            links = dict.fromkeys(name.split("/")[0] for name in saved.files)
            parts = {link: thresholds.Sequences(saved[f"{link}/inside"], saved[f"{link}/between"]) for link in links}
        return Record(
            pd.read_csv(folder / "runs.csv"),
            pd.read_csv(folder / "summary.csv"),
            runtime.read_json(folder / "calibration.json"),
            parts,
            pd.read_parquet(folder / "stream.parquet"),
            np.load(folder / "features.npy"),
        )


def headline(runs: pd.DataFrame, shown: protocol.Shown) -> dict[str, dict[str, float]]:
    """Of the rule shown, after the last remedy: means over the orders, TOLD by size."""
    summary = protocol.summarise(runs)
    chosen = (summary["rule"] == shown.rule) & (summary["link"] == shown.link)
    rows = summary[chosen & (summary["remedy"] == protocol.REMEDIES[-1])]
    return {
        f"{line['size']}_images": {"classes": line["classes"], **{name: line[name] for name in TOLD}}
        for line in rows.to_dict("records")
    }


def line(told: dict[str, dict[str, float]]) -> str:
    """A headline in words: of each size the groups found and the accuracy."""
    return "; ".join(
        f"{size.removesuffix('_images')} images: {values['found']:.1f} groups for {values['classes']:.1f} classes, "
        f"accuracy {100 * values['accuracy']:.1f} %"
        for size, values in told.items()
    )
