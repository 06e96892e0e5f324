"""A renderer whose pictures say who and where they are, so that layouts are tested exactly and in no time."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from sanreid.synthesis import body, people, render, scene
from sanreid.synthesis.publish_market1501 import TEST_FIELDS


@dataclass
class FakeView:
    """Red tells the person, green the camera; blue is 255, so that swapped channels show."""

    colour: tuple[int, int, int]
    box: tuple[float, float, float, float]
    image: np.ndarray
    jpeg_quality: int = 95

    def crop(self, box, size=None):
        height, width = size or (round(box[3] - box[1]), round(box[2] - box[0]))
        visibility = np.zeros((256, 256), bool)
        visibility[self.colour[0]] = True
        return np.full((height, width, 3), self.colour, np.uint8), visibility


def fake_person(seed, dataset, index, *, look_alike_share=0.0, dressed=None):
    attributes = {name: 1 + (index + place) % 2 for place, name in enumerate(TEST_FIELDS)}
    texture = np.full((256, 256, 3), (index * 10 % 250 / 255, len(dataset) / 255, 1), np.float32)
    return SimpleNamespace(index=index, dataset=dataset, attributes=attributes, texture=texture)


def fake_view(person, camera, rng, *, height, shape_key=0, margin=0.15, occluders=True, pose=None, **_):
    m = round(margin * height)
    image = np.zeros((height + 2 * m, height // 2 + 2 * m, 3), np.uint8)
    return FakeView((person.index * 10 % 250, camera.number * 20, 255), (m, m, m + height / 2, m + height), image)


@pytest.fixture
def fake_renderer(monkeypatch):
    """Stands in for the renderer in this process; returns the list of what `scene.cameras` was asked for."""
    asked = []

    def fake_cameras(family, seed, count, backgrounds=None, scenes=2):
        asked.append((family, seed, count, backgrounds))
        return [SimpleNamespace(number=i, jpeg_quality=95) for i in range(1, count + 1)]

    monkeypatch.setattr(people, "make", fake_person)
    monkeypatch.setattr(scene, "cameras", fake_cameras)
    monkeypatch.setattr(render, "view", fake_view)
    monkeypatch.setattr(render, "frontal", lambda person, size=(256, 128): np.full((*size, 3), 77, np.uint8))
    monkeypatch.setattr(body, "coverage", lambda: np.ones((256, 256), bool))
    monkeypatch.setattr(body, "uv_mirror", lambda: np.zeros((256, 256, 2), np.int16))
    return asked
