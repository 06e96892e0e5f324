"""One stage, run by DVC under supervision.

Decisions: DVC alone decides what is cached, by `dvc --wait-for-lock repro --single-item NAME`: without the first flag
parallel stages fail on DVC's lock, without the second each would take its upstream's locks too. The stage's command
runs in `gpu_shell`, so a GPU is leased only when something really runs; its time limit counts from then on.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from flows import gpu_shell, stage_status
from flows.dag import Stage
from flows.stage_status import StageStatus
from flows.supervise import Group

LAST = 20  # lines of a failed stage that its error shows


class StageFailed(RuntimeError):  # noqa: N818 - the state's name
    """A stage failed or (`late`) ran out of time; the message ends with its last lines."""

    def __init__(self, message: str, last: Iterable[str], late: bool = False) -> None:
        super().__init__("\n".join([message, *last]))
        self.late = late


def environment(root: Path, stage: Stage) -> dict[str, str]:
    """What the stage's process finds: this interpreter's commands first, the clone's own code, no reports home."""
    here = Path(sys.executable).parent
    return os.environ | {
        "PATH": os.pathsep.join([str(here), os.environ.get("PATH", os.defpath)]),
        # the interpreter's editable install may be another clone's
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root / "src"), os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "SHELL": str(Path(gpu_shell.__file__).resolve()),
        gpu_shell.WANTED: str(stage.gpus),
    }


def execute(
    root: Path,
    stage: Stage,
    *,
    force: bool = False,
    pull: bool = False,
    on_line: Callable[[str], None] = print,
    group: Group | None = None,
) -> StageStatus:
    """Bring one stage up to date, its upstream being so; whether it ran, was restored or was unchanged.

    `force` runs what is unchanged too; `pull` fetches from DVC's remote what was run elsewhere. `on_line` gets the
    output as it comes. Raises StageFailed, and Stopped when `group` was stopped.
    """
    words = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage.name]
    words += ["--force"] * force + ["--pull"] * pull
    said: StageStatus | None = None
    started = False
    last: deque[str] = deque(maxlen=LAST)

    def hear(line: str) -> None:
        nonlocal said
        said = stage_status.read(line, said)
        if line.strip():
            last.append(line)
            on_line(line)

    def limit(line: str) -> float | None:
        nonlocal started
        if started or stage.minutes is None or not (said == "ran" and line.startswith(gpu_shell.STARTS)):
            return None
        started = True
        return stage.minutes * 60

    status, late = (group or Group()).run(words, cwd=root, env=environment(root, stage), on_line=hear, limit=limit)
    if late:
        raise StageFailed(f"{stage.name}: ended after {stage.minutes:g} minutes (meta.minutes)", last, late)
    if status:
        raise StageFailed(f"{stage.name}: DVC's exit status is {status}; the last lines:", last)
    if said is None:
        raise StageFailed(f"{stage.name}: DVC ended well, but what it did is not in these words:", last)
    return said
