"""A run's folders, as its stages leave them, with made-up pictures and numbers: what the page is tested on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from sanreid.data import index
from sanreid.data.attributes import HEADS
from sanreid.pseudo_textures import texture_table
from sanreid.reporting.shared.results import Experiment

Painter = Callable[[int, str, int], Image.Image]  # (person, what: "image" | "texture" | "frontal", number) -> picture
RANK1 = {"baseline": (0.702, 0.744), "baseline_syn": (0.848, 0.871), "san": (0.887, 0.902)}
# A whole table of ablations over five seeds; san - baseline_syn is a gain, san_syn - baseline_syn none, san_tr a loss.
TABLE1 = {
    "baseline": (0.702, 0.744, 0.718, 0.731, 0.709),
    "baseline_syn": (0.848, 0.871, 0.859, 0.843, 0.862),
    "san_basic": (0.741, 0.752, 0.744, 0.771, 0.733),
    "san_tr": (0.691, 0.722, 0.702, 0.709, 0.690),
    "san_syn": (0.853, 0.861, 0.868, 0.851, 0.850),
    "san": (0.887, 0.902, 0.881, 0.879, 0.894),
}
PAINTS = {"san_basic": 0.171, "san_tr": 0.168, "san_syn": 0.149, "san": 0.143}  # L1 of the textures they decode
FLOOR = {"random": 0.012, "untrained": 0.061, "stripes": 0.174, "stripes_centred": 0.402}
SET = "cuhk03_labeled"
EXPERIMENT = Experiment([SET], list(RANK1), [0, 1])
PAIRS = [("san", "baseline_syn"), ("san_syn", "baseline_syn"), ("san_tr", "baseline"), ("san_basic", "baseline")]
PUBLISHED = {SET: {"san": (80.1, 76.4), "san_tr": (78.9, 74.9)}, "market1501": {"san": (96.1, 88.0)}}
PARAMS = """\
# Where the raw data lie.
raw:
  pit: raw/pit  # folder with images/ and GT_texture/
experiment:
  sets: [cuhk03_labeled]
tables:
  table1:
    title: "Table 1: what each part brings"
    variants: [baseline, baseline_syn, san_basic, san_tr, san_syn, san]
    generators: [texture]
    set: []
    labels: {baseline: Baseline, san_tr: SAN w/ L_TR, san: SAN}
# Training; rates are per step.
train_san:
  epochs: 12  # passes over the training people <published: 300>
"""
PIPELINE = """\
stages:
  pair_pit: {desc: Pair, cmd: x, deps: ["${raw.pit}"], outs: [data/interim/pit]}
  train_san_pg: {desc: Train the generator, cmd: x, deps: [data/interim/pit], outs: [models/san_pg]}
  report: {cmd: x, deps: [models/san_pg], outs: [reports/index.html]}
"""


def colours(person: int, what: str, number: int) -> Image.Image:
    """A tiny picture whose colour tells the person."""
    size = (16, 32) if what != "texture" else (32, 32)
    return Image.new(
        "RGB", size, ((person * 53) % 256, (number * 31) % 256, {"image": 40, "texture": 120}.get(what, 200))
    )


def build(
    root: Path,
    people: int = 6,
    paint: Painter = colours,
    seeds: tuple[int, ...] = (0, 1),
    rank1: Mapping[str, tuple[float, ...]] = RANK1,
) -> Path:
    """Write everything that the stage `report` reads below `root`; `rank1` gives variant -> a value a seed."""
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.yaml").write_text(PIPELINE)
    interim = root / "data" / "interim"
    _pit(interim / "pit", people, paint)
    for boxes in ("labeled", "detected"):
        _reid(interim / f"cuhk03_{boxes}", people, 2, paint, boxes == "labeled")
    _reid(interim / "market1501", people, 4, paint, False)
    _attributes(interim / "market1501_attributes", people)
    _digits(interim / "mnist")
    _textures(root / "data" / "textures" / SET / "texture", interim / SET, paint)
    _models(root / "models", seeds, paint, list(rank1))
    _evaluations(root / "reports", seeds, paint, rank1)
    return root


def cross(root: Path, experiment: Experiment, test: str, lost: float = 0.4) -> None:
    """What evaluate_cross leaves: every run of the experiment on another set, `lost` below its rank-1."""
    for name in experiment.sets:
        for runs in experiment.runs(root / "reports/san", name).values():
            for path in runs.values():
                measured = json.loads((path / "metrics.json").read_text())
                out = root / "reports/cross" / name / test / path.parent.name / path.name
                out.mkdir(parents=True)
                (out / "metrics.json").write_text(json.dumps(measures(measured["rank1"] - lost)))


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def _mask(person: int) -> Image.Image:
    pixels = np.zeros((32, 32), np.uint8)
    pixels[:, (person % 3) * 8 : (person % 3) * 8 + 16] = 255
    return Image.fromarray(pixels)


def _pit(folder: Path, people: int, paint: Painter) -> None:
    rows = []
    for person in range(people):
        texture, frontal = f"textures/{person:05d}.png", f"frontal/{person:05d}.png"
        save(paint(person, "texture", 0), folder / texture)
        save(paint(person, "frontal", 0), folder / frontal)
        for k in range(4):
            name, seen = f"images/{4 * person + k:05d}.jpg", f"visibility/{4 * person + k:05d}.png"
            save(paint(person, "image", k), folder / name)
            save(_mask(k), folder / seen)
            row = {"path": name, "pid": person, "camid": None, "split": "train"}
            rows.append(row | {"texture": texture, "frontal": frontal, "visibility": seen})
    index.write(index.build(rows), folder)


def _reid(folder: Path, people: int, cameras: int, paint: Painter, truth: bool) -> None:
    rows = []
    for person in range(1, people + 1):
        for camera in range(1, cameras + 1):
            for k in range(2):
                split = "train" if person <= people // 2 else ("query" if k == 0 else "gallery")
                name = f"images/{split}/1_{person:03d}_{camera}_{k:02d}.png"
                save(paint(person - 1, "image", 2 * camera + k), folder / name)
                rows.append({"path": name, "pid": person, "camid": camera, "split": split})
                if truth:
                    save(_mask(k), folder / "truth" / "visibility" / (Path(name).stem + ".png"))
        if truth:
            save(paint(person - 1, "texture", 0), folder / "truth" / "textures" / f"{person}.png")
    (folder / "truth").mkdir(exist_ok=True)
    index.write(index.build(rows), folder)


def _attributes(folder: Path, people: int) -> None:
    rows = [
        {"pid": pid, "split": "train"} | {head: pid % len(names) for head, names in HEADS.items()}
        for pid in range(1, people // 2 + 1)
    ]
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "labels.parquet", index=False)


def _digits(folder: Path) -> None:
    rows = []
    for digit in range(10):
        for k in range(3):
            name = f"images/train/{digit}/{k:05d}.png"
            save(Image.new("L", (28, 28), 25 * digit), folder / name)
            rows.append({"path": name, "pid": digit, "camid": None, "split": "train"})
    index.write(index.build(rows), folder)


def _textures(folder: Path, images: Path, paint: Painter) -> None:
    table = index.read(images)
    names = texture_table.names(table["path"].tolist())
    for name, pid in zip(names, table["pid"], strict=True):
        texture = paint(int(pid) - 1, "texture", 0)
        save(texture.resize((12, 12)).resize(texture.size), folder / name)
    texture_table.write(table["path"].tolist(), names, folder)


def _models(folder: Path, seeds: tuple[int, ...], paint: Painter, variants: list[str]) -> None:
    def history(path: Path, terms: dict[str, tuple[float, float]], seed: int) -> None:
        draw = np.random.default_rng(seed)
        steps = np.arange(1, 41)
        columns = {"epoch": (steps - 1) // 4 + 1, "step": steps, "lr": 1e-3}
        for term, (first, last) in terms.items():
            columns[term] = last + (first - last) * np.exp(-steps / 9) + draw.normal(0, 0.02 * first, len(steps))
        table = pd.DataFrame(columns)
        table["held_out_l1"] = np.where(steps % 4 == 0, 0.3 * np.exp(-steps / 20), np.nan)
        path.mkdir(parents=True)
        table.to_csv(path / "history.csv", index=False)

    history(folder / "san_pg", {"reconstruction": (0.5, 0.15)}, 9)
    side = paint(0, "texture", 0).height
    sheet = Image.new("RGB", (side // 2 + 2 * side + 16, 4 + 5 * (side + 4)), (128, 128, 128))
    for row in range(5):
        texture = paint(row, "texture", 0)
        for picture, x in ((paint(row, "image", 1), 4), (texture, 8 + side // 2), (texture, 12 + side // 2 + side)):
            sheet.paste(picture, (x, 4 + row * (side + 4)))
    save(sheet, folder / "san_pg" / "reconstructions.jpg")
    for number, variant in enumerate(variants):
        terms = {"id": (5.1, 1.2 - 0.2 * number), "triplet": (0.6, 0.1)}
        if variant == "san":
            terms |= {"reconstruction": (0.3, 0.14), "texture_triplet": (0.32, 0.27)}
        settings = {"initialise": "scratch" if variant == "baseline" else "both"}
        settings |= {"weights": {"id": 1.0, "triplet": 1.0, "reconstruction": float(variant == "san")}}
        for seed in seeds:
            path = folder / "san" / SET / variant / f"seed{seed}"
            history(path, terms, 10 * number + seed)
            (path / "params.json").write_text(json.dumps({"variant": variant, "settings": settings}))


def measures(rank1: float) -> dict[str, float]:
    """A metrics.json that belongs to a rank-1."""
    return {
        "rank1": rank1,
        "rank5": 1 - (1 - rank1) * 0.5,
        "rank10": 1 - (1 - rank1) * 0.3,
        "mAP": rank1 * 0.87,
        "mINP": rank1 * 0.6,
    }


def _evaluations(
    folder: Path, seeds: tuple[int, ...], paint: Painter, reached: Mapping[str, tuple[float, ...]]
) -> None:
    ranks = np.arange(1, 51)

    def curve(rank1: float) -> np.ndarray:
        return 1 - (1 - rank1) * np.exp(-(ranks - 1) / 6)

    painted = PAINTS if reached is not RANK1 else {}
    for variant, values in reached.items():
        for seed in seeds:
            path = folder / "san" / SET / variant / f"seed{seed}"
            path.mkdir(parents=True)
            own = painted.get(variant)
            textures = own and {"l1": own + 0.001 * seed, "l1_visible": own + 0.01, "l1_hidden": own - 0.01}
            extra = {"queries": 120, "textures": textures}
            (path / "metrics.json").write_text(json.dumps(measures(values[seed]) | extra))
            pd.DataFrame({"rank": ranks, "cmc": curve(values[seed])}).to_csv(path / "cmc.csv", index=False)
            for sheet in ("ranked.jpg", "looks.jpg", "failures.jpg"):
                save(_ranked(paint), path / sheet)
            query = {"path": "images/query/a.png", "pid": 5, "camid": None, "average_precision": 0.0312}
            query |= {"first_match": 17, "brightness": 0.21, "visible": None}
            query["why"] = "it is darker than 97 % of the queries (brightness 21 %, usually 40 %)"
            told = {"median": {"brightness": 0.4, "visible": 0.33}, "queries": [query]}
            told["summary"] = "In the worst tenth of the queries there is more often than chance explains: dark, 40 %."
            (path / "failures.json").write_text(json.dumps(told))
    floor = folder / "floor" / SET
    floor.mkdir(parents=True)
    (floor / "metrics.json").write_text(json.dumps({name: measures(value) for name, value in FLOOR.items()}))
    columns = {name: curve(value) for name, value in FLOOR.items()}
    pd.DataFrame({"rank": ranks} | columns).to_csv(floor / "cmc.csv", index=False)
    scores = {f"{s}{part}": 0.15 for s in ("l1", "psnr", "ssim") for part in ("", "_visible", "_hidden")}
    texture = folder / "textures" / SET
    texture.mkdir(parents=True)
    worse = dict.fromkeys(scores, 0.25)
    (texture / "metrics.json").write_text(json.dumps({"available": True} | scores | {"mean_texture": worse}))


def _ranked(paint: Painter) -> Image.Image:
    first = paint(0, "image", 0)
    w, h = first.size
    sheet = Image.new("RGB", (11 * (w + 8) + 8, 4 * (h + 8) + 8), "white")
    for row in range(4):
        for column in range(11):
            sheet.paste(paint(row + (column % 3 == 2), "image", column % 8), (8 + column * (w + 8), 8 + row * (h + 8)))
    return sheet
