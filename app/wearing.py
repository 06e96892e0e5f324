"""What the person who is asked for wears, by a trained attribute classifier.

Decisions: asked for one picture at a time, after the ranked list, which does not wait for it; the RECENT last answers
stay in memory. The classifier's probabilities are its own, and uncalibrated (`sanreid.search.attributes`).
"""

from pathlib import Path
from typing import Any

from app.recent import Recent
from sanreid.api import device_named
from sanreid.search import attributes

RECENT = 256


class Wearing:
    """A classifier and what it said; safe to call from any thread."""

    def __init__(self, folder: Path, device: str = "auto") -> None:
        """Load it; errors as `attributes.Classifier`."""
        self._classifier = attributes.Classifier(folder, device_named(device))
        self._kept: Recent[list[dict[str, Any]]] = Recent(RECENT)

    def of(self, key: str, path: Path) -> list[dict[str, Any]]:
        """`attribute`, `class` and `probability` of a picture's file, known as `key`; errors name what is broken."""
        return self._kept.of(key, lambda: self._tell(path))

    def _tell(self, path: Path) -> list[dict[str, Any]]:
        [told] = self._classifier.tell([path])
        return [{"attribute": attributes.called(head)} | worn for head, worn in told["attributes"].items()]
