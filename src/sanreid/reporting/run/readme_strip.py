"""The README's picture strip: crops of one person from several cameras, the textures, and a ranked list.

Decisions: drawn from the same files as the page. A person whose first gallery picture is right *and* one whose is
wrong would both be honest; the strip shows a drawn person, whatever comes of it, since the ranked list is the
evaluation's own picture.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sanreid.data import index
from sanreid.pseudo_textures import texture_table
from sanreid.reporting.run.dataset_samples import Look
from sanreid.reporting.run.grid_rows import rows
from sanreid.reporting.run.page_contents import Run
from sanreid.reporting.shared.pictures import across_cameras, draw, load
from sanreid.reporting.shared.results import Results

HEIGHT, GAP, HEAD, ARROW = 208, 6, 30, 44  # px: pictures of the upper row, space between, line of words, arrow
BETWEEN = 24  # px between the rows, so that the lower one's heading is not read as the upper one's caption
PAPER, INK = (255, 255, 255), (60, 70, 85)


def compose(images: Path, textures: Path, ranked: Path | None, look: Look) -> Image.Image:
    """Raw crops -> pseudo texture -> true texture (where there is one), above the first row of a ranked list."""
    table = index.read(images)
    held_out = table[table["split"].isin(["query", "gallery"])]
    chosen = held_out if len(held_out) else table
    several = chosen.groupby("pid")["camid"].nunique()
    pid = draw(several.index[several == several.max()].tolist(), 1, look.seed, "strip")[0]
    crops = across_cameras(chosen[chosen["pid"] == pid], 5)
    cameras = ", several cameras" if crops["camid"].nunique() > 1 else ""
    made = texture_table.find(textures, [crops["path"].iloc[0]])[0]
    panels = {
        f"one person{cameras}": [load(images / p) for p in crops["path"]],
        "pseudo texture of the first": [load(textures / made)],
    }
    truth = images / "truth" / "textures" / f"{pid}.png"
    if truth.is_file():
        panels["true texture"] = [load(truth)]
    top = _row(panels)
    if ranked is None or not ranked.is_file():
        return top
    sheet = load(ranked)
    return _stack(top, (rows(sheet, least=HEIGHT // 2) or [sheet])[0])


def from_run(run: Run, results: list[Results], look: Look) -> Image.Image:
    """The strip of the experiment's first set; the ranked list is the best variant's, of its first seed."""
    name = run.experiment.sets[0]
    best = next((r.best() for r in results if r.set == name), None)
    ranked = run.evaluations / name / best.name / f"seed{run.experiment.seeds[0]}" / "ranked.jpg" if best else None
    return compose(run.images(name), run.textures / name / "texture", ranked, look)


def _row(panels: dict[str, list[Image.Image]]) -> Image.Image:
    """Steps (title -> pictures side by side) from left to right with an arrow between, each under its title."""
    scaled = [[_to_height(picture) for picture in pictures] for pictures in panels.values()]
    width = sum(p.width + GAP for pictures in scaled for p in pictures) + (ARROW - GAP) * (len(panels) - 1) + GAP
    sheet = Image.new("RGB", (width, HEIGHT + HEAD + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    x, middle = GAP, HEAD + HEIGHT // 2
    for i, (title, pictures) in enumerate(zip(panels, scaled, strict=True)):
        if i:
            pen.line((x + 2, middle, x + ARROW - 18, middle), INK, 2)
            pen.polygon([(x + ARROW - 20, middle - 5), (x + ARROW - 12, middle), (x + ARROW - 20, middle + 5)], INK)
            x += ARROW - GAP
        pen.text((x, 6), title, INK, font)
        for picture in pictures:
            sheet.paste(picture, (x, HEAD))
            x += picture.width + GAP
    return sheet


def _to_height(image: Image.Image) -> Image.Image:
    return image.resize((max(1, round(image.width * HEIGHT / image.height)), HEIGHT), Image.Resampling.LANCZOS)


def _stack(top: Image.Image, below: Image.Image) -> Image.Image:
    """One above the other, each in the width of the wider one."""
    width = max(top.width, below.width)
    parts = [p.resize((width, round(p.height * width / p.width)), Image.Resampling.LANCZOS) for p in (top, below)]
    sheet = Image.new("RGB", (width, sum(p.height for p in parts) + BETWEEN), PAPER)
    sheet.paste(parts[0], (0, 0))
    sheet.paste(parts[1], (0, parts[0].height + BETWEEN))
    return sheet
