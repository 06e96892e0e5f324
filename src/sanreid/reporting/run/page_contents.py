"""From the folders of a run to the contents of the page: what is there is shown, what is not is said."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanreid.reporting.run import dataset_samples, loss_curves, parameters
from sanreid.reporting.run.dataset_samples import Look
from sanreid.reporting.run.grid_rows import wrapped
from sanreid.reporting.run.page import texture_table
from sanreid.reporting.run.results_section import kinds
from sanreid.reporting.shared import failures, verification
from sanreid.reporting.shared.notices import of_model
from sanreid.reporting.shared.pictures import Picture, embed, load
from sanreid.reporting.shared.results import Crossed, Experiment, read_json
from sanreid.reporting.shared.results_table import Outcome

SHEET = 1400  # px: the widest that a sheet drawn by a stage is shown


@dataclass(frozen=True)
class Run:
    """The experiment, and where its stages wrote; a set's folder has the set's name in each of the trees."""

    experiment: Experiment
    pit: Path
    interim: list[Path]
    attributes: Path | None
    mnist: Path | None
    san_pg: Path
    textures: Path
    models: Path
    evaluations: Path
    floors: Path
    texture_reports: Path

    def images(self, name: str) -> Path:
        """The interim folder of the set `name`; ValueError where there is none."""
        for folder in self.interim:
            if folder.name == name:
                return folder
        names = ", ".join(folder.name for folder in self.interim)
        raise ValueError(f"--interim: no folder is named {name}, only {names}; add the set's folder")


def contents(
    run: Run, outcomes: list[Outcome], crossed: list[Crossed], drawing: str, params: Path, look: Look
) -> dict[str, Any]:
    """Gather the page, section by section.

    Raises ValueError or FileNotFoundError naming a file that is broken or half there.
    """
    results = [outcome.result for outcome in outcomes]
    colours = kinds(results)
    notes: dict[str, list[str]] = {"raw": [], "results": [], "ranked": []}
    raw = [dataset_samples.pit(run.pit, look)]
    raw += [dataset_samples.people(group, run.attributes, look) for group in dataset_samples.groups(run.interim)]
    for name, folder in (("Attributes", run.attributes), ("Digits", run.mnist)):
        if folder is None:
            notes["raw"].append(f"{name}: not available in this run.")
    curves = [loss_curves.of_model(run.san_pg, "SAN-PG, on PIT")]
    models, verified = [run.san_pg], {}
    for name in run.experiment.sets:
        runs, evaluated = (run.experiment.runs(tree, name) for tree in (run.models, run.evaluations))
        verified[name] = verification.section({variant: list(seeds.values()) for variant, seeds in evaluated.items()})
        if runs:
            curves.append(loss_curves.of_variants(runs, f"Variants on {name}", colours))
        models += [folder for seeds in runs.values() for folder in seeds.values()]
    ranked = [lists for name in run.experiment.sets for lists in _ranked(run, name, look)]
    notes["results"] += [
        f"Random features, untrained network and colour stripes: not available for {result.set}."
        for result in results
        if not result.floors
    ]
    if not ranked:
        notes["ranked"].append("No ranked lists are available: run evaluate_san.")
    return {
        "graph": drawing,
        "raw": raw,
        "digits": dataset_samples.digits(run.mnist, look) if run.mnist else None,
        "reconstructions": _reconstructions(run.san_pg / "reconstructions.jpg", look),
        "textures": [_textures(run, name, look) for name in run.experiment.sets],
        "losses": curves,
        "outcomes": outcomes,
        "crossed": crossed,
        "verified": verified,
        "ranked": ranked,
        "parameters": parameters.sections(params),
        "changed": parameters.changed(params, params.parent / "profiles"),
        "about": _about(run),
        "notes": notes,
        "notices": [words for model in models for words in of_model(model)],
    }


def _about(run: Run) -> dict[str, str]:
    """Of each variant, from a params.json of its training: its start, its losses' weights, what it reconstructs."""
    start = {"scratch": "from scratch", "encoder": "encoder from SAN-PG", "both": "all from SAN-PG"}
    about = {}
    for variant, seeds in run.experiment.runs(run.models, run.experiment.sets[0]).items():
        record = read_json(next(iter(seeds.values())) / "params.json")
        settings, begun = record.get("settings", {}), start
        if record.get("architecture", {}).get("pretrained") == "imagenet":
            begun = {k: v.replace("scratch", "ImageNet").replace("-PG", "-PG from ImageNet") for k, v in start.items()}
        on = [f"{name.replace('_', ' ')} {weight:g}" for name, weight in settings.get("weights", {}).items() if weight]
        target = settings.get("reconstruct", "nothing")
        painted = "" if target == "nothing" else f"reconstructs {target.replace('_', ' ')}"
        about[variant] = " · ".join(filter(None, [begun.get(settings.get("initialise")), ", ".join(on), painted]))
    return about


def _reconstructions(path: Path, look: Look) -> Picture | None:
    if not path.is_file():
        return None
    return embed(wrapped(load(path)), "picture, painted texture, true texture", quality=look.quality, width=SHEET)


def _textures(run: Run, name: str, look: Look) -> dict[str, Any]:
    report = run.texture_reports / name / "metrics.json"
    metrics = read_json(report) if report.is_file() else {}
    table = texture_table(metrics)
    notes = []
    if table is None:
        reason = f" ({metrics['reason']})" if metrics.get("reason") else ""
        notes.append(f"Distances to true textures: not available for {name}{reason}.")
    sheet = dataset_samples.textures(run.images(name), run.textures / name / "texture", look)
    return {"set": name, "table": table, "sheet": sheet, "notes": notes}


def _ranked(run: Run, name: str, look: Look) -> list[dict[str, Any]]:
    lists = []
    for variant, seeds in run.experiment.runs(run.evaluations, name).items():
        pictures = [
            embed(load(path / "ranked.jpg"), f"{variant}, seed {seed}", quality=look.quality, width=SHEET)
            for seed, path in seeds.items()
            if (path / "ranked.jpg").is_file()
        ]
        if pictures:
            folds = failures.shown(next(iter(seeds.values())), SHEET, look.quality)
            lists.append({"title": f"{variant} on {name}", "pictures": pictures, "folds": folds})
    return lists
