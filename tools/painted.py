"""A picture of the textures that several networks predict for people in photographs, one row per person.

    python -m tools.painted FOLDER --models models/san_pg/texture OTHER --out reports/photographs/painted.jpg

Decisions: people are chosen evenly over the pids, one query picture each, so that all runs show the same ones. For each
network there is its texture, and, if it has the body model's layout, the body with that texture from the front and the
back. The pictures show real people, so the output must be in a folder that git ignores. No stage runs this.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sanreid import faults, runtime
from sanreid.data import images
from sanreid.data import photographs as reader
from sanreid.search.textures import Painter
from sanreid.synthesis import turned

CELL, GAP, HEAD = 176, 8, 28  # px: a row's height, the space between, the heads' line


def sheet(folder: Path, models: Sequence[Path], people: int) -> Image.Image:
    """The sheet of `people` photographs of `folder`. Raises FileNotFoundError or ValueError naming what is amiss."""
    rows = reader.read(folder)
    queries = rows[rows["split"] == "query"].drop_duplicates("pid").sort_values("pid")
    chosen = queries.iloc[np.unique(np.linspace(0, len(queries) - 1, min(people, len(queries))).round().astype(int))]
    paths = [folder / path for path in chosen["path"]]
    columns: list[tuple[str, list[Image.Image]]] = [("photograph", [cell(images.read_rgb(path)) for path in paths])]
    for model in models:
        painter = Painter(model, runtime.device())
        painted = painter.paint(paths)
        columns.append((model.as_posix(), [cell(one) for one in painted]))
        if painter.wearable:
            worn = [turned.turned(one, CELL) for one in painted]
            columns += [(side, [cell(sides[side]) for sides in worn]) for side in ("front", "back")]
    widths = [max(picture.width for picture in pictures) for _, pictures in columns]
    out = Image.new("RGB", (sum(widths) + GAP * (len(widths) + 1), HEAD + (CELL + GAP) * len(paths)), "white")
    draw, x = ImageDraw.Draw(out), GAP
    for (title, pictures), width in zip(columns, widths, strict=True):
        draw.text((x, 8), shortened(title, width), fill=(26, 34, 48))
        for at, picture in enumerate(pictures):
            out.paste(picture, (x, HEAD + at * (CELL + GAP)))
        x += width + GAP
    return out


def cell(picture: np.ndarray) -> Image.Image:
    """A picture (H, W, 3) uint8 of a row's height."""
    image = Image.fromarray(picture)
    return image.resize((max(1, round(image.width * CELL / image.height)), CELL), Image.Resampling.LANCZOS)


def shortened(words: str, width: int) -> str:
    """The end of `words` that about `width` px hold."""
    letters = max(4, width // 6)
    return words if len(words) <= letters else f"...{words[3 - letters :]}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; what goes wrong ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs: index.csv, Market-1501's layout, or PKU-Reid's")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="folders that paint textures")
    parser.add_argument("--people", type=int, default=8, help="how many people")
    parser.add_argument("--out", type=Path, default=Path("reports/photographs/painted.jpg"), help="the JPEG")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("painted"):
        if given.people < 1:
            raise ValueError(f"--people {given.people}: at least 1")
        made = sheet(given.folder, given.models, given.people)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        with runtime.atomic_file(given.out) as work:
            made.save(work, "JPEG", quality=88)
        runtime.log.info("%s", given.out)


if __name__ == "__main__":
    main()
