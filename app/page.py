"""What the page can be asked, as plain values that become JSON: folders, pictures, ranked lists, failures.

Decisions: everything here is free of HTTP, so that it can be called from Python; a gallery's picture is named by its
row and by the version of the gallery: after a folder was read again, a row may be another person's, so that what an
older page asks is refused. So a browser may keep a picture for ever, too. The first question to a
gallery that was never read says so instead of reading it: that may take minutes, and is asked for by `read`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from app import pictures, ranking
from app.folders import Folders, inside
from app.galleries import NOBODY, Gallery, Report, build
from app.jobs import Jobs
from app.network import Network
from app.painting import Painting
from app.queries import Queries
from app.wearing import Wearing
from sanreid.api import SHIPPED
from sanreid.search.same import Calibration

TOLD = 50  # broken pictures that are named; all are counted


class NotReadyError(RuntimeError):
    """A folder was asked for that has not been read, or as it was before it was read again."""


class Page:
    """The folders, the network, and who was asked for."""

    def __init__(
        self,
        model: Network,
        folders: Folders,
        kept: Path,
        wearing: Wearing,
        painting: Painting,
        known: Calibration | None = None,
    ) -> None:
        """`kept` is the folder for what is made of pictures; features are kept there by the network's weights."""
        self.model, self.folders, self.kept, self.weights = model, folders, kept, model.digest()
        self.known, self.wearing, self.painting = known, wearing, painting
        self.queries, self.jobs = Queries(model), Jobs(self._build)
        self._failures: dict[tuple[str, str], ranking.Failures] = {}

    def close(self) -> None:
        """Stop reading folders."""
        self.jobs.close()

    def network(self) -> dict[str, Any]:
        """What the page says of the network."""
        height, width = self.model.image_size
        told = {"name": self.model.name, "dimension": self.model.dimension, "height": height, "width": width}
        told["calibrated"] = self.known is not None
        return told | {"shipped": Path(self.model.folder).resolve() == SHIPPED.resolve()}

    def galleries(self) -> list[dict[str, Any]]:
        """All folders that are offered, with their state."""
        return sorted(map(self.gallery, list(self.folders.shown)), key=lambda told: told["name"])

    def gallery(self, key: str) -> dict[str, Any]:
        """One folder: its name, how far its reading is, and what is in it once it is ready."""
        folder = self._folder(key)
        told = {"id": key, "name": self.folders.name(folder), "kept": self.index_file(key).is_file()}
        told |= asdict(self.jobs.job(key))
        if gallery := self.jobs.gallery(key):
            told |= {
                "pictures": len(gallery.names),
                "people": len(np.unique(gallery.pids[gallery.pids > 0])),
                "cameras": len(np.unique(gallery.camids[gallery.camids != NOBODY])),
                "broken": [{"name": n, "why": w} for n, w in list(gallery.broken.items())[:TOLD]],
                "broken_count": len(gallery.broken),
                "failures": ranking.has_people(gallery),
                "version": gallery.version,
                "unkept": gallery.unkept,
            }
        return told

    def open(self, text: str) -> dict[str, Any]:
        """Offer the folder that somebody typed; errors as `Folders.open`."""
        return self.gallery(self.folders.open(text))

    def read(self, key: str) -> dict[str, Any]:
        """Begin to read a folder, or to look for what changed in it."""
        self._folder(key)
        self.jobs.start(key)
        return self.gallery(key)

    def sample(self, key: str, count: int, seed: int) -> list[dict[str, Any]]:
        """Some of its pictures, drawn by `seed`, in the folder's order: somebody to begin with."""
        gallery = self._ready(key)
        drawn = np.random.default_rng(seed).permutation(len(gallery.names))[:count]
        return [self._picture(key, gallery, int(row)) for row in np.sort(drawn)]

    def add(self, data: bytes) -> dict[str, Any]:
        """Take a picture that was sent; ValueError where it cannot be used."""
        query = self.queries.add(data)
        return {"id": query.key, "height": query.upload.height, "width": query.upload.width, "note": query.note}

    def search(
        self, key: str, query: str | int, top: int, rerank: bool = False, other_cameras: bool = False
    ) -> dict[str, Any]:
        """The `top` pictures most like a sent picture (its id) or a picture of the same gallery (its row).

        A picture is not its own answer. `other_cameras` leaves out those of the asking picture's camera, where it is
        known. Raises LookupError for an id or a row that is not known.
        """
        gallery, begun = self._ready(key), time.perf_counter()
        without = np.zeros(len(gallery.names), bool)
        pid, asked = NOBODY, None
        if isinstance(query, int):
            gallery.path(query)
            feature, pid = gallery.features[query], int(gallery.pids[query])
            if other_cameras and gallery.camids[query] != NOBODY:
                without |= gallery.camids == gallery.camids[query]
            without[query], asked = True, self._picture(key, gallery, query)
        elif sent := self.queries.get(query):
            feature = sent.feature
        else:
            raise LookupError("that picture is not here any more; choose it again")
        found = ranking.search(gallery, feature, top, without, rerank)
        seconds = time.perf_counter() - begun
        results = [
            self._picture(key, gallery, int(row)) | self._measured(float(distance)) | {"right": _right(pid, other)}
            for row, distance, other in zip(found.rows, found.distances, gallery.pids[found.rows], strict=True)
        ]
        compared = int((~without).sum())
        return {
            "asked": asked,
            "results": results,
            "pictures": compared,
            "seconds": seconds,
            "reranked": found.reranked,
            "painted": self._paintings(key, gallery, query),
        }

    def attributes(self, key: str, query: str | int) -> list[dict[str, Any]]:
        """What the person of a sent picture or of a gallery's wears; LookupError for no such picture."""
        with self._file(key, query) as (name, file):
            return self.wearing.of(name, file)

    def meant(self, key: str, version: str) -> None:
        """Raise NotReadyError where `version` is not that of the gallery: its rows may be other people's by now."""
        if version and version != self._ready(key).version:
            raise NotReadyError(f"{self.folders.name(self._folder(key))} has changed since; choose the picture again")

    def failures(self, key: str) -> dict[str, Any]:
        """The worst queries of a gallery whose people are known; ValueError for another."""
        gallery = self._ready(key)
        name = key, gallery.version
        if name not in self._failures:
            self._failures = {name: ranking.failures(gallery)}
        found = self._failures[name]
        worst = [
            {
                "query": self._picture(key, gallery, f.row),
                "rank": f.rank,
                "match": self._picture(key, gallery, f.match),
                "nearest": [
                    self._picture(key, gallery, row) | {"right": _right(int(gallery.pids[f.row]), gallery.pids[row])}
                    for row in f.nearest
                ],
            }
            for f in found.worst
        ]
        return found._asdict() | {"worst": worst}

    def thumbnail(self, key: str, row: int, side: int) -> pictures.Picture:
        """A gallery's picture, small; LookupError where there is none, ValueError or OSError where it broke since."""
        gallery = self._ready(key)
        path = gallery.path(row)
        if not inside(gallery.folder)(path):
            raise LookupError(f"{gallery.names[row]}: not in the folder any more")
        return pictures.kept_thumbnail(path, side, self.kept / "thumbnails")

    def painted(self, key: str, query: str | int, kind: str) -> pictures.Picture:
        """The texture of a sent picture or of a gallery's, or the person turned (`kind`); LookupError for another kind,
        or no such picture."""
        if kind not in self.painting.kinds:
            raise LookupError(f"{kind}: not painted here; there is {', '.join(self.painting.kinds)}")
        with self._file(key, query) as (name, file):
            return self.painting.of(name, file)[kind]

    def sent(self, query: str, side: int) -> pictures.Picture:
        """A sent picture, small; LookupError where it is not known any more."""
        if found := self.queries.get(query):
            return pictures.thumbnail(found.upload.data, side, side)
        raise LookupError("that picture is not here any more; choose it again")

    def _measured(self, distance: float) -> dict[str, float]:
        """A distance, and what it says where the network is calibrated."""
        said = {"distance": round(distance, 4)}
        return said | ({"probability": self.known.probability(1 - distance)} if self.known else {})

    def _paintings(self, key: str, gallery: Gallery, query: str | int) -> dict[str, str]:
        """The addresses of the person's texture, by kind."""
        asked = f"row={query}" if isinstance(query, int) else f"query={query}"
        version = f"{gallery.version}-{self.painting.weights}"
        return {kind: f"/api/galleries/{key}/painted/{kind}?{asked}&v={version}" for kind in self.painting.kinds}

    @contextmanager
    def _file(self, key: str, query: str | int) -> Iterator[tuple[str, Path]]:
        """What a sent picture or a gallery's is known as, and its file while the block lasts; LookupError for none."""
        if isinstance(query, int):
            gallery = self._ready(key)
            yield f"{key} {query} {gallery.version}", gallery.path(query)
        elif sent := self.queries.get(query):
            with sent.file() as file:
                yield query, file
        else:
            raise LookupError("that picture is not here any more; choose it again")

    def _folder(self, key: str) -> Path:
        try:
            return self.folders.place(key)
        except KeyError:
            raise LookupError("that folder is not offered; choose one of the list") from None

    def _ready(self, key: str) -> Gallery:
        folder = self._folder(key)
        if gallery := self.jobs.gallery(key):
            return gallery
        raise NotReadyError(f"{self.folders.name(folder)}: not read yet; index it first")

    def index_file(self, key: str) -> Path:
        """Where the features of a folder are kept: by folder and by network."""
        return self.kept / f"{key}-{self.weights}" / "features.parquet"

    def _build(self, key: str, report: Report) -> Gallery:
        return build(self.model, self._folder(key), self.index_file(key), report)

    def _picture(self, key: str, gallery: Gallery, row: int) -> dict[str, Any]:
        pid, camid = int(gallery.pids[row]), int(gallery.camids[row])
        return {
            "row": row,
            "name": gallery.names[row],
            "pid": None if pid == NOBODY else pid,
            "camid": None if camid == NOBODY else camid,
            "picture": f"/api/galleries/{key}/pictures/{row}?v={gallery.version}",
        }


def _right(pid: int, other: int) -> bool | None:
    """Whether it is the same person; None where that is not known."""
    return None if pid <= 0 else bool(pid == other)
