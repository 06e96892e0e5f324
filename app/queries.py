"""Who is searched for: a picture that was sent, kept in memory alone, or a picture of a gallery.

Decisions: a sent picture is never kept on disk, as it may show anybody; the RECENT last ones stay in memory with
their features, so that another folder or another way of ranking does not send it again. Its id is a hash of its bytes.
"""

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app import pictures
from app.network import Embeds
from sanreid.search import reading

RECENT = 32


class Query(NamedTuple):
    """A sent picture: its id, its checked bytes, its feature (D,), and what should be said about it ("": nothing)."""

    key: str
    upload: pictures.Upload
    feature: NDArray[np.float32]
    note: str

    def file(self) -> AbstractContextManager[Path]:
        """The picture as a file, while the block lasts."""
        return _written(self.upload)


class Queries:
    """The pictures that were sent last; safe to call from any thread."""

    def __init__(self, model: Embeds) -> None:
        """`model` gives the features."""
        self._model, self._lock = model, threading.Lock()
        self._kept: OrderedDict[str, Query] = OrderedDict()

    def add(self, data: bytes) -> Query:
        """Check and embed a picture's bytes. Raises ValueError, one line for a person, where it cannot be used."""
        key = hashlib.blake2b(data, digest_size=12).hexdigest()
        if known := self.get(key):
            return known
        upload = pictures.upload(data)
        with _written(upload) as file:
            [feature] = reading.each(self._model.embed, [file])
        if isinstance(feature, str):
            raise ValueError(feature)
        query = Query(key, upload, feature, _note(upload))
        with self._lock:
            self._kept[key] = query
            while len(self._kept) > RECENT:
                self._kept.popitem(last=False)
        return query

    def get(self, key: str) -> Query | None:
        """A picture that was sent, where it is still known."""
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
            return found


@contextmanager
def _written(upload: pictures.Upload) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"query{upload.suffix}"
        file.write_bytes(upload.data)
        yield file


def _note(upload: pictures.Upload) -> str:
    """What makes the answer doubtful: the network wants one standing person who fills an upright picture."""
    if upload.height < pictures.POOR:
        return f"Only {upload.width} x {upload.height} pixels: expect little of the ranking."
    if upload.width > upload.height:
        return "Wider than high: crop it to one person from head to feet, as the network saw people."
    return ""
