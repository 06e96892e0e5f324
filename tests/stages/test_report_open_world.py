"""Stage report_open_world on toy streams: a page that needs no network, tables that recompute, what it leaves out."""

import re

import numpy as np
import pandas as pd
import pytest

from sanreid.data import images, index
from sanreid.evaluation.open_world import result_files
from sanreid.params import ParamsError, validate
from sanreid.reporting.digits import classifiers as digit_tables
from sanreid.reporting.shared import menu
from sanreid.reporting.systems.table import Systems
from stages import report_open_world as stage
from tests.data import toy_digits
from tests.stages import toy_streams

SECTION = {
    "shown": {"rule": "tuned", "link": "density"},
    "pictured": ["seen"],
    "look": {"groups": 6, "images": 4, "digit": 20, "person": 40, "quality": 80},
    "maps": {"divisions": ["seen", "d7"], "sizes": [15], "steps": 250, "seed": 0},
    "published": {"by hand 0.68 to 0.8": ["10 in most orders", "over 95 %"]},
    "note": "Published numbers are of the full set.",
}


def section(**changes):
    return validate({**SECTION, **changes}, stage.Params, "report_open_world")


def mnist(*divisions):
    return digit_tables.Runs(models=[], cells=[], grids=[], divisions=list(divisions))


def systems(*sets):
    return Systems(names=["strong"], variants=[], alignments=[], sets=list(sets), seeds=[0], start="models")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open_world")
    digits = index.read(toy_digits.write(folder / "interim/mnist"))
    tested = digits[digits["split"] == "test"]
    for name, wanted in (("seen", range(10)), ("d0", [1, 3]), ("d1", [2, 3]), ("d9", [4, 5])):
        rows = tested[tested["pid"].isin(wanted)]
        path, classes = rows["path"].tolist(), rows["pid"].to_numpy("int64")
        for kind in ("embedding", "pixels"):
            toy_streams.write(folder / "digits" / name, kind, path, classes, seed=len(name + kind))
    paths = [f"images/{i}.png" for i in range(12)]
    (folder / "interim/people/images").mkdir(parents=True)
    for i, path in enumerate(paths):
        images.write_rgb(folder / "interim/people" / path, np.full((32, 16, 3), 20 * i, np.uint8))
    for kind in stage.KINDS:
        toy_streams.write(folder / "people/people/seed0", kind, paths, np.repeat([11, 12, 13], 4))
    report(folder, folder / "out", mnist("seen", "d0", "d1"), systems("people"))
    return folder


def report(folder, out, digits, people, **changes):
    stage.main(folder / "interim", folder / "digits", folder / "people", out, section(**changes), digits, people)


def test_the_page_is_whole_and_needs_no_network(made):
    page = (made / "out/index.html").read_text()
    assert page.rstrip().endswith("</html>")
    menu_links = {f"../{path}" for path in (menu.START, *(entry.places[0] for entry in menu.ENTRIES))}
    own = "../open_world/index.html"
    assert set(re.findall(r'(?:src|href)="(?!data:|#)([^"]*)', page)) == {"maps.html", *menu_links}
    assert f'<a href="{own}" aria-current="page">' in page
    assert (made / "out/cover.jpg").stat().st_size > 500
    for told in (
        "Digits seen in training",
        "Digits never trained on, raw pixels",
        "People: people, camera means removed",
    ):
        assert told in page
    assert page.count("over 95 %") == 1  # beside the digits seen alone
    turnable = (made / "out/maps.html").read_text()
    assert "Plotly" in turnable
    assert not re.findall(r'<(?:script|link)[^>]+(?:src|href)="http', turnable)


def test_numbers_are_pooled_over_orders_and_divisions(made):
    table = pd.read_csv(made / "out/table.csv")
    line = table[(table["setting"] == "Digits never trained on") & (table["rule"] == "equal error")]
    line = line[(line["link"] == "density") & (line["remedy"] == "merged") & (line["length"] == "all")].iloc[0]
    runs = pd.concat([result_files.load(made / "digits" / name / "embedding").runs for name in ("d0", "d1")])
    runs = runs[(runs["rule"] == "equal error") & (runs["link"] == "density") & (runs["remedy"] == "merged")]
    runs = runs[runs["size"] == 8]
    assert line["runs"] == len(runs) == 6
    assert line["accuracy"] == pytest.approx(runs["accuracy"].mean(), rel=1e-5)
    assert line["found_sd"] == pytest.approx(runs["found"].std(), rel=1e-5, abs=1e-9)
    assert line["accuracy_worst"] == pytest.approx(runs["accuracy"].min(), rel=1e-5)


def test_pictures_are_written_beside_the_page(made):
    names = {path.name for path in (made / "out").glob("*.png")}
    assert {"map_seen.png", "counts_seen.png", "counts_unseen.png"} <= names
    assert {"groups_division_seen.png", "distances_division_seen.png"} <= names
    assert "groups_division_d0.png" not in names  # not pictured
    assert not any("d9" in name or "d7" in name for name in names)  # no run of the graph


def test_people_alone_need_no_digits(made, tmp_path):
    report(made, tmp_path / "out", mnist(), systems("people"))
    assert not (tmp_path / "out/maps.html").exists()
    assert "maps.html" not in (tmp_path / "out/index.html").read_text()


def test_what_is_missing_is_named_and_nothing_is_written(made, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"d5/embedding/summary\.csv: not found"):
        report(made, tmp_path / "out", mnist("d5"), systems())
    with pytest.raises(ValueError, match="both empty"):
        report(made, tmp_path / "out", mnist(), systems())
    with pytest.raises(ValueError, match=r"report_open_world\.shown: no run of 'by hand 9' by 'density'"):
        report(made, tmp_path / "out", mnist("seen"), systems(), shown={"rule": "by hand 9", "link": "density"})
    with pytest.raises(ParamsError, match=r"report_open_world\.shown\.rule: .*'best' is no rule"):
        section(shown={"rule": "best", "link": "density"})
    with pytest.raises(ParamsError, match=r"report_open_world\.maps\.steps"):
        section(maps={**SECTION["maps"], "steps": 100})
    assert not (tmp_path / "out").exists()
