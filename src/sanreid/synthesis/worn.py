"""More realistic clothes (section `synthesize.look.worn`): everyday colours, folds, weave, prints, long trousers.

Decisions: black, white, grey, navy, jeans and beige carry nine tenths of what people wear, vivid colours the rest
(seen on photographs of pedestrians; docs/realism.md). Names stay those of Market-1501's attributes, so the labels
follow what was painted. Folds are ridges, not sines: cloth hangs in sharp creases. Detail goes into the texture, so it
belongs to the person in every picture, and to the texture that is to be learnt.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from sanreid.bounds import Share
from sanreid.params import Section
from sanreid.synthesis import body, texels, texture
from sanreid.synthesis.texels import Surface
from sanreid.synthesis.texture import Canvas
from sanreid.synthesis.wardrobe import Cloth, Colour, Outfit, vary

# name among Market-1501's colours, sRGB, share
Palette = tuple[tuple[str, Colour, float], ...]
UPPER: Palette = (
    ("black", (0.06, 0.06, 0.07), 0.25),
    ("black", (0.13, 0.13, 0.15), 0.07),
    ("white", (0.90, 0.90, 0.89), 0.19),
    ("white", (0.86, 0.82, 0.73), 0.04),
    ("gray", (0.33, 0.33, 0.35), 0.08),
    ("gray", (0.58, 0.58, 0.60), 0.08),
    ("blue", (0.09, 0.12, 0.24), 0.09),
    ("blue", (0.20, 0.32, 0.58), 0.05),
    ("blue", (0.55, 0.66, 0.82), 0.05),
    ("red", (0.60, 0.11, 0.13), 0.04),
    ("red", (0.38, 0.10, 0.13), 0.02),
    ("green", (0.27, 0.29, 0.17), 0.02),
    ("green", (0.13, 0.42, 0.22), 0.01),
    ("yellow", (0.85, 0.71, 0.22), 0.01),
    ("purple", (0.40, 0.20, 0.45), 0.01),
)
LOWER: Palette = (
    ("black", (0.07, 0.07, 0.08), 0.34),
    ("blue", (0.12, 0.16, 0.28), 0.18),
    ("blue", (0.25, 0.34, 0.50), 0.14),
    ("blue", (0.50, 0.58, 0.68), 0.06),
    ("gray", (0.30, 0.30, 0.32), 0.08),
    ("gray", (0.55, 0.55, 0.56), 0.05),
    ("brown", (0.62, 0.53, 0.40), 0.06),
    ("brown", (0.30, 0.21, 0.15), 0.03),
    ("white", (0.86, 0.86, 0.84), 0.03),
    ("green", (0.28, 0.30, 0.18), 0.02),
    ("pink", (0.85, 0.55, 0.62), 0.01),
)
LONG = 0.8  # share of short trousers that are long ones instead
RIDGES = 5  # sines of the ridges of folds
PRINT = (9, 12)  # cells of a print


class Worn(Section):
    """How people are dressed; 0 turns a lever off."""

    street: Share
    folds: Annotated[float, Field(ge=0, le=2)]
    weave: Annotated[float, Field(ge=0, le=0.5)]
    print_share: Share


AS_DRAWN = Worn(street=0.0, folds=0.0, weave=0.0, print_share=0.0)


def restyle(outfit: Outfit, p: Worn, rng: np.random.Generator) -> Outfit:
    """The outfit in a street's colours, for the share `street` of people; the garments keep their cut and pattern."""
    if not p.street or rng.random() >= p.street:
        return outfit
    upper = _dyed(outfit.upper, UPPER, rng)
    lower = upper if outfit.lower_kind == "dress" else _dyed(outfit.lower, LOWER, rng)
    if outfit.lower_kind == "dress":
        lower = replace(outfit.lower, name=upper.name, colour=upper.colour, second=upper.second)
    end = outfit.lower_end
    if outfit.lower_kind == "trousers" and end > 0.25 and rng.random() < LONG:
        end = rng.uniform(-0.03, 0.05)
    inner = vary(rng, _draw(UPPER, rng)[1]) if outfit.inner else None
    return replace(outfit, upper=upper, lower=lower, lower_end=end, inner=inner)


def _draw(palette: Palette, rng: np.random.Generator) -> tuple[str, Colour]:
    shares = np.array([share for _, _, share in palette])
    name, colour, _ = palette[int(rng.choice(len(palette), p=shares / shares.sum()))]
    return name, colour


def _dyed(cloth: Cloth, palette: Palette, rng: np.random.Generator) -> Cloth:
    """The cloth in a palette's colours, the second one clearly another."""
    name, colour = _draw(palette, rng)
    colour = vary(rng, colour, 0.02)
    second = _draw(palette, rng)[1]
    if np.abs(np.subtract(second, colour)).max() < 0.25:
        second = (0.88, 0.88, 0.86) if max(colour) < 0.5 else (0.10, 0.11, 0.16)
    return replace(cloth, name=name, colour=colour, second=vary(rng, second, 0.04))


def detail(canvas: Canvas, surface: Surface, garments: tuple[np.ndarray, np.ndarray], p: Worn, rng) -> None:
    """Lay prints, folds and weave onto the cloth of a canvas, in place; garments: cover (n,) of the upper and lower."""
    upper, cloth = garments[0], np.maximum(*garments)
    if rng.random() < p.print_share:
        cover, colour = _print(surface, rng)
        canvas.lay(colour, cover * upper)
    factor = p.folds * _creases(surface, rng) if p.folds else np.zeros(len(cloth), np.float32)
    if p.weave:
        factor += p.weave * rng.standard_normal(len(cloth), np.float32)
    if p.folds or p.weave:
        canvas.scale(np.exp(factor), cloth)


def roughen(painted: np.ndarray, p: Worn, rng: np.random.Generator) -> np.ndarray:
    """The texture (256, 256, 3) float32 with weave in the slots of skirt and bags, too."""
    if not (p.folds or p.weave):
        return painted
    out = painted.copy()
    for name in ("skirt", "backpack", "bag"):
        top, bottom, left, right = body.slot_box(name)
        noise = rng.standard_normal((bottom - top, right - left, 1), np.float32)
        out[top:bottom, left:right] *= np.exp((p.weave + 0.1 * p.folds) * noise)
    return np.clip(out, 0, 1)


def _creases(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Logarithmic brightness (n,) of folds: narrow dark creases beside broad light backs, slanting as cloth hangs."""
    bend = 1.5 * texture.waves(surface, rng, 12, 4)
    field = np.zeros(len(bend), np.float32)
    for lean in rng.normal(0, 0.5, RIDGES):
        place = rng.uniform(25, 70) * (surface.around * np.cos(lean) + surface.along * np.sin(lean))
        field += np.sin(place + bend + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    field /= np.sqrt(RIDGES / 2)
    where = 0.55 + 0.45 * np.tanh(texture.waves(surface, rng, 8, 3))  # some parts hang smooth
    return (where * (0.13 * field - 0.3 * np.clip(1 - 3 * np.abs(field), 0, 1))).astype(np.float32)


def _print(surface: Surface, rng: np.random.Generator) -> tuple[np.ndarray, Colour]:
    """A logo, a picture or lines of writing on chest or back: cover (n,) and colour."""
    front = rng.random() < 0.6
    wide, tall = rng.uniform(0.04, 0.14), rng.uniform(0.03, 0.13)
    centre = rng.uniform(-0.05, 0.05), texels.landmarks().neck - rng.uniform(0.14, 0.3)
    across, up = (surface.x - centre[0]) / wide, (surface.z - centre[1]) / tall
    inside = (np.abs(across) < 1) & (np.abs(up) < 1) & (surface.arm < 0.3) & ((surface.y < 0) == front)
    cells = rng.random(PRINT) < 0.6
    if rng.random() < 0.5:  # writing: every other line is empty
        cells[1::2] = False
    row = np.clip((0.5 + 0.5 * up) * PRINT[0], 0, PRINT[0] - 1).astype(int)
    column = np.clip((0.5 + 0.5 * across) * PRINT[1], 0, PRINT[1] - 1).astype(int)
    colour = _draw(UPPER, rng)[1] if rng.random() < 0.5 else (0.9, 0.9, 0.88)
    if rng.random() < 0.4:
        red, green, blue = (float(v) for v in rng.uniform(0.05, 0.95, 3))
        colour = red, green, blue
    return (inside & cells[row, column]).astype(np.float32), colour
