"""Pseudo textures against the true ones, if the set has them: L1, PSNR and SSIM, and a picture of samples.

Decisions: scores are means over images chosen by a seed, separately for texels that are visible in the picture and
hidden ones, which can only be guessed. The mean true texture of the training people is scored too: a constant that a
generator has to beat. A set without true textures gets the picture and `"available": false` with the reason, no error.
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from sanreid import runtime
from sanreid.bounds import InPicture, Seed, Some
from sanreid.data import images as pictures
from sanreid.data import index
from sanreid.evaluation import textures as scores
from sanreid.params import Section, run
from sanreid.pseudo_textures import texture_table
from sanreid.reporting.shared import image_grids


class Params(Section):
    """Section `evaluate_textures`."""

    seed: Seed
    images: Some
    samples: InPicture
    columns: Annotated[int, Field(ge=1, le=30)]


def main(images: Path, textures: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json and samples.jpg for the folder `textures` of the set `images`."""
    table = index.read(images)
    table["texture"] = texture_table.find(textures, table["path"].tolist())
    rows = table.iloc[runtime.rng(p.seed, "textures").permutation(len(table)).tolist()]
    truth = scores.TruthFolder(images / "truth")
    with runtime.atomic_folder(out) as work:
        metrics = measure(rows, textures, truth, p.images)
        runtime.write_json(work / "metrics.json", metrics)
        people = rows.drop_duplicates("pid").head(p.samples)
        triplets = [triplet(row, images, textures, truth) for row in people.to_dict("records")]
        pictures.write_rgb(work / "samples.jpg", image_grids.texture_triplets(triplets, p.columns))
    if metrics["available"]:
        runtime.log.info("%s: L1 %.3f, mean texture %.3f", out, metrics["l1"], metrics["mean_texture"]["l1"])
    else:
        runtime.log.info("%s: not available, %s", out, metrics["reason"])


def measure(rows: pd.DataFrame, textures: Path, truth: scores.TruthFolder, count: int) -> dict[str, Any]:
    """Mean scores of the first `count` rows that have a true texture, and of the mean texture on the same images."""
    if reason := truth.missing():
        return {"available": False, "reason": reason}
    known = rows[rows["pid"].map(truth.has)]
    train = known[known["split"] == "train"]
    constant = scores.mean_texture(
        truth.texture(pid) for pid in sorted((train if len(train) else known)["pid"].unique())
    )
    ours, reference = [], []
    for row in known.head(count).to_dict("records"):
        texture, true = pictures.read_rgb(textures / row["texture"]), truth.of(row["pid"], row["path"])
        ours.append(scores.compare(texture, true))
        reference.append(scores.compare(scores.resize(constant, len(texture)), true))
    measured = {"available": True, "images": len(ours), "without_truth": len(rows) - len(known)}
    return measured | scores.average(ours) | {"mean_texture": scores.average(reference)}


def triplet(row: dict[str, Any], images: Path, textures: Path, truth: scores.TruthFolder) -> image_grids.Triplet:
    """An image, its pseudo texture, and its person's true one where it is known."""
    return image_grids.Triplet(
        person=pictures.read_rgb(images / row["path"]),
        pseudo=pictures.read_rgb(textures / row["texture"]),
        true=truth.texture(row["pid"]) if truth.has(row["pid"]) else None,
        label=f"person {row['pid']}" + ("" if pd.isna(row["camid"]) else f", camera {row['camid']}"),
    )


if __name__ == "__main__":
    run(main)
