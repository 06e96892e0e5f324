"""The parts of SAN by the beginnings of their parameters' names.

Decisions: one home, so that what is trained, saved, loaded and frozen is named alike everywhere. The head is `fc` and
`classifier` of the encoder: only the re-ID losses train it, and SAN-PG leaves it out.
"""

TRUNK = ("encoder.conv1.", "encoder.bn1.", "encoder.layer")
DECODER = ("decoder.",)
