"""The page is one file that needs nothing, shows each section, and says what is not there."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sanreid.evaluation import calibration
from sanreid.reporting.run import (
    page,
    page_contents,
    parameters,
    pipeline_drawing,
    pipeline_graph,
    results_section,
)
from sanreid.reporting.run.dataset_samples import Look
from sanreid.reporting.shared import ablations, menu, results, results_table, templates
from stages import report_assets
from tests.reporting import browser
from tests.reporting.run import fake_run

LOOK = Look(people=3, height=32, quality=85, seed=0)
VOID = {"meta", "img", "br", "wbr", "hr", "link", "input"}


class Outline(HTMLParser):
    """Checks that tags nest, and keeps ids, links, sources and text."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.words = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.sources += [given["src"]] if "src" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def files(root: Path) -> page_contents.Run:
    interim = root / "data/interim"
    return page_contents.Run(
        experiment=fake_run.EXPERIMENT,
        pit=interim / "pit",
        interim=[interim / "cuhk03_labeled", interim / "cuhk03_detected", interim / "market1501"],
        attributes=interim / "market1501_attributes",
        mnist=interim / "mnist",
        san_pg=root / "models/san_pg",
        textures=root / "data/textures",
        models=root / "models/san",
        evaluations=root / "reports/san",
        floors=root / "reports/floor",
        texture_reports=root / "reports/textures",
    )


def build(root: Path, run: page_contents.Run, tests: tuple[str, ...] = ()) -> str:
    measured = results.collect(run.experiment, run.evaluations, run.floors)
    shown = ablations.read(root / "params.yaml")
    outcomes = results_table.outcomes(measured, fake_run.PAIRS, shown, fake_run.PUBLISHED)
    crossed = results.collect_crossed(run.experiment, tests, root / "reports/cross")
    return page.render(page_contents.contents(run, outcomes, crossed, "<svg></svg>", root / "params.yaml", LOOK))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return fake_run.build(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def html(root):
    return build(root, files(root))


def text_of(html: str) -> str:
    outline = Outline()
    outline.feed(html)
    return " ".join(" ".join(outline.words).split())


def test_page_is_whole_and_needs_no_network(html):
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert len(outline.sources) > 30
    assert all(source.startswith("data:image/") for source in outline.sources)
    pages = {menu.START, *(entry.places[0] for entry in menu.ENTRIES)}
    assert {link for link in outline.links if not link.startswith("#")} == pages
    assert "textures" in outline.ids
    assert all(link[1:] in outline.ids for link in outline.links if link.startswith("#"))
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in html
    assert "url(" not in html


def test_every_section_has_its_content(html):
    words = text_of(html)
    for needed in (
        "The right person comes first for 89.5 % of queries",
        "PIT: paired image and texture",
        "cuhk03_labeled and cuhk03_detected",
        "teenager female",
        "SAN-PG on PIT people",
        "those that it hides",
        "texture triplet",
        "colour stripes, camera-centred",
        "89.5 ± 1.1",
        "0: 88.7 / 77.2, 1: 90.2 / 78.5",
        "all from SAN-PG · id 1, triplet 1, reconstruction 1",
        "2 seeds are too few to show a difference",
        "mean ± standard deviation (n − 1) over 2 seeds",
        "san − baseline_syn: too few seeds",
        "+3.5 [−1.6, +8.6]",
        "published (real data)",
        "80.1 / 76.4",
        "Cumulative match characteristic",
        "san on cuhk03_labeled",
        "passes over the training people <published: 300>",
    ):
        assert needed in words
    assert "not available" not in words
    assert "One person or two?" not in words  # nothing was measured
    assert html.count("the other seeds") == html.count("where the feature looks <span>") == 3
    why = "it is darker than 97 % of the queries (brightness 21 %, usually 40 %)"
    assert f"person 5 {why} unknown 3.1 17 21 % unknown" in words.replace("\u00a0", " ")
    assert "Median of all queries: brightness 40 %, body seen 33 %." in words
    assert "In the worst tenth of the queries there is more often than chance explains: dark, 40 %." in words


def test_the_same_run_gives_the_same_page(root, html):
    assert build(root, files(root)) == html


def test_a_small_run_is_not_cluttered(html):
    words = text_of(html)
    assert '<tr class="title"><th colspan="6">Table 1' not in html  # three of its six variants
    assert html.count('<tr class="title">') == 1  # of the fold of differences
    assert "texture L1" not in words
    assert "Trained on one set, tested on another" not in words
    assert "rank-1 / mAP of each seed" not in words  # they stand beside the rows
    assert html.count('aria-label="Paired differences in ') == 2


def test_a_table_of_ablations_and_other_sets_are_shown_when_the_run_holds_them(tmp_path):
    seeds = [0, 1, 2, 3, 4]
    root = fake_run.build(tmp_path, seeds=tuple(seeds), rank1=fake_run.TABLE1)
    experiment = results.Experiment([fake_run.SET], ["san", *list(fake_run.TABLE1)[:-1]], seeds)
    fake_run.cross(root, experiment, "market1501")
    html = build(root, page_contents.Run(**{**vars(files(root)), "experiment": experiment}), ("market1501",))
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert all(link[1:] in outline.ids for link in outline.links if link.startswith("#"))
    words = text_of(html)
    assert "crossed" in outline.ids
    for needed in (
        "san_tr · all from SAN-PG",  # the variant's name below the paper's
        "texture L1",
        "0.145 ± 0.002",
        "78.9 / 74.9",
        "san_tr − baseline: loss",
        "rank-1 / mAP of each seed",
        "cuhk03_labeled → market1501",
        "48.9 ± 1.0",
    ):
        assert needed in words
    assert '<tr class="title"><th colspan="8">Table 1: what each part brings</th></tr>' in html
    rows = re.findall(r'<th class="m\d"><i></i>([^<]+)', html[: html.index('id="crossed"')])
    assert rows == ["Baseline", "baseline_syn", "san_basic", "SAN w/ L_TR", "san_syn", "SAN"]  # the table's order
    assert 'title="shown by the picture 0.153, hidden 0.133"' in html
    assert html.count(' claimed"') == 6  # gain, loss, gain in each of two plots
    assert html.count(' open"') == 2


def test_what_is_missing_is_said(tmp_path):
    root = fake_run.build(tmp_path)
    (root / "reports/textures" / fake_run.SET / "metrics.json").write_text(
        '{"available": false, "reason": "no truth/"}'
    )
    (root / "models/san_pg/reconstructions.jpg").unlink()
    for picture in (root / "reports/san").rglob("*.jpg"):
        picture.unlink()
    features = np.eye(16, dtype=np.float32)[np.repeat(range(8), 2)]
    pairs = pd.DataFrame({"pid": np.repeat(range(1, 9), 2), "camid": [1, 2] * 8})
    calibration.write(root / "reports/san" / fake_run.SET / "san/seed0", features, pairs)
    given = files(root)
    run = page_contents.Run(**{**vars(given), "attributes": None, "mnist": None})
    words = text_of(build(root, run))
    assert "Distances to true textures: not available for cuhk03_labeled (no truth/)." in words
    assert "Attributes: not available" in words
    assert "Digits: not available" in words
    assert "No ranked lists are available" in words
    assert "SAN-PG on PIT people" not in words
    assert "One person or two?" in words
    assert "baseline: was evaluated before this was measured. baseline_syn: was" in words


def test_floors_are_optional_and_an_unknown_set_is_named(root, tmp_path):
    words = text_of(build(root, page_contents.Run(**{**vars(files(root)), "floors": tmp_path})))
    assert "colour stripes: not available for cuhk03_labeled" in words
    assert "The right person comes first for 89.5 %" in words
    with pytest.raises(ValueError, match="--interim: no folder is named cuhk03_labeled, only market1501"):
        build(root, page_contents.Run(**{**vars(files(root)), "interim": [root / "data/interim/market1501"]}))


def test_the_floor_alone(root):
    nobody = results.Experiment([fake_run.SET], [], [])
    words = text_of(build(root, page_contents.Run(**{**vars(files(root)), "experiment": nobody})))
    assert "A run without an evaluated variant" in words
    assert "No variant was evaluated on this set." in words
    assert "No ranked lists are available" in words
    assert "40.2" in words


def test_texture_table_puts_the_mean_texture_beside_and_survives_gaps():
    metrics = {"l1": 0.15, "l1_visible": 0.14, "l1_hidden": None, "psnr": 13.0, "mean_texture": {"l1": 0.25}}
    table = page.texture_table(metrics)
    assert table.columns == ["L1, pseudo", "L1, mean texture", "PSNR, pseudo"]
    assert [cells for _, cells in table.rows] == [["0.1500", "0.2500", "13.00"], ["0.1400", "–", "–"], ["–", "–", "–"]]
    assert page.texture_table({"available": False}) is None
    assert page.texture_table({}) is None


def test_colours_are_the_same_in_all_charts(html):
    legends = re.findall(r'<span class="(m\d)"><i></i>(\w+)</span>', html)
    kinds = dict(legends)
    assert kinds == {"m0": "baseline", "m1": "baseline_syn", "m2": "san"}
    assert legends == list(kinds.items()) * 2  # of the losses and of the CMC
    lines = re.findall(r'<path class="line (m\d) seed"[^>]*><title>(\w+), seed', html)
    assert len(lines) > 6
    assert set(lines) == set(legends)


def test_parameters_keep_comments_with_the_key_below(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(
        "# A title of the file\n\n# Where the data lie.\n# And more.\nraw:\n  pit: a#b  # <folder>\n\n"
        "  # inner comment\n  list: [1, 2]\nseed: 3\n"
    )
    first, second = parameters.sections(path)
    assert (first.name, first.about) == ("raw", "Where the data lie.")
    assert (second.name, second.about) == ("seed", "")
    plain = re.sub(r"<[^>]+>", "", first.html)
    assert "A title" not in plain
    assert "  pit: a#b  # &lt;folder&gt;" in plain
    assert "  # inner comment\n" in plain
    assert '<span class="k">pit</span>: a#b <span class="c"> # &lt;folder&gt;</span>' in first.html
    assert second.html == '<span class="k">seed</span>: 3'
    with pytest.raises(FileNotFoundError, match="make profile"):
        parameters.sections(tmp_path / "nothing.yaml")


def test_a_list_that_dvc_wrote_below_the_next_comment_stays_with_its_key(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("experiment:\n  seeds: # of it\n\n# Of the next.\n  - 0\n  - 1\nnext:\n  a: 1 # one\n")
    first, second = parameters.sections(path)
    assert re.sub(r"<[^>]+>", "", first.html).splitlines() == ["experiment:", "  seeds: # of it", "  - 0", "  - 1"]
    assert second.about == "Of the next."


def test_the_shipped_style_has_dark_print_and_every_colour():
    css = (templates.HERE / "page.css").read_text()
    assert "prefers-color-scheme: dark" in css
    assert "@media print" in css
    for i in range(results_section.COLOURS):
        assert css.count(f"--m{i}:") >= 2  # light and dark
        assert f".m{i} {{ --c: var(--m{i}); }}" in css
    for rule in (r"\.chart \.line", r"\.chart \.end", r"\.dots circle", r"\.legend i", r"\.chart circle\.seed"):
        assert re.search(rule + r"[ ,][^}]*var\(--c", css)


def test_a_variant_that_began_with_imagenet_says_so(tmp_path):
    run = files(fake_run.build(tmp_path))
    for file in run.models.rglob("params.json"):
        record = {"architecture": {"pretrained": "imagenet"}} if "variant" in file.read_text() else {}
        file.write_text(json.dumps(json.loads(file.read_text()) | record))
    about = page_contents._about(run)
    assert about["baseline"].startswith("from ImageNet · ")
    assert about["san"].startswith("all from SAN-PG from ImageNet · ")


def test_what_differs_from_the_nearest_profile_is_told_key_by_key(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/demo.yaml").write_text("a: {b: 1, c: [1, 2]}\nd: x\n")
    (tmp_path / "profiles/paper.yaml").write_text("base: demo.yaml\na: {b: 7, c: [3]}\nd: z\n")
    (tmp_path / "params.yaml").write_text("a: {b: 1, c: [1, 2, 3]}\nd: x\ne: 4\n")
    found = parameters.changed(tmp_path / "params.yaml", tmp_path / "profiles")
    assert found == parameters.Changed("demo.yaml", [("a.c", "[1, 2]", "[1, 2, 3]"), ("e", "–", "4")])
    assert parameters.changed(tmp_path / "params.yaml", tmp_path / "nowhere") is None


@browser.needed
def test_in_a_browser_tables_sort_charts_tell_and_the_graph_knows_what_ran(html, tmp_path):
    reports = tmp_path / "reports"
    drawn = pipeline_drawing.draw(pipeline_graph.read(fake_run.build(tmp_path) / "dvc.yaml"))
    (reports / "index.html").write_text(html.replace("<svg></svg>", drawn))
    report_assets.main(reports / "assets", reports / "start.html")
    (tmp_path / "runs").mkdir()
    told = {"stage": "train_san_pg", "outs": ["models/san_pg"], "seconds": 75, "failed": False, "commit": "abc"}
    told |= {"ended": "2020-01-02 03:04:05", "machine": "m, 2 cores", "system": "s", "versions": {"torch": "2"}}
    broken = told | {"stage": "pair_pit", "outs": ["data/interim/pit"], "failed": True}
    (tmp_path / "runs/stages.js").write_text("".join(f"sanreidRan({json.dumps(t)});\n" for t in (told, broken)))
    with browser.opened(reports / "index.html", width=400) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 400
    with browser.opened(reports / "index.html", scheme="dark") as page:
        page.wait_for_selector("#ran tbody tr", state="attached")
        assert page.locator(".node[data-name=train_san_pg] .took").inner_html() == "✓ 1 min 15 s"
        assert page.locator(".node[data-name=pair_pit]").get_attribute("data-state") == "failed"
        assert page.locator(".node[data-name=report] .took").inner_html() == ""
        assert "abc" in page.locator("#ran").inner_text()
        table = page.locator("#results table").first
        names = table.locator("tbody:last-of-type tr th")
        before = names.all_inner_texts()
        table.locator("thead th").nth(1).click()
        assert table.locator("tbody tr td:nth-child(2)").all_inner_texts()[0] >= "40"
        assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "descending"
        table.locator("thead th").nth(1).click()
        table.locator("thead th").nth(1).click()
        assert names.all_inner_texts() == before
        times = ["14 s", "2 min 5 s", "0.6 s", "1 h 0 min", "–"]
        rows = "".join(f"<tr><th>x</th><td>{words}</td></tr>" for words in times)
        page.evaluate(
            "rows => {document.body.insertAdjacentHTML('beforeend', `<table id=later><thead><tr><th></th>"
            "<th class=n>time</th></tr></thead><tbody>${rows}</tbody></table>`); sanreidSortable(later);}",
            rows,
        )
        page.locator("#later th.n").click()
        found = page.locator("#later td").all_inner_texts()
        assert found == ["1 h 0 min", "2 min 5 s", "14 s", "0.6 s", "–"]
        page.evaluate("document.querySelector('svg.chart[data-chart]').parentElement.scrollIntoView()")
        page.wait_for_function("document.querySelector('svg.chart[data-chart]').classList.contains('replaced')")
        first = page.locator("svg.chart[data-chart]").first
        kept = json.loads(first.get_attribute("data-chart"))["lines"][0]["ys"]
        assert page.evaluate("document.querySelector('.plotly-box').data[0].y") == kept
