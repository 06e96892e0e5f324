"""Clothes as functions of the place on the body, and their geometry: cloth pushed out from the skin, skirts, long hair.

Decisions: `upper_reach`, `lower_reach`, ... give the distance inside a garment's edge in metres, for texels and
vertices alike (see texels.py); `edge` softens it to a share. A skirt and long hair are open tubes with two sides, so
they have an inside. Legs that a skirt hides are left out of the mesh, hence cannot poke through it.
"""

import math

import numpy as np

from sanreid.synthesis import body
from sanreid.synthesis.texels import Surface, landmarks
from sanreid.synthesis.wardrobe import Outfit

EDGE = 0.008  # metres over which a painted edge fades


def edge(distance: np.ndarray, width: float = EDGE) -> np.ndarray:
    """Share of cover, 0 to 1, at a signed distance (metres) inside an edge."""
    return np.clip(0.5 + distance / width, 0, 1)


def upper_reach(surface: Surface, outfit: Outfit) -> np.ndarray:
    """Distance inside the upper garment."""
    marks = landmarks()
    tilt = 0.35 * (surface.y - marks.neck_y)  # a neckline is lower in front
    rise = {"round": 0.012, "v": 0.015, "collar": 0.045}[outfit.neckline]
    collar = marks.neck + rise + tilt - surface.z
    if outfit.neckline == "v":
        apex = marks.neck - 0.12
        opening = 0.45 * (surface.z - apex) - np.abs(surface.x)
        collar = np.where(surface.y < marks.neck_y, np.minimum(collar, -opening), collar)
    trunk = np.minimum(collar, surface.z - marks.hip - outfit.hem)
    arm = (outfit.sleeves - surface.sleeve) * 0.55
    reach = np.where(
        surface.arm > 0.5, np.minimum(collar, arm), np.where(surface.arm > 0.25, np.minimum(trunk, arm), trunk)
    )
    return np.where(surface.head > 0.5, np.minimum(reach, marks.neck + rise + tilt - surface.z), reach)


def lower_end(outfit: Outfit) -> float:
    """Height (canonical body) where trousers or skirt end."""
    return landmarks().ankle + outfit.lower_end


def lower_reach(surface: Surface, outfit: Outfit) -> np.ndarray:
    """Distance inside trousers or skirt."""
    end = lower_end(outfit) + (0.0 if outfit.lower_kind == "trousers" else 0.05)  # a skirt's own mesh goes on below
    reach = np.minimum(surface.z - end, landmarks().waist + 0.03 - surface.z)
    return np.where(surface.arm > 0.5, -1.0, reach)


def shoe_reach(surface: Surface, outfit: Outfit) -> np.ndarray:
    """Distance below the upper edge of the shoes."""
    marks = landmarks()
    top = marks.ankle - marks.ground + outfit.shoe_height
    dip = 0.4 * np.clip(-surface.y - 0.02, 0, 0.06) if outfit.shoe_height < -0.025 else 0.0  # flats bare the instep
    reach = np.maximum(
        top - dip - (surface.z - marks.ground), np.where(surface.z < marks.ankle, -0.085 - surface.y, -1)
    )
    return np.where((surface.leg > 0.5) | (surface.foot > 0.5), reach, -1.0)


def hair_reach(surface: Surface, outfit: Outfit) -> np.ndarray:
    """Distance inside the hair on the scalp."""
    marks = landmarks()
    x, y, z = (surface.position - marks.skull).T
    line = surface.z - marks.eyes[0, 2] - outfit.hairline - 0.25 * np.abs(x)
    sides = np.minimum(y + 0.012, z + 0.045)
    back = np.minimum(y - 0.02, z + 0.11)
    reach = np.maximum(np.maximum(line, sides), back)
    if outfit.hair == "bald":
        reach = np.minimum(reach, 0.04 - z)
    return np.where(
        (surface.head > 0.5) | (surface.z > marks.neck + 0.02), np.minimum(reach, surface.z - marks.neck + 0.03), -1
    )


def hat_reach(surface: Surface) -> np.ndarray:
    """Distance inside the crown of a hat."""
    marks = landmarks()
    y, z = (surface.position - marks.skull)[:, 1:].T
    above = surface.z - marks.eyes[0, 2] - 0.042 + 0.35 * np.maximum(0, y)
    return np.where(surface.head > 0.5, np.minimum(above, z + 0.03), -1)


def dress_body(vertices: np.ndarray, normals: np.ndarray, surface: Surface, outfit: Outfit) -> np.ndarray:
    """Push the rest-pose vertices (n, 3) out along their normals to the surface of hair and clothes."""
    marks = landmarks()
    wide = 0.014  # cloth stands off up to its very edge
    leg_length = marks.hip - marks.ankle
    loose = outfit.lower_loose * (1 + 0.8 * np.clip((marks.hip - surface.z) / leg_length, 0, 1))
    if outfit.lower_kind != "trousers":
        loose = np.minimum(loose, 0.004)
    offset = loose * edge(lower_reach(surface, outfit) + 0.006, wide)
    drape = outfit.upper_loose * (0.9 + 0.6 * np.clip((marks.neck - surface.z) / 0.6, 0, 1))
    offset = np.maximum(offset, drape * edge(upper_reach(surface, outfit) + 0.006, wide))
    if outfit.shoe_height > 0.05:
        boots = edge(shoe_reach(surface, outfit), wide) * edge(surface.height_shod - 0.09, wide)
        offset = np.maximum(offset, 0.012 * boots)
    volume = outfit.hair_volume * (0.3 if outfit.hair == "bald" else 1)
    offset = np.maximum(offset, volume * edge(hair_reach(surface, outfit), wide) * (surface.eye < 0.5))
    if outfit.hat:
        offset = np.maximum(offset, 0.026 * edge(hat_reach(surface), wide))
    return (vertices + normals * offset[:, None]).astype(np.float32)


def hidden_by_skirt(surface: Surface, outfit: Outfit) -> np.ndarray:
    """Vertices of legs, hips and tucked-in top well inside a skirt."""
    if outfit.lower_kind == "trousers":
        return np.zeros(len(surface.x), bool)
    inside = (surface.z > lower_end(outfit) + 0.06) & (surface.z < landmarks().waist - 0.004)
    return inside & (surface.arm < 0.5) & (surface.hand < 0.5)


def skirt(vertices: np.ndarray, heads: np.ndarray, surface: Surface, outfit: Outfit):
    """An elliptical tube from the waist to the skirt's end: grid function (u, v in [0, 1] -> x, y, z) of a body."""
    marks, skeleton = landmarks(), body.model()
    size = float(np.ptp(vertices[:, 2])) / float(np.ptp(body.canonical().vertices[:, 2]))
    hip, waist = heads[skeleton.bone("upperleg01.L")][2], heads[skeleton.bone("spine04")][2] + 0.03 * size
    end = vertices[:, 2].min() + (lower_end(outfit) - marks.ground) * size
    trunk = vertices[(surface.arm < 0.5) & (surface.head < 0.5)]

    def ellipse(z: float, slack: float) -> np.ndarray:
        ring = trunk[np.abs(trunk[:, 2] - z) < 0.04]
        back, front = float(ring[:, 1].max()), float(ring[:, 1].min())
        return np.array([np.abs(ring[:, 0]).max() + slack, (back - front) / 2 + slack, (back + front) / 2])

    at_waist, at_hip = ellipse(waist, 0.006), ellipse(hip - 0.02, 0.015)
    length = hip - end
    flare = 1 + (0.1 + 0.55 * outfit.flare) * length

    def place(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = waist + (end - waist) * v
        to_hip = np.clip((waist - z) / max(waist - hip, 1e-3), 0, 1)
        rx, ry, centre = (a * (1 - to_hip) + b * to_hip for a, b in zip(at_waist, at_hip, strict=True))
        below = np.clip((hip - z) / max(length, 1e-3), 0, None)
        fold = 1 + 0.035 * below * outfit.flare * np.sin(9 * 2 * math.pi * u)
        angle = 2 * math.pi * u
        x = -rx * (1 + (flare - 1) * below) * fold * np.sin(angle)  # u runs so that the tube looks outwards
        return x, centre + ry * (1 + (flare - 1) * 1.3 * below) * fold * np.cos(angle), z

    return place, hip, end


def long_hair(vertices: np.ndarray, heads: np.ndarray, surface: Surface, outfit: Outfit):
    """A curtain behind the head from the crown to the shoulders: grid function of a body."""
    skeleton = body.model()
    head = heads[skeleton.bone("head")]
    size = float(np.ptp(vertices[:, 2])) / float(np.ptp(body.canonical().vertices[:, 2]))
    skull = vertices[surface.head > 0.5]
    half_width, back = float(np.abs(skull[:, 0]).max()), float(skull[:, 1].max())
    crown = 0.03 if outfit.hat else 0.135  # under a hat the hair starts at its brim
    top, length = head[2] + crown * size, (crown + 0.145 + 8 * outfit.hair_volume) * size

    def place(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        angle = (u - 0.5) * math.pi * 1.25
        bulge = 0.78 + 0.32 * np.sin(np.minimum(1, 3.2 * v) * math.pi / 2) - 0.25 * np.maximum(0, v - 0.6)
        depth = head[1] + 0.01 + (back - head[1] + 0.012) * bulge * np.cos(angle)
        return -half_width * bulge * np.sin(angle), depth, top - length * v

    return place, float(head[2])
