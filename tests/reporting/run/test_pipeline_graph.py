"""The graph is what dvc.yaml says: templates expanded, edges where data flow, and nothing drawn over anything else."""

import itertools
import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sanreid.reporting.run import pipeline_drawing, pipeline_graph
from sanreid.reporting.shared import layered_layout

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


def random_graph(seed: int, size: int = 12) -> tuple[list[str], frozenset[tuple[str, str]]]:
    draw = random.Random(seed)
    nodes = [f"n{i}" for i in range(size)]
    edges = {(a, b) for a, b in itertools.combinations(nodes, 2) if draw.random() < 0.2}
    return nodes, pipeline_graph.Graph({n: pipeline_graph.Node(n) for n in nodes}, frozenset(edges)).direct()


@pytest.mark.parametrize("seed", range(4))
def test_layout_keeps_the_flow_downwards_and_nodes_apart(seed):
    nodes, edges = random_graph(seed)
    placed = layered_layout.place(nodes, edges)
    row = {n: r for r, layer in enumerate(placed.layers) for n in layer}
    assert sorted(row) == sorted(nodes)
    assert all(row[a] < row[b] for a, b in edges)
    for layer in placed.layers:
        xs = [placed.x[n] for n in layer]
        assert all(b - a >= layered_layout.NODE + layered_layout.GAP - 1e-6 for a, b in itertools.pairwise(xs))
        assert all(layered_layout.NODE / 2 - 1e-6 <= x <= placed.width - layered_layout.NODE / 2 + 1e-6 for x in xs)
    for (a, b), route in placed.routes.items():
        assert (route[0], route[-1]) == (placed.x[a], placed.x[b])
        assert len(route) == row[b] - row[a] + 1
    assert layered_layout.place(nodes, edges) == placed


def test_edges_do_not_run_through_cards():
    nodes, edges = random_graph(1)
    placed = layered_layout.place(nodes, edges)
    row = {n: r for r, layer in enumerate(placed.layers) for n in layer}
    passing = [(row[a] + i, x) for (a, _), route in placed.routes.items() for i, x in enumerate(route[1:-1], 1)]
    assert passing
    for r, x in passing:
        assert all(abs(x - placed.x[n]) > layered_layout.NODE / 2 for n in placed.layers[r])


def test_layout_untangles_what_can_be_untangled():
    nodes = ["a", "b", "c", "z", "y", "x"]  # given in an order where all three edges cross
    placed = layered_layout.place(nodes, frozenset({("a", "x"), ("b", "y"), ("c", "z")}))
    order = sorted("abc", key=placed.x.__getitem__)
    below = sorted("xyz", key=placed.x.__getitem__)
    assert [dict(zip("abc", "xyz", strict=True))[n] for n in order] == below


def test_crossings_counts_as_by_hand():
    assert layered_layout.crossings([["a", "b"], ["c", "d"]], [("a", "d"), ("b", "c")]) == 1
    assert layered_layout.crossings([["a", "b"], ["c", "d"]], [("a", "c"), ("b", "d"), ("a", "d")]) == 0


def test_wide_layers_give_way_where_they_can():
    nodes = ["top", *"abcdefg", "end", "last"]
    edges = frozenset(
        {*(("top", n) for n in "abcdefg"), ("a", "end"), ("end", "last"), *((n, "last") for n in "bcdefg")}
    )
    placed = layered_layout.place(nodes, edges, widest=5)
    assert len(placed.layers[1]) == 5
    assert "a" in placed.layers[1]  # its reader stands just below: it cannot wait


def test_separate_is_the_least_squares_answer():
    wish, widths, gap = [0.0, 1.0, 50.0], [10.0, 20.0, 10.0], 5.0
    found = layered_layout.separate(wish, widths, gap)
    # the first two touch, centres 20 apart, and share the error: (x) + (x + 20 - 1) = 0 -> x = -9.5
    assert found == pytest.approx([-9.5, 10.5, 50.0])


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
    lines = pipeline_drawing.wrap("word " * 60)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert max(map(len, lines)) <= pipeline_drawing.CHARS


def test_the_projects_own_pipeline_is_drawn(root):
    g = pipeline_graph.read(root / "dvc.yaml")
    assert len(g.nodes) > 5
    ET.fromstring(pipeline_drawing.draw(g))


def test_sums_are_those_of_every_python():
    assert layered_layout._total([0.1] * 10) == 0.9999999999999999  # sum() says 1.0 from Python 3.12 on
