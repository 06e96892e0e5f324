"""From the folders of a run to the contents of the page: what is there is shown, what is not is said."""

from dataclasses import dataclass
from pathlib import Path

from sanreid.reporting import gallery, loss_curves, parameters
from sanreid.reporting.gallery import Look, Sheet
from sanreid.reporting.page import Contents, Ranked, Textures, kinds, texture_table
from sanreid.reporting.pictures import Picture, embed, load
from sanreid.reporting.results import Comparison, Results, read_json, seed_folders
from sanreid.reporting.sheets import shrink, wrapped

SHEET = 1400  # px: the widest that a sheet drawn by a stage is shown


@dataclass(frozen=True)
class Run:
    """Where the stages wrote; a re-ID set's folder has the set's name everywhere."""

    pit: Path
    interim: list[Path]
    attributes: Path | None
    mnist: Path | None
    san_pg: Path
    textures: list[Path]
    models: Path
    evaluations: Path
    texture_reports: list[Path]

    def images(self, name: str) -> Path | None:
        """The interim folder of the set `name`."""
        return next((folder for folder in self.interim if folder.name == name), None)


def contents(
    run: Run, results: list[Results], compared: list[Comparison | None], drawing: str, params: Path, look: Look
) -> Contents:
    """Gather the page. Raises ValueError or FileNotFoundError naming a file that is broken or half there."""
    colours = kinds(results)
    notes: dict[str, list[str]] = {"raw": [], "losses": [], "results": [], "ranked": []}
    raw = [gallery.pit(run.pit, look)]
    raw += [gallery.people(group, run.attributes, look) for group in gallery.groups(run.interim)]
    if run.attributes is None:
        notes["raw"].append("Attributes: not available in this run.")
    if run.mnist is None:
        notes["raw"].append("Digits: not available in this run.")
    curves = [loss_curves.of_model(run.san_pg, "SAN-PG, on PIT")]
    for result in results:
        own = {m.name: colours[m.name] for m in result.variants}
        if own and (run.models / result.set).is_dir():
            curves.append(loss_curves.of_variants(run.models / result.set, f"Variants on {result.set}", own))
        else:
            notes["losses"].append(f"Variants on {result.set}: no trained model is available.")
    ranked = [lists for result in results for lists in _ranked(run.evaluations / result.set, result, look)]
    if not results:
        notes["results"].append("No evaluation is available: run evaluate_floor and evaluate_san.")
    if not ranked:
        notes["ranked"].append("No ranked lists are available: run evaluate_san.")
    return Contents(
        graph=drawing,
        raw=raw,
        digits=gallery.digits(run.mnist, look) if run.mnist else None,
        reconstructions=_reconstructions(run.san_pg / "reconstructions.jpg", look),
        textures=[_textures(run, folder, look) for folder in run.textures],
        losses=curves,
        results=results,
        comparisons=compared,
        ranked=ranked,
        parameters=parameters.sections(params),
        about=_about(run.models, results),
        notes=notes,
    )


def _about(models: Path, results: list[Results]) -> dict[str, str]:
    """Of each variant, from the params.json of its first seed: where it starts, and the weights of its losses."""
    about = {}
    for result in results:
        for method in result.variants:
            for folder in list(seed_folders(models / result.set / method.name).values())[:1]:
                settings = read_json(folder / "params.json").get("settings", {})
                weights = settings.get("weights", {})
                on = [f"{name.replace('_', ' ')} {weight:g}" for name, weight in weights.items() if weight]
                start = {"scratch": "from scratch", "encoder": "encoder from SAN-PG", "both": "all from SAN-PG"}
                about[method.name] = " · ".join([start.get(settings.get("initialise"), ""), ", ".join(on)]).strip(" ·")
    return about


def _reconstructions(path: Path, look: Look) -> Picture | None:
    if not path.is_file():
        return None
    return embed(shrink(wrapped(load(path)), SHEET), "picture, painted texture, true texture", quality=look.quality)


def _textures(run: Run, folder: Path, look: Look) -> Textures:
    name = folder.name
    report = next((r for r in run.texture_reports if r.name == name), None)
    metrics = read_json(report / "metrics.json") if report else {}
    table = texture_table(metrics)
    images = run.images(name)
    sheet: Sheet | None = gallery.textures(images, folder, look) if images else None
    notes = []
    if table is None:
        reason = f" ({metrics['reason']})" if metrics.get("reason") else ""
        notes.append(f"Distances to true textures: not available for {name}{reason}.")
    return Textures(name, table, sheet, notes)


def _ranked(folder: Path, result: Results, look: Look) -> list[Ranked]:
    lists = []
    for method in result.variants:
        paths = {k: p / "ranked.jpg" for k, p in seed_folders(folder / method.name).items()}
        pictures = [
            embed(shrink(load(path), SHEET), f"{method.name}, seed {seed}", quality=look.quality)
            for seed, path in paths.items()
            if path.is_file()
        ]
        if pictures:
            lists.append(Ranked(f"{method.name} on {result.set}", pictures))
    return lists
