"""Renders pictures of people: a figure in a scene, objects in front, a camera's effects; and which texels are visible.

Decisions: the surroundings are rendered too, so that publishers may cut tight, loose or shifted boxes from one view and
know for every box which texels it shows. Everything random comes from the `rng` given, in a fixed order, so pictures do
not depend on processes. Pictures are not JPEG-coded here: the publisher does that with the camera's quality.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from sanreid.synthesis import body, canvas, clutter, crowd, figure, framing, kernels, photograph, props, scene, shading
from sanreid.synthesis import pose as poses
from sanreid.synthesis.figure import SAMPLES, Figure
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.people import Person
from sanreid.synthesis.photograph import GRAIN, Photograph
from sanreid.synthesis.random_draws import STILL, RandomDraws
from sanreid.synthesis.scene import Camera

GREY = 0.5  # ground of the frontal picture
# What stands in front: share of draws, and the spread of its centre from the person's, in person heights.
IN_FRONT = {
    "pole": (0.16, 0.10),
    "railing": (0.14, 0.3),
    "bicycle": (0.15, 0.22),
    "car": (0.13, 0.1),
    "bush": (0.1, 0.3),
    "bin": (0.1, 0.16),
    "bollard": (0.04, 0.12),
    "passer_by": (0.18, 0.12),
}


@dataclass(frozen=True, eq=False)
class View:
    """A picture of a person with surroundings."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 of person and accessories; x1, y1 excluded
    texel_place: np.ndarray = field(repr=False)  # (k, 2) int16: column and row of each texel seen, in pixels
    texel_index: np.ndarray = field(repr=False)  # (k,) its index in the flattened texture
    jpeg_quality: int  # 1-100, at which it is stored

    def crop(
        self, box: tuple[int, int, int, int], size: tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The part of the picture in a box (x0, y0, x1, y1), its border repeated where the box leaves the picture.

        Resized to `size` (H, W) if given. Returns the picture (uint8 RGB) and the visibility map (256, 256) bool:
        the texels that this crop shows. Raises ValueError for an empty box.
        """
        left, top, right, bottom = (round(edge) for edge in box)
        if right <= left or bottom <= top:
            raise ValueError(f"box {box} is empty: give x0 < x1 and y0 < y1")
        height, width = self.image.shape[:2]
        if left >= 0 and top >= 0 and right <= width and bottom <= height:
            cut = self.image[top:bottom, left:right].copy()
        else:
            rows = np.clip(np.arange(top, bottom), 0, height - 1)
            columns = np.clip(np.arange(left, right), 0, width - 1)
            cut = self.image[rows[:, None], columns]
        if size is not None:
            shrinks = size[0] < cut.shape[0]
            cut = cv2.resize(cut, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        x, y = self.texel_place.T
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        visible = np.zeros(body.TEXTURE**2, bool)
        visible[self.texel_index[inside]] = True
        return cut, visible.reshape(body.TEXTURE, body.TEXTURE)


def view(
    person: Person,
    camera: Camera,
    rng: np.random.Generator,
    *,
    height: int,
    shape_key: int = 0,
    margin: float = 0.15,
    occluders: bool = True,
    pose: str | None = None,
    look: Look = OFF,
    dice: RandomDraws = STILL,
) -> View:
    """Render a person, about `height` pixels tall, with `margin` (share of that) of surroundings on every side.

    pose: a kind of pose.KINDS, drawn where None. occluders: whether something may stand in front, as often as at this
    camera. look, dice: the levers of a photograph, and their streams.
    """
    turns, azimuth = poses.sample(rng, person.limits(), pose), camera.azimuth(rng)
    frame = framing.frame(camera, camera.height * rng.uniform(0.9, 1.1), look.framing, dice)
    drawn = figure.draw(
        person,
        turns,
        height=height,
        margin=margin,
        azimuth=azimuth,
        camera_height=frame.height,
        distance=frame.distance,
        light=frame.light,
        ambient=frame.ambient,
        diffuse=frame.diffuse,
        shape_key=shape_key,
        roll=frame.roll,
    )
    feet = (1 + margin) * height
    backdrop = camera.backdrops[int(rng.integers(min(scene.SCENES, len(camera.backdrops))))]
    if len(camera.backdrops) > scene.SCENES:
        backdrop = camera.backdrops[int(dice.between("scene", (0, len(camera.backdrops) - 1e-6)))]
    radiance = backdrop.cut(rng, drawn.size, height, feet)
    box = figure.box(drawn)
    place = {"feet": feet, "height": height, "camera_height": frame.height}
    clutter.lay(radiance, look.clutter, dice, **place)
    crowd.behind(radiance, look.crowd, look.worn, dice, **place)
    clutter.cast_shadow(radiance, drawn.triangle, look.clutter, dice, feet, height)
    _contact_shadow(radiance, drawn, feet, height)
    radiance = shading.composite(drawn.colour, drawn.triangle, radiance, SAMPLES)
    cover = None
    if occluders and rng.random() < camera.occlusion:
        cover = _stand_in_front(radiance, rng, camera, (box[0] + box[2]) / 2, feet, height)
    middle = (box[0] + box[2]) / 2
    hidden = crowd.before(radiance, look.crowd, look.worn, dice, centre=middle, **place)
    if hidden is not None:
        cover = hidden if cover is None else np.maximum(cover, hidden)
    _uneven_light(radiance, camera, rng)
    seen, index = _texels_seen(person.mesh(shape_key), drawn, cover)
    picture = _develop(radiance, camera, rng, height, look.photograph, dice)
    return View(picture, box, seen, index, photograph.quality(look.photograph, dice, camera.jpeg_quality))


def _contact_shadow(ground: np.ndarray, drawn: Figure, feet: float, height: int) -> None:
    """Darken the ground under the feet, in place."""
    left, _, right, _ = kernels.covered_box(drawn.triangle, int((feet - 0.06 * height) * SAMPLES))
    centre, half = (left + right) / 2 / SAMPLES, (right - left) / 2 / SAMPLES + 0.08 * height
    top = max(0, round(feet - 0.12 * height))
    rows, columns = np.ogrid[top : ground.shape[0], : ground.shape[1]]
    distance = ((columns - centre) / half) ** 2 + ((rows - feet + 0.015 * height) / (0.045 * height)) ** 2
    ground[top:] *= (1 - 0.5 * np.exp(-1.5 * distance)).astype(np.float32)[..., None]


def _stand_in_front(
    radiance: np.ndarray, rng: np.random.Generator, camera: Camera, centre: float, feet: float, height: int
) -> np.ndarray:
    """Put a prop between person and camera, in place; returns its cover (H, W). Heads stay free, as detectors need."""
    kinds = list(IN_FRONT)
    shares = np.array([IN_FRONT[kind][0] for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    scale = height / 1.7 * rng.uniform(1.02, 1.2)
    prop = props.draw(kind, rng, scale)
    offset = float(rng.normal(0, IN_FRONT[kind][1])) * height
    if kind in ("car", "passer_by"):  # one end of the car, or a shoulder, across the person
        side = 1 if rng.random() < 0.5 else -1
        offset = side * (prop.shape[1] / 2 + rng.uniform(-0.09, 0.08) * height)
    soft = cv2.GaussianBlur(prop, (0, 0), max(0.4, 0.003 * height))
    strength = camera.ambient + 0.6 * camera.diffuse
    bottom = feet + rng.uniform(0.03, 0.12) * height
    return canvas.lay(radiance, soft, centre + offset, bottom, strength)


def _uneven_light(radiance: np.ndarray, camera: Camera, rng: np.random.Generator) -> None:
    """A slope of light across the picture and, more often where light is restless, the edge of a shadow; in place."""
    height, width = radiance.shape[:2]
    angle, slope, place, depth = rng.uniform(0, 2 * np.pi), rng.normal(0, camera.unrest), rng.uniform(-0.6, 0.6), 0.0
    if rng.random() < 2 * camera.unrest:
        depth = rng.uniform(0.2, 0.5)
    y, x = np.ogrid[:height, :width]
    across = (np.cos(angle) * (2 * x / width - 1) + np.sin(angle) * (2 * y / height - 1)).astype(np.float32)
    light = 1 + np.float32(np.clip(0.7 * slope, -0.35, 0.35)) * across
    if depth:
        light *= 1 - np.float32(depth) * np.clip((across - np.float32(place)) * 8, 0, 1)
    radiance *= light[..., None]


def _develop(
    radiance: np.ndarray, camera: Camera, rng: np.random.Generator, height: int, look: Photograph, dice: RandomDraws
) -> np.ndarray:
    """Blur, gain, tone, saturation and noise of a camera, and what a photograph does: uint8 of the same shape."""
    sigma = max(camera.blur * height / 1000 * rng.uniform(0.8, 1.3), 0.3)
    rows, columns = radiance.shape[:2]
    top, left = rng.integers(GRAIN, size=2)
    change = rng.normal(0, camera.unrest) + rng.normal(0, 0.2 * camera.unrest, 3)  # exposure and tint
    gain = (camera.gain * np.exp(np.clip(change, -0.45, 0.45))).astype(np.float32)
    if look.develops:
        own = {"gain": gain, "curve": camera.curve(), "saturation": camera.saturation, "noise": camera.noise}
        return photograph.develop(radiance, look, dice, sigma=sigma, person=height, **own)
    radiance = cv2.GaussianBlur(radiance, (0, 0), sigma)
    repeats = -(-(GRAIN + rows) // GRAIN), -(-(GRAIN + columns) // GRAIN), 1
    grain = np.tile(photograph.grain(), repeats) if max(repeats) > 2 else _grain_doubled()
    grain = grain[top : top + rows, left : left + columns]
    return shading.respond(radiance, gain, camera.curve(), camera.saturation, grain, camera.noise)


@lru_cache(maxsize=1)
def _grain_doubled() -> np.ndarray:
    return np.tile(photograph.grain(), (2, 2, 1))


def _texels_seen(mesh, drawn: Figure, cover: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Pixel (column, row) and flat index of every texel that the picture shows; cover (H, W) hides."""
    x, y, seen = kernels.texels_seen(drawn.points, mesh.faces, mesh.texel_triangle, mesh.texel_barycentric, drawn.depth)
    place = (np.stack([x[seen], y[seen]], 1) / SAMPLES).astype(np.int16)
    index = (mesh.texel_rows[seen] * body.TEXTURE + mesh.texel_columns[seen]).astype(np.int32)
    if cover is not None:
        rows, columns = np.minimum(place[:, ::-1], np.array(cover.shape) - 1).T
        free = cover[rows, columns] < 0.5
        place, index = place[free], index[free]
    return place, index


def standing(person: Person, height: int, azimuth: float = 0.0, margin: float = 0.0) -> np.ndarray:
    """The person seen from `azimuth` in neutral light, 0.94 `height` high, grey ground: (h, w, 3) float in [0, 1]."""
    drawn = figure.draw(
        person,
        poses.frontal(person.limits()),
        height=0.94 * height,
        margin=margin,
        azimuth=azimuth,
        camera_height=0.9,
        distance=12.0,
        light=np.array([0, -0.7, 0.7]),
        ambient=0.75,
        diffuse=0.35,
    )
    ground = np.full((*drawn.size, 3), GREY, np.float32)
    return np.clip(shading.composite(drawn.colour, drawn.triangle, ground, SAMPLES), 0, 1)


def frontal(person: Person, size: tuple[int, int] = (256, 128)) -> np.ndarray:
    """The pose-aligned picture (H, W, 3) uint8: standing, seen from the front, neutral light, grey ground."""
    height, width = size
    picture = standing(person, height)
    out = np.full((height, width, 3), round(GREY * 255), np.uint8)
    if picture.shape[1] > width:
        shrink = width / picture.shape[1]
        picture = cv2.resize(picture, (width, round(picture.shape[0] * shrink)), interpolation=cv2.INTER_AREA)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture * 255 + 0.5
    return out
