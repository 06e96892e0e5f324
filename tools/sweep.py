"""Run the two-branch network's ablations: `make sweep SEEDS=3` is `python tools/sweep.py --seeds 3`.

Every variant under train_two_branch.variants (without the ID loss, batch-hard mining, margins 1, 5, 10 and 15) is
trained and measured over the seeds, and takes the rows of the comparison; its table is then printed. Runs that are
there already are not run again, and one that was stopped goes on where it was.

Decision: as with a table of ablations (tools/table.py, which does the work), params.yaml is as it was afterwards.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sanreid import params
from sanreid.params import ParamsError
from tools import table

PARAMETERS, REPORT = Path("params.yaml"), Path("reports/comparison/table.md")


def changes(parameters: Path, variants: Sequence[str], seeds: int, sets: Sequence[str]) -> table.Changes:
    """What the sweep replaces in the parameters; no `variants` means all. Raises ParamsError naming what is wrong."""
    known = list(params.read(parameters)["train_two_branch"]["variants"])
    if strange := [v for v in variants if v not in known]:
        raise ParamsError(f"{parameters}: {', '.join(strange)} not under train_two_branch.variants: {', '.join(known)}")
    chosen = list(variants) or known
    new = {"names": chosen, "variants": chosen, "alignments": [], "seeds": list(range(seeds))}
    return {"systems": new | ({"sets": list(sets)} if sets else {})}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep and print its table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="under train_two_branch.variants; default: all")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--sets", nargs="*", default=[], help="of data/interim; default: systems.sets")
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error(f"--seeds: {given.seeds} seeds are no run")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        new = changes(PARAMETERS, given.variants, given.seeds, given.sets)
        status = table.run(table.command(new, "compare_systems"), PARAMETERS, new)
    except ParamsError as error:
        sys.exit(f"sweep: {error}")
    except KeyboardInterrupt:
        sys.exit(f"sweep: stopped; {PARAMETERS} is as it was, and the same command goes on where this one was")
    if status:
        sys.stderr.write(f"sweep: the run failed; {PARAMETERS} is as it was, what is done stays done\n")
        return status
    sys.stdout.write(REPORT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
