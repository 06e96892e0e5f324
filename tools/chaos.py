"""Kill the pipeline again and again, and compare what comes out with a run that nothing disturbed: `make chaos`.

    python -m tools.chaos --kills 100 --seed 0 --minutes 30

Every kind of stage runs at tiny size, by `dvc repro` and by `flows.run`, and is killed at a drawn moment in a drawn
way: SIGKILL or SIGTERM to the run alone, to the stage's command alone, to everything at once; or the disk is full for a
while (a small tmpfs; wants root). After each kill everything that the run started must be gone within 10 s, and what
lies under an output's name must be whole. Then the same command goes on. At the end no file may be left over, half
written or a lock, and every file must equal the undisturbed run's, timings apart. Exit status 1 if anything is amiss.

Decisions: the second workspace starts as a copy of the undisturbed one, so that a stage can be hit in any order: its
outputs, its entry of dvc.lock and the run cache are taken away, it is killed some times, and let end. What is drawn,
and when, is the seed's; where a moment falls is the machine's, since a stage never takes as long twice.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from flows import dag, dvc_lock
from tools import chaos_graph, chaos_kills
from tools.chaos_kills import PATIENCE, WAYS, Disk, Run, dvc
from tools.chaos_plan import Kill, draw, table

ROOT = Path(__file__).resolve().parent.parent
ON_DISK = ("data", "models", "reports", ".checkpoints")  # what lies on the small disk
ROOM = 96  # megabytes that it has to spare
TRIES = 3  # to hit a stage before it is done
GRACE = 15.0  # seconds more that flows.run may take to end what it has started
LONG = 300.0  # seconds after which a run counts as stuck


class Chaos:
    """The two workspaces, what was done to the second and what was amiss."""

    def __init__(self, folder: Path, targets: Sequence[str], minutes: float) -> None:
        self.whole, self.killed, self.targets = folder / "undisturbed", folder / "killed", list(targets)
        self.end = time.monotonic() + 60 * minutes
        self.faults: list[str] = []
        self.done: Counter[tuple[str, str]] = Counter()
        self.disk: Disk | None = None
        self.slowest = (0.0, "none")  # seconds until nothing of a killed run was left
        self.ended = False  # the stage that is being killed
        workspace = chaos_graph.build(ROOT, self.whole)
        leases = {"GPU_LEASES": str(folder / "leases"), "CUDA_VISIBLE_DEVICES": ""}
        self.environment = {**workspace.env, **leases, "DO_NOT_TRACK": "1", "SANREID_RUNS": ""}
        self.environment.pop("PREFECT_API_URL", None)
        self.stages: dict[str, dag.Stage] = {}

    def undisturbed(self) -> dict[str, float]:
        """Run the graph once; each stage's seconds. Raises RuntimeError where it fails."""
        self.stages = dag.load(self.whole, self.targets or None)
        run, begun = Run(dvc("repro", *self.targets), self.whole, self.environment), time.monotonic()
        seconds: dict[str, float] = {}
        stage = ""

        def heard(line: str) -> bool:
            nonlocal stage, begun
            if line.startswith(("Running stage '", "Use `dvc push`")):
                if stage:
                    seconds[stage] = time.monotonic() - begun
                stage, begun = (line.split("'")[1] if "'" in line else ""), time.monotonic()
            return False

        run.hear(heard, 3600)
        if run.process.wait(10):
            raise RuntimeError("the undisturbed run failed:\n" + "\n".join(run.said[-20:]))
        return seconds

    def copy(self) -> None:
        """Make the second workspace, on a small disk of its own where that is allowed."""
        names = [name for name in ON_DISK if (self.whole / name).exists()]
        used = sum(file.stat().st_size for name in names for file in (self.whole / name).rglob("*") if file.is_file())
        self.killed.mkdir()
        try:
            self.disk = Disk(self.killed.with_name("disk"), 2 * used // 1_000_000 + ROOM)
            for name in names:
                self.disk.take(self.killed / name)
        except OSError as error:
            say(f"no disk is filled: {error}")
            self.close()
        shutil.copytree(self.whole, self.killed, symlinks=True, dirs_exist_ok=True)

    def close(self) -> None:
        """Give the disk back."""
        if self.disk is not None:
            self.disk.close()
            self.disk = None

    def drop(self, stage: str) -> None:
        """Take away what DVC has of a stage's run."""
        for out in self.stages[stage].outs:
            path = self.killed / out
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        shutil.rmtree(self.killed / ".dvc/cache/runs", ignore_errors=True)
        entries = dvc_lock.read(self.killed)
        entries.pop(stage, None)
        (self.killed / dvc_lock.FILE).write_text(dvc_lock.dumps(entries))

    def command(self, stage: str, door: str) -> list[str]:
        """What brings the stage up to date by that door."""
        if door == "flows":
            return [sys.executable, "-m", "flows.run", stage]
        return dvc("repro", "--single-item", stage)

    def strike(self, kill: Kill, seconds: float) -> bool:
        """Start the stage and kill it; False where it had ended before, or DVC had nothing to run."""
        run = Run(self.command(kill.stage, kill.door), self.killed, self.environment)
        try:
            if not run.hear(lambda line: f"Running stage '{kill.stage}':" in line, LONG):
                if run.silent and run.process.wait(10) == 0:  # killed after DVC had stored what it wrote
                    return False
                self.fault(kill, "the same command does not go on: " + " | ".join(run.said[-6:]))
                (self.killed / ".dvc/tmp/rwlock").unlink(missing_ok=True)
                return True
            run.hear(seconds=kill.share * seconds)
            struck = time.monotonic()
            if kill.way == "full disk":
                assert self.disk is not None
                hit = chaos_kills.full_disk(run, self.disk)
            else:
                aimed = [p for p in chaos_kills.marked(run.word) if p.is_stage()]
                hit = chaos_kills.kill(run, kill.way)
                if left := chaos_kills.outlive(aimed if hit else []):
                    self.fault(kill, f"still runs after {PATIENCE:g} s: {', '.join(map(str, left))}")
            if kill.way == "full disk" or kill.way.endswith("stage"):
                run.hear(seconds=LONG)  # the run ends of itself
                struck = time.monotonic()
            if left := run.gone(PATIENCE + (GRACE if kill.door == "flows" else 0)):
                self.fault(kill, f"left running: {', '.join(map(str, left))}")
            self.slowest = max(self.slowest, (time.monotonic() - struck, str(kill)))
        finally:
            run.sweep()
            self.ended = run.process.returncode == 0
        for name in self.differences(kill.stage, missing=False):
            self.fault(kill, f"{name}: neither whole nor absent")
        return hit

    def finish(self, stage: str) -> None:
        """Let the stage end, and compare its outputs."""
        run = Run(self.command(stage, "dvc"), self.killed, self.environment)
        try:
            run.hear(seconds=LONG)
            left = run.gone()
        finally:
            run.sweep()
        if left or run.process.returncode:
            self.fault(stage, "cannot be brought to its end: " + " | ".join(run.said[-6:]))
        for name in self.differences(stage):
            self.fault(stage, f"{name}: not as undisturbed")

    def differences(self, stage: str, missing: bool = True) -> list[str]:
        """The files of a stage's outputs that are not as in the undisturbed run; absent outputs only if `missing`."""
        found: list[str] = []
        for out in self.stages[stage].outs:
            if missing or (self.killed / out).exists():
                found += chaos_graph.differences(self.whole, self.killed, out)
        return found

    def fault(self, where: Kill | str, what: str) -> None:
        """Note and say what is amiss, after a kill or in a stage."""
        self.faults.append(f"{where}: {what}")
        say(f"AMISS: {self.faults[-1]}")

    def go(self, plan: Sequence[Kill], seconds: Mapping[str, float]) -> None:
        """Carry the kills out, stage by stage, then let everything end and compare it."""
        for stage, kills in groupby(plan, key=lambda kill: kill.stage):
            self.ended = True
            for kill in kills:
                wait = seconds.get(stage, 1.0)
                for _ in range(TRIES):
                    if time.monotonic() > self.end:
                        break
                    if self.ended:
                        self.drop(stage)
                    if self.strike(kill, wait):
                        self.done[stage.partition("@")[0], kill.way] += 1
                        say(f"{self.done.total()}/{len(plan)} {kill}")
                        break
                    wait /= 2
            self.finish(stage)
            if time.monotonic() > self.end:
                break
        run = Run(dvc("repro", *self.targets), self.killed, self.environment)
        run.hear(seconds=3600)
        if run.process.wait(10):
            self.faults.append("the last run fails: " + " | ".join(run.said[-6:]))
        self.faults += chaos_graph.leftovers(self.whole, self.killed)
        if self.done.total() < len(plan):
            self.faults.append(f"{self.done.total()} of {len(plan)} kills, then the time was up or no stage was hit")


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill and compare; 1 where anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="stages to kill, and what they need; none: all")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
    parser.add_argument("--minutes", type=float, default=30, help="after which no more kills are made")
    parser.add_argument("--folder", type=Path, help="a new folder for all of it, which stays; default: a temporary one")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    chaos_kills.adopt()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    os.environ["DVC_NO_ANALYTICS"] = "1"
    chaos = Chaos(folder, given.targets, given.minutes)
    try:
        say(f"in {folder}: once undisturbed")
        begun = time.monotonic()
        seconds = chaos.undisturbed()
        say(", ".join(f"{stage} {took:.1f}" for stage, took in seconds.items()))
        say(f"{len(seconds)} stages in {time.monotonic() - begun:.0f} s; {given.kills} kills follow")
        chaos.copy()
        ways = [way for way in WAYS if chaos.disk is not None or way != "full disk"]
        chaos.go(draw(list(seconds), given.kills, given.seed, ways), seconds)
    finally:
        chaos.close()
    say(table(chaos.done))
    say(f"gone after {chaos.slowest[0]:.1f} s at the latest: {chaos.slowest[1]}")
    for fault in chaos.faults:
        say(f"AMISS: {fault}")
    say(f"{len(chaos.faults)} amiss after {time.monotonic() - begun:.0f} s" if chaos.faults else "nothing is amiss")
    if not chaos.faults and given.folder is None:
        shutil.rmtree(folder)
    return 1 if chaos.faults else 0


if __name__ == "__main__":
    sys.exit(main())
