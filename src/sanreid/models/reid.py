"""Shared by the networks of all re-ID systems: the section of their trunk, and its name.

Decision: every network has its trunk as `encoder`, as SAN and SAN-PG do, so that SAN-PG's weights can be loaded into
any of them without translating names.
"""

from typing import Literal, Self

from pydantic import model_validator

from sanreid.models.backbones import Backbone, Shape


class Architecture(Shape):
    """A backbone's shape, the size of its input, and its starting weights; a system's own section adds keys."""

    initialise: Literal["scratch", "imagenet", "san_pg", "pretrained"]

    def trunk(self) -> Backbone:
        """The backbone that it describes, drawn from torch's global generator."""
        return Backbone(self.backbone, self.width, self.last_stride)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.initialise == "imagenet":
            self.check_imagenet("initialise", "set scratch or san_pg")
        return self
