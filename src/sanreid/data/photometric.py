"""Photometric augmentation of a batch of uint8 pictures: light, colour and sharpness, random for each picture.

Decisions: it varies what differs between cameras: tone (gamma), exposure, contrast, saturation, hue, the light's
colour, grey pictures, blur or over-sharpening, noise. As in augment.py, all random numbers of a batch are drawn first,
on the CPU, so that a run is the same on every device; applying them is a pure function of the whole batch. Saturation,
hue, the light's colour and grey are one 3 x 3 matrix per picture; sharpness is x + s (x - blurred x).
"""

import math
from typing import Annotated, NamedTuple, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from sanreid import process_group
from sanreid.bounds import Share
from sanreid.data.tensors import send
from sanreid.params import Section

GREY = (0.299, 0.587, 0.114)  # of R, G, B in a picture's brightness (ITU-R BT.601)
TAPS = (0.0545, 0.2442, 0.4026, 0.2442, 0.0545)  # a Gaussian of one pixel

Part = Annotated[float, Field(ge=0, lt=1)]  # 1 plus or minus this: at 1 nothing might be left of a picture
Growth = Annotated[float, Field(ge=0, le=10)]  # up to 1 plus this, and as far down
Factor = Annotated[float, Field(ge=0, le=10)]
Strength = Annotated[float, Field(ge=-1, le=10)]  # -1 is blurred, 0 as it is
Levels = Annotated[float, Field(ge=0, le=128)]  # of 255


class Tones(NamedTuple):
    """The random choices for N pictures, and the noise that they share.

    gamma, exposure, contrast, sharpness, noise (N,); colour (N, 3, 3); place (N, 2) int64, where in `grain`
    (2H, 2W) a picture's noise begins.
    """

    gamma: Tensor
    exposure: Tensor
    contrast: Tensor
    sharpness: Tensor
    noise: Tensor
    colour: Tensor
    place: Tensor
    grain: Tensor


class Photometric(Section):
    """Ranges of the changes of light, colour and sharpness; values are drawn uniformly, gamma log-uniformly.

    After Buslaev et al. 2020 (Albumentations) and torchvision's ColorJitter, whose order differs.
    """

    gamma: Growth
    exposure: Part
    contrast: Part
    saturation: tuple[Factor, Factor]
    hue: Share
    cast: Part
    grey_probability: Share
    sharpness: tuple[Strength, Strength]
    noise: Levels

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("saturation", "sharpness"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: [{low}, {high}] is no range; put the smaller one first")
        return self

    def draw(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Tones:
        """The random choices for `n` pictures of `size` = (H, W), by a `generator` of the CPU.

        Where several ranks share a batch, the `n` are this one's part of it: the whole batch's choices are drawn.
        """
        count = n * process_group.size()

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(count, *shape, generator=generator)

        gamma = uniform(-1, 1).mul(math.log1p(self.gamma)).exp()
        exposure, contrast = (1 + uniform(-part, part) for part in (self.exposure, self.contrast))
        grey = torch.rand(count, generator=generator) < self.grey_probability
        saturation = uniform(*self.saturation).masked_fill(grey, 0.0)
        turn = uniform(-math.pi, math.pi) * self.hue
        cast = 1 + uniform(-self.cast, self.cast, 3)
        sharpness, noise = uniform(*self.sharpness), uniform(0, self.noise)
        place = (torch.rand(count, 2, generator=generator) * torch.tensor(size)).long()
        grain = torch.randn([2 * side for side in size], generator=generator)
        colour = _matrices(saturation, turn, cast)
        each = [process_group.share(v) for v in (gamma, exposure, contrast, sharpness, noise, colour, place)]
        return Tones(*each, grain=grain)

    def apply(self, images: Tensor, tones: Tones) -> Tensor:
        """uint8 images (N, 3, H, W) with these choices -> uint8, in channels_last."""
        n, _, height, width = images.shape
        t = Tones(*(send(choices, images.device) for choices in tones))
        # powers of the 256 levels, not of the pixels: a picture has 30 times as many
        levels = (torch.arange(256, device=images.device) / 255)[None].pow(t.gamma[:, None])
        rows = images.permute(0, 2, 3, 1).reshape(n, -1).long()
        pixels = torch.bmm(levels.gather(1, rows).view(n, -1, 3), t.colour.mT)
        mean = (pixels.mean(1) @ send(torch.tensor(GREY), images.device))[:, None, None]
        pixels = (pixels - mean).mul_(t.contrast[:, None, None]).add_(mean).mul_(t.exposure[:, None, None])
        pixels = pixels.view(n, height, width, 3).permute(0, 3, 1, 2)
        if any(self.sharpness):
            pixels = pixels + t.sharpness[:, None, None, None] * (pixels - blurred(pixels))
        if self.noise:
            down, across = (torch.arange(side, device=images.device) for side in (height, width))
            grain = t.grain[(t.place[:, :1] + down)[:, :, None], (t.place[:, 1:] + across)[:, None]]
            pixels = pixels + (grain * (t.noise / 255)[:, None, None])[:, None]
        return pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8).contiguous(memory_format=torch.channels_last)


def blurred(pixels: Tensor) -> Tensor:
    """Pictures (N, C, H, W) by a Gaussian of one pixel; the edges repeat."""
    height, width = pixels.shape[2:]
    wide = F.pad(pixels, (2, 2, 2, 2), mode="replicate")
    rows = torch.stack([k * wide[:, :, :, i : i + width] for i, k in enumerate(TAPS)]).sum(0)
    return torch.stack([k * rows[:, :, i : i + height] for i, k in enumerate(TAPS)]).sum(0)


def _matrices(saturation: Tensor, turn: Tensor, cast: Tensor) -> Tensor:
    """(N, 3, 3): the hue turned about the grey axis, then saturation about the brightness, then the light's colour."""
    eye, third = torch.eye(3), torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    cosine, sine = turn.cos()[:, None, None], turn.sin()[:, None, None]
    hue = cosine * eye + (1 - cosine) * third + sine * cross  # Rodrigues
    part = saturation[:, None, None]
    return torch.diag_embed(cast) @ ((1 - part) * torch.tensor(GREY).expand(3, 3) + part * eye) @ hue
