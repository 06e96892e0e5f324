"""Procedural scenes behind people: ground and wall in perspective, street furniture, passers-by, shadows.

Decisions: a scene is drawn once a camera with the camera's own height, so a person put at any row of the ground has the
size that perspective gives. The families differ: "reid" is a campus and street seen from above (asphalt, paving,
brick, glass), "pit" is mostly indoors and courts (tiles, wood, plaster, pictures on walls). Few grounds are green,
since green clothes must stand out. No picture is downloaded.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from sanreid.synthesis import canvas, props
from sanreid.synthesis.wardrobe import pick

HEIGHT, WIDTH = 480, 960  # pixels of a scene
FOCAL = 620.0  # pixels
TALL = 1.7  # metres, the person that sizes refer to
TILE = 512  # pixels of the repeating noise, 8 m of ground
STREET = {"asphalt": 0.4, "paving": 0.37, "concrete": 0.2, "grass": 0.03}
INDOORS = {"tiles": 0.45, "wood": 0.25, "concrete": 0.15, "paving": 0.15}
STREET_WALLS = {"brick": 0.25, "windows": 0.3, "plaster": 0.2, "glass": 0.15, "fence": 0.1}
INDOOR_WALLS = {"panels": 0.5, "plaster": 0.3, "glass": 0.2}
STREET_PROPS = {
    "pole": 1.0,
    "railing": 0.8,
    "bicycle": 1.2,
    "car": 0.9,
    "bush": 0.5,
    "bin": 0.7,
    "bollard": 0.8,
    "sign": 0.5,
    "passer_by": 1.5,
}
INDOOR_PROPS = {"bin": 0.6, "pole": 0.8, "bush": 0.3, "sign": 0.4, "passer_by": 0.8}


@dataclass(frozen=True)
class Backdrop:
    """A scene without its main person."""

    picture: np.ndarray  # (H, W, 3) uint8 RGB
    horizon: float | None  # row, may be negative; None: unknown, as in a user's picture
    camera_height: float  # metres

    def cut(self, rng: np.random.Generator, size: tuple[int, int], person: float, feet: float) -> np.ndarray:
        """A cut (H, W, 3) float32 in [0, 1] behind a person `person` pixels tall with feet at row `feet`."""
        height, width = size
        rows, columns = self.picture.shape[:2]
        largest = 0.99 * min(rows / height, columns / width)
        if self.horizon is None:
            zoom = rng.uniform(0.6, 1.0) * largest
            top = rng.uniform(0, rows - height * zoom)
        else:
            foot_row = rng.uniform(0.5, 0.97) * rows
            zoom = min((foot_row - self.horizon) * TALL / self.camera_height / person, largest)
            top = float(np.clip(foot_row - feet * zoom, 0, rows - height * zoom))
        left = rng.uniform(0, max(columns - width * zoom, 1e-6))
        matrix = np.array([[zoom, 0, left], [0, zoom, top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(self.picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cut.astype(np.float32) / 255


def _colour(red: float, green: float, blue: float) -> np.ndarray:
    return np.array([red, green, blue], np.float32)


def _grey(rng: np.random.Generator, low: float, high: float, tint: float = 0.02) -> np.ndarray:
    """A greyish colour, warm or cold by `tint`."""
    return np.clip(rng.uniform(low, high) + rng.normal(0, tint) * np.array([1, 0.2, -1]), 0.03, 0.95).astype(np.float32)


def _noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """A tile (512, 512) of smooth unit noise that repeats without a seam."""
    coarse = np.pad(rng.standard_normal((cells, cells)).astype(np.float32), 2, mode="wrap")
    fine = cv2.resize(coarse, None, fx=TILE / cells, fy=TILE / cells, interpolation=cv2.INTER_CUBIC)
    edge = 2 * TILE // cells
    return fine[edge : edge + TILE, edge : edge + TILE]


def _wear(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Stains and grain at places (metres) of a surface, factor around 1."""
    tile = 0.05 * _noise(rng, 8) + 0.04 * _noise(rng, 32) + 0.04 * _noise(rng, 128)
    places = [np.mod(v * (TILE / 8), TILE - 1).astype(np.float32) for v in (x, y)]
    return 1 + cv2.remap(tile, places[0], places[1], cv2.INTER_LINEAR)


def _lines(place: np.ndarray, pitch: float, width: float, blur: np.ndarray | float) -> np.ndarray:
    """Cover of lines every `pitch` metres, `width` wide, faded where they are narrower than `blur` (metres a pixel)."""
    away = np.abs(np.mod(place / pitch + 0.5, 1) - 0.5) * pitch
    return np.clip((width / 2 - away) / np.maximum(blur, 1e-3) + 0.5, 0, 1) * np.clip(
        width / np.maximum(blur, 1e-3), 0, 1
    )


def _ground(rng: np.random.Generator, kind: str, x: np.ndarray, z: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3) of a ground at places x, z (metres); pixel: metres a pixel."""
    turn = rng.uniform(-0.6, 0.6)
    cosine, sine = math.cos(turn), math.sin(turn)
    a, b = x * cosine + z * sine, z * cosine - x * sine
    factor = _wear(rng, x, z)
    if kind == "grass":
        return _colour(0.30, 0.38, 0.2) * rng.uniform(0.7, 1.2) * (factor + 0.3 * (factor - 1))[..., None]
    if kind == "asphalt":
        colour = _grey(rng, 0.25, 0.5)[None, None] * factor[..., None]
        if rng.random() < 0.5:  # a marking
            stripe = _lines(a + rng.uniform(0, 8), float(rng.choice([1.0, 7.0])), rng.uniform(0.12, 0.45), pixel)
            colour = colour + (_colour(0.8, 0.8, 0.76) - colour) * (0.8 * stripe)[..., None]
        return colour
    if kind == "wood":
        colour = _colour(0.52, 0.37, 0.24) * rng.uniform(0.7, 1.3)
        boards = np.floor(a / 0.14)
        factor = factor * (1 + 0.1 * np.sin(boards * 12.9898) + 0.05 * np.sin(boards * 4.1 + b * 3))
        return (colour * (factor * (1 - 0.35 * _lines(a, 0.14, 0.008, pixel)))[..., None]).astype(np.float32)
    base = _grey(rng, 0.35, 0.72, 0.035)
    if kind == "concrete":
        return (
            base
            * (factor * (1 - 0.25 * _lines(a, 3.0, 0.03, pixel)) * (1 - 0.25 * _lines(b, 3.0, 0.03, pixel)))[..., None]
        )
    pitch = rng.uniform(0.3, 0.9) if kind == "tiles" else rng.uniform(0.25, 0.6)
    rows = np.floor(b / pitch)
    along = a + (0.5 * pitch * np.mod(rows, 2) if kind == "paving" else 0)
    slabs = np.sin(rows * 127.1 + np.floor(along / pitch) * 311.7) * 43758.5
    factor = factor * (1 + rng.uniform(0.02, 0.14) * (np.mod(slabs, 1) - 0.5))
    joints = np.maximum(_lines(b, pitch, 0.02, pixel), _lines(along, pitch, 0.02, pixel))
    return base * (factor * (1 - rng.uniform(0.15, 0.4) * joints))[..., None]


def _wall(rng: np.random.Generator, kind: str, x: np.ndarray, y: np.ndarray, pixel: float) -> np.ndarray:
    """Colours (h, w, 3) of a wall at places x along and y above the ground, metres."""
    factor = _wear(rng, x, y)
    base = _grey(rng, 0.3, 0.8, 0.05)
    if kind == "brick":
        base = _colour(0.5, 0.28, 0.2) * rng.uniform(0.7, 1.3) if rng.random() < 0.6 else base
        row = np.floor(y / 0.16)
        along = x + 0.2 * np.mod(row, 2)
        each = np.mod(np.sin(row * 127.1 + np.floor(along / 0.4) * 311.7) * 43758.5, 1) - 0.5
        joints = np.maximum(_lines(y, 0.16, 0.02, pixel), _lines(along, 0.4, 0.02, pixel))
        return base * (factor * (1 + 0.25 * each) * (1 - 0.3 * joints))[..., None]
    colour = base * factor[..., None]
    if kind == "plaster":
        skirting = np.clip((0.5 - y) / np.maximum(pixel, 0.01), 0, 1)[..., None]
        return colour + (base * rng.uniform(0.4, 0.8) - colour) * skirting
    if kind == "fence":
        bars = np.maximum(_lines(x, 0.16, 0.03, pixel), _lines(y, 1.8, 0.06, pixel))[..., None]
        behind = _colour(0.2, 0.28, 0.15) * rng.uniform(0.6, 1.4) * (factor + 1.5 * (factor - 1))[..., None]
        return behind + (_grey(rng, 0.1, 0.7) - behind) * bars
    pitch, wide = rng.uniform(1.6, 3.5), rng.uniform(0.45, 0.85)
    cell, inside = np.floor(x / pitch), np.mod(x / pitch, 1) < wide
    low, high = (0.1, 2.6) if kind == "glass" else (rng.uniform(0.8, 1.2), rng.uniform(1.8, 2.4))
    chance = np.mod(np.sin(cell * 91.7 + rng.uniform(0, 9)) * 4375.5, 1)
    if kind == "panels":  # pictures, doors and notice boards
        low, high = np.where(chance < 0.3, 0.0, 0.9), np.where(chance < 0.3, 2.05, 1.9)
        hue = np.stack([np.mod(chance * k, 1) for k in (7.3, 13.7, 23.1)], -1) * 0.6 + 0.15
        hue = 0.55 * hue + 0.45 * hue.mean(-1, keepdims=True)
    else:
        sheen = 0.12 + 0.35 * chance + 0.06 * np.sin(2 * x + 3 * y)
        hue = sheen[..., None] * _colour(0.85, 1.0, 1.1)
    pane = (inside & (y > low) & (y < high))[..., None]
    frame = 0.35 * _lines(x, pitch, 0.1, pixel)[..., None]
    return np.where(pane, hue * factor[..., None], colour) * (1 - frame)


def procedural(rng: np.random.Generator, family: str, camera_height: float) -> Backdrop:
    """Draw a scene of a family of cameras ("pit" or "reid") hanging `camera_height` metres above the ground."""
    street = family == "reid" or rng.random() < 0.25
    wall_distance = rng.uniform(7, 22) if street else rng.uniform(5, 12)
    foot = rng.uniform(0.05, 0.5) * HEIGHT  # row where the wall meets the ground
    horizon = foot - FOCAL * camera_height / wall_distance
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    split = int(foot)
    depth = (FOCAL * camera_height / np.maximum(rows[split:] - horizon, 8)).astype(np.float32)
    x = (columns[split:] - WIDTH / 2) * depth / FOCAL + 40
    pixel = depth / FOCAL * np.maximum(1, depth / camera_height / 3)  # seen at a slant, a pixel reaches further
    kinds = STREET if street else INDOORS
    ground = _ground(rng, pick(rng, kinds), x, depth, pixel)
    if street and rng.random() < 0.6:  # another surface further away, with a kerb
        border = rng.uniform(0.45, 0.9) * wall_distance
        ground = np.where((depth > border)[..., None], _ground(rng, pick(rng, kinds), x, depth, pixel), ground)
        ground = np.where((np.abs(depth - border) < 0.12)[..., None], _grey(rng, 0.45, 0.75), ground)
    picture[split:] = ground
    x = (columns[:split] - WIDTH / 2) * (wall_distance / FOCAL) + 40
    up = camera_height - (rows[:split] - horizon) * (wall_distance / FOCAL)
    picture[:split] = _wall(rng, pick(rng, STREET_WALLS if street else INDOOR_WALLS), x, up, wall_distance / FOCAL)
    shade = np.clip(1 - 0.35 * np.exp(-np.abs(rows - foot) / 14), 0, 1)  # light is scarce where wall and ground meet
    picture *= shade[..., None]
    _furnish(rng, picture, horizon, camera_height, wall_distance, STREET_PROPS if street else INDOOR_PROPS)
    _shadows(rng, picture, foot)
    picture = np.clip(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 1.2)), 0, 1)
    return Backdrop((picture * 255).astype(np.uint8), horizon, camera_height)


def _furnish(
    rng, picture, horizon: float, camera_height: float, wall_distance: float, shares: dict[str, float]
) -> None:
    """Stand props on the ground, the far ones first, in place."""
    nearest = FOCAL * camera_height / (HEIGHT - horizon)
    count = int(rng.integers(4, 11))
    for depth in sorted(rng.uniform(min(1.2 * nearest, wall_distance), wall_distance, count))[::-1]:
        row, scale = horizon + FOCAL * camera_height / depth, FOCAL / depth
        prop = props.draw(pick(rng, shares), rng, float(scale))
        centre = rng.uniform(0, WIDTH)
        half = prop.shape[1] / 2 + 0.1 * scale
        left, right = max(0, int(centre - 1.5 * half)), min(WIDTH, int(centre + 1.5 * half))
        top, bottom = max(0, int(row - 0.3 * scale)), min(HEIGHT, int(row + 0.3 * scale))
        y, x = np.ogrid[top:bottom, left:right]
        away = ((x - centre) / half) ** 4 + ((y - row) / (0.16 * scale)) ** 2
        picture[top:bottom, left:right] *= (1 - 0.4 * np.exp(-away)).astype(np.float32)[..., None]
        canvas.lay(picture, prop, centre, row + 0.03 * scale, float(rng.uniform(0.8, 1.1)))


def _shadows(rng: np.random.Generator, picture: np.ndarray, foot: float) -> None:
    """Broad shadows of buildings and trees on the ground and uneven light, in place."""
    if rng.random() < 0.5:
        corners = np.stack([rng.uniform(0, WIDTH, 4), [foot, foot, HEIGHT, HEIGHT]], 1).astype(np.int32)
        shadow = np.zeros(picture.shape[:2], np.float32)
        cv2.fillPoly(shadow, [cv2.convexHull(corners)], 1.0)
        picture *= 1 - rng.uniform(0.15, 0.45) * cv2.GaussianBlur(shadow, (0, 0), rng.uniform(1, 12))[..., None]
    uneven = cv2.resize(rng.standard_normal((3, 5)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture *= 1 + 0.09 * uneven[..., None]
