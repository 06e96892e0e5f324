"""The parts of SAN by the beginnings of their parameters' names.

Decisions: one home, so that what is trained, saved, loaded and frozen is named alike everywhere. The head is `fc` and
`classifier` of the encoder: only the re-ID losses train it, and SAN-PG leaves it out.
The trunk is whatever any backbone calls its layers.
"""

from sanreid.models.backbones import FAMILIES

TRUNK = tuple(dict.fromkeys(f"encoder.{start}" for one in FAMILIES.values() for start in one.starts))
DECODER = ("decoder.",)
FEATURE = (*TRUNK, "encoder.fc.")  # what people are found by
