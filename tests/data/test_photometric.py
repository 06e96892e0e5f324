"""Light and colour of a batch against plain loops over one picture's pixels; what is off draws and changes nothing."""

import colorsys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sanreid import process_group
from sanreid.data.photometric import GREY, TAPS, Photometric, Tones
from tests.data.toy_batch import SIZE, generator, make, pictures

OFF = {
    "gamma": 0.0,
    "exposure": 0.0,
    "contrast": 0.0,
    "saturation": (1.0, 1.0),
    "hue": 0.0,
    "cast": 0.0,
    "grey_probability": 0.0,
    "sharpness": (0.0, 0.0),
    "noise": 0.0,
}
ON = {
    "gamma": 0.5,
    "exposure": 0.3,
    "contrast": 0.4,
    "saturation": (0.2, 1.5),
    "hue": 0.1,
    "cast": 0.1,
    "grey_probability": 0.2,
    "sharpness": (-1.0, 3.0),
    "noise": 8.0,
}


def moved(images, **changes):
    p = Photometric(**(OFF | changes))
    return p.apply(images, p.draw(len(images), SIZE, generator()))


def reference(picture: np.ndarray, tones: Tones, i: int) -> np.ndarray:
    """One (H, W, 3) uint8 picture, pixel by pixel."""
    height, width, _ = picture.shape
    levels = (picture / 255.0) ** float(tones.gamma[i])
    colour = tones.colour[i].double().numpy()
    mixed = np.array([[colour @ levels[y, x] for x in range(width)] for y in range(height)])
    mean = np.mean([pixel @ np.array(GREY) for row in mixed for pixel in row])
    mixed = ((mixed - mean) * float(tones.contrast[i]) + mean) * float(tones.exposure[i])
    out = np.empty_like(mixed)
    y0, x0 = tones.place[i].tolist()
    for y in range(height):
        for x in range(width):
            soft = np.zeros(3)
            for j, a in enumerate(TAPS):
                for k, b in enumerate(TAPS):
                    soft += a * b * mixed[np.clip(y + j - 2, 0, height - 1), np.clip(x + k - 2, 0, width - 1)]
            sharp = mixed[y, x] + float(tones.sharpness[i]) * (mixed[y, x] - soft)
            out[y, x] = sharp + float(tones.grain[y0 + y, x0 + x]) * float(tones.noise[i]) / 255
    return out.clip(0, 1) * 255


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_pixel_by_pixel_reference(layout):
    images = pictures(5).contiguous(memory_format=layout)
    before, p = images.clone(), Photometric(**ON)
    tones = p.draw(5, SIZE, generator())
    got = p.apply(images, tones)
    assert got.dtype == torch.uint8
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
    for i in range(5):
        expected = reference(images[i].permute(1, 2, 0).numpy(), tones, i)
        assert np.abs(got[i].permute(1, 2, 0).numpy() - expected).max() <= 0.51  # rounded once


def test_all_off_changes_nothing():
    images = pictures(8)
    assert torch.equal(moved(images), images)


def test_each_part_does_what_it_says():
    images = pictures(64).clamp(40, 200)
    grey = moved(images, grey_probability=1.0)
    assert (grey.amax(1).int() - grey.amin(1).int()).max() <= 1
    assert (moved(images, saturation=(0.0, 0.0)).int() - grey.int()).abs().max() <= 1
    brighter = moved(images, exposure=0.5).float().mean((1, 2, 3)) / images.float().mean((1, 2, 3))
    assert brighter.min() < 0.7 < 1.3 < brighter.max()
    flatter = moved(images, contrast=0.5).float().std((1, 2, 3)) / images.float().std((1, 2, 3))
    assert flatter.min() < 0.7 < 1.1 < flatter.max()
    rough = [moved(images, sharpness=(s, s)).float().diff(dim=3).abs().mean() for s in (-1.0, 0.0, 2.0)]
    assert rough == sorted(rough)
    noise = moved(torch.full_like(images, 128), noise=20.0).float().std((2, 3)).mean(1)
    assert 8 < noise.mean() < 12  # half of the most
    half = moved(torch.tensor([200, 40, 40], dtype=torch.uint8)[None, :, None, None].expand(200, 3, *SIZE), hue=1.0)
    hues = {round(6 * colorsys.rgb_to_hsv(*(v / 255 for v in pixel.tolist()))[0]) for pixel in half[:, :, 0, 0]}
    assert set(range(6)) <= hues  # all round


def test_an_augmentation_without_it_draws_what_it_drew_before():
    images = pictures(6)
    plain, on = make(), make(photometric=Photometric(**OFF))
    a, b = generator(3), generator(3)
    assert torch.equal(plain(images, None, a)[0], on(images, None, b)[0])
    assert torch.rand(1, generator=a) != torch.rand(1, generator=b)  # the second one drew more, after the others


def test_ranks_share_what_the_whole_batch_draws(monkeypatch):
    p = Photometric(**ON)
    whole = p.draw(6, SIZE, generator())
    for number in (0, 1):
        monkeypatch.setattr(process_group, "_here", (number, 2))
        part = p.draw(3, SIZE, generator())
        for name in Tones._fields:
            rows = slice(None) if name == "grain" else slice(3 * number, 3 * number + 3)
            assert torch.equal(getattr(part, name), getattr(whole, name)[rows]), name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"saturation": (1.0, 0.5)}, r"saturation: \[1.0, 0.5\] is no range; put the smaller one first"),
        ({"sharpness": (2.0, 1.0)}, "sharpness"),
        ({"exposure": 1.0}, "exposure"),
        ({"hue": 2.0}, "hue"),
        ({"noise": -1.0}, "noise"),
    ],
)
def test_what_makes_no_sense_is_refused(change, told):
    with pytest.raises(ValidationError, match=told):
        Photometric(**(OFF | change))
