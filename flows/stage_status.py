"""A stage's status: whether DVC ran it, restored its outputs or found it unchanged, read from the words DVC prints.

Decision: DVC has no other way of telling a run from a restored result, so these words are parsed, and nowhere else;
tests/flows/test_stage_status.py holds them against the installed DVC. Once a stage runs, its status stays "ran": what
its own command prints comes after that. Before, the last of the words counts.
"""

from typing import Literal

StageStatus = Literal["ran", "restored", "unchanged"]

RUNS = "Running stage '"
RESTORES = "' is cached - skipping run, checking out outputs"
PULLS = "Pulling data for stage: '"  # with --pull; where that fails, one of the others follows
SKIPS = "' didn't change, skipping"


def read(line: str, before: StageStatus | None = None) -> StageStatus | None:
    """The status after a line of DVC's output, given the one before it; None where DVC has not said yet."""
    if before == "ran":
        return before
    if line.startswith(RUNS):
        return "ran"
    if line.startswith("Stage '") and line.endswith(RESTORES):
        return "restored"
    if line.startswith("Stage '") and line.endswith(SKIPS):
        return "unchanged"
    return "restored" if line.startswith(PULLS) else before
