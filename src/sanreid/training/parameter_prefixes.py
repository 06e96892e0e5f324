"""The parts of SAN (trunk, head, decoder), as prefixes of their parameters' names.

Decisions: used wherever a part is trained, saved, loaded or frozen. The head is `fc` and `classifier` of the encoder:
only the re-ID losses train it, and SAN-PG has none. The trunk has the prefixes of all backbones' layers.
"""

from sanreid.models.backbones import FAMILIES

TRUNK = tuple(dict.fromkeys(f"encoder.{start}" for one in FAMILIES.values() for start in one.starts))
DECODER = ("decoder.",)
FEATURE = (*TRUNK, "encoder.fc.")  # all that the retrieval feature needs
