"""Augmentation of a batch of uint8 pictures together with their target textures: crop, flip, random erasing.

Decisions: all random numbers of a batch are drawn first, on the CPU, from one generator, so that a run is the same on
every device and resumes exactly; applying them is a pure function. It has two implementations, equal bit for bit: one
picture after the other for the CPU, where copying contiguous memory is fastest, and the whole batch at once for a GPU,
where each picture would need its own kernel launches. Cropping works on bytes, 6 times faster than on floats. In a
flipped picture the colours of the left arm are on the right arm: `flip: mirrored` moves the texture by the layout's
mirror map; `mirrored_if_known` does not flip if there is no map; `unmirrored` leaves the texture unchanged, as SAN's
released code does.
"""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from sanreid import faults, process_group, runtime
from sanreid.bounds import Share
from sanreid.data.photometric import Photometric
from sanreid.data.tensors import IMAGE_MEAN, normalise_images, normalise_textures, send, take
from sanreid.params import Section

LEAST_ASPECT = 0.3  # height / width of an erased box lies in 0.3 .. 1/0.3 (Zhong et al. 2020, table 1)
ATTEMPTS = 100  # boxes tried until one fits, as in the authors' code


class Draws(NamedTuple):
    """Random choices for N pictures: crop, flip (N,) bool; offset (N, 2), erased box (N, 4) = y, x, h, w int64."""

    crop: Tensor
    offset: Tensor
    flip: Tensor
    box: Tensor


class Augment(Section):
    """Random crop of an enlargement, flip, random erasing (Jin et al. 2020, section 4.1), light and colour."""

    crop_probability: Share
    enlargement: Annotated[float, Field(ge=1, le=4)]
    flip: Literal["mirrored", "mirrored_if_known", "unmirrored", "none"]
    flip_probability: Share
    erase_probability: Share
    erase_area: tuple[Share, Share]
    photometric: Photometric | None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.erase_area
        if not 0 < low <= high:
            raise ValueError(
                f"erase_area: [{low}, {high}] is no range of parts of the picture; for example [0.02, 0.4]"
            )
        return self

    def __call__(
        self, images: Tensor, textures: Tensor | None, generator: torch.Generator, mirror: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Augment uint8 images (N, 3, H, W) and textures (N, 3, T, T); both come back normalised.

        `generator` is of the CPU; `mirror` is the (T*T,) index of `mirror_index`. Raises ValueError if `mirrored`
        textures have no map.
        """
        self.check(mirror, textures is not None)
        n, size = len(images), (images.shape[2], images.shape[3])
        draws = self.draw(n, size, generator)
        if self.photometric is not None:
            images = self.photometric.apply(images, self.photometric.draw(n, size, generator))
        floats = self.apply(images, draws)
        if textures is None:
            return floats, None
        return floats, normalise_textures(self.move(textures, draws, mirror))

    def settle(self, mirror: Tensor | None, textures: bool) -> Self:
        """With `mirrored_if_known` replaced by `mirrored`, or by `none` (logged) if there are textures without a map.

        The result is what params.json of the model folder records.
        """
        if self.flip != "mirrored_if_known":
            return self
        known = mirror is not None or not textures
        if not known:
            runtime.log.warning("flip: the texture layout's mirror map is not known, so nothing is flipped")
        return self.model_copy(update={"flip": "mirrored" if known else "none"})

    def check(self, mirror: Tensor | None, textures: bool) -> None:
        """Raise ValueError if textures would have to be mirrored without a map."""
        if textures and mirror is None and self.flip.startswith("mirrored") and self.flip_probability > 0:
            raise ValueError(
                "flip: mirrored needs the mirror map of the texture layout (uv_mirror.npy beside the textures); "
                "put it there, or set flip: mirrored_if_known, flip: none, or flip: unmirrored as the released code"
            )

    def draw(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Draws:
        """The random choices for `n` pictures of `size` = (H, W).

        If several ranks share a batch, choices are drawn for the whole batch, and those of this rank's `n` returned.
        """
        return Draws(
            *(process_group.share(choices) for choices in self._draw(n * process_group.size(), size, generator))
        )

    def _draw(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Draws:
        larger = self.enlarged(size)
        crop = torch.rand(n, generator=generator) < self.crop_probability
        room = torch.tensor([big - small + 1 for big, small in zip(larger, size, strict=True)])
        offset = (torch.rand(n, 2, generator=generator) * room).long().minimum(room - 1)
        flip = torch.rand(n, generator=generator) < (0.0 if self.flip == "none" else self.flip_probability)
        return Draws(crop, offset, flip, self._boxes(n, size, generator))

    def enlarged(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size that a crop is taken from."""
        return round(size[0] * self.enlargement), round(size[1] * self.enlargement)

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """uint8 images (N, 3, H, W) with these choices -> normalised float32 in channels_last."""
        return self.one_by_one(images, draws) if images.device.type == "cpu" else self.at_once(images, draws)

    def one_by_one(self, images: Tensor, draws: Draws) -> Tensor:
        """`apply` for the CPU."""
        n, c, height, width = images.shape
        # rows of pixels, colours innermost: crops and boxes become copies of whole stretches of memory
        rows = images.permute(0, 2, 3, 1).reshape(n, height, width * c).clone()
        chosen = draws.crop.nonzero()[:, 0]
        if len(chosen):
            larger = _resize(take(images, chosen), self.enlarged((height, width)))
            larger = larger.permute(0, 2, 3, 1).flatten(2)
            for picture, i, (y, x) in zip(larger, chosen.tolist(), draws.offset[chosen].tolist(), strict=True):
                rows[i] = picture[y : y + height, x * c : (x + width) * c]
        result = rows.reshape(n, height, width, c)
        for i in draws.flip.nonzero()[:, 0].tolist():  # one by one: no copy of them all, 7 times faster
            result[i] = result[i].flip(1)
        floats = normalise_images(result.permute(0, 3, 1, 2))
        pixels = floats.permute(0, 2, 3, 1).flatten(2)  # a view of them
        # the mean's raw values in the normalised picture, as published: they are not its zero
        fill = torch.tensor(IMAGE_MEAN, device=images.device).repeat(width)
        for i, (y, x, h, w) in enumerate(draws.box.tolist()):
            if h and w:
                pixels[i, y : y + h, x * c : (x + w) * c] = fill[: w * c]
        return floats

    def at_once(self, images: Tensor, draws: Draws) -> Tensor:
        """`apply` for a GPU: as many launches for a batch as for one picture, one transfer, no synchronisation."""
        n, _, height, width = images.shape
        plan = torch.cat([draws.offset, draws.box, draws.crop[:, None], draws.flip[:, None]], 1)
        y, x, top, left, h, w, crop, flip = send(plan, images.device).T[..., None].unbind()  # each (N, 1)
        number = torch.arange(n, device=images.device)[:, None, None]
        rows, columns = (torch.arange(side, device=images.device)[None] for side in (height, width))
        across = torch.where(flip > 0, width - 1 - columns, columns)  # (N, W): where a column is taken from
        larger = _resize(images.contiguous(memory_format=torch.channels_last), self.enlarged((height, width)))
        cropped = larger.permute(0, 2, 3, 1)[number, (y + rows)[:, :, None], (x + across)[:, None]]
        plain = images.permute(0, 2, 3, 1)[number, rows[:, :, None], across[:, None]]
        pixels = torch.where(crop[..., None, None] > 0, cropped, plain)
        floats = normalise_images(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        inside = ((rows >= top) & (rows < top + h))[:, :, None] & ((columns >= left) & (columns < left + w))[:, None]
        erased = torch.where(inside[..., None], send(torch.tensor(IMAGE_MEAN), images.device), floats)
        return erased.permute(0, 3, 1, 2)

    def move(self, textures: Tensor, draws: Draws, mirror: Tensor | None) -> Tensor:
        """Textures, masks or weights (N, C, T, T), those of flipped pictures moved by `mirror` if `flip: mirrored`."""
        if not self.flip.startswith("mirrored") or self.flip_probability == 0:
            return textures
        self.check(mirror, True)
        assert mirror is not None
        c, height, width = textures.shape[1:]
        if mirror.shape != (height * width,):
            raise ValueError(f"mirror map of {len(mirror)} texels for textures of {height} x {width}; use mirror_index")
        texels = textures.permute(0, 2, 3, 1).reshape(len(textures), height * width, c)
        move = _move_one_by_one if textures.device.type == "cpu" else _move_at_once
        moved = move(texels, draws.flip, send(mirror, textures.device))
        return moved.reshape(-1, height, width, c).permute(0, 3, 1, 2)

    def _boxes(self, n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """(N, 4) y, x, h, w: the first of 100 boxes that fits; 0 high where nothing is erased (Zhong et al. 2020)."""
        height, width = size
        erase = torch.rand(n, generator=generator) < self.erase_probability
        u = torch.rand(2, n, ATTEMPTS, generator=generator, dtype=torch.float64)
        low, high = self.erase_area
        area = (low + (high - low) * u[0]) * height * width
        aspect = LEAST_ASPECT + (1 / LEAST_ASPECT - LEAST_ASPECT) * u[1]
        h, w = (area * aspect).sqrt().round().long(), (area / aspect).sqrt().round().long()
        fits = (h < height) & (w < width)
        first = fits.long().argmax(1, keepdim=True)
        kept = (erase & fits.any(1)).long()
        h, w = h.gather(1, first)[:, 0] * kept, w.gather(1, first)[:, 0] * kept
        place = torch.rand(2, n, generator=generator, dtype=torch.float64)
        y, x = (place[0] * (height - h + 1)).long(), (place[1] * (width - w + 1)).long()
        return torch.stack([y, x, h, w], 1)


def read_mirror(file: Path, size: int) -> Tensor:
    """`mirror_index` of a file of the layout's mirror map; ValueError naming it where it is damaged."""
    with faults.about(file, "pair_pit copies it: run that again"):
        return mirror_index(np.load(file), size)


def mirror_index(uv_mirror: np.ndarray, size: int) -> Tensor:
    """(S, S, 2) rows and columns of each texel's left-right counterpart -> (size*size,) int64 index of flat texels.

    At another size a texel takes the counterpart of the texel under its centre. Raises ValueError for another shape
    or a texel outside the map.
    """
    side = uv_mirror.shape[0]
    if uv_mirror.shape != (side, side, 2) or uv_mirror.min() < 0 or uv_mirror.max() >= side:
        raise ValueError(
            f"uv_mirror: shape {uv_mirror.shape}, values {uv_mirror.min()} to {uv_mirror.max()}; "
            "it holds (S, S, 2) rows and columns in 0..S-1"
        )
    centres = ((np.arange(size) + 0.5) * side / size).astype(np.int64)
    there = uv_mirror[centres[:, None], centres[None, :]].astype(np.int64)
    there = ((there + 0.5) * size / side).astype(np.int64)
    return torch.from_numpy(there[..., 0] * size + there[..., 1]).reshape(-1)


def flip_index(size: int) -> Tensor:
    """The (size*size,) index that mirrors a flattened picture left-right, for targets that are pictures."""
    return torch.arange(size * size).reshape(size, size).flip(1).reshape(-1)


def _move_one_by_one(texels: Tensor, flip: Tensor, mirror: Tensor) -> Tensor:
    """(N, texels, C) with those of each flipped picture taken from `mirror`'s places; for the CPU."""
    moved = texels.clone()
    for i in flip.nonzero()[:, 0].tolist():
        moved[i] = texels[i].index_select(0, mirror)
    return moved


def _move_at_once(texels: Tensor, flip: Tensor, mirror: Tensor) -> Tensor:
    """The same for a GPU."""
    return torch.where(send(flip, texels.device)[:, None, None], texels.index_select(1, mirror), texels)


def _resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing of bytes; on CUDA, which has no kernel for bytes, through floats with rounding."""
    if images.device.type == "cpu":
        return F.interpolate(images, size=size, mode="bilinear")
    return F.interpolate(images.float(), size=size, mode="bilinear").round().to(torch.uint8)
