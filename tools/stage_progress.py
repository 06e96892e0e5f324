"""Shows which stage of how many is running and how long is left, from DVC's output: as log lines, or as one bar.

Decisions: DVC's output says what it runs, skips and restores. The list of stages is requested when the first one runs,
in parallel, so that a run with nothing to do does not pay for it. The estimate for a stage is its last duration in this
clone (RECORDED, among DVC's temporary files, so that `make clean` keeps it), else that in tools/stage_seconds.json;
both are scaled by the durations of this run's stages. The time left is shown as "up to", because stages that turn out
to be unchanged take none; it is not shown if there are no estimates for half of the stages.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

RECORDED = Path(".dvc/tmp/stage_seconds.json")  # of this clone: stage -> seconds that it took last
SHIPPED = Path(__file__).with_name("stage_seconds.json")  # the same, of one run of `make demo`
RUNS = re.compile(r"^Running stage '(.+)':$")
PASSES = re.compile(r"^(?:Stage )?'(.+)' (?:didn't change, skipping|is cached - )")
SILENCE = 60.0  # seconds without a line in a log file, until one says that the stage still runs

Planned = Mapping[str, str]  # stage -> what it does, upstream ones first


def read(file: Path) -> dict[str, float]:
    """Seconds by stage; nothing of a file that is not there, or damaged: a forecast is not worth an error."""
    with suppress(OSError, ValueError, AttributeError):
        return {str(k): float(v) for k, v in json.loads(file.read_text()).items() if type(v) in (int, float) and v >= 0}
    return {}


def record(file: Path, seconds: Mapping[str, float]) -> None:
    """Add what stages took to the file; where it cannot be written, nobody's work stops."""
    if seconds:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            work = file.with_name(f"{file.name}.partial")
            work.write_text(json.dumps(read(file) | dict(seconds), indent=1) + "\n")
            work.replace(file)


def expected(names: Sequence[str], *known: Mapping[str, float]) -> dict[str, float]:
    """What the stages take, by the first of `known` that has them; a matrix's member else as its fellows on average."""
    found: dict[str, float] = {}
    for name in names:
        for seconds in known:
            fellows = [s for other, s in seconds.items() if other.partition("@")[0] == name.partition("@")[0]]
            if fellows:
                found[name] = seconds.get(name, sum(fellows) / len(fellows))
                break
    return found


def words(seconds: float) -> str:
    """A time as a person says it: 40 s, 12 min, 1 h 05 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    """What has passed of a run of DVC, and what is left."""

    def __init__(
        self, plan: Callable[[], Planned], known: Sequence[Mapping[str, float]], clock: Callable[[], float]
    ) -> None:
        self.plan, self.known, self.clock = plan, known, clock
        self.planned: Planned | None = None
        self.expected: dict[str, float] = {}
        self.passed: dict[str, float | None] = {}  # stage -> seconds, None where it did not run
        self.running: str | None = None
        self.since, self.begun = 0.0, clock()

    def see(self, line: str) -> bool:
        """Take a line of DVC's; whether it begins a stage."""
        if found := PASSES.match(line):
            self.end()
            self.passed[found[1]] = None
        elif found := RUNS.match(line):
            self.end()
            self.running, self.since = found[1], self.clock()
            if self.planned is None:
                self.planned = self.plan()
                self.expected = expected(list(self.planned), *self.known)
            return True
        return False

    def end(self) -> None:
        """The stage that runs, if any, has ended well."""
        if self.running is not None:
            self.passed[self.running], self.running = self.clock() - self.since, None

    def took(self) -> dict[str, float]:
        """The seconds of the stages that ran."""
        return {name: round(s, 1) for name, s in self.passed.items() if s is not None}

    def place(self) -> str:
        """[number/all] stage"""
        number = len(self.passed) + (self.running is not None)
        of = f"/{max(number, len(self.planned))}" if self.planned else ""
        return f"[{number}{of}] {self.running}"

    def title(self) -> str:
        """What is printed when a stage begins."""
        does = (self.planned or {}).get(self.running or "")
        return self.place() + (f": {does}" if does else "") + self._told_left()

    def still(self) -> str:
        """What is printed after a long silence."""
        return f"{self.place()}: {words(self.clock() - self.since)} so far" + self._told_left()

    def whole(self) -> str:
        """What is printed when the run has ended well; "" where fewer than two stages ran."""
        ran = len(self.took())
        rest = len(self.passed) - ran
        known = f"; {rest} {'was' if rest == 1 else 'were'} up to date" if rest else ""
        return f"done: {ran} stages in {words(self.clock() - self.begun)}{known}" if ran > 1 else ""

    def left(self) -> float | None:
        """Seconds that this run may still take, None where too little is known of it."""
        ahead = [n for n in self.planned or () if n not in self.passed]
        unknown = len([n for n in ahead if n not in self.expected])
        if not ahead or 2 * unknown > len(ahead):
            return None
        scale = self._scale()
        rest = sum(self.expected[n] for n in ahead if n in self.expected and n != self.running) * scale
        if self.running in self.expected:
            rest += max(0.0, self.expected[self.running] * scale - (self.clock() - self.since))
        return rest

    def share(self) -> float:
        """How much of the run is behind, in [0, 1]: of its time where that is known, else of its stages."""
        rest = self.left()
        if rest is None:
            return len(self.passed) / max(1, len(self.planned or ()))
        behind = sum(self.took().values()) + (self.clock() - self.since if self.running else 0.0)
        return behind / max(1e-9, behind + rest)

    def _scale(self) -> float:
        """How much slower than expected this run is."""
        both = [(took, self.expected[name]) for name, took in self.took().items() if name in self.expected]
        actual, thought = sum(took for took, _ in both), sum(seconds for _, seconds in both)
        return actual / thought if actual and thought else 1.0

    def _told_left(self) -> str:
        rest = self.left()
        return "" if rest is None else f" (up to {words(rest)} left)"


class Told:
    """Where people read it: one bar below the lines on a terminal, lines in a file."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.last = progress.clock()
        self.bar: tqdm | None = None

    def line(self, text: str) -> None:
        """A line of a stage, or an error of DVC's."""
        self.last = self.progress.clock()
        if self.bar is None:
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            self.bar.write(text, file=sys.stderr, end="" if text.endswith("\n") else "\n")

    def see(self, text: str) -> None:
        """A line of DVC's chatter: a stage that begins has a title."""
        if self.progress.see(text.rstrip("\n")):
            if self.bar is None and sys.stderr.isatty():
                shape = "{percentage:3.0f}% |{bar:20}| {desc}"
                self.bar = tqdm(total=1.0, bar_format=shape, leave=False, file=sys.stderr, dynamic_ncols=True)
            self.line(f"{self.progress.title()}\n")
            self.tick()

    def tick(self) -> None:
        """Time has passed."""
        if self.progress.running is None:
            return
        if self.bar is not None:
            self.bar.n = min(1.0, self.progress.share())
            self.bar.set_description_str(self.progress.still())
        elif self.progress.clock() - self.last >= SILENCE:
            self.line(f"{self.progress.still()}\n")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()


def start(plan: Callable[[], Planned]) -> Told:
    """A run that begins now, in the clone that is the working folder."""
    return Told(Progress(plan, [read(RECORDED), read(SHIPPED)], time.monotonic))
