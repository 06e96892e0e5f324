"""Stage compare_systems from files as evaluate_system leaves them: three forms of one table, and its pictures."""

import shutil

import numpy as np
import pandas as pd
import pytest

from sanreid.data import images, index
from sanreid.params import ParamsError, validate
from sanreid.reporting.systems import page, table
from stages import compare_systems as stage
from tests.reporting.run.test_page import Outline
from tests.reporting.systems.test_table import EXPERIMENT, SYSTEMS, metrics, write
from tests.stages import toy_san as toy

SECTION = {
    "labels": {"strong": "strong <baseline>"},
    "published": {"one": {"SAN (2020)": [96.1, 88.0]}},
    "note": "Of the real data.",
    "people": 3,
    "quality": 80,
    "seed": 0,
}


@pytest.fixture
def places(tmp_path):
    toy.write_people(tmp_path / "interim/one")
    for system in ("strong", "two_head"):
        folder = tmp_path / f"systems/{system}/one/seed0"
        write(folder, metrics(0.5, parameters=1e6, training_seconds=3.0, images_per_second=9.0))
        for name in ("ranked.jpg", "tsne.jpg"):
            images.write_rgb(folder / name, np.full((40, 60, 3), 200, np.uint8))
    return tmp_path / "interim", tmp_path / "systems", tmp_path / "alignment", tmp_path / "san"


def compare(places, out, **changes):
    systems = validate({**SYSTEMS, "sets": ["one"], "seeds": [0], **changes}, table.Systems, "systems")
    experiment = validate(EXPERIMENT, table.Experiment, "experiment")
    stage.main(*places, out, validate(SECTION, stage.Params, "compare_systems"), systems, experiment)
    return out


def test_the_table_in_three_forms_and_the_pictures(places, tmp_path, capsys):
    out = compare(places, tmp_path / "out")
    assert sorted(f.name for f in out.iterdir()) == ["cover.jpg", "grid_one.jpg", "index.html", "table.csv", "table.md"]
    table = pd.read_csv(out / "table.csv")
    assert table["label"].tolist() == ["strong <baseline>", "two_head", "SAN (2020)"]
    assert table["mAP"].tolist() == pytest.approx([0.4, 0.4, 0.88])
    text = (out / "table.md").read_text()
    assert capsys.readouterr().out == text
    page = (out / "index.html").read_text()
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert len(outline.sources) == 1 + 2 * 2  # the grid, and two pictures a system
    assert all(source.startswith("data:image/jpeg;base64,") for source in outline.sources)
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "strong &lt;baseline&gt;" in page
    words = " ".join(outline.words)
    assert "published, on the real data" in words
    assert "96.1" in words
    assert "Of the real data." in words


def test_a_system_with_stripes_shows_its_distances_and_their_paths(places, tmp_path):
    shutil.rmtree(places[1])
    for seed, fraction in ((0, 0.5), (1, 0.25)):
        values = {"rank1": fraction, "mAP": 0.3, "mINP": 0.1, "reranked": {"rank1": 0.7, "mAP": fraction / 2}}
        for system in ("strong", "two_head"):
            folder = places[1] / system / f"one/seed{seed}"
            more = {"by_distance": {"global": values, "sum": values | {"mAP": 0.4}}} if system == "strong" else {}
            write(folder, metrics(0.5) | more)
            for name in ("ranked.jpg", "tsne.jpg"):
                images.write_rgb(folder / name, np.full((40, 60, 3), 200, np.uint8))
    several = {"seeds": [0, 1], "alignments": ["strong"]}
    with pytest.raises(FileNotFoundError, match=r"alignment/strong/one/seed0/alignment\.png: not found"):
        compare(places, tmp_path / "out", **several)
    (places[2] / "strong/one/seed0").mkdir(parents=True)
    images.write_rgb(places[2] / "strong/one/seed0/alignment.png", np.full((70, 50, 3), 90, np.uint8))
    for pictures, changes in ((1, several), (0, {**several, "alignments": []})):
        outline = Outline()
        outline.feed((compare(places, tmp_path / "out", **changes) / "index.html").read_text())
        assert not outline.open
        assert len(outline.sources) == 1 + 2 * 2 + pictures
        words = " ".join(" ".join(outline.words).split())
        assert "global 37.5 30.0 70.0 18.8" in words
        assert "sum 37.5 40.0 70.0 18.8" in words
        assert ("How stripes align" in words) == bool(pictures)
    with pytest.raises(ParamsError, match="alignments: two not among `names`"):
        compare(places, tmp_path / "out", alignments=["two"])


def test_what_is_missing_is_named_and_nothing_is_written(places, tmp_path):
    (places[1] / "strong/one/seed0/tsne.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"tsne\.jpg: not found"):
        compare(places, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"seed3/metrics\.json: not found"):
        compare(places, tmp_path / "out", seeds=[3])
    assert not (tmp_path / "out").exists()


def test_the_grid_has_a_row_a_person_and_a_column_a_camera(tmp_path):
    rows = []
    for pid, cameras in {0: (1, 2, 3), 5: (1, 3), 6: (1, 2, 3), 7: (2,)}.items():
        for camera in cameras:
            name = f"{pid}_{camera}.png"
            tmp_path.mkdir(exist_ok=True)
            images.write_rgb(tmp_path / name, np.full((32, 16, 3), 20 * pid + camera, np.uint8))
            rows.append({"path": name, "pid": pid, "camid": camera, "split": "train"})
    table = index.build(rows)
    sheet = page.grid(tmp_path, table, people=2, seed=0)
    shown = {20 * 5 + 1, 20 * 5 + 3, 20 * 6 + 1, 20 * 6 + 2, 20 * 6 + 3}
    counts = {v: int((sheet == v).all(2).sum()) for v in range(1, 200)}
    assert {v for v, n in counts.items() if n > 500} == shown  # not the distractor, not the person of one camera
    blind = table.assign(camid=pd.array([None] * len(table), "Int64"))
    assert page.grid(tmp_path, blind, people=2, seed=0).shape == sheet.shape
