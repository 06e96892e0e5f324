"""Tables of ablations are read as written, and what is wrong is named."""

import pytest

from sanreid.params import ParamsError
from sanreid.reporting.shared import ablations

GOOD = "tables:\n  one: {title: T, variants: [a, b], generators: [texture], set: [], labels: {b: the B}}\n"


def read(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return ablations.read(path)


def test_a_table_keeps_its_order_and_its_labels(tmp_path):
    table = read(tmp_path, GOOD)["one"]
    assert (table.title, table.variants, table.generators) == ("T", ["a", "b"], ["texture"])
    assert (table.label("a"), table.label("b")) == ("", "the B")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[a, b]", "[a, a]", "tables.one.*names one twice"),
        ("[a, b]", "[]", r"tables\.one\.variants"),
        ("{b:", "{c:", "tables.one.*labels: c not among"),
        ("title: T, ", "", r"tables\.one\.title"),
        ("title: T", "title: T, sedes: 1", r"tables\.one\.sedes"),
        ("tables", "table", "'tables' is missing"),
        ("  one:", "  - one:", "'tables' is missing"),
        ("T,", "T, [", "not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, named):
    with pytest.raises(ParamsError, match=named):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(ParamsError, match="make profile"):
        ablations.read(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("profile", ["params.yaml", "profiles/demo.yaml", "profiles/paper.yaml"])
def test_the_shipped_tables_are_the_papers(root, profile):
    tables = ablations.read(root / profile)
    assert tables["table1"].variants == ["baseline", "baseline_syn", "san_basic", "san_tr", "san_syn", "san"]
    assert tables["table2"].variants == ["baseline", "san_input", "san_person", "san_basic"]
    assert tables["table2"].generators == ["texture", "frontal"]
