"""The project's own rules complain of what they are there for."""

import pytest
import yaml

from tools import check


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("experiment", "variants"), "experiment.variants: nobody not under train_san.variants"),
        (("tables", "table1", "variants"), "tables.table1.variants: nobody not under"),
        (("report", "published", "market1501"), "report.published.market1501: nobody not under"),
        (("report", "comparisons"), "report.comparisons: nobody not under"),
    ],
)
def test_a_variant_that_nobody_defined_is_named(root, tmp_path, keys, named):
    values = yaml.safe_load((root / "profiles/demo.yaml").read_text())
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    assert list(check.strange_variants(path)) == []
    inner = values
    for key in keys:
        inner = inner[key]
    if isinstance(inner, dict):
        inner["nobody"] = [1.0, 2.0]
    else:
        inner.append(["nobody", "san"] if keys[-1] == "comparisons" else "nobody")
    path.write_text(yaml.safe_dump(values))
    (complaint,) = check.strange_variants(path)
    assert named in complaint


def test_a_broken_table_is_named(root, tmp_path):
    values = yaml.safe_load((root / "profiles/demo.yaml").read_text())
    del values["tables"]["table2"]["title"]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    (complaint,) = check.strange_variants(path)
    assert "tables.table2.title" in complaint
