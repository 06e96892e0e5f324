"""Paint a person's texture: skin, face, clothes with patterns, shoes, hair, straps, and the accessories' slots.

Decisions: painting runs over the list of existing texels, not over the square; every edge is soft, so a hem is not
jagged at any scale; folds are sums of sines over the place on the body, cheaper than noise images and without seams.
Beside the texture the painter reports how much of each garment its second colour covers, from which the attribute
"multicolour" follows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sanreid.synthesis import body, shoes, texels
from sanreid.synthesis.garments import (
    edge,
    hair_reach,
    hat_reach,
    lower_end,
    lower_reach,
    shoe_reach,
    upper_reach,
)
from sanreid.synthesis.texels import Surface
from sanreid.synthesis.wardrobe import Cloth, Outfit


@dataclass(frozen=True)
class Painted:
    """A texture and the share of each garment's area that its second colour covers."""

    texture: np.ndarray  # (256, 256, 3) float32 in [0, 1]
    upper_second: float
    lower_second: float


class Canvas:
    """The colours (n, 3) of the texels of the body."""

    def __init__(self, colour: tuple[float, float, float], count: int):
        self.colours = np.tile(np.array(colour, np.float32), (count, 1))

    def lay(self, colour: ArrayLike, cover: np.ndarray) -> None:
        """Lay a colour, or one a texel (n, 3), over the canvas where cover (n,) is above 0."""
        at = np.nonzero(cover > 0)[0]
        colour = np.asarray(colour, np.float32)
        colour = colour[at] if colour.ndim == 2 else colour
        self.colours[at] += (colour - self.colours[at]) * cover[at, None].astype(np.float32)

    def scale(self, factor: np.ndarray | float, cover: np.ndarray) -> None:
        """Multiply by a factor, or one a texel (n,), where cover (n,) is above 0, by its share."""
        at = np.nonzero(cover > 0)[0]
        change = (factor[at] if isinstance(factor, np.ndarray) else factor) - 1
        self.colours[at] *= (1 + change * cover[at])[:, None].astype(np.float32)


Detail = Callable[[Canvas, Surface, tuple[np.ndarray, np.ndarray]], None]


def paint(outfit: Outfit, rng: np.random.Generator, detail: Detail | None = None) -> Painted:
    """Paint an outfit; `rng` draws folds and the like, never anything an attribute depends on.

    detail: lays more onto the cloth, given the canvas, its places and the cover (n,) of the upper and lower garment.
    """
    surface = texels.texels()
    canvas = Canvas(outfit.skin, len(surface.x))
    _face(canvas, surface, outfit)
    upper, lower = edge(upper_reach(surface, outfit)), edge(lower_reach(surface, outfit))
    _legs(canvas, surface, outfit)
    lower_second = pattern(outfit.lower, outfit, surface)
    canvas.lay(outfit.lower.colour, lower)
    canvas.lay(outfit.lower.second, lower * lower_second)
    if outfit.lower.name == "blue" and outfit.lower_kind == "trousers":
        canvas.scale(1 + waves(surface, rng, 30, 4) * 0.10, lower)  # jeans are washed out unevenly
    upper_second = pattern(outfit.upper, outfit, surface)
    canvas.lay(outfit.upper.colour, upper)
    canvas.lay(outfit.upper.second, upper * upper_second)
    inner = np.zeros_like(upper)
    if outfit.inner:
        opening = 0.045 + 0.06 * np.clip(surface.z - texels.landmarks().hip, 0, 1) - np.abs(surface.x)
        inner = upper * edge(np.where((surface.y < -0.02) & (surface.arm < 0.3), opening, -1))
        canvas.lay(outfit.inner, inner)
    _seams(canvas, surface, outfit, upper, lower)
    _shoes(canvas, surface, outfit)
    canvas.scale(1 + folds(surface, rng), np.maximum(upper, lower))
    if detail:
        detail(canvas, surface, (upper, lower))
    _hair(canvas, surface, outfit, rng)
    _straps(canvas, surface, outfit)
    canvas.colours += (0.008 * rng.standard_normal((len(surface.x), 1))).astype(np.float32)
    texture = texels.unfold(canvas.colours)
    _slots(texture, outfit, rng)
    bare = upper * (1 - inner)
    return Painted(
        texture=np.clip(texture, 0, 1),
        upper_second=float((bare * upper_second).sum() / bare.sum()),
        lower_second=float((lower * lower_second).sum() / lower.sum()),
    )


def pattern(cloth: Cloth, outfit: Outfit, surface: Surface) -> np.ndarray:
    """Share of the second colour (n,) that a garment's pattern asks for at each texel."""
    marks = texels.landmarks()
    across, along = surface.around * cloth.pitch, surface.along * cloth.pitch
    soft = 0.008 * cloth.pitch
    if cloth.pattern == "stripes":
        return edge(np.sin(along) - 0.7 + 1.2 * cloth.place, soft)
    if cloth.pattern == "upright":
        return edge(np.sin(across) - 0.3, soft)
    if cloth.pattern == "check":
        return 0.5 * edge(np.sin(along), soft) + 0.5 * edge(np.sin(across), soft)
    if cloth.pattern == "dots":
        return edge(np.sin(along) * np.sin(across) - 0.35, soft)
    if cloth.pattern == "halves":
        return edge(marks.waist + 0.02 + 0.28 * cloth.place - surface.along)
    if cloth.pattern == "print":
        wide, tall = 0.05 + 0.07 * cloth.place, 0.035 + 0.06 * ((7 * cloth.place) % 1)
        centre = marks.neck - 0.24
        reach = np.minimum(wide - np.abs(surface.x), tall - np.abs(surface.z - centre))
        return edge(np.where((surface.y < 0) & (surface.arm < 0.5), reach, -1))
    if cloth.pattern == "sleeves":
        return edge(np.where(surface.arm > 0.3, surface.sleeve * 0.55 - 0.01, -1), 0.015)
    if cloth.pattern == "zip":
        return edge(np.where(surface.y < 0, 0.018 - np.abs(surface.x), -1))
    if cloth.pattern == "piping":
        seam = 0.1 - 0.075 * math.pi / 2  # the outer side of a leg, by texels.vertices
        return edge(0.012 - np.abs(surface.around * np.sign(surface.x) - seam)) * (surface.leg > 0.5)
    return np.zeros(len(surface.x), np.float32)


def waves(surface: Surface, rng: np.random.Generator, pitch: float, count: int) -> np.ndarray:
    """A smooth random field (n,) of about unit size: sines along random directions, `pitch` radians a metre."""
    directions = rng.normal(0, pitch, (count, 3))
    field = np.zeros(len(surface.x), np.float32)
    for direction, phase in zip(directions.astype(np.float32), rng.uniform(0, 2 * math.pi, count), strict=True):
        place = surface.x * direction[0] + surface.y * direction[1] + surface.z * direction[2]
        field += np.sin(place + np.float32(phase) + field)
    return field / math.sqrt(count / 2)


def folds(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Relative brightness of creases: everywhere a little, more at waist, knees, elbows and armpits."""
    marks = texels.landmarks()
    bends = np.exp(-(((surface.z - marks.knee) / 0.09) ** 2)) * (surface.leg > 0.5)
    bends += np.exp(-(((surface.z - marks.waist) / 0.09) ** 2)) * (surface.arm < 0.5)
    bends += np.exp(-(((surface.z - marks.hip + 0.1) / 0.08) ** 2)) * (surface.leg > 0.5)
    bends += np.exp(-(((surface.sleeve - 0.5) / 0.13) ** 2)) * (surface.arm > 0.5)
    return 0.03 * waves(surface, rng, 20, 4) + (0.012 + 0.045 * bends) * waves(surface, rng, 60, 4)


def _face(canvas: Canvas, surface: Surface, outfit: Outfit) -> None:
    marks, skin = texels.landmarks(), np.array(outfit.skin)
    head = surface.head > 0.5
    for eye in marks.eyes:
        x, y, z = surface.x - eye[0], 0.6 * (surface.y - eye[1]), 1.6 * (surface.z - eye[2])
        distance = np.sqrt(x * x + y * y + z * z)
        canvas.scale(0.68, edge(np.where(head, 0.026 - distance, -1), 0.014))
        brow = np.minimum(0.003 - np.abs(surface.z - eye[2] - 0.028), 0.022 - np.abs(surface.x - eye[0]))
        canvas.lay(np.array(outfit.hair_colour) * 0.9, edge(np.where(head & (surface.y < eye[1] + 0.03), brow, -1)))
    canvas.lay((0.25, 0.2, 0.18), surface.eye)
    mouth = np.minimum(0.009 - np.abs(surface.z - marks.eyes[0, 2] + 0.068), 0.027 - np.abs(surface.x))
    canvas.lay(skin * [0.8, 0.5, 0.5], edge(np.where(head & (surface.y < marks.skull[1] - 0.05), mouth, -1)))


def _legs(canvas: Canvas, surface: Surface, outfit: Outfit) -> None:
    marks, leg = texels.landmarks(), surface.leg > 0.5
    if outfit.stockings:
        canvas.lay(outfit.stockings, edge(np.where(leg, 1.0, -1.0)))
    elif outfit.socks:
        canvas.lay(outfit.socks, edge(np.where(leg, marks.ankle + outfit.sock_height - surface.z, -1)))


def _seams(canvas: Canvas, surface: Surface, outfit: Outfit, upper: np.ndarray, lower: np.ndarray) -> None:
    """Hems, cuffs and the belt line, slightly darker: they part garments of one colour."""
    dark = 0.78
    canvas.scale(dark, upper * edge(0.009 - upper_reach(surface, outfit), 0.01))
    canvas.scale(dark, lower * (1 - upper) * edge(0.009 - lower_reach(surface, outfit), 0.01))
    if outfit.jacket:
        front = edge(np.where(surface.y < 0, 0.006 - np.abs(surface.x), -1), 0.006)
        canvas.scale(0.6, upper * front)


def _shoes(canvas: Canvas, surface: Surface, outfit: Outfit) -> None:
    shoe = edge(shoe_reach(surface, outfit))
    canvas.lay(outfit.shoe, shoe)
    canvas.lay(outfit.sole, shoe * edge(shoes.SOLE - surface.height_shod, 0.006))
    dark = edge(0.005 - np.abs(surface.height_shod - shoes.SOLE - 0.003), 0.006)
    canvas.scale(0.75, shoe * dark)


def _hair(canvas: Canvas, surface: Surface, outfit: Outfit, rng: np.random.Generator) -> None:
    strands = 1 + 0.07 * waves(surface, rng, 100, 4)
    canvas.lay(np.array(outfit.hair_colour)[None] * strands[:, None], edge(hair_reach(surface, outfit), 0.012))
    if outfit.hat:
        canvas.lay(outfit.hat_colour, edge(hat_reach(surface)))


def _straps(canvas: Canvas, surface: Surface, outfit: Outfit) -> None:
    marks = texels.landmarks()
    trunk = (surface.arm < 0.5) & (surface.head < 0.5)
    if outfit.backpack:
        strap = np.minimum(0.02 - np.abs(np.abs(surface.x) - 0.105), surface.z - marks.waist - 0.16)
        canvas.lay(np.array(outfit.backpack) * 0.8, edge(np.where(trunk, strap, -1)))
    if outfit.bag:
        across = (surface.x * 0.75 + (surface.z - marks.waist - 0.25) * 0.55) / math.hypot(0.75, 0.55)
        strap = np.minimum(0.017 - np.abs(across), np.minimum(marks.neck - 0.01 - surface.z, surface.z - marks.hip))
        canvas.lay(np.array(outfit.bag) * 0.75, edge(np.where(trunk, strap, -1)))


def _slots(texture: np.ndarray, outfit: Outfit, rng: np.random.Generator) -> None:
    """Fill the rectangles of the accessories that are worn, with two texels around each."""

    def fill(name: str, colour: ArrayLike, shading: np.ndarray | float = 1.0) -> None:
        top, bottom, left, right = body.slot_box(name)
        block = np.empty((bottom - top, right - left, 3), np.float32)
        block[:] = np.asarray(colour, np.float32)
        block *= shading
        padded = np.pad(block, ((2, 2), (2, 2), (0, 0)), mode="edge")
        texture[top - 2 : bottom + 2, left - 2 : right + 2] = padded

    def shape(name: str) -> tuple[int, int]:
        top, bottom, left, right = body.slot_box(name)
        return bottom - top, right - left

    if outfit.backpack:
        shading = np.ones((*shape("backpack"), 1), np.float32)
        height, width = shading.shape[:2]
        shading[int(0.55 * height) : int(0.62 * height) + 1] = 0.6
        shading[int(0.7 * height) : int(0.74 * height) + 1, width // 4 : 3 * width // 4] = 1.3
        fill("backpack", outfit.backpack, shading)
    bag = outfit.bag or outfit.handbag
    if bag:
        height = shape("bag")[0]
        fill("bag", bag, np.linspace(0.85, 1.1, height)[:, None, None])
    if outfit.lower_kind != "trousers":
        height, width = shape("skirt")
        fill("skirt", _skirt_colours(outfit, height, width), _pleats(width, rng))
    if outfit.hair == "long":
        fill("hair", outfit.hair_colour, 1 + 0.15 * rng.standard_normal((1, shape("hair")[1], 1)))
    if outfit.hat:
        fill("brim", outfit.hat_colour)


def _pleats(width: int, rng: np.random.Generator) -> np.ndarray:
    angle = np.linspace(0, 2 * math.pi, width) * 9 + rng.uniform(0, 2 * math.pi)
    return (1 + 0.1 * np.sin(angle))[None, :, None]


def _skirt_colours(outfit: Outfit, height: int, width: int) -> np.ndarray:
    """Colours (height, width, 3) of a skirt, its pattern continuing that of the body's texels."""
    marks = texels.landmarks()
    z = np.linspace(marks.waist, lower_end(outfit), height)[:, None] + np.zeros((1, width))
    around = 0.16 * (np.linspace(0, 2 * math.pi, width) - math.pi)[None] + np.zeros((height, 1))
    zero = np.zeros(z.size)
    place = dict.fromkeys(Surface.__dataclass_fields__, zero)
    place |= {
        "position": np.stack([0.17 * np.sin(around / 0.16).ravel(), -0.1 + zero, z.ravel()], 1),
        "around": around.ravel(),
        "along": z.ravel(),
    }
    second = pattern(outfit.lower, outfit, Surface(**place))[:, None]
    colours = np.array(outfit.lower.colour) * (1 - second) + np.array(outfit.lower.second) * second
    return colours.reshape(height, width, 3).astype(np.float32)
