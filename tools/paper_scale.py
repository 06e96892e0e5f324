"""Runs SAN's main chain at a profile's size within a time limit, and writes one JSON and one page of the results.

    python tools/paper_scale.py --minutes 9 --out DIR                    # with DVC
    python tools/paper_scale.py --write-plan plan.json                   # here, for a machine that has no DVC
    python tools/paper_scale.py --minutes 9 --out DIR --plan plan.json   # there
    python tools/paper_scale.py --minutes 9 --out DIR --toy              # a rehearsal of minutes on a CPU

The stages that `report` needs are run: independent ones in parallel, one GPU stage at a time on each GPU, all variants
of the first seed before those of the next. Stages for which there is no time are skipped and named (tools/budget.py).

Decisions: the work is done in a copy of the tree with the profile as its params.yaml. DIR gets three files (JSON, page,
table as Markdown), which are complete at every moment, so that a run that is ended keeps its results. SIGTERM and
Ctrl-C end it cleanly.
"""

import argparse
import importlib.util
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()  # the imports below are of the time, too
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]

import gpu_use  # noqa: E402

from flows import gpu  # noqa: E402
from sanreid import faults, params, runtime  # noqa: E402
from tools import budget, paper_folder, paper_steps, plan  # noqa: E402
from tools.paper_record import Record, machine, parameters  # noqa: E402
from tools.stage_process import Process  # noqa: E402

TARGET = "report"
RESERVE = 15.0  # seconds kept for ending stages in order, for the last page and for removing the folder
TOY = [
    "synthesize.pit.people=8",
    "synthesize.pit.images=4",
    "pair_pit.images_per_texture=4",
    "pair_pit.validation_people=2",
    "synthesize.cuhk03.people=[6,2,2,1,1]",
    "synthesize.cuhk03.test_people=5",
    "synthesize.cuhk03.splits=2",
    "synthesize.cuhk03.split_people=3",
    "synthesize.cuhk03.heights=[70,100]",
    "synthesize.market1501.train_people=6",
    "synthesize.market1501.test_people=4",
    "synthesize.market1501.cameras_a_person=[2,3]",
    "synthesize.market1501.frames_a_camera=[1,2]",
    "synthesize.market1501.distractors=4",
    "synthesize.market1501.junk=2",
    "synthesize.mnist.test_per_digit=485",
    "san.backbone=resnet18",
    "san.width=4",
    "san.fc=8",
    "san.height=32",
    "san.width_px=16",
    "san.texture=32",
    "san.decoder_channels=[8,8,8,4,4]",
    *(f"{stage}.epochs=2" for stage in ("train_san_pg", "train_san")),
    *(f"{stage}.optimiser.milestones=[1]" for stage in ("train_san_pg", "train_san")),
    *(f"{stage}.optimiser.warm_up.epochs=1" for stage in ("train_san_pg", "train_san")),
    *(f"{stage}.pictures.people=2" for stage in ("train_san_pg", "train_san")),
    "train_san_pg.batch=8",
    "train_san.people=3",
    "train_san.images=2",
    "evaluate_textures.images=10",
    "evaluate_textures.samples=2",
    "evaluate_san.lists.queries=2",
    "evaluate_san.lists.top=5",
    "report.people=2",
]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="after which everything has ended, the page written")
    parser.add_argument("--out", type=Path, help="folder for paper_scale.json, index.html and table.md")
    parser.add_argument("--profile", default="gpu", help="of profiles/: gpu")
    parser.add_argument("--seeds", type=int, help="how many, from 0; default: the profile's")
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="another parameter")
    parser.add_argument("--toy", action="store_true", help="a tiny network and few people: that everything runs")
    parser.add_argument("--plan", type=Path, help="the steps, of an earlier --write-plan; default: DVC is asked")
    parser.add_argument("--write-plan", type=Path, metavar="FILE", help="write the steps for --plan, and end")
    parser.add_argument("--estimates", type=Path, help="seconds of stages: JSON of an earlier run, or {stage: seconds}")
    parser.add_argument("--work", type=Path, help="folder to work in, kept; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=4, help="CPU stages at once, beside those of the GPU")
    parser.add_argument("--places", type=int, default=1, help="GPU stages at once on each GPU")
    found = parser.parse_args(given)
    if found.write_plan is None and (found.minutes is None or found.out is None):
        parser.error("--minutes and --out are wanted, or --write-plan")
    for name in ("minutes", "seeds", "jobs", "places"):
        if (value := getattr(found, name)) is not None and value <= 0:
            parser.error(f"--{name}: {value} is not above 0")
    return found


def overrides(given: argparse.Namespace) -> list[str]:
    """All changes to the profile, in the order in which they are made."""
    seeds = [] if given.seeds is None else [f"experiment.seeds={list(range(given.seeds))}"]
    return [*(TOY if given.toy else []), *seeds, *given.set]


def planned(folder: Path, file: Path | None) -> list[plan.Step]:
    """The steps: of `file`, else as DVC reads the folder's graph. Raises ValueError that says what is amiss."""
    if file is None:
        if importlib.util.find_spec("dvc") is None:
            raise ValueError("DVC is not installed here; make a plan where it is (--write-plan) and give it by --plan")
        return plan.steps(folder, [TARGET], [])
    steps = plan.read(file)
    wanted = params.value(folder / paper_folder.PARAMETERS, "experiment.seeds")
    if (there := paper_steps.of_seeds(steps)) and there != sorted(wanted):
        raise ValueError(
            f"{file}: of seeds {there}, and this run is of {sorted(wanted)}; write it with the same options"
        )
    return steps


def carry_out(
    steps: Sequence[plan.Step],
    folder: Path,
    record: Record,
    known: dict[str, float],
    limit: float,
    jobs: int,
    places: int,
    asked: Callable[[], str],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> budget.Outcomes:
    """Run the steps until `limit`, a moment of the clock, and write the record after each."""
    gpus, env = gpu.devices(), paper_folder.environment(folder, record.checkpoints)
    by_name = {step.name: step for step in steps}
    taken: dict[str, list[str]] = {}  # stage -> its GPUs

    def start(job: budget.Job) -> Process:
        own = dict(env)
        if gpus:
            for name in [name for name in taken if run.outcomes[name].state != budget.RUNNING]:
                del taken[name]
            used = [device for devices in taken.values() for device in devices]
            free = sorted(gpus, key=used.count)[: job.places] if job.lane == paper_steps.GPU else []
            taken[job.name] = free
            own["CUDA_VISIBLE_DEVICES"] = ",".join(free)  # none for those that take none
        log = folder / "logs" / f"{job.name}.log"
        runtime.log.info("%6.1f s  %s", clock() - record.began, job.name)
        return Process(paper_folder.command(by_name[job.name].command, own), folder, log, own, clock)

    variants = params.value(folder / paper_folder.PARAMETERS, "experiment.variants")
    run = budget.Run(
        paper_steps.jobs(steps, variants),
        limit,
        {paper_steps.GPU: max(1, len(gpus)) * places, paper_steps.RENDER: 1, paper_steps.CPU: jobs},
        start,
        paper_steps.Estimates(steps, known),
        clock,
        pause,
        note=lambda outcomes: record.write(outcomes, clock(), asked()),
        kept={paper_steps.GPU},
        asked=asked,
    )
    record.limit = limit
    if gpus:
        record.use = gpu_use.Utilisation(",".join(gpus), clock)
        record.missing = record.use.missing
    else:
        record.missing = "there is no GPU here"
    try:
        return run.carry_out()
    finally:
        for outcome in run.outcomes.values():  # an error of this program must not leave stages behind
            if outcome.state == budget.RUNNING and outcome.running is not None:
                outcome.running.stop()
        if record.use is not None:
            record.use.stop()


def main(given: Sequence[str] | None = None, began: float | None = None) -> int:
    """Run, and tell what came of it; the exit status: 0 where nothing failed, 1 where something did, 143 after SIGTERM.

    The time counts from `began`, a moment of time.monotonic (default: now).
    """
    began = time.monotonic() if began is None else began
    chosen = arguments(given)
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, frame: ended.append(n))
    runtime.configure_logging()
    with faults.told("paper_scale"), tempfile.TemporaryDirectory(prefix="paper-scale-") as temporary:
        folder = (chosen.work or Path(temporary)).resolve()  # stages start in it, and find paths below it
        changes = overrides(chosen)
        profile = ROOT / "profiles" / f"{chosen.profile}.yaml"
        paper_folder.prepare(ROOT, folder, profile, changes)
        steps = planned(folder, chosen.plan)
        if chosen.write_plan:
            plan.write(chosen.write_plan, steps)
            runtime.log.info("%s: %d steps; give it by --plan, with the same --seeds", chosen.write_plan, len(steps))
            return 0
        known = paper_steps.read_estimates(chosen.estimates, chosen.toy) if chosen.estimates else {}
        facts = machine(gpu.devices()) | paper_folder.identity(ROOT, folder)
        values: dict[str, Any] = params.read(folder / paper_folder.PARAMETERS)
        checkpoints = paper_folder.checkpoints(folder)
        told = parameters(facts, chosen.toy, chosen.profile, chosen.set)
        record = Record(chosen.out, folder, checkpoints, steps, values, told)
        record.began = began
        limit = began + max(0.0, 60 * chosen.minutes - RESERVE)

        def asked() -> str:
            return f"it was sent {signal.Signals(ended[0]).name}" if ended else ""

        try:
            outcomes = carry_out(steps, folder, record, known, limit, chosen.jobs, chosen.places, asked)
        finally:
            if checkpoints.parent == paper_folder.MEMORY:
                shutil.rmtree(checkpoints, ignore_errors=True)
    for outcome in outcomes.values():
        if outcome.state != budget.DONE:
            runtime.log.warning("%s: %s: %s", outcome.job.name, outcome.state, outcome.why)
    sys.stdout.write((chosen.out / "table.md").read_text(encoding="utf-8"))
    sys.stdout.write(f"\n{chosen.out / 'index.html'}\n")
    if ended:
        return 128 + ended[0]
    return 1 if any(o.state == budget.FAILED for o in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main(began=BEGAN))
