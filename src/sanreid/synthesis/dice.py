"""The random streams of one picture's look: a stream a name, so that a lever that draws moves no other one.

Decisions: a picture takes a value of its own or, with a given probability, its camera's, which is drawn once from a
stream of the camera: so cameras differ and keep their ways, and a picture may still fall out of line.
"""

from dataclasses import dataclass

import numpy as np

from sanreid.runtime import rng


@dataclass(frozen=True)
class Dice:
    """Streams keyed by the seed, the camera and the picture."""

    seed: int
    camera: tuple[int | str, ...]
    picture: tuple[int | str, ...]

    def stream(self, name: str) -> np.random.Generator:
        """The picture's own stream of that name."""
        return rng(self.seed, *self.picture, "look", name)

    def falls(self, name: str, share: float) -> bool:
        """Whether what happens to a share of pictures happens to this one."""
        return share > 0 and bool(self.stream(name).random() < share)

    def between(self, name: str, bounds: tuple[float, float], steady: float = 0.0) -> float:
        """A number within bounds: the picture's own or, with probability `steady`, its camera's."""
        if bounds[0] == bounds[1]:
            return float(bounds[0])
        stream = self.stream(name)
        if steady and stream.random() < steady:
            stream = rng(self.seed, *self.camera, "look", name)
        return float(stream.uniform(*bounds))


STILL = Dice(0, ("no camera",), ("no picture",))  # for pictures whose levers are off
