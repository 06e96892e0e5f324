"""Measures trained networks on a folder of photographs that was not used in training (`make photographs`).

    python -m tools.photographs FOLDER [--models models/san/cuhk03_labeled/san/seed0 ...]

Decisions: it is a tool and no stage, because a stage's outputs go into DVC's cache and its remotes, where pictures of
real people must not be; and because it measures any networks in models/, also those made by no stage. (To use a set in
the graph anyway, see `folders` and `experiment.cross`.) Without --models the shipped network and all re-ID networks
below models/ are measured. Parameters are those of sections `evaluate_san` (batch, flip_average, max_rank, lists),
`evaluate_floor` and `evaluate_system.reranking`; only the number of bootstrap samples is this tool's own. Rows of
earlier runs stay on the page as long as weights, pictures and parameters are the same.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sanreid import faults, params, runtime
from sanreid.data import photographs as reader
from sanreid.evaluation import imagenet, trivial_baselines
from sanreid.evaluation.photographs import Settings
from sanreid.models.backbones import WEIGHTS
from sanreid.reporting.photographs import measure, page, seed_pairs, table
from sanreid.reporting.run import retrieval
from sanreid.reporting.systems.measure import Reranking
from sanreid.training import networks
from sanreid.training.shipped import FOLDER as PRETRAINED

MODELS, SHIPPED, REPORTS = Path("models"), Path(PRETRAINED), Path("reports/photographs")
DRAWS = 1000


def photographs(
    folder: Path, models: Sequence[Path], out: Path, weights: Path, file: Path, draws: int = DRAWS
) -> list[table.Row]:
    """Measure `models` and the floors on `folder`; `out` gets a folder each, table.csv, table.md and index.html.

    `weights` are ImageNet's MobileNetV2, `file` is params.yaml. Raises FileNotFoundError or ValueError naming the file
    or key.
    """
    san = params.load(file, "evaluate_san", retrieval.Retrieval)
    stripes = params.load(file, "evaluate_floor.stripes", trivial_baselines.Stripes)
    width, seed = (params.value(file, f"evaluate_floor.{key}") for key in ("random_width", "seed"))
    p = settings(file, draws)
    rows = reader.read(folder)
    for model in models:
        networks.load_any(model)  # a model that does not load fails before any work
    for name, take in measure.floors(folder, rows, stripes, width, seed, san.batch, weights):
        told = measure.write(take(), folder, rows, out / measure.FLOORS / name, p, san.lists)
        runtime.log.info("%s: %s", table.NAMES[name], told)
    for model in models:
        extracted = measure.of_model(model, folder, rows, san.batch, san.flip_average)
        told = measure.write(extracted, folder, rows, out / place(model), p, san.lists)
        runtime.log.info("%s: %s", model, told)
    found = table.collect(out, measure.identity(folder, rows), p)
    pairs = seed_pairs.table(found, params.value(file, "report.comparisons"))
    with runtime.atomic_file(out / "table.csv") as work:
        table.long(found).to_csv(work, index=False)
    with runtime.atomic_file(out / "table.md") as work:
        work.write_text("\n".join(filter(None, (table.markdown(found), seed_pairs.markdown(pairs)))), encoding="utf-8")
    with runtime.atomic_file(out / "index.html") as work:
        work.write_text(page.render(out.name, out, found, pairs), encoding="utf-8")
    page.overview(out.parent)
    return found


def settings(file: Path, draws: int) -> Settings:
    """How photographs are ranked, by the sections of the parameter file that have it, with `draws` draws of people."""
    again = params.load(file, "evaluate_system.reranking", Reranking)
    most, seed = params.value(file, "evaluate_san.max_rank"), params.value(file, "evaluate_floor.seed")
    return Settings(again.k1, again.k2, again.weight, most, draws, seed)


def place(model: Path) -> Path:
    """Where a model's measurement lies below the set's folder: its path below models/, or all of it elsewhere."""
    path, top = model.resolve(), MODELS.resolve()
    if path == SHIPPED.resolve():
        return Path(table.SHIPPED)
    return path.relative_to(top) if top in path.parents else Path("elsewhere", *path.parts[1:])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs: index.csv, Market-1501's layout, or PKU-Reid's")
    parser.add_argument(
        "--models", type=Path, nargs="*", default=[], help="model folders (default: what ships, models/)"
    )
    parser.add_argument("--name", help="of the set's folder in reports/photographs (default: the folder's own)")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"of people, for the intervals (default: {DRAWS})")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="the parameter file")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("photographs"):
        if given.draws < 1:
            raise ValueError(f"--draws {given.draws}: at least 1")
        models = given.models or [*networks.trained(SHIPPED), *networks.trained(MODELS)]
        if not models:
            runtime.log.warning("%s: no trained network there, so the floors alone are measured; `make demo`", MODELS)
        out = REPORTS / (given.name or given.folder.resolve().name)
        weights = WEIGHTS / f"{imagenet.NAME}.pth"
        photographs(given.folder, models, out, weights, given.params, given.draws)
        print((out / "table.md").read_text(encoding="utf-8"), end="")
        runtime.log.info("%s: the page", out / "index.html")


if __name__ == "__main__":
    main()
