"""The stages of a plan as ordered jobs: Table 1 for the first seed, then for the next ones, then what the page needs.

Decisions: a stage's variant and seed are read from its output folder (see dvc.yaml). `synthesize` uses all cores, so
one data set is rendered at a time, beginning with the one on the longest path to the table, so that the GPU waits for
one data set only. The estimate of a stage's time is what it took with another seed, else the value in the estimates
file.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.budget import DONE, Job, Outcomes
from tools.plan import Step

OF_RUN = re.compile(r"(models|reports)/san/([^/]+)/([^/]+)/seed(\d+)(?:/|$)")
GPU, RENDER, CPU = "gpu", "render", "cpu"  # the lanes
RENDERS = "synthesize"


class San(NamedTuple):
    """What a stage of the table is of; `evaluates` is True of an evaluation, False of a training."""

    set: str
    variant: str
    seed: int
    evaluates: bool


def san(step: Step) -> San | None:
    """The run that a stage trains or evaluates; None for the other stages."""
    for out in step.outs:
        if found := OF_RUN.match(out):
            return San(found[2], found[3], int(found[4]), found[1] == "reports")
    return None


def kind(step: Step) -> str:
    """A stage's name without its seed: what takes about the same time."""
    run = san(step)
    return step.name if run is None else step.name.removesuffix(str(run.seed))


def of_seeds(steps: Sequence[Step]) -> list[int]:
    """The seeds of a plan, rising."""
    return sorted({run.seed for step in steps if (run := san(step))})


def jobs(steps: Sequence[Step], variants: Sequence[str]) -> list[Job]:
    """A job for each step, in the plan's order; `variants` gives the table's order."""
    runs = {step.name: san(step) for step in steps}
    evaluations = {name for name, run in runs.items() if run and run.evaluates}
    readers: dict[str, list[str]] = {step.name: [] for step in steps}
    heights: dict[str, int] = {}
    wanted = set(evaluations)  # what the table needs
    for step in reversed(steps):
        heights[step.name] = 1 + max((heights[r] for r in readers[step.name] if r in wanted), default=0)
        for name in step.needs:
            readers[name].append(step.name)
            if step.name in wanted:
                wanted.add(name)

    def rank(place: int, step: Step) -> tuple:
        if step.name not in wanted:
            return (1, 0, 0, 0, place)
        run = runs[step.name]
        if run is None:
            return (0, -1, 0, -heights[step.name], place)
        order = variants.index(run.variant) if run.variant in variants else len(variants)
        return (0, run.seed, order, not run.evaluates, place)

    def follows(step: Step) -> tuple[str, ...]:
        run = runs[step.name]
        return tuple(r for r in readers[step.name] if run and runs[r] == run._replace(evaluates=True))

    def lane(step: Step) -> str:
        return GPU if step.gpus else RENDER if step.name.startswith(RENDERS) else CPU

    return [
        Job(s.name, s.needs, lane(s), max(1, s.gpus), rank(i, s), () if runs[s.name] is None else follows(s))
        for i, s in enumerate(steps)
    ]


class Estimates:
    """Seconds of stages: measured in this run with another seed, else of the file of an earlier one."""

    def __init__(self, steps: Sequence[Step], known: Mapping[str, float]) -> None:
        self.kinds = {step.name: kind(step) for step in steps}
        self.known = {self.kinds.get(name, name): seconds for name, seconds in known.items()} | dict(known)

    def __call__(self, name: str, outcomes: Outcomes) -> float | None:
        """The seconds of stage `name`, from the last of its kind that is done; None where nothing is known."""
        same = [
            o for o in outcomes.values() if o.state == DONE and self.kinds[o.job.name] == self.kinds[name] and o.seconds
        ]
        return same[-1].seconds if same else self.known.get(name, self.known.get(self.kinds[name]))


def read_estimates(path: Path, toy: bool) -> dict[str, float]:
    """Stage -> seconds: of a plain JSON object, or of the JSON that an earlier run left.

    Raises ValueError that names the file where it is neither, or of a run of the other size.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if "stages" not in values:
            return {str(name): float(seconds) for name, seconds in values.items()}
        stages = {s["name"]: float(s["seconds"]) for s in values["stages"] if s["state"] == DONE}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: no estimates ({error}); give stage: seconds, or an earlier run's JSON") from None
    if values.get("toy") is not toy:
        raise ValueError(f"{path}: of a run {'at' if values.get('toy') else 'not at'} toy size; give one of this size")
    return stages
