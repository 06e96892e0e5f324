"""The graph is what dvc.yaml says: templates expanded, edges where data flow, and nothing drawn over anything else."""

import itertools
import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sanreid.reporting.run import pipeline_drawing, pipeline_graph

PIPELINE = """
stages:
  make:
    desc: Make the raw data
    foreach: [a, b]
    do:
      cmd: make ${item}
      deps: [stages/make.py, src/body]
      outs: ["raw/${item}"]
  read:
    desc: Read a set, wherever it lies, into a table that everything after it reads & trusts
    matrix:
      set: ${sets}
      seed: [0, 1, 2]
    cmd: read
    deps: ["${raw.a}", download/real.bin]
    outs:
      - "table/${item.set}/${item.seed}": {cache: false}
    metrics:
      - "numbers/${item.set}${item.seed}.json"
  page:
    cmd: page
    deps: [table, numbers, raw/b/list.txt, page.html]
    outs: [page]
"""


def write(folder: Path, text: str = PIPELINE, params: str = "sets: [x, y]\nraw: {a: raw/a}\n") -> Path:
    (folder / "params.yaml").write_text(params)
    path = folder / "dvc.yaml"
    path.write_text(text)
    return path


def test_reads_templates_edges_and_sources(tmp_path):
    g = pipeline_graph.read(write(tmp_path))
    assert list(g.nodes) == ["make", "read", "page", "download/real.bin"]  # code (.py, src/, .html) is no source
    assert g.nodes["make"].instances == ("a", "b")
    assert g.nodes["read"].multiplicity == 6
    assert g.nodes["read"].instances[:4] == ("x-0", "x-1", "x-2", "y-0")
    assert g.nodes["page"].multiplicity == 1
    assert g.nodes["download/real.bin"].source
    assert g.nodes["make"].desc == "Make the raw data"
    # table/ and numbers/ hold outs of `read` (a dep above an out); raw/b/list.txt lies inside an out of `make`
    assert g.edges == {("make", "read"), ("read", "page"), ("make", "page"), ("download/real.bin", "read")}
    assert g.direct() == g.edges - {("make", "page")}


def test_a_template_without_instances_is_not_drawn(tmp_path):
    text = PIPELINE + "  more: {foreach: '${sets}', do: {cmd: x, deps: [raw], outs: ['more/${item}']}}\n"
    assert "more" in pipeline_graph.read(write(tmp_path, text)).nodes
    g = pipeline_graph.read(write(tmp_path, text, params="sets: []\nraw: {a: raw/a}\n"))
    assert not {"read", "more"} & set(g.nodes)
    assert ("make", "page") in g.edges


def test_a_prefix_of_a_name_is_not_a_folder():
    assert pipeline_graph.overlap("data/cuhk03", "data/cuhk03/images")
    assert pipeline_graph.overlap("data/cuhk03/images", "data/cuhk03")
    assert not pipeline_graph.overlap("data/cuhk03", "data/cuhk03_labeled")


def test_the_users_own_raw_data_replaces_the_edge(tmp_path):
    g = pipeline_graph.read(write(tmp_path, params="sets: [x]\nraw: {a: /downloads/cuhk03}\n"))
    assert ("make", "read") not in g.edges
    assert ("/downloads/cuhk03", "read") in g.edges
    assert g.nodes["read"].multiplicity == 3


def test_foreach_of_a_mapping_and_wdir(tmp_path):
    text = """
vars: [{where: {one: {to: out1}, two: {to: out2}}}]
stages:
  s: {foreach: "${where}", do: {wdir: sub, cmd: x, deps: [../in.csv], outs: ["${item.to}/${key}"]}}
"""
    g = pipeline_graph.read(write(tmp_path, text))
    assert g.nodes["s"].writes == ("sub/out1/one", "sub/out2/two")
    assert g.nodes["s"].reads == ("in.csv",)
    assert g.nodes["s"].instances == ("one", "two")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: {s: {cmd: x, outs: ['${no.such}/a']}}", r"stage s: \$\{no.such\}"),
        ("stages: {s: {foreach: '${nowhere}', do: {cmd: x}}}", r"stage s: \$\{nowhere\}"),
        ("stages: {a: {deps: [y], outs: [x]}, b: {deps: [x], outs: [y]}}", "in a circle: a, b"),
        ("other: 1", "no `stages`"),
    ],
)
def test_what_cannot_be_drawn_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        pipeline_graph.read(write(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dvc\.yaml"):
        pipeline_graph.read(tmp_path / "dvc.yaml")


def random_graph(seed: int, size: int = 12) -> pipeline_graph.Graph:
    draw = random.Random(seed)
    nodes = [f"n{i}" for i in range(size)]
    edges = {(a, b) for a, b in itertools.combinations(nodes, 2) if draw.random() < 0.2}
    draw.shuffle(nodes)  # a file need not be written in the order of its data
    return pipeline_graph.Graph({n: pipeline_graph.Node(n) for n in nodes}, frozenset(edges))


@pytest.mark.parametrize("seed", range(4))
def test_the_flow_runs_downwards_and_no_two_stages_share_a_lane(seed):
    g = random_graph(seed)
    order, direct = pipeline_drawing.rows(g), g.direct()
    row = {n: r for r, n in enumerate(order)}
    assert sorted(row) == sorted(g.nodes)
    assert all(row[a] < row[b] for a, b in g.edges)
    lanes = pipeline_drawing.trunks(order, direct)
    assert set(lanes) == {a for a, _ in direct}
    spans = {a: range(row[a], max(row[b] for n, b in direct if n == a) + 1) for a in lanes}
    for a, b in itertools.combinations(lanes, 2):
        assert lanes[a] != lanes[b] or not set(spans[a]) & set(spans[b]), (a, b)
    assert (pipeline_drawing.rows(g), pipeline_drawing.draw(g)) == (order, pipeline_drawing.draw(random_graph(seed)))


def test_an_edge_runs_from_its_stage_to_its_reader(tmp_path):
    drawn = pipeline_drawing.draw(pipeline_graph.read(write(tmp_path)))
    middle = {n: float(y) - 4.5 for y, n in re.findall(r'class="name"[^>]* y="([\d.]+)"[^>]*>([^<]+)<', drawn)}
    edges = re.findall(
        r'data-from="([^"]+)" data-to="([^"]+)"[^>]* d="M[\d.]+ ([\d.]+)H[^V]*V([\d.]+)q0 ([\d.]+)', drawn
    )
    assert len(edges) == 4
    for a, b, leaves, turns, radius in edges:
        assert abs(float(leaves) - middle[a]) <= 4
        assert abs(float(turns) + float(radius) - middle[b]) <= 4


def test_what_only_a_late_stage_reads_stands_above_it():
    nodes = {n: pipeline_graph.Node(n, source=n.startswith("data")) for n in ("a", "b", "c", "data/b", "data/c")}
    g = pipeline_graph.Graph(nodes, frozenset({("a", "b"), ("data/b", "b"), ("b", "c"), ("data/c", "c")}))
    assert pipeline_drawing.rows(g) == ["a", "data/b", "b", "data/c", "c"]


def test_svg_shows_every_card_and_is_well_formed(tmp_path):
    g = pipeline_graph.read(write(tmp_path))
    text = pipeline_drawing.draw(g)
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    cards = {e.get("data-name"): e for e in root.iter(space + "g")}
    assert set(cards) == set(g.nodes)
    assert "×6" in "".join(cards["read"].itertext())
    assert "×" not in "".join(cards["page"].itertext())
    assert "Make the raw data" in "".join(cards["make"].itertext())
    drawn = {
        (e.get("data-from"), e.get("data-to")): e.get("class") for e in root.iter(space + "path") if e.get("data-to")
    }
    assert set(drawn) == g.edges
    assert {e for e, kind in drawn.items() if "implied" in kind} == {("make", "page")}
    width, height = map(float, root.get("viewBox").split()[2:])
    for rect in root.iter(space + "rect"):
        x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    sizes = [float(s) for s in re.findall(r"(?:font-size:|font:600 )([\d.]+)px", text)]
    assert min(sizes) >= 11


def test_a_long_name_is_drawn_narrower_so_that_the_count_has_room(tmp_path):
    stage = "  {}:\n    matrix: {{n: [1, 2]}}\n    cmd: x\n    outs: ['out/${{item.n}}']\n"
    names = ["short", "evaluate_something_in_many_words"]
    text = "stages:\n" + "".join(stage.format(name).replace("out/", f"{name}/") for name in names)
    drawn = pipeline_drawing.draw(pipeline_graph.read(write(tmp_path, text)))
    fitted = re.findall(r'x="([\d.]+)"[^>]*textLength="(\d+)"[^>]*>([a-z_]+)<', drawn)
    assert [name for _, _, name in fitted] == names[1:]
    (left, length, _), counts = fitted[0], [float(x) for x in re.findall(r'class="many" x="([\d.]+)"', drawn)]
    assert any(0 < x - float(left) - float(length) - 2 * pipeline_drawing.LETTER < 10 for x in counts)


def test_long_descriptions_end_in_an_ellipsis():
    line = pipeline_drawing.shorten("word " * 60)
    assert line.endswith("…")
    assert len(line) <= pipeline_drawing.CHARS


def test_the_projects_own_pipeline_is_drawn(root):
    g = pipeline_graph.read(root / "dvc.yaml")
    assert len(g.nodes) > 5
    drawn = ET.fromstring(pipeline_drawing.draw(g))
    assert float(drawn.get("width")) <= 1160 - 2 * 20 - 2 * 20  # of page.css: as wide as the page, and no wider
    names = [e for e in drawn.iter("{http://www.w3.org/2000/svg}text") if e.get("class") == "name"]
    assert max(float(e.get("x")) + 6.7 * len(e.text) for e in names) <= 360 - 2 * 14 - 2 * 9  # a phone's, at 11 px
