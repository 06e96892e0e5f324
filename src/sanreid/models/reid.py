"""What the networks of all re-ID systems share: the section of their trunk, and the name that they give it.

Decision: every one holds its trunk as `encoder`, by which SAN and SAN-PG know theirs, so that SAN-PG's weights load
into any of them without a table of names.
"""

from typing import Literal, Self

from pydantic import model_validator

from sanreid.models.backbones import Backbone, Shape


class Architecture(Shape):
    """A backbone's shape, the pictures it sees, and where its training starts; a system's own section adds keys."""

    initialise: Literal["scratch", "imagenet", "san_pg", "pretrained"]

    def trunk(self) -> Backbone:
        """The backbone that it describes, drawn from torch's global generator."""
        return Backbone(self.backbone, self.width, self.last_stride)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.initialise == "imagenet":
            self.check_imagenet("initialise", "set scratch or san_pg")
        return self
