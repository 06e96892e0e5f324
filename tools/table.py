"""Run one table of ablations: `make table1 SEEDS=5` is `python tools/table.py table1 --seeds 5`.

`--splits 20` runs it on CUHK03's classic test sets, each a set of its own, and without a table's name the variants are
the experiment's own: that is `make classic`.

What section `tables` of params.yaml says of the table (its variants, its generators) takes the place of what section
`experiment` says, the seeds are 0, 1, ..., and `dvc exp run` brings the report up to date with that. Its text is then
printed. Runs that are there already are not run again, and one that was stopped goes on where it was.

Decision: params.yaml is as it was afterwards, whatever became of the run. DVC leaves its change there, all lists broken
up; but a table is a question to the pipeline, not another pipeline, and the next `make demo` should be the demo: DVC's
cache gives that back in seconds. After a failed run nothing is printed but what failed.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sanreid import params
from sanreid.params import ParamsError
from sanreid.reporting import ablations

NOISE = "WARNING: No file hash info found for"  # a line for each run that is not there yet
PARAMETERS, REPORT = Path("params.yaml"), Path("reports/figures/results.txt")


Changes = dict[str, dict[str, Any]]  # section -> key -> value


def changes(parameters: Path, name: str | None, seeds: int, sets: Sequence[str], splits: int = 0) -> Changes:
    """What the table replaces in the parameters. Raises ParamsError naming what is wrong."""
    tables = ablations.read(parameters)
    if name is not None and name not in tables:
        raise ParamsError(f"{parameters}: tables.{name} is missing; there are: {', '.join(tables)}")
    values = params.read(parameters)
    new: dict[str, Any] = {}
    if name is not None:
        known = values["train_san"]["variants"]
        if strange := [v for v in tables[name].variants if v not in known]:
            raise ParamsError(f"{parameters}: tables.{name}: {', '.join(strange)} not under train_san.variants")
        table = tables[name].model_dump()
        new = {key: table[key] for key in ("variants", "generators") if key in values["experiment"]}
    new["seeds"] = list(range(seeds))
    numbers = list(range(1, splits + 1))
    if sets or splits:
        new["sets"] = [*sets, *(f"cuhk03_classic_{k}" for k in numbers)]
    return {"experiment": new} | ({"extract_cuhk03_classic": {"splits": numbers}} if splits else {})


def command(new: Changes, stage: str = "report") -> list[str]:
    """What brings `stage` up to date with these values."""
    settings = [
        f"{section}.{key}=[{','.join(map(str, values))}]"
        for section, keys in new.items()
        for key, values in keys.items()
    ]
    return ["dvc", "exp", "run", *(word for s in settings for word in ("-S", s)), stage]


def run(words: Sequence[str], parameters: Path, new: Changes) -> int:
    """Run, wait, and put the parameters back; the exit status. An interruption stops DVC and its stage before that."""
    before = parameters.read_text()
    child = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    )
    try:
        assert child.stderr is not None
        for line in child.stderr:
            if not line.startswith(NOISE):
                sys.stderr.write(line)
        return child.wait()
    except BaseException:
        stop(child)
        raise
    finally:
        restore(parameters, before, new)


def stop(child: subprocess.Popen) -> None:
    """End DVC and its stage, whether it was Ctrl-C or a SIGTERM to this process alone; harder where they linger."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.communicate(timeout=8)  # reads on, since a full pipe would keep it
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            child.wait()
            return


def restore(parameters: Path, before: str, new: Changes) -> None:
    """Write `before` back, unless somebody edited the file during the run: then it stays and that is said."""
    then, now = yaml.safe_load(before), yaml.safe_load(parameters.read_text())
    if now == then | {section: then[section] | keys for section, keys in new.items()}:
        parameters.write_text(before)
    elif now != then:
        sys.stderr.write(f"{parameters}: edited during the run, and left as it is; {', '.join(new)} is the table's\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the table and print the report's; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", help="its name in section tables; default: the experiment's variants")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0; below 3 no difference is claimed")
    parser.add_argument("--sets", nargs="*", default=[], help="of data/interim; default: experiment.sets")
    parser.add_argument("--splits", type=int, default=0, help="the first so many of CUHK03's classic test sets")
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"--seeds: {given.seeds} seeds are no run; 5 are the least that tell much")
    what = given.table or "the experiment"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        new = changes(PARAMETERS, given.table, given.seeds, given.sets, given.splits)
        status = run(command(new), PARAMETERS, new)
    except ParamsError as error:
        sys.exit(f"{what}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{what}: stopped; {PARAMETERS} is as it was, and the same command goes on where this one was")
    if status:
        sys.stderr.write(
            f"{what}: the run failed, and nothing is reported; reports/ may be an earlier run's. "
            f"{PARAMETERS} is as it was: repair what is said above and run the same again, what is done stays done.\n"
        )
        return status
    sys.stdout.write(REPORT.read_text())
    sys.stdout.write(
        f"{PARAMETERS} is as it was: `make demo` brings back its own page, `dvc exp show` lists this run.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
