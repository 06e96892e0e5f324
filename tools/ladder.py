"""Measures what each option of rendering and training gains on photographs: one training per step (`make ladder`).

    python -m tools.ladder PHOTOGRAPHS [--ladder profiles/pretrained/ladder.yaml] [--work data/ladder]

Decisions: the pipeline's stages render and train, as for the shipped network (tools/pretrained.py). Each step has a
folder named by its parameters, so that existing results are reused and a changed step is run again. Pictures that two
steps share are rendered once. A gain is paired: both networks are evaluated on the same bootstrap samples of the query
people, and the interval is that of the difference. Choices are made on the people with odd pids; results on the even
ones and on all are shown too. Only numbers are kept of the photographs.
"""

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from sanreid import faults, params, runtime
from sanreid.data import photographs as reader
from sanreid.evaluation import photographs
from sanreid.reporting.photographs import ladder, measure
from sanreid.reporting.run import retrieval
from tools import overlay, paper_folder, pretrained
from tools.photographs import DRAWS, REPORTS, settings

LADDER = overlay.PROFILES / "pretrained" / "ladder.yaml"


class Step(params.Section):
    """A row of the ladder: the change that it adds to the step named by `on`, or to the one above it."""

    name: str
    on: str | None = None
    look: list[str] = Field(default_factory=list)
    set: list[str] = Field(default_factory=list)
    model: str | None = None  # a folder trained already; nothing is rendered or trained then


class Ladder(params.Section):
    """The file profiles/pretrained/ladder.yaml."""

    people: int = Field(ge=2)
    epochs: int = Field(ge=1)
    seeds: list[int] = Field(min_length=1)
    steps: list[Step] = Field(min_length=1)

    def below(self, at: int) -> int | None:
        """The place of the step that step `at` stands on; None of the first.

        Raises ValueError where `on` names no step above.
        """
        names = [step.name for step in self.steps[:at]]
        on = self.steps[at].on
        if on is not None and on not in names:
            raise ValueError(f"steps: {self.steps[at].name}: stands on {on!r}, which is no step above it")
        return names.index(on) if on is not None else (at - 1 if at else None)

    def laid(self, at: int) -> tuple[list[str], list[str]]:
        """The levers and the parameters of step `at`: those of the steps below it, and its own."""
        below = self.below(at)
        look, settings = ([], []) if below is None else self.laid(below)
        return [*look, *self.steps[at].look], [*settings, *self.steps[at].set]


def run(folder: Path, file: Path, work: Path, out: Path, start: Path, overrides: Sequence[str], draws: int) -> None:
    """Make every step and measure it on the photographs in `folder`; `out` gets ladder.csv, ladder.md, ladder.html.

    Raises FileNotFoundError or ValueError naming what is amiss, before any step is made.
    """
    given = params.validate(params.read(file), Ladder, str(file))
    rows = reader.read(folder)
    plans = [parameters(given, at, work, overrides) for at in range(len(given.steps))]
    san = params.load(plans[0], "evaluate_san", retrieval.Retrieval)
    p = settings(plans[0], draws)
    size = f"{given.people} rendered people, {given.epochs} epochs, seed {', '.join(map(str, given.seeds))}"
    found: list[ladder.Step] = []
    for at, step in enumerate(given.steps):
        runtime.log.info("[%d/%d] %s", at + 1, len(given.steps), step.name)
        results = []
        for model in [Path(step.model)] if step.model else trained(plans[at], work, start, given.seeds):
            values, _ = measure.of_model(model, folder, rows, san.batch, san.flip_average)
            results.append(
                {
                    name: dict(photographs.ways(values[mask], rows[mask].reset_index(drop=True), p, rerank=False))
                    for name, mask in photographs.judged(rows)
                }
            )
        found.append(ladder.Step(step.name, given.below(at), results))
        ladder.write(out, found, p, size)
    print((out / "ladder.md").read_text(encoding="utf-8"), end="")


def parameters(given: Ladder, at: int, work: Path, overrides: Sequence[str]) -> Path:
    """Write the whole parameter file of step `at` into `work`; its path.

    Raises ParamsError naming a lever or a key that does not exist.
    """
    levers, changes = given.laid(at)
    there = params.read(pretrained.LOOK)["synthesize"]["look"]
    if wrong := sorted(set(levers) - set(there)):
        raise params.ParamsError(f"look: {', '.join(wrong)}: no such lever; there are: {', '.join(there)}")
    on = {"synthesize": {"look": {lever: there[lever] for lever in levers}}} if levers else {}
    sizes = [f"synthesize.market1501.train_people={given.people}", f"train_strong.epochs={given.epochs}"]
    file = work / f"step{at}.yaml"
    work.mkdir(parents=True, exist_ok=True)
    laid = [(pretrained.RECIPE, params.read(pretrained.RECIPE)), (pretrained.LOOK, on)]
    file.write_text(overlay.laid(pretrained.BASE, laid), encoding="utf-8")
    file.write_text(paper_folder.changed(file, [*sizes, *changes, *overrides]), encoding="utf-8")
    return file


def trained(file: Path, work: Path, start: Path, seeds: Sequence[int]) -> Iterator[Path]:
    """Render and train by the parameters of `file` what is not there yet; the model folder of each seed."""
    given = params.read(file)
    pictures, recipe = digest(given["synthesize"]), digest(given["train_strong"])
    images, raw = (work / f"{kind}_{pictures}" for kind in ("images", "raw"))
    pretrained.render(file, raw, images)
    for seed in seeds:
        model = work / f"model_{pictures}_{recipe}_seed{seed}"
        pretrained.stage("train_strong", file, model, "--images", images, "--start", start, "--seed", str(seed))
        yield model


def digest(values: object) -> str:
    """What tells values of parameters from others."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:8]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; what goes wrong ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs: index.csv, Market-1501's layout, or PKU-Reid's")
    parser.add_argument("--name", help="of the set's folder in reports/photographs (default: the folder's own)")
    parser.add_argument("--ladder", type=Path, default=LADDER, help="the steps")
    parser.add_argument("--work", type=Path, default=Path("data/ladder"), help="folder to render and train in, kept")
    parser.add_argument("--start", type=Path, default=Path("data/weights"), help="folder of mobilenet_v2.pth")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"of people, for the intervals (default: {DRAWS})")
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter, every step")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("make ladder"):
        if given.draws < 1:
            raise ValueError(f"--draws {given.draws}: at least 1")
        out = REPORTS / (given.name or given.folder.resolve().name)
        work, start = given.work.resolve(), given.start.resolve()
        run(given.folder, given.ladder, work, out, start, given.set, given.draws)


if __name__ == "__main__":
    main()
