"""Checkpoints of a running stage, on the remote: a stage whose machine died goes on elsewhere.

Interface: `mirrored(storage, run, folder, interval=)` around a stage: before it, what the remote has of the run and
this machine has not is put into `folder`; during it, `folder` goes to the remote every `interval` seconds if it
changed, and once more when the stage fails; after it both are removed.

Decisions: a run is named by DVC's own hash of it (`remote.identity`), so the name is known before the stage starts, is
the same on every machine, and another input is another run. What lies in the folder is the stage's affair: an upload is
one tar file of all of it, taken at a moment when nothing in it was being written. That is what a kill would have left,
and from that a training goes on to the same bits; single files sent one by one would mix epochs. The tar appears whole
or not at all, under a number above all before it. The highest counts, whoever sent it, so a machine that was thought
dead does no harm: both write the same run. Uploading never stops a stage: what fails is said and tried again.
"""

import logging
import os
import shutil
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.remote import Storage

ROOM = "checkpoints"
INTERVAL = 60.0  # seconds
_IN_PLACE = ("ssh", "webdav", "webdavs", "hdfs", "webhdfs")  # where a file is seen while it is being written
_TRIES = 20  # to find the folder at rest
_PAUSE = 0.05  # seconds between them

log = logging.getLogger("flows.checkpoints")

State = dict[str, tuple[int, int, int]]  # path -> inode, size, time of change


@contextmanager
def mirrored(storage: Storage | None, run: str | None, folder: Path, *, interval: float = INTERVAL) -> Iterator[None]:
    """Keep `folder` of the run on the remote while the block lasts; without a remote or a name, nothing happens."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{folder.name}.*.partial"):  # a killed run's remains
        shutil.rmtree(stale, ignore_errors=True)
    if storage is None or run is None:
        yield
        return
    mirror = Mirror(storage, run, folder)
    mirror.fetch()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(interval):
            mirror.send()

    thread = threading.Thread(target=watch, name=f"checkpoints {run[:8]}", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        ended.set()
        thread.join()
        mirror.send()
        raise
    ended.set()
    thread.join()
    mirror.discard()
    shutil.rmtree(folder, ignore_errors=True)
    _number_file(folder).unlink(missing_ok=True)


class Mirror:
    """A folder and its copies on the remote."""

    def __init__(self, storage: Storage, run: str, folder: Path) -> None:
        self.fs, self.folder = storage.fs, folder
        self.place = storage.fs.join(storage.path, ROOM, run)
        self._sent: State = {}

    def copies(self) -> list[tuple[int, str]]:
        """Number and path of each copy, the highest number first."""
        self.fs.fs.invalidate_cache()  # what another machine has written since
        names: list[str] = []
        with suppress(FileNotFoundError):
            names = [self.fs.name(path) for path in self.fs.find(self.place)]
        whole = [name for name in names if name.endswith(".tar") and name.split("-")[0].isdigit()]
        return sorted(((int(name.split("-")[0]), self.fs.join(self.place, name)) for name in whole), reverse=True)

    def fetch(self) -> int:
        """Replace the folder by the newest copy, if that is newer than what lies there; its number, or 0.

        What cannot be read counts as absent, and is said.
        """
        here = _number(self.folder)
        for number, path in self.copies():
            if number <= here:
                break
            with self._work() as work:
                try:
                    self.fs.get_file(path, f"{work}/tar")
                    with tarfile.open(f"{work}/tar") as tar:
                        tar.extractall(f"{work}/folder", filter="data")
                except (OSError, tarfile.TarError) as error:
                    log.warning("checkpoint %s cannot be read, trying the one before: %s", path, error)
                    continue
                shutil.rmtree(self.folder, ignore_errors=True)
                Path(work, "folder").rename(self.folder)
            _number_file(self.folder).write_text(str(number))
            self._sent = _state(self.folder)
            log.info("going on from checkpoint %d of the remote", number)
            return number
        return 0

    def send(self) -> bool:
        """Copy the folder to the remote if it changed since the last time; whether it did. Does not raise."""
        try:
            return self._send()
        except Exception as error:  # whatever a remote raises: the stage is worth more than its checkpoint
            log.warning("checkpoint not sent to %s, the next time tries again: %s", self.place, error)
            return False

    def _send(self) -> bool:
        state = _state(self.folder)
        if not state or state == self._sent:
            return False
        with self._work() as work:
            packed = _pack(self.folder, Path(work, "tar"))
            if packed is None:
                log.warning("checkpoint not sent: %s is written to all the time", self.folder)
                return False
            copies = self.copies()
            number = 1 + max([_number(self.folder), *(n for n, _ in copies)])
            path = self.fs.join(self.place, f"{number:08d}-{uuid.uuid4().hex[:8]}.tar")
            target = f"{path}.partial" if self.fs.protocol in _IN_PLACE else path
            self.fs.makedirs(self.place)
            self.fs.put_file(f"{work}/tar", target)
            if target != path:
                self.fs.mv(target, path)
        self._sent = packed
        _number_file(self.folder).write_text(str(number))
        for _, old in copies:
            with suppress(FileNotFoundError):  # another machine may sweep too
                self.fs.rm_file(old)
        return True

    def _work(self) -> tempfile.TemporaryDirectory:
        """A temporary sibling of the folder, on the same disk."""
        return tempfile.TemporaryDirectory(prefix=f".{self.folder.name}.", suffix=".partial", dir=self.folder.parent)

    def discard(self) -> None:
        """Remove the remote's copies of a run that is done. Does not raise."""
        try:
            for _, path in self.copies():
                self.fs.rm_file(path)
        except Exception as error:
            log.warning("the checkpoints in %s were not removed: %s", self.place, error)


def _pack(folder: Path, tar: Path) -> State | None:
    """Write the folder's files to `tar` as they are at one moment; what they were, or None where it never rests."""
    for _ in range(_TRIES):
        before = _state(folder)
        with suppress(FileNotFoundError):
            with tarfile.open(tar, "w") as out:
                for name in sorted(before):
                    out.add(folder / name, name, recursive=False)
            if _state(folder) == before:
                return before
        threading.Event().wait(_PAUSE)
    return None


def _state(folder: Path) -> State:
    """The files of the folder that are whole: names that begin with a dot or tilde, or end in .partial, are not."""
    found: State = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if any(part.startswith((".", "~")) or part.endswith(".partial") for part in name.parts):
            continue
        with suppress(FileNotFoundError):  # gone between listing and looking
            stat = path.stat()
            if path.is_file():
                found[name.as_posix()] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _number_file(folder: Path) -> Path:
    """Beside the folder: the number of the copy that its content was, or went on from."""
    return folder.with_name(f"{folder.name}.number")


def _number(folder: Path) -> int:
    file = _number_file(folder)
    return int(file.read_text()) if file.is_file() and any(os.scandir(folder)) else 0
