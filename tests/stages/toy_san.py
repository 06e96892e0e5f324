"""People of two colours: a texture has one above and one below, and a picture shows them so on a grey ground."""

import json
from pathlib import Path

import numpy as np

from sanreid.data import images, index
from sanreid.models.san import Architecture
from sanreid.params import validate

SIDE, HEIGHT, WIDTH = 32, 32, 16
TARGETS = {"texture": "textures", "frontal": "frontal"}

ARCHITECTURE = {
    "backbone": "resnet18",
    "width": 4,
    "last_stride": 1,
    "fc": 8,
    "height": HEIGHT,
    "width_px": WIDTH,
    "texture": SIDE,
    "decoder_channels": [8, 8, 8, 4, 4],
    "decoder_upsamples": 4,
    "pretrained": "none",
}
OPTIMISER = {
    "name": "adam",
    "lr": 0.005,
    "weight_decay": 0.0,
    "betas": [0.9, 0.999],
    "schedule": "cosine",
    "milestones": [],
    "warm_up": {"kind": "none", "epochs": 0, "start": 0.1, "factor": 1.0},
}
AUGMENT = {
    "crop_probability": 0.5,
    "enlargement": 1.125,
    "flip": "mirrored",
    "flip_probability": 0.5,
    "erase_probability": 0.0,
    "erase_area": [0.02, 0.4],
    "photometric": None,
}
COMPUTE = {"precision": "float32", "channels_last": False, "compile": False, "deterministic": True}


def architecture(**changes) -> Architecture:
    return validate({**ARCHITECTURE, **changes}, Architecture, "san")


def colours(person: int) -> np.ndarray:
    """The colours above and below, (2, 3) uint8."""
    return np.random.default_rng(person).integers(0, 256, (2, 3)).astype(np.uint8)


def texture(person: int) -> np.ndarray:
    return np.repeat(np.repeat(colours(person)[:, None], SIDE // 2, 0), SIDE, 1)


def frontal(person: int) -> np.ndarray:
    """A picture that faces the camera: on grey, with a light left hand, so that it has a left and a right."""
    result = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for half in (0, 1):
        result[half * HEIGHT // 2 : (half + 1) * HEIGHT // 2, 3:13] = colours(person)[half]
    result[14:18, 3:5] = 250
    return result


def picture(person: int, draw: int) -> np.ndarray:
    random = np.random.default_rng([person, draw])
    result = np.full((HEIGHT, WIDTH, 3), random.integers(100, 150), np.uint8)
    left = random.integers(2, 5)
    for half in (0, 1):
        result[half * HEIGHT // 2 : (half + 1) * HEIGHT // 2, left : left + 10] = colours(person)[half]
    return result


def mirror_map() -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.stack([rows, SIDE - 1 - columns], 2).astype(np.int16)


def write_pit(folder: Path, people: int = 12, validation: int = 2, each: int = 2, mirror: bool = True) -> Path:
    """A paired table as pair_pit writes it."""
    for name in ("images", "textures", "frontal", "visibility"):
        (folder / name).mkdir(parents=True)
    rows = []
    for person in range(people):
        images.write_rgb(folder / f"textures/{person:03d}.png", texture(person))
        images.write_rgb(folder / f"frontal/{person:03d}.png", frontal(person))
        for k in range(each):
            name = f"{person:03d}_{k}.png"
            images.write_rgb(folder / "images" / name, picture(person, k))
            seen = np.zeros((SIDE, SIDE), np.uint8)
            seen[:, SIDE // 2 :] = 255
            images.write_rgb(folder / "visibility" / name, seen)
            split = "validation" if person >= people - validation else "train"
            files = {kind: f"{folder_of}/{person:03d}.png" for kind, folder_of in TARGETS.items()}
            files["visibility"] = f"visibility/{name}"
            rows.append({"path": f"images/{name}", "pid": person, "camid": None, "split": split, **files})
    index.write(index.build(rows), folder)
    if mirror:
        np.save(folder / "uv_mirror.npy", mirror_map())
        images.write_rgb(folder / "coverage.png", np.full((SIDE, SIDE), 255, np.uint8))
    return folder


def write_people(folder: Path, train: int = 6, test: int = 2, each: int = 4) -> Path:
    """A re-ID set in two cameras; file names repeat in train, query and gallery."""
    rows = []
    for person in range(100, 100 + train + test):
        for k in range(each):
            split = "train" if person < 100 + train else "query" if k == 0 else "gallery"
            name = f"images/{split}/{person if split == 'train' else person - train}_{k}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / name, picture(person, k))
            rows.append({"path": name, "pid": person, "camid": 1 + k % 2, "split": split})
    index.write(index.build(rows), folder)
    return folder


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())
