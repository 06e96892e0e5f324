"""Random numbers for one picture's effects, by name, so that switching one effect on does not change the others'.

Decisions: single numbers come from one vector a picture, each name at its own place in it (a generator a name took a
millisecond a picture); what needs many numbers has a stream of its own. A picture takes a value of its own or, with a
given probability, its camera's, which is drawn once: so cameras differ consistently, and single pictures may still
deviate.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from sanreid.runtime import rng

SLOTS = (
    *("exposure", "contrast", "saturation", "red", "blue", "lens", "sharpen", "ring", "noise", "defocus", "moves"),
    *("motion", "far", "size", "jpeg", "sunny", "height", "distance", "ground", "floor strength", "floor light"),
    *("behind", "wall strength", "wall light", "shadow", "others behind", "others before", "scene"),
)  # a new name goes to the end
PLACE = {name: i for i, name in enumerate(SLOTS)}
Key = tuple[int | str, ...]


@lru_cache(maxsize=256)
def _of_camera(seed: int, camera: Key) -> np.ndarray:
    return rng(seed, *camera, "look").random(len(SLOTS))


@dataclass(frozen=True)
class RandomDraws:
    """Numbers keyed by the seed, the camera and the picture."""

    seed: int
    camera: Key
    picture: Key

    @cached_property
    def _own(self) -> np.ndarray:
        """(slots, 2): a number, and the throw that says whether the camera's goes before."""
        return rng(self.seed, *self.picture, "look").random((len(SLOTS), 2))

    def stream(self, name: str) -> np.random.Generator:
        """The picture's own stream of that name."""
        return rng(self.seed, *self.picture, "look", name)

    def falls(self, name: str, share: float) -> bool:
        """Whether what happens to a share of pictures happens to this one."""
        return share > 0 and bool(self._own[PLACE[name], 0] < share)

    def between(self, name: str, bounds: tuple[float, float], steady: float = 0.0) -> float:
        """A number within bounds: the picture's own or, with probability `steady`, its camera's."""
        low, high = bounds
        if low == high:
            return float(low)
        place, throw = self._own[PLACE[name]]
        if throw < steady:
            place = _of_camera(self.seed, self.camera)[PLACE[name]]
        return float(low + (high - low) * place)


STILL = RandomDraws(0, ("no camera",), ("no picture",))  # for pictures whose levers are off
