"""What the networks of all re-ID systems share: the section of their trunk, and the name that they give it.

Decision: every one holds its trunk as `encoder`, by which SAN and SAN-PG know theirs, so that SAN-PG's weights load
into any of them without a table of names.
"""

from typing import Literal, Self

from pydantic import PositiveInt, model_validator

from sanreid.models.backbones import Backbone, Name
from sanreid.params import Section


class Architecture(Section):
    """A ResNet's shape, the pictures it sees, and where its training starts; a system's own section adds keys."""

    backbone: Name
    width: PositiveInt
    last_stride: Literal[1, 2]
    height: PositiveInt
    width_px: PositiveInt
    initialise: Literal["scratch", "imagenet", "san_pg"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.height, self.width_px

    def trunk(self) -> Backbone:
        """The ResNet that it describes, drawn from torch's global generator."""
        return Backbone(self.backbone, self.width, self.last_stride)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        step = 16 * self.last_stride
        for key, pixels in (("height", self.height), ("width_px", self.width_px)):
            if pixels % step:
                raise ValueError(f"{key}: {pixels} is not a multiple of {step}, the stride of the last map")
        if self.initialise == "imagenet" and self.width != 64:
            raise ValueError(f"initialise: ImageNet weights fit width 64, not {self.width}; set scratch or san_pg")
        return self
