"""Every reader on hundreds of damaged inputs: each is refused in one line that names a file, or read rightly.

Decisions: readers run to their end in processes of their own, so that a crash or a hang is seen and told with its
seed; nothing else than ValueError and OSError counts as an answer. What is accepted must equal the undamaged result, or
be one of the damages that `legal` lists, which nothing in the format could tell. Draws depend on the set and the case's
number alone: `SANREID_FUZZ=5000 pytest tests/test_fuzz.py` looks further than the default does.
"""

import multiprocessing
import os
import queue
import random
import resource
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests import fuzz_mutations, fuzz_sets
from tests.fuzz_mutations import Mutation
from tests.fuzz_sets import Result

CASES = int(os.environ.get("SANREID_FUZZ", "50"))  # of each of the sets
TIMEOUT, MEMORY = 20, 6 << 30  # seconds, and bytes of address space
ANSWERS = ("ValueError", "RefusedError", "ParamsError", "FileNotFoundError", "OSError", "PermissionError")
ANSWERS += ("IsADirectoryError", "NotADirectoryError")
LONGEST = 1200  # characters of a message


def serve(pipe: Connection) -> None:
    """Read what is named on the pipe until it is closed; send back ("made", result) or ("raised", type, message)."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send("ready")
    while True:
        try:
            name, raw, out = pipe.recv()
        except EOFError:
            return
        try:
            answer = ("made", fuzz_sets.run(name, raw, out))
        except BaseException as error:  # judged where no process can be harmed
            answer = ("raised", type(error).__name__, str(error))
        pipe.send(answer)


class Worker:
    """A process that reads one damaged set after the other, started again where it died."""

    def __init__(self) -> None:
        self.process: Any = None

    def read(self, name: str, raw: Path, out: Path) -> tuple[Any, ...]:
        if self.process is None or not self.process.is_alive():
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
            self.pipe.recv()  # the imports are done
        self.pipe.send((name, raw, out))
        try:
            return self.pipe.recv() if self.pipe.poll(TIMEOUT) else self.stop("hung")
        except EOFError:
            self.process.join()
            return ("died", f"exit code {self.process.exitcode}")

    def stop(self, why: str = "stopped") -> tuple[str, str]:
        if self.process is not None:
            self.process.kill()
            self.process.join()
        return (why, f"after {TIMEOUT} s")


@pytest.fixture(scope="module")
def workers():
    ready: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    made = [Worker(), Worker()]
    for worker in made:
        ready.put(worker)
    yield ready
    for worker in made:
        worker.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_sets.SETS)
def test_a_damaged_set_is_refused_by_name_or_read_rightly(name, workers, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    fuzz_sets.SETS[name].build(whole)
    good = fuzz_sets.run(name, whole, tmp_path / "good" / "out")

    def case(number: int) -> tuple[str, str]:
        """The verdict and, where it is a fault, all that is needed to see it again."""
        draw = random.Random(f"{name} {number}")
        place = tmp_path / str(number)
        raw = fuzz_sets.fresh(whole, place / "raw")
        mutation = fuzz_mutations.damage(raw, draw)
        worker = workers.get()
        try:
            answer = worker.read(name, raw, place / "out")
        finally:
            workers.put(worker)
        fault = judge(raw, whole, mutation, good, answer)
        return answer[0], fault and f"case {number}: {mutation.kind} of {mutation.files}: {fault}"

    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(case, range(CASES)))
    faults = [fault for _, fault in verdicts if fault]
    assert not faults, f"{len(faults)} of {CASES}:\n" + "\n".join(faults[:20])
    assert Counter(kind for kind, _ in verdicts)["raised"] > CASES // 4


def judge(raw: Path, whole: Path, mutation: Mutation, good: Result, answer: tuple[Any, ...]) -> str:
    """What is wrong with a reader's answer; nothing where it is right."""
    if answer[0] == "made":
        return (
            ""
            if answer[1] == good or legal(whole, mutation, good, answer[1])
            else f"accepted{_change(good, answer[1])}"
        )
    if answer[0] != "raised":
        return f"{answer[0]} {answer[1]}"
    _, kind, message = answer
    if kind not in ANSWERS:
        return f"{kind}: {message[:300]}"
    for name in mutation.files:
        message = message.replace(name, ascii(name)[1:-1])  # a file's own name may be of two lines
    if "\n" in message or len(message) > LONGEST or not message:
        return f"no one line: {kind}: {message[:300]!r}, {len(message)} characters"
    named = {ascii(p.name)[1:-1] for folder in (raw, whole) for p in folder.rglob("*") if not p.is_dir()}
    if str(raw) not in message and not any(name in message for name in named):
        return f"names no file: {kind}: {message}"
    return ""


def legal(whole: Path, mutation: Mutation, good: Result, made: Result) -> bool:
    """Whether nothing in the format could tell this damage, and it did no more than its bytes say."""
    first, *_ = mutation.files
    suffix, same_rows = Path(first).suffix, made.rows == good.rows
    changed = {name for name in {*good.files, *made.files} if good.files.get(name) != made.files.get(name)}
    changed.discard("summary.json")
    stems = {Path(name).name.split(".")[0] for name in mutation.files}
    local = all(Path(name).name.split(".")[0] in stems for name in changed)
    new, gone = Counter(made.rows) - Counter(good.rows), Counter(good.rows) - Counter(made.rows)
    if suffix in (".jpg", ".png") and mutation.kind == "swap":  # any picture may stand for any other
        return same_rows and local
    if suffix == ".png" and mutation.kind == "append":  # behind its end there may be anything
        return same_rows and local
    if suffix == ".jpg" and mutation.kind in ("flip", "flips", "zero", "splice", "append", "cut"):
        return same_rows and local  # it has no checksum, and decodes without a complaint
    if mutation.kind in ("delete", "duplicate", "rename", "folder"):  # Market-1501 is what lies there
        return local and all(any(stem in str(row) for stem in stems) for row in [*new, *gone])
    if suffix == ".csv" and [row[: len(good.rows[0])] for row in made.rows] == good.rows:
        return True  # a column of another name: camid may be absent, and what is not known is kept
    if mutation.touched and first.endswith("cuhk-03.mat"):  # pixels as they are
        return same_rows and all(at in pixels(whole / first) for at in mutation.touched)
    if mutation.touched and "idx3-ubyte" in first and suffix != ".gz":
        return same_rows and min(mutation.touched) >= 16
    if mutation.touched and "idx1-ubyte" in first and suffix != ".gz":
        return min(mutation.touched) >= 8 and sum(new.values()) <= len(mutation.touched)
    if suffix == ".csv" or (suffix == ".mat" and "market_attribute" in first) or mutation.kind == "entry":
        # bare numbers: one line or person says something else that could as well be so; rows that follow may be gone
        heads = [
            Counter(row[:-1] if "market" in first or "annotations" in first else row for row in r.rows)
            for r in (good, made)
        ]
        return sum((heads[1] - heads[0]).values()) <= 1
    return False


def pixels(path: Path) -> set[int]:
    """The places of all bytes of pictures, which lie uncompressed in a .mat."""
    places: set[int] = set()
    with h5py.File(path) as file:
        for data in file["#refs#"].values():
            if data.ndim == 3:
                start = data.id.get_offset()
                places.update(range(start, start + data.id.get_storage_size()))
    return places


def _change(good: Result, made: Result) -> str:
    new, gone = Counter(made.rows) - Counter(good.rows), Counter(good.rows) - Counter(made.rows)
    files = sorted(n for n in {*good.files, *made.files} if good.files.get(n) != made.files.get(n))
    return f", rows new {list(new)[:2]}, gone {list(gone)[:2]}, files {files[:3]}"
