"""The import closure that owns the `.py` deps of dvc.yaml."""

from pathlib import Path

from sanreid import params
from tools import deps


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_closure_follows_every_form_of_import_and_nothing_else(tmp_path):
    tree(
        tmp_path,
        {
            "stages/a.py": "import numpy\nfrom sanreid.data import index\nfrom sanreid import runtime\n",
            "src/sanreid/__init__.py": "",
            "src/sanreid/runtime.py": "def f():\n    import sanreid.late\n",
            "src/sanreid/late.py": "",
            "src/sanreid/data/__init__.py": "",
            "src/sanreid/data/index.py": "from sanreid.data.images import read\nX = 1\n",
            "src/sanreid/data/images.py": "read = 1\n",
            "src/sanreid/data/unused.py": "x = 1\n",
        },
    )
    assert deps.closure(tmp_path / "stages/a.py", tmp_path) == [
        "src/sanreid/data/images.py",
        "src/sanreid/data/index.py",
        "src/sanreid/runtime.py",
        "stages/a.py",
    ]


def test_templates_count_that_a_module_names_and_those_that_they_build_on(tmp_path):
    pages = "src/sanreid/reporting"
    tree(
        tmp_path,
        {
            "stages/a.py": 'from sanreid.reporting.run import page\nX = "start/page.html"\n',
            "src/sanreid/other.py": 'X = "chart.svg"\n',  # no file of the pages: a name of its own
            f"{pages}/run/page.py": 'import sanreid.other\nX = ("run/page.html", "ran.js", "index.html")\n',
            f"{pages}/run/ran.js": "",
            f"{pages}/run/page.html": '{% extends "base.html" %}{% import "parts.html" as show %}',
            f"{pages}/start/page.html": "",
            f"{pages}/shared/base.html": '{%- from "clock.svg" import clock %}',
            f"{pages}/shared/parts.html": "",
            f"{pages}/shared/clock.svg": "",
            f"{pages}/shared/chart.svg": "",
        },
    )
    assert deps.closure(tmp_path / "stages/a.py", tmp_path) == [
        "src/sanreid/other.py",
        f"{pages}/run/page.html",
        f"{pages}/run/page.py",
        f"{pages}/run/ran.js",
        f"{pages}/shared/base.html",
        f"{pages}/shared/clock.svg",
        f"{pages}/shared/parts.html",
        f"{pages}/start/page.html",
        "stages/a.py",
    ]


def test_imports_that_never_run_do_not_count_and_their_else_does(tmp_path):
    tree(
        tmp_path,
        {
            "stages/a.py": "import typing\nif typing.TYPE_CHECKING:\n    from sanreid import kinds\n"
            "else:\n    from sanreid import runtime\nif runtime.X:\n    from sanreid import late\n",
            "stages/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sanreid import kinds\n",
            "src/sanreid/kinds.py": "X = 1\n",
            "src/sanreid/late.py": "X = 1\n",
            "src/sanreid/runtime.py": "X = 1\n",
        },
    )
    ran = ["src/sanreid/late.py", "src/sanreid/runtime.py", "stages/a.py"]
    assert deps.closure(tmp_path / "stages/a.py", tmp_path) == ran
    assert deps.closure(tmp_path / "stages/b.py", tmp_path) == ["stages/b.py"]


def test_differences_name_what_is_missing_and_what_is_needless(tmp_path):
    tree(tmp_path, {"stages/a.py": "from sanreid import runtime\n", "src/sanreid/runtime.py": "X = 1\n"})
    graph = {"stages": {"a": {"deps": ["data/x", "stages/a.py", "src/old.py"]}}}
    assert deps.differences(graph, tmp_path) == {"a": (["src/sanreid/runtime.py"], ["src/old.py"])}
    graph["stages"]["a"]["deps"] = ["data/x", "stages/a.py", "src/sanreid/runtime.py"]
    assert deps.differences(graph, tmp_path) == {}


def test_the_graph_as_committed_is_right(root):
    assert deps.differences(params.parse((root / "dvc.yaml").read_text())) == {}
