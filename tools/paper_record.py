"""The output of tools/paper_scale.py: a JSON, a page and the table as Markdown, complete at every moment.

Decisions: all three are written after each stage, each file completely or not at all, so that a killed run still has
the results so far. If the table cannot be read (a stage was killed while writing), that is reported, and the times are
kept.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import gpu_use

from sanreid import runtime
from sanreid.reporting.scale import page, speeds, table
from sanreid.reporting.shared import notices
from sanreid.reporting.shared.results_table import Outcome as SetOutcome
from tools import paper_steps
from tools.budget import DONE, FAILED, STOPPED, Outcome, Outcomes
from tools.paper_folder import PARAMETERS
from tools.plan import Step
from tools.stage_process import EVERY, Process

JSON, PAGE, TABLE = "paper_scale.json", "index.html", "table.md"
Values = dict[str, Any]


class Record:
    """Writes into `out` what is known of a run in `folder`; `facts` are those that do not change."""

    def __init__(
        self, out: Path, folder: Path, checkpoints: Path, steps: Sequence[Step], values: Values, facts: Values
    ) -> None:
        self.out, self.folder, self.checkpoints = out, folder, checkpoints
        self.steps, self.values, self.facts = {s.name: s for s in steps}, values, facts
        self.layout = table.layout(folder / PARAMETERS)
        self.began, self.limit = 0.0, 0.0  # moments of the clock
        self.use: gpu_use.Utilisation | None = None
        self.missing = ""  # why there is no GPU's use
        self._images: dict[str, int | None] = {}

    def write(self, outcomes: Outcomes, now: float, ended: str = "") -> None:
        """The three files as of `now`; `ended` is why the run ended early, '' where it did not or goes on."""
        told = [f"The run ended before its time: {ended}."] if ended else []
        measured: list[SetOutcome] = []
        try:
            measured = table.read(self.folder, self.layout)
            files = (Path(out) for step in self.steps.values() if paper_steps.san(step) for out in step.outs)
            folders = dict.fromkeys(self.folder / file.parent for file in files)
            told += dict.fromkeys(notices.of_evaluations(folders))
        except (OSError, ValueError) as error:
            told.append(f"Table 1 could not be read: {error}")
        stages = [self._stage(outcome) for outcome in outcomes.values()]
        whole = self._use(self.began, now)
        record = {
            **self.facts,
            "limit_seconds": round(self.limit - self.began, 3),
            "seconds": round(now - self.began, 3),
            "ended": ended,
            "notices": told,
            "gpu_percent": whole and whole.percent,
            "gpu_peak_mb": whole and whole.peak_mb,
            "measured": self._measured(),
            "stages": stages,
            "table": table.plain(measured),
        }
        runtime.write_json(self.out / JSON, record)
        source = f"`{self.facts['command']}` on {self.facts['device']}, {self.facts['began']}"
        for name, text in ((PAGE, page.render(record, measured)), (TABLE, table.markdown(measured, source))):
            with runtime.atomic_file(self.out / name) as work:
                work.write_text(text, encoding="utf-8")

    def _stage(self, outcome: Outcome) -> Values:
        step = self.steps[outcome.job.name]
        process = outcome.running if isinstance(outcome.running, Process) else None
        epochs = process.epochs() if process else None
        run = paper_steps.san(step)
        use = self._use(outcome.began, outcome.ended) if outcome.began is not None and step.gpus else None
        images = self._count(step, outcome)
        seconds = epochs.each if speeds.batch(stage_of(step), self.values) and epochs else outcome.seconds
        return {
            "name": step.name,
            "lane": outcome.job.lane,
            "state": outcome.state,
            "why": outcome.why,
            "run": run and run._asdict(),
            "began": None if outcome.began is None else round(outcome.began - self.began, 3),
            "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
            "images": images,
            "images_a_second": images / seconds if images and seconds else None,
            "epochs": epochs and {"done": epochs.done, "total": epochs.total, "seconds": epochs.each},
            "gpu_percent": use and use.percent,
            "gpu_peak_mb": use and use.peak_mb,
            "cpu_peak_mb": process.peak_mb if process else None,
            "log": process.lines if process and outcome.state in (FAILED, STOPPED) else [],
        }

    def _count(self, step: Step, outcome: Outcome) -> int | None:
        """The images of a stage (of a training: of one epoch), once they are known."""
        if self._images.get(step.name) is None and outcome.state in (DONE, STOPPED):
            self._images[step.name] = self._look(step)
        return self._images.get(step.name)

    def _look(self, step: Step) -> int | None:
        stage = stage_of(step)
        try:
            if batch := speeds.batch(stage, self.values):
                return batch * speeds.steps(self._history(step)) or None
            readers = [self.folder / o for s in self.steps.values() if step.name in s.needs for o in s.outs]
            outs, deps = ([self.folder / path for path in paths] for paths in (step.outs, step.deps))
            return speeds.images(stage, outs, deps, readers)
        except (OSError, ValueError) as error:
            runtime.log.warning("%s: images not counted: %s", step.name, error)
            return None

    def _history(self, step: Step) -> Path:
        """The history of a training: in its model, or of one that was stopped beside its checkpoint, the last one."""
        whole = self.folder / step.outs[0] / "history.csv"
        torn = sorted(self.checkpoints.glob("*/history.csv"), key=lambda path: path.stat().st_mtime)
        return whole if whole.is_file() or not torn else torn[-1]

    def _use(self, begin: float | None, end: float | None) -> gpu_use.Use | None:
        if self.use is None or begin is None:
            return None
        return self.use.between(begin, float("inf") if end is None else end)

    def _measured(self) -> str:
        gpu = f"not measured, {self.missing}" if self.missing else "nvidia-smi's, twice a second"
        return (
            f"GPU use and memory: {gpu}. CPU memory: the highest sum of the proportional shares (PSS) of a stage's "
            f"processes, looked at every {EVERY:.0f} s."
        )


def stage_of(step: Step) -> str:
    """The stage whose member a step is."""
    return step.name.partition("@")[0]


def machine(gpus: Sequence[str]) -> Values:
    """Device, processor, Python and torch of this machine, none of which is imported for it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = "not installed"
    return {
        "device": _device(gpus) if gpus else f"CPU alone ({cores} cores)",
        "processor": f"{_processor()}, {cores} cores",
        "python": platform.python_version(),
        "torch": torch,
        "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "command": " ".join(["python", *sys.argv]),
    }


def _device(gpus: Sequence[str]) -> str:
    query = ["nvidia-smi", f"--id={','.join(gpus)}", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return f"{len(gpus)} GPUs of no known name"
    return f"{len(names)} x {names[0].strip()}" if len(names) > 1 else names[0].strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def parameters(facts: Mapping[str, Any], toy: bool, profile: str, overrides: Sequence[str]) -> Values:
    """The facts of a run that come from its command."""
    return {**facts, "toy": toy, "profile": profile, "overrides": list(overrides)}
