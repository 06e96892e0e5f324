"""Run the two-branch network's ablations: `make sweep SEEDS=3` is `python -m tools.sweep --seeds 3`.

Every variant under train_two_branch.variants (without the ID loss, batch-hard mining, margins 1, 5, 10 and 15) is
trained and measured with all seeds, and the comparison's table with these variants as rows is printed. Existing runs
are not repeated, and one that was stopped continues. tools/experiment.py changes the parameters for the run, and
restores them.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sanreid import params
from sanreid.params import ParamsError
from tools import experiment
from tools.experiment import PARAMETERS, Changes

REPORT = Path("reports/comparison/table.md")


def changes(parameters: Path, variants: Sequence[str], seeds: int, sets: Sequence[str]) -> Changes:
    """What the sweep replaces in the parameters; no `variants` means all. Raises ParamsError naming what is wrong."""
    known = list(params.value(parameters, "train_two_branch.variants"))
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
    changed = partial(changes, PARAMETERS, given.variants, given.seeds, given.sets)
    return experiment.carry_out("sweep", changed, "compare_systems", REPORT)


if __name__ == "__main__":
    sys.exit(main())
