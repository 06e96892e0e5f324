"""Random choice of a person's clothes and appearance, before anything is painted.

Decisions: an `Outfit` is plain numbers, so it is cheap to draw, to compare and to copy to a look-alike. The frequency
of each choice follows Market-1501's statistics loosely (a third with a backpack, half of the tops white or black), with
more green than there, so that green clothes are learnt. Colours are sRGB in [0, 1].
"""

from dataclasses import dataclass, replace

import numpy as np

COLOURS = {
    "black": (0.07, 0.07, 0.08),
    "white": (0.90, 0.90, 0.88),
    "red": (0.70, 0.10, 0.12),
    "purple": (0.42, 0.16, 0.50),
    "yellow": (0.88, 0.75, 0.15),
    "gray": (0.48, 0.48, 0.50),
    "blue": (0.13, 0.25, 0.62),
    "green": (0.13, 0.42, 0.20),
    "pink": (0.90, 0.55, 0.65),
    "brown": (0.36, 0.22, 0.13),
}
UPPER = {
    "black": 0.22,
    "white": 0.23,
    "red": 0.09,
    "purple": 0.045,
    "yellow": 0.055,
    "gray": 0.14,
    "blue": 0.12,
    "green": 0.10,
}
LOWER = {
    "black": 0.34,
    "white": 0.08,
    "pink": 0.03,
    "purple": 0.02,
    "yellow": 0.02,
    "gray": 0.16,
    "blue": 0.22,
    "green": 0.06,
    "brown": 0.07,
}
WHOLE_DRESS = {name: share for name, share in UPPER.items() if name in LOWER}
SKINS = [(0.93, 0.76, 0.66), (0.86, 0.67, 0.54), (0.76, 0.56, 0.42), (0.58, 0.40, 0.28), (0.38, 0.25, 0.18)]
HAIRS = [
    (0.05, 0.04, 0.04),
    (0.13, 0.09, 0.07),
    (0.28, 0.18, 0.10),
    (0.50, 0.36, 0.20),
    (0.45, 0.45, 0.46),
    (0.72, 0.58, 0.35),
]
SHOES = {"black": 0.38, "white": 0.27, "gray": 0.12, "brown": 0.12, "red": 0.06, "blue": 0.05}
PATTERNS = {
    "plain": 0.44, "stripes": 0.11, "upright": 0.03, "check": 0.08, "halves": 0.07,
    "dots": 0.03, "print": 0.15, "sleeves": 0.06, "zip": 0.03,
}  # fmt: skip
LOWER_PATTERNS = {"plain": 0.92, "check": 0.03, "stripes": 0.02, "dots": 0.01, "piping": 0.02}
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Cloth:
    """Colours and pattern of a garment; the scale and place of the pattern are its own."""

    name: str  # a key of COLOURS
    colour: Colour
    pattern: str
    second: Colour
    pitch: float  # radians a metre
    place: float  # 0 to 1


@dataclass(frozen=True)
class Outfit:
    """A person's looks; lengths in metres on the canonical body."""

    female: bool
    age: int  # 0 young (child), 1 teenager, 2 adult, 3 old
    skin: Colour
    hair_colour: Colour
    hair: str  # bald | short | long
    hairline: float  # above the eyes
    hair_volume: float
    upper: Cloth
    sleeves: float  # 0 shoulder, 0.5 elbow, 1 wrist
    neckline: str  # round | v | collar
    hem: float  # above the hip joint
    jacket: bool
    inner: Colour | None  # the shirt in an open jacket
    upper_loose: float
    lower: Cloth
    lower_kind: str  # trousers | skirt | dress
    lower_end: float  # above the ankle
    flare: float  # of a skirt, 0 to 1
    lower_loose: float
    socks: Colour | None
    sock_height: float
    stockings: Colour | None
    shoe: Colour
    sole: Colour
    shoe_height: float  # above the ankle
    hat: str | None  # cap | brim
    hat_colour: Colour
    backpack: Colour | None
    bag: Colour | None  # worn across the body
    handbag: Colour | None  # in the hand


def pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """A key, drawn by its share; shares need not sum to 1."""
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(shares), p=weights / weights.sum()))]


def vary(rng: np.random.Generator, colour: Colour, spread: float = 0.03) -> Colour:
    """A colour near `colour`: brightness by about 12 %, tint by `spread`."""
    base = np.array(colour) * (1 + rng.normal(0, 0.12))
    red, green, blue = np.clip(base + rng.normal(0, spread, 3) * (0.25 + base), 0.02, 0.97)
    return float(red), float(green), float(blue)


def cloth(rng: np.random.Generator, colours: dict[str, float], patterns: dict[str, float]) -> Cloth:
    """A garment's colours and pattern; the second colour differs clearly from the first."""
    name = pick(rng, colours)
    colour = vary(rng, COLOURS[name])
    others = {
        other: 0.25 if np.abs(np.subtract(value, colour)).max() < 0.25 else 1.0 for other, value in COLOURS.items()
    }
    others["white"] *= 2.5
    second = vary(rng, COLOURS[pick(rng, {k: v for k, v in others.items() if k != name})], 0.06)
    return Cloth(name, colour, pick(rng, patterns), second, rng.uniform(45, 130), rng.random())


def draw(rng: np.random.Generator) -> Outfit:
    """A random outfit."""
    female = bool(rng.random() < 0.5)
    age = int(rng.choice(4, p=[0.05, 0.35, 0.5, 0.1]))
    long_sleeves = bool(rng.random() < 0.4)
    jacket = bool(long_sleeves and rng.random() < 0.55)
    kind = "trousers"
    if female and rng.random() < 0.36:
        kind = "skirt" if rng.random() < 0.5 else "dress"
    long_lower = bool(rng.random() < (0.25 if kind != "trousers" else 0.68))
    upper = cloth(rng, WHOLE_DRESS if kind == "dress" else UPPER, PATTERNS)
    lower = cloth(rng, LOWER, LOWER_PATTERNS)
    if kind == "dress":
        lower = replace(upper, pattern=upper.pattern if upper.pattern in LOWER_PATTERNS else "plain")
    if kind == "trousers":
        end = rng.uniform(-0.03, 0.05) if long_lower else rng.uniform(0.36, 0.64)
    else:
        end = rng.uniform(0.0, 0.14) if long_lower else rng.uniform(0.40, 0.62)
    greying = age == 3 and rng.random() < 0.7
    hair_colour = HAIRS[4] if greying else HAIRS[int(rng.choice(6, p=[0.45, 0.25, 0.15, 0.07, 0.03, 0.05]))]
    hair = "long" if rng.random() < (0.7 if female else 0.06) else "short"
    if not female and rng.random() < (0.35 if age == 3 else 0.05):
        hair = "bald"
    return Outfit(
        female=female,
        age=age,
        skin=vary(rng, SKINS[int(rng.choice(5, p=[0.3, 0.3, 0.2, 0.12, 0.08]))], 0.02),
        hair_colour=vary(rng, hair_colour, 0.015),
        hair=hair,
        hairline=rng.uniform(0.045, 0.065),
        hair_volume=rng.uniform(0.008, 0.022),
        upper=upper,
        sleeves=rng.uniform(0.9, 1.04)
        if long_sleeves
        else float(rng.choice([0.06, rng.uniform(0.24, 0.44)], p=[0.15, 0.85])),
        neckline=pick(rng, {"round": 0.5, "v": 0.22, "collar": 0.28 if not jacket else 1.0}),
        hem=rng.uniform(-0.08, 0.04) - (rng.uniform(0.0, 0.1) if jacket else 0),
        jacket=jacket,
        inner=vary(rng, COLOURS[pick(rng, UPPER)]) if jacket and rng.random() < 0.55 else None,
        upper_loose=rng.uniform(0.006, 0.018) + (0.014 if jacket else 0),
        lower=lower,
        lower_kind=kind,
        lower_end=end,
        flare=rng.random(),
        lower_loose=rng.uniform(0.006, 0.026),
        socks=vary(rng, COLOURS[pick(rng, {"white": 2, "black": 1, "gray": 1})]) if rng.random() < 0.5 else None,
        sock_height=rng.uniform(0.04, 0.2),
        stockings=vary(rng, COLOURS["black"]) if female and kind != "trousers" and rng.random() < 0.25 else None,
        shoe=vary(rng, COLOURS[pick(rng, SHOES)]),
        sole=vary(rng, (0.80, 0.80, 0.77) if rng.random() < 0.55 else (0.12, 0.11, 0.11)),
        shoe_height=float(rng.choice([-0.03 if female else -0.01, 0.0, 0.12], p=[0.4, 0.45, 0.15])),
        hat=("brim" if female and rng.random() < 0.5 else "cap") if rng.random() < 0.11 else None,
        hat_colour=vary(rng, COLOURS[pick(rng, UPPER)]),
        backpack=_carried(rng, 0.28),
        bag=_carried(rng, 0.22),
        handbag=_carried(rng, 0.14),
    )


def _carried(rng: np.random.Generator, share: float) -> Colour | None:
    colour = vary(rng, COLOURS[pick(rng, UPPER | {"brown": 0.1, "pink": 0.05, "black": 0.35})])
    return colour if rng.random() < share else None


def look_alike(rng: np.random.Generator, outfit: Outfit) -> Outfit:
    """Another person in clothes of the same colours; pattern, shoes, hair and what is carried differ."""
    other = draw(rng)
    kept = replace(
        outfit,
        skin=vary(rng, outfit.skin, 0.01),
        hair_colour=other.hair_colour,
        hairline=other.hairline,
        hair_volume=other.hair_volume,
        upper=replace(outfit.upper, pattern=other.upper.pattern, pitch=other.upper.pitch, place=other.upper.place),
        upper_loose=other.upper_loose,
        shoe=other.shoe,
        sole=other.sole,
        socks=other.socks,
        neckline=other.neckline,
        backpack=other.backpack,
        bag=other.bag,
        handbag=other.handbag,
        hat=other.hat,
        hat_colour=other.hat_colour,
    )
    if other.female == outfit.female:
        kept = replace(kept, hair=other.hair)
    return kept
