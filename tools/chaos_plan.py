"""Which kills `tools/chaos.py` makes, drawn by a seed, and the table of those that were made."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.chaos_kills import WAYS

OFTEN = 8  # every so manieth kill is one of flows.run, which takes long to start
LATEST = 0.9  # of a stage's undisturbed time


@dataclass(frozen=True)
class Kill:
    """One kill: which stage, run by what, in which way, at which share of the stage's undisturbed time."""

    stage: str
    door: str
    way: str
    share: float

    def __str__(self) -> str:
        return f"{self.stage} ({self.door}, {self.way} at {self.share:.2f})"


def draw(stages: Sequence[str], kills: int, seed: int, ways: Sequence[str] = WAYS) -> list[Kill]:
    """So many kills, by stage: every kind of stage as often as any other, give or take one, and so every way."""
    rng = random.Random(seed)
    kinds = sorted({name.partition("@")[0] for name in stages})
    rng.shuffle(kinds)
    members = {kind: [name for name in stages if name.partition("@")[0] == kind] for kind in kinds}
    deck: list[str] = []
    drawn: dict[str, list[Kill]] = {kind: [] for kind in kinds}
    for number in range(kills):
        kind = kinds[number % len(kinds)]
        if not deck:
            deck = rng.sample(list(ways), len(ways))
        door = "flows" if number % OFTEN == OFTEN // 2 else "dvc"
        drawn[kind].append(Kill(rng.choice(members[kind]), door, deck.pop(), LATEST * rng.random()))
    return [kill for kind in kinds for kill in sorted(drawn[kind], key=lambda kill: kill.stage)]


def table(done: Mapping[tuple[str, str], int]) -> str:
    """How often which stage was killed in which way, as text."""
    kinds = sorted({kind for kind, _ in done})
    rows = [["stage", *WAYS, "all"]]
    rows += [[kind, *(str(done.get((kind, way), "")) for way in WAYS)] for kind in kinds]
    for row, kind in zip(rows[1:], kinds, strict=True):
        row.append(str(sum(done.get((kind, way), 0) for way in WAYS)))
    rows.append(
        ["all", *(str(sum(done.get((kind, way), 0) for kind in kinds)) for way in WAYS), str(sum(done.values()))]
    )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
