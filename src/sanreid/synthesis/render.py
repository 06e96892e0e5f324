"""Render a person: pose, project, rasterise, shade, lay over a scene, and look through the camera.

Decisions: two samples a pixel each way; the surroundings are rendered too, so that publishers may cut tight, loose or
shifted boxes from one view, and know for every box which texels it shows. Everything random comes from the `rng`
given, in a fixed order, so pictures do not depend on processes. Pictures are not JPEG-coded here: the publisher does
that with the camera's quality.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from sanreid.synthesis import body, kernels
from sanreid.synthesis import pose as poses
from sanreid.synthesis.accessories import HANGING_FROM, Mesh
from sanreid.synthesis.people import Person
from sanreid.synthesis.scene import Camera

SAMPLES = 2  # a pixel, each way
GRAIN = 512  # side of the tile of noise
GREY = 0.5  # ground of the frontal picture


@dataclass(frozen=True, eq=False)
class View:
    """A picture of a person with surroundings."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 of person and accessories; x1, y1 excluded
    texel_place: np.ndarray = field(repr=False)  # (k, 2) int16: column and row of each texel seen, in pixels
    texel_index: np.ndarray = field(repr=False)  # (k,) its index in the flattened texture

    def crop(
        self, box: tuple[int, int, int, int], size: tuple[int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The part of the picture in a box (x0, y0, x1, y1), its border repeated where the box leaves the picture.

        Resized to `size` (H, W) if given. Returns the picture (uint8 RGB) and the visibility map (256, 256) bool:
        the texels that this crop shows.
        """
        left, top, right, bottom = (round(edge) for edge in box)
        if right <= left or bottom <= top:
            raise ValueError(f"box {box} is empty: give x0 < x1 and y0 < y1")
        height, width = self.image.shape[:2]
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        columns = np.clip(np.arange(left, right), 0, width - 1)
        cut = np.ascontiguousarray(self.image[rows[:, None], columns])
        if size is not None:
            shrinks = size[0] < cut.shape[0]
            cut = cv2.resize(cut, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        x, y = self.texel_place.T
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        visible = np.zeros(body.TEXTURE**2, bool)
        visible[self.texel_index[inside]] = True
        return cut, visible.reshape(body.TEXTURE, body.TEXTURE)


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """A tile (512, 512, 3) of unit noise, the same in every process."""
    return np.random.default_rng(0).standard_normal((GRAIN, GRAIN, 3)).astype(np.float32)


def _posed(mesh: Mesh, turns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and normals of a mesh in a pose; what hangs follows the hand without turning."""
    transforms = poses.transforms(mesh.heads, turns)
    anchor = body.model().bone(HANGING_FROM)
    hand = mesh.heads[anchor]
    hanging = np.eye(3, 4, dtype=np.float32)
    hanging[:, 3] = transforms[anchor, :, :3] @ hand + transforms[anchor, :, 3] - hand
    return kernels.skin(
        mesh.vertices, mesh.normals, mesh.weights, mesh.bones, np.concatenate([transforms, hanging[None]])
    )


def _look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rows: the camera's right, down and forward axes."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


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
) -> View:
    """Render a person, about `height` pixels tall, with `margin` (share of that) of surroundings on every side.

    pose: a kind of pose.KINDS, drawn where None. occluders: whether something may stand in front.
    """
    mesh = person.mesh(shape_key)
    vertices, normals = _posed(mesh, poses.sample(rng, person.limits(), pose))
    azimuth = camera.azimuth(rng)
    low, high = vertices.min(0), vertices.max(0)
    target = (low + high) / 2
    offset = np.array([math.sin(azimuth), -math.cos(azimuth), 0]) * camera.distance
    eye = np.array([target[0], target[1], low[2] + camera.height * rng.uniform(0.9, 1.1)]) + offset
    points = kernels.project(vertices, _look_at(eye, target).astype(np.float32), eye.astype(np.float32))
    shown = np.unique(mesh.faces)
    left, top = points[shown, :2].min(0)
    right, bottom = points[shown, :2].max(0)
    scale = height / (bottom - top)
    border = margin * height
    size = round(height + 2 * border), round((right - left) * scale + 2 * border)
    points[:, 0] = ((points[:, 0] - left) * scale + border) * SAMPLES
    points[:, 1] = ((points[:, 1] - top) * scale + border) * SAMPLES
    depth, triangle, barycentric = kernels.rasterise(points, mesh.faces, size[0] * SAMPLES, size[1] * SAMPLES)
    cosine, sine = math.cos(azimuth), math.sin(azimuth)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    light = (turn @ camera.light).astype(np.float32)
    colour = kernels.shade(
        triangle, barycentric, mesh.faces, mesh.uv_faces, mesh.uv, normals, person.texture, light,
        camera.ambient, camera.diffuse,
    )  # fmt: skip
    backdrop = camera.backdrops[int(rng.integers(len(camera.backdrops)))]
    behind = backdrop.cut(rng, size, height, border + height)
    _contact_shadow(behind, points[shown], border + height, height)
    radiance = kernels.composite(colour, triangle, behind, SAMPLES)
    image = _develop(radiance, camera, rng, height)
    place, index = _texels_seen(mesh, points, depth)
    rows, columns = np.nonzero((triangle >= 0).any(1))[0] // SAMPLES, np.nonzero((triangle >= 0).any(0))[0] // SAMPLES
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return View(image, box, place, index)


def _contact_shadow(behind: np.ndarray, points: np.ndarray, feet: float, height: int) -> None:
    """Darken the ground under the feet, in place; points (n, 3) in samples."""
    low = points[points[:, 1] > points[:, 1].max() - 0.06 * height * SAMPLES, 0] / SAMPLES
    centre, half = float(low.mean()), float(np.ptp(low)) / 2 + 0.08 * height
    rows, columns = np.mgrid[: behind.shape[0], : behind.shape[1]].astype(np.float32)
    distance = ((columns - centre) / half) ** 2 + ((rows - feet + 0.015 * height) / (0.045 * height)) ** 2
    behind *= (1 - 0.5 * np.exp(-1.5 * distance))[..., None]


def _develop(radiance: np.ndarray, camera: Camera, rng: np.random.Generator, height: int) -> np.ndarray:
    """Blur, gain, tone, saturation and noise of a camera: uint8 of the same shape."""
    sigma = max(camera.blur * height / 1000 * rng.uniform(0.8, 1.3), 0.3)
    radiance = cv2.GaussianBlur(radiance, (0, 0), sigma)
    rows, columns = radiance.shape[:2]
    tile = _grain()
    top, left = rng.integers(GRAIN, size=2)
    grain = tile.take(range(top, top + rows), 0, mode="wrap").take(range(left, left + columns), 1, mode="wrap")
    gain = (camera.gain * np.exp(rng.normal(0, 0.06))).astype(np.float32)
    return kernels.respond(radiance, gain, camera.curve(), camera.saturation, grain, camera.noise)


def _texels_seen(mesh: Mesh, points: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel (column, row) and flat index of every texel that the picture shows."""
    x, y, seen = kernels.texels_seen(points, mesh.faces, mesh.texel_triangle, mesh.texel_barycentric, depth)
    place = (np.stack([x[seen], y[seen]], 1) / SAMPLES).astype(np.int16)
    return place, (mesh.texel_rows * body.TEXTURE + mesh.texel_columns)[seen].astype(np.int32)


def frontal(person: Person, size: tuple[int, int] = (256, 128)) -> np.ndarray:
    """The pose-aligned picture (H, W, 3) uint8: standing, seen from the front, neutral light, grey ground."""
    mesh = person.mesh(0)
    vertices, normals = _posed(mesh, poses.frontal(person.limits()))
    low, high = vertices.min(0), vertices.max(0)
    target = (low + high) / 2
    eye = target + np.array([0, -12.0, 0])
    points = kernels.project(vertices, _look_at(eye, target).astype(np.float32), eye.astype(np.float32))
    height, width = size
    spread = np.ptp(points[:, :2], axis=0)
    scale = min(0.94 * height / spread[1], 0.96 * width / spread[0]) * SAMPLES
    middle = (points[:, :2].max(0) + points[:, :2].min(0)) / 2
    points[:, 0] = (points[:, 0] - middle[0]) * scale + width * SAMPLES / 2
    points[:, 1] = (points[:, 1] - middle[1]) * scale + height * SAMPLES / 2
    _, triangle, barycentric = kernels.rasterise(points, mesh.faces, height * SAMPLES, width * SAMPLES)
    light = np.array([0, -0.7, 0.7], np.float32)
    colour = kernels.shade(
        triangle, barycentric, mesh.faces, mesh.uv_faces, mesh.uv, normals, person.texture, light, 0.75, 0.35
    )
    ground = np.full((height, width, 3), GREY, np.float32)
    return (np.clip(kernels.composite(colour, triangle, ground, SAMPLES), 0, 1) * 255 + 0.5).astype(np.uint8)
