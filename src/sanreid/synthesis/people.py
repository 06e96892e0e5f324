"""Rendered people: outfit, painted texture, bodies, and the attributes that an annotator would give.

Decisions: a person is a function of (seed, dataset, index) alone, so any process may make any person. The shape may
vary between pictures (PIT); a shape costs 15 ms, so meshes are kept by `shape_key`. A look-alike takes the clothing
colours of its predecessor, which may be a look-alike itself. Attributes are read off what was painted: a garment whose
second colour covers a fifth of it or more has no single colour, hence all its colours say "no".
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from sanreid.runtime import rng
from sanreid.synthesis import accessories, body, pose, texture, wardrobe, worn
from sanreid.synthesis.accessories import Mesh
from sanreid.synthesis.wardrobe import Outfit

UPPER_COLOURS = ("black", "white", "red", "purple", "yellow", "gray", "blue", "green")
LOWER_COLOURS = ("black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown")
MULTICOLOUR = 0.2  # share of the second colour from which a garment is multicolour
AGE_RANGES = ((0.30, 0.42), (0.50, 0.62), (0.64, 0.80), (0.88, 1.0))  # of the body model, for young .. old


@dataclass(frozen=True, eq=False)
class Person:
    """A person who can be rendered."""

    attributes: dict[str, int]  # Market-1501's 27, 1-based
    texture: np.ndarray  # (256, 256, 3) float32 RGB in [0, 1]
    outfit: Outfit
    phenotype: dict[str, float]  # of body.shape
    key: tuple[int, int]  # of the random stream of the other shapes
    meshes: dict[int, Mesh] = field(default_factory=dict, repr=False)

    def mesh(self, shape_key: int = 0) -> Mesh:
        """The dressed rest-pose mesh; 0 is the person's own shape, other keys vary it a little."""
        if shape_key not in self.meshes:
            phenotype = dict(self.phenotype)
            if shape_key:
                stream = rng(self.key[0], "shape", self.key[1], shape_key)
                for name, spread in {"weight": 0.12, "height": 0.08, "muscle": 0.12, "proportions": 0.15}.items():
                    phenotype[name] = float(np.clip(phenotype[name] + stream.normal(0, spread), 0.05, 1))
            self.meshes[shape_key] = accessories.dressed(self.outfit, *body.shape(**phenotype))
        return self.meshes[shape_key]

    def limits(self) -> pose.Limits:
        """What the outfit does to a pose."""
        carrying = "R" if self.outfit.handbag and not self.outfit.bag else None
        arms_out = 3.0 + (4.0 if self.outfit.backpack else 0.0) + (3.0 if self.outfit.jacket else 0.0)
        if self.outfit.lower_kind == "trousers":
            return pose.Limits(arms_out=arms_out + (5.0 if self.outfit.bag else 0.0), carrying=carrying)
        length = 1 - self.outfit.lower_end / 0.9
        return pose.Limits(
            stride=1 - 0.55 * length, arms_out=arms_out + 6 + 5 * self.outfit.flare, carrying=carrying, joined_legs=True
        )


def make(
    seed: int, dataset: str, index: int, *, look_alike_share: float = 0.0, dressed: worn.Worn = worn.AS_DRAWN
) -> Person:
    """The person `index` of a data set: deterministic, whatever was made before.

    A share `look_alike_share` of people wears the clothing colours of person `index - 1` and differs in details.
    dressed: the levers of the wardrobe.
    """
    if not 0 <= look_alike_share <= 1:
        raise ValueError(f"look_alike_share is {look_alike_share}: give a share between 0 and 1")
    outfit = _outfit(seed, dataset, index, look_alike_share, dressed)
    stream = rng(seed, dataset, index, "person")
    phenotype = {
        "gender": float(np.clip(outfit.female + stream.normal(0, 0.12), 0, 1)),
        "age": float(stream.uniform(*AGE_RANGES[outfit.age])),
        "muscle": float(stream.uniform(0.3, 0.7)),
        "weight": float(np.clip(stream.normal(0.5, 0.17), 0.1, 1)),
        "height": float(np.clip(stream.normal(0.5, 0.1), 0.2, 0.8)),
        "proportions": float(stream.uniform(0.2, 0.9)),
    }
    cloth = rng(seed, dataset, index, "cloth")
    detail = partial(worn.detail, p=dressed, rng=cloth) if dressed != worn.AS_DRAWN else None
    painted = texture.paint(outfit, stream, detail)
    return Person(
        attributes=_attributes(outfit, painted),
        texture=worn.roughen(painted.texture, dressed, cloth),
        outfit=outfit,
        phenotype=phenotype,
        key=(seed, int(stream.integers(2**31))),
    )


def _outfit(seed: int, dataset: str, index: int, look_alike_share: float, dressed: worn.Worn = worn.AS_DRAWN) -> Outfit:
    stream = rng(seed, dataset, index)
    if index > 0 and stream.random() < look_alike_share:
        return wardrobe.look_alike(stream, _outfit(seed, dataset, index - 1, look_alike_share, dressed))
    return worn.restyle(wardrobe.draw(stream), dressed, rng(seed, dataset, index, "worn"))


def _attributes(outfit: Outfit, painted: texture.Painted) -> dict[str, int]:
    """Market-1501's 27 attributes (Lin et al. 2019), in the order of the published CSV without its id."""
    upper = None if painted.upper_second >= MULTICOLOUR else outfit.upper.name
    lower = None if painted.lower_second >= MULTICOLOUR else outfit.lower.name
    return {
        "age": outfit.age + 1,
        "backpack": 1 + bool(outfit.backpack),
        "bag": 1 + bool(outfit.bag),
        "handbag": 1 + bool(outfit.handbag and not outfit.bag),
        "clothes": 2 if outfit.lower_kind == "trousers" else 1,
        "down": 1 if outfit.lower_end < 0.25 else 2,
        "up": 1 if outfit.sleeves > 0.7 else 2,
        "hair": 2 if outfit.hair == "long" else 1,
        "hat": 1 + bool(outfit.hat),
        "gender": 1 + outfit.female,
        **{f"up{name}": 1 + (name == upper) for name in UPPER_COLOURS},
        **{f"down{name}": 1 + (name == lower) for name in LOWER_COLOURS},
    }
