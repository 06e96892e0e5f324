"""What DVC did with a stage, read from the words it prints.

Decision: DVC has no other way of telling a run from a restored result, so these words are parsed, and nowhere else;
tests/flows/test_verdict.py holds them against the installed DVC. Once a stage runs it ran: what its own command prints
comes after that. Before, the last of the words counts.
"""

from typing import Literal

Verdict = Literal["ran", "restored", "unchanged"]

RUNS = "Running stage '"
RESTORES = "' is cached - skipping run, checking out outputs"
PULLS = "Pulling data for stage: '"  # with --pull; where that fails, one of the others follows
SKIPS = "' didn't change, skipping"


def read(line: str, before: Verdict | None = None) -> Verdict | None:
    """The verdict after a line of DVC's output, given the one before it; None where nothing was told yet."""
    if before == "ran":
        return before
    if line.startswith(RUNS):
        return "ran"
    if line.startswith("Stage '") and line.endswith(RESTORES):
        return "restored"
    if line.startswith("Stage '") and line.endswith(SKIPS):
        return "unchanged"
    return "restored" if line.startswith(PULLS) else before
