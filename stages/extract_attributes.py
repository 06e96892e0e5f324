"""Market-1501 attributes to labels and class weights of 12 heads, and a train/validation split that has every attribute
value in both parts.

Decision: labels are per person; class weights count images, because the loss is computed over images.
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from sanreid import runtime
from sanreid.bounds import Seed, Within
from sanreid.data import attribute_labels, attributes, index
from sanreid.params import Section, run


class Params(Section):
    """Section `extract_attributes`."""

    file: Annotated[str, Field(pattern=r"^[^/].*\.(mat|csv)$", max_length=200)]
    train_ratio: Within
    seed: Seed


def main(raw: Path, market: Path, out: Path, p: Params) -> None:
    """Read `raw`/`p.file` and the extracted `market`; write `out`/{labels.parquet, weights.json, summary.json}."""
    table = index.read(market)
    source = raw / p.file
    labels, report = attributes.label(attributes.people(source), table, p.train_ratio, p.seed, source)
    images_of = table["pid"].value_counts()
    for what, people in report.items():
        if people:
            runtime.log.warning("%s: %d %s, the first is %d", source, len(people), what.replace("_", " "), people[0])
    with runtime.atomic_folder(out) as work:
        labels.to_parquet(work / attribute_labels.LABELS, index=False, write_page_checksum=True)
        runtime.write_json(work / attribute_labels.WEIGHTS, attributes.class_weights(labels, images_of))
        runtime.write_json(work / "summary.json", summarise(labels, images_of) | report)
    runtime.log.info("%s: %d people with %d heads", out, len(labels), len(attributes.HEADS))


def summarise(labels: pd.DataFrame, images_of: pd.Series) -> dict[str, Any]:
    """People and images by split, and the people who carry each value of each head."""
    splits = {
        split: {"people": len(rows), "images": int(rows["pid"].map(images_of).sum())}
        for split, rows in labels.groupby("split", sort=False)
    }
    carried = {
        head: {name: int((labels[head] == value).sum()) for value, name in enumerate(classes)}
        for head, classes in attributes.HEADS.items()
    }
    return {"people": len(labels), "splits": splits, "people_with": carried}


if __name__ == "__main__":
    run(main)
