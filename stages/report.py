"""The page (one HTML file), the README's figures and the table of results, from files that the other stages wrote.

Decisions: `--sets --variants --seeds --generators --cross` are section `experiment`, so that results of an earlier
experiment that are still in the folders are not shown. `--interim` and the other folders have a subfolder per set;
pictures of every re-ID set of `--interim` are shown. `--cross` names the sets that models of other sets were tested on,
with results in `--crossed`. The page says what a run does not have (attributes, digits, true textures).
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from sanreid import runtime
from sanreid.bounds import InPicture, Name, Quality, Seed
from sanreid.params import Section, run
from sanreid.reporting.run import (
    dataset_samples,
    page,
    page_contents,
    pipeline_drawing,
    pipeline_graph,
    readme_strip,
    split_means,
    summary,
)
from sanreid.reporting.shared import ablations, results, results_table, results_text


class Params(Section):
    """Section `report`."""

    comparisons: Annotated[list[tuple[Name, Name]], Field(max_length=1000)]
    published: ablations.Published
    people: InPicture
    height: Annotated[int, Field(ge=32, le=4096)]
    quality: Quality
    seed: Seed


def main(
    dvc_yaml: Path,
    parameters: Path,
    sets: list[str],
    variants: list[str],
    seeds: list[int],
    generators: list[str],
    pit: Path,
    interim: Path,
    san_pg: Path,
    textures: Path,
    models: Path,
    evaluations: Path,
    floors: Path,
    texture_reports: Path,
    out: Path,
    figures: Path,
    p: Params,
    attributes: Path | None = None,
    mnist: Path | None = None,
    cross: list[str] | None = None,
    crossed: Path | None = None,
    numbers: Path | None = None,
    plots: Path | None = None,
) -> None:
    """Write `out` (the page) and `figures`/{strip.jpg, graph.svg, results.md, results.txt}; print the table.

    `numbers` (JSON, a dozen metrics) and `plots`/{cmc.csv, losses.csv} are for `dvc metrics` and `dvc plots`.
    """
    look = dataset_samples.Look(p.people, p.height, p.quality, p.seed)
    experiment = results.Experiment(sets, variants, seeds)
    places = (
        pit,
        dataset_samples.sets(interim),
        attributes,
        mnist,
        san_pg,
        textures,
        models,
        evaluations,
        floors,
        texture_reports,
    )
    files = page_contents.Run(experiment, *places)
    measured = results.collect(experiment, evaluations, floors)
    if numbers:
        runtime.write_json(numbers, summary.metrics(measured, texture_reports))
    if plots:
        with runtime.atomic_folder(plots) as work:
            summary.cmc(measured).to_csv(work / "cmc.csv", index=False)
            summary.losses(experiment, models, san_pg).to_csv(work / "losses.csv", index=False)
    measured += split_means.means(measured)
    outcomes = results_table.outcomes(measured, p.comparisons, ablations.read(parameters), p.published)
    elsewhere = results.collect_crossed(experiment, cross, crossed) if cross and crossed else []
    drawing = pipeline_drawing.draw(pipeline_graph.read(dvc_yaml))
    text = results_text.text(outcomes, str(out), elsewhere)
    html = page.render(page_contents.contents(files, outcomes, elsewhere, drawing, parameters, look))
    with runtime.atomic_folder(figures) as work:
        readme_strip.from_run(files, measured, look).save(work / "strip.jpg", quality=90, optimize=True)
        (work / "graph.svg").write_text(drawing + "\n")
        (work / "results.md").write_text(results_text.markdown(outcomes, elsewhere))
        (work / "results.txt").write_text(text)
        with runtime.atomic_file(out) as file:
            file.write_text(html)
    if len(html) > page.LARGEST:
        runtime.log.warning("%s: %.1f MB; lower report.people, height or quality", out, len(html) / 1e6)
    print(text, end="")


if __name__ == "__main__":
    run(main)
