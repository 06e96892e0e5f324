"""A posed person seen by an ideal camera: vertices, samples of the picture, and where each texel falls.

Decisions: no scene and no lens here, so that the same figure serves a view, an aligned picture, and a passer-by in
somebody else's background. Two samples a pixel each way.
"""

import math
from dataclasses import dataclass

import numpy as np

from sanreid.synthesis import body, kernels, pose, shading
from sanreid.synthesis.accessories import HANGING_FROM, Mesh
from sanreid.synthesis.people import Person

SAMPLES = 2  # a pixel, each way


@dataclass(frozen=True, eq=False)
class Figure:
    """A person projected and rasterised; arrays of samples are SAMPLES times as large as the picture."""

    size: tuple[int, int]  # of the picture, (H, W) pixels
    points: np.ndarray  # (n, 3) sample x, sample y, inverse depth of every vertex
    depth: np.ndarray  # (H * SAMPLES, W * SAMPLES) inverse depth, 0 where empty
    triangle: np.ndarray  # triangle under each sample, -1 where none
    colour: np.ndarray  # (.., 3) lit colour of each sample


def posed(mesh: Mesh, turns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and normals (n, 3) of a mesh in a pose; what hangs follows the hand without turning."""
    transforms = pose.transforms(mesh.heads, turns)
    anchor = body.model().bone(HANGING_FROM)
    hand = mesh.heads[anchor]
    hanging = np.eye(3, 4, dtype=np.float32)
    hanging[:, 3] = transforms[anchor, :, :3] @ hand + transforms[anchor, :, 3] - hand
    transforms = np.concatenate([transforms, hanging[None]])
    return kernels.skin(mesh.vertices, mesh.normals, mesh.weights, mesh.bones, transforms)


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rows (3, 3) float32: the right, down and forward axes of a camera at `eye` that looks at `target`."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward]).astype(np.float32)


def draw(
    person: Person,
    turns: dict[str, np.ndarray],
    *,
    height: float,
    margin: float,
    azimuth: float,
    camera_height: float,
    distance: float,
    light: np.ndarray,
    ambient: float,
    diffuse: float,
    shape_key: int = 0,
    roll: float = 0.0,
) -> Figure:
    """Draw a person `height` pixels tall with `margin` (share of it) around, seen from `azimuth` (radians, 0: front).

    camera_height above the ground and distance in metres; light (3,) points to the light for a person at azimuth 0,
    and stays with the camera when the person turns. roll: how far the camera leans, radians.
    """
    mesh = person.mesh(shape_key)
    vertices, normals = posed(mesh, turns)
    low, high = kernels.extent(vertices, mesh.shown)
    target = (low + high) / 2
    eye = np.array([target[0], target[1], low[2] + camera_height])
    eye += distance * np.array([math.sin(azimuth), -math.cos(azimuth), 0])
    points = kernels.project(vertices, look_at(eye, target), eye.astype(np.float32))
    if roll:
        lean = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]], np.float32)
        points[:, :2] = points[:, :2] @ lean.T
    (left, top, _), (right, bottom, _) = (edge.tolist() for edge in kernels.extent(points, mesh.shown))
    scale, border = height / (bottom - top), margin * height
    size = round(height + 2 * border), round((right - left) * scale + 2 * border)
    points[:, 0] = ((points[:, 0] - left) * scale + border) * SAMPLES
    points[:, 1] = ((points[:, 1] - top) * scale + border) * SAMPLES
    depth, triangle, barycentric = kernels.rasterise(points, mesh.faces, size[0] * SAMPLES, size[1] * SAMPLES)
    cosine, sine = math.cos(azimuth), math.sin(azimuth)
    turned = (np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ light).astype(np.float32)
    colour = shading.shade(
        triangle,
        barycentric,
        mesh.faces,
        mesh.uv_faces,
        mesh.uv,
        normals,
        person.texture,
        turned,
        ambient,
        diffuse,
    )
    return Figure(size, points, depth, triangle, colour)


def box(figure: Figure) -> tuple[int, int, int, int]:
    """The tight box x0, y0, x1, y1 (ends excluded) of a figure, in pixels."""
    x0, y0, x1, y1 = kernels.covered_box(figure.triangle, 0)
    return x0 // SAMPLES, y0 // SAMPLES, x1 // SAMPLES + 1, y1 // SAMPLES + 1
