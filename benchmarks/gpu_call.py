"""What is measured in one call of a GPU machine that is lent for minutes: each part under its own limit, one record.

Decisions: a part is a process of its own with a group of its own, ended whole when its time is up, so that one that
hangs takes no other's time; what it had written by then counts. `first` begins with the tests that need a GPU, and
compiles the training's networks beside them (into torch's cache), since nothing is timed then; then the training, which
the targets are about, and then the evaluation. Only the standard library here: a package that is missing fails one part
and not the record. In --out: <call>.json with every part's end and result, <call>.log with all that was printed, and
the parts' own files. docs/gpu.md has the commands.

    python benchmarks/gpu_call.py first --out OUT --minutes 4
    python benchmarks/gpu_call.py third --out OUT --minutes 8.5 --mnist FOLDER
    python benchmarks/gpu_call.py first --out OUT --minutes 4 --device cpu --toy    # the rehearsal; likewise third
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGES = "torch torchvision triton numpy numba pandas pyarrow scipy h5py scikit-learn pydantic ruamel.yaml simplejpeg"
AHEAD, TRAINING = 0.29, 0.76  # of the time: where compiling ahead ends, and where the training does
SPARE = 8.0  # seconds that a part with a budget of its own is given to start and to end
TOLD = 2000  # characters of a failure's text


class Part(NamedTuple):
    """A command under way: its process, where its output goes, when it began."""

    name: str
    process: subprocess.Popen
    log: Path
    begun: float


class Call:
    """The parts of one call, within `seconds`; the record is written after each."""

    def __init__(self, name: str, out: Path, seconds: float, facts: dict[str, Any]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.name, self.out, self.seconds = name, out, seconds
        self.begun = time.monotonic()
        self.parts: dict[str, dict[str, Any]] = {}
        self.record = {"call": name, "seconds_allowed": seconds, **facts, "versions": versions(), "parts": self.parts}
        self.log = out / f"{name}.log"
        self.log.write_text("")
        self.scratch = tempfile.TemporaryDirectory(prefix="gpu_call_")
        self.work = Path(self.scratch.name)
        cache = os.environ.get("TORCHINDUCTOR_CACHE_DIR", str(self.work / "inductor"))
        path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
        self.environment = {
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "TORCHINDUCTOR_CACHE_DIR": cache,
        }

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.monotonic() - self.begun)

    def start(self, name: str, command: Sequence[str]) -> Part:
        """Begin a part."""
        print(f"{time.monotonic() - self.begun:6.1f} s  {name}: {' '.join(command)}", flush=True)
        log = self.work / f"{len(self.parts)}_{name.replace(' ', '_')}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        return Part(name, process, log, time.monotonic())

    def finish(self, part: Part, limit: float, read: Callable[[], Any] = lambda: None) -> None:
        """Wait for a part, end it after `limit` seconds from now, and put down what `read` finds of it."""
        try:
            part.process.wait(timeout=max(0.1, limit))
            late = False
        except subprocess.TimeoutExpired:
            late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)  # what it started, too, whichever way it ended
        code = part.process.wait()
        result: Any
        try:
            result = read()
        except (OSError, ValueError, ElementTree.ParseError) as error:
            result = {"unreadable": f"{type(error).__name__}: {error}"}
        seconds = round(time.monotonic() - part.begun, 1)
        self.parts[part.name] = {"seconds": seconds, "status": code, "out_of_time": late, "result": result}
        printed = part.log.read_text(errors="replace")
        with self.log.open("a") as file:
            file.write(f"===== {part.name} ({seconds} s, status {code}{', out of time' if late else ''})\n{printed}\n")
        if code and not late:
            print(f"{part.name} ended with status {code}:\n{printed[-TOLD:]}", flush=True)
        else:
            print(
                f"{time.monotonic() - self.begun:6.1f} s  {part.name}: {'out of time' if late else 'done'}", flush=True
            )
        self.save()

    def run(self, name: str, command: Sequence[str], limit: float, read: Callable[[], Any] = lambda: None) -> None:
        """Begin and finish a part; one without time left is put down as such."""
        why = f"{self.left:.0f} s were left"
        if limit > 0:
            try:
                return self.finish(self.start(name, command), limit, read)
            except FileNotFoundError:
                why = f"there is no {command[0]} here"
        self.parts[name] = {"left_out": why}
        print(f"{name}: left out, {why}", flush=True)
        self.save()

    def save(self) -> None:
        """Write the record."""
        self.record["seconds"] = round(time.monotonic() - self.begun, 1)
        file = self.out / f"{self.name}.json"
        file.with_suffix(".partial").write_text(json.dumps(self.record, indent=1) + "\n")
        file.with_suffix(".partial").replace(file)


def versions() -> dict[str, str]:
    """Python, the machine and the packages that matter; a missing one says so."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "cores": str(os.cpu_count())}
    for name in PACKAGES.split():
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def tests(xml: Path) -> dict[str, Any]:
    """What pytest's record holds: counts, and the text of each failure."""
    cases = list(ElementTree.parse(xml).getroot().iter("testcase"))
    kinds = {case: next((c for c in case if c.tag in ("failure", "error", "skipped")), None) for case in cases}
    failures = {
        f"{case.get('classname')}::{case.get('name')}": (found.text or found.get("message") or "")[-TOLD:]
        for case, found in kinds.items()
        if found is not None and found.tag != "skipped"
    }
    skipped = sum(found is not None and found.tag == "skipped" for found in kinds.values())
    passed = len(cases) - skipped - len(failures)
    return {"passed": passed, "failed": len(failures), "skipped": skipped, "failures": failures}


def brief(file: Path) -> Any:
    """A part's own JSON without the profiles' tables, which the log has."""

    def short(value: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in value.items() if k not in ("table", "trace")}

    return json.loads(file.read_text(), object_hook=short)


def gpu_tests() -> list[str]:
    """The test files with a test that wants a GPU: others may import what is not installed."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(f.relative_to(ROOT)) for f in files if "mark.gpu" in f.read_text()]


def first(call: Call, given: argparse.Namespace) -> None:
    """The tests, the training, the evaluation."""
    python, device = sys.executable, ["--device", given.device, *(["--toy"] if given.toy else [])]
    training = [python, "benchmarks/gpu_training.py", *device, "--compile", "--deterministic-too"]
    ahead = call.start("compiling ahead", [*training, "--only", "compiled", "--images", "128", "--epochs", "1",
                                           "--out", str(call.work / "ahead.json")])  # fmt: skip
    xml = call.work / "tests.xml"
    options = ["-m", "gpu", "-p", "no:cacheprovider", f"--junitxml={xml}", "--durations=10"]
    options += ["--continue-on-collection-errors"]  # what one file cannot import keeps no other from running
    tested = [python, "-m", "pytest", *options, *gpu_tests()]
    call.run("tests", tested, AHEAD * call.seconds, lambda: tests(xml))
    call.finish(ahead, call.left - (1 - AHEAD) * call.seconds)
    file = call.out / "gpu_training.json"
    limit = call.left - (1 - TRAINING) * call.seconds
    asked = [*training, "--profile", "--minutes", f"{max(0.1, limit - SPARE) / 60:.3f}", "--out", str(file)]
    call.run("training", asked, limit, lambda: brief(file))
    other = call.out / "gpu_evaluation.json"
    evaluation = [python, "benchmarks/gpu_evaluation.py", *device, "--out", str(other)]
    call.run("evaluation", evaluation, call.left, lambda: brief(other))


def third(call: Call, given: argparse.Namespace) -> None:
    """The digits' grids."""
    device = ["--device", given.device, *(["--toy"] if given.toy else [])]
    minutes = ["--minutes", f"{max(0.1, call.left - SPARE) / 60:.3f}"]
    command = [sys.executable, "benchmarks/digits_at_size.py", "--mnist", str(given.mnist), *device, *minutes]
    file = call.out / "digits.json"
    call.run("digits", [*command, "--out", str(call.out), *given.rest], call.left, lambda: brief(file))


def main(given: argparse.Namespace) -> int:
    """Make the call; 1 where a part ended by itself with an error."""
    call = Call(given.call, given.out.resolve(), 60 * given.minutes, {"device": given.device, "toy": given.toy})
    try:
        if given.device == "cuda":
            call.run("machine", ["nvidia-smi"], 20)
        {"first": first, "third": third}[given.call](call, given)
    finally:
        call.save()
        call.scratch.cleanup()
    print(f"{call.record['seconds']} s of {call.seconds:.0f}; written: {call.out / f'{given.call}.json'}")
    return int(any(p.get("status", 0) != 0 and not p["out_of_time"] for p in call.parts.values()))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("call", choices=["first", "third"])
    arguments.add_argument("--out", type=Path, required=True, help="the folder of the record")
    arguments.add_argument("--minutes", type=float, default=4, help="all parts end by then")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu goes with --toy")
    arguments.add_argument("--toy", action="store_true", help="tiny networks and sets: that everything runs")
    arguments.add_argument("--mnist", type=Path, help="of third: the folder of MNIST's four files")
    given, rest = arguments.parse_known_args()
    given.rest = rest
    if rest and given.call != "third":
        arguments.error(f"unknown: {' '.join(rest)} (only third hands options on, to benchmarks/digits_at_size.py)")
    if given.call == "third" and given.mnist is None:
        arguments.error("third needs --mnist FOLDER")
    sys.exit(main(given))
