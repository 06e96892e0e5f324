"""Two revisions of a small project under DVC, read from its cache: what differs, by how much, and the same queries."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sanreid.data import images
from tools import compare

RUN = """\
import json, pathlib, sys
shift = float(pathlib.Path("params.yaml").read_text().split("shift: ")[1])
out = pathlib.Path("reports/san/set/san/seed0"); out.mkdir(parents=True, exist_ok=True)
(out / "metrics.json").write_text(json.dumps({"mAP": 0.25 + shift, "protocol": "x", "queries": 2}))
rows = ["set,path,pid,average_precision,first_match,nearest", f"set,q/1.png,1,{0.25 + shift},1,g/1.png|1 g/2.png|2",
        "set,q/2.png,2,0.5,2,g/1.png|1 g/2.png|2"]
(out / "queries.csv").write_text("\\n".join(rows) + "\\n")
"""
GRAPH = """\
stages:
  evaluate:
    cmd: {python} run.py
    deps: [run.py]
    params: [shift]
    outs: [reports/san/set/san/seed0]
  never_run:
    cmd: {python} run.py
    outs: [reports/never/metrics.json]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    env = (
        os.environ
        | {"DVC_NO_ANALYTICS": "1"}
        | {f"GIT_{w}_{k}": "t@t" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    )

    def call(*words):
        subprocess.run(words, cwd=folder, check=True, capture_output=True, env=env)

    call("git", "init", "-q")
    call(sys.executable, "-m", "dvc", "init", "-q")
    (folder / "run.py").write_text(RUN)
    (folder / "dvc.yaml").write_text(GRAPH.format(python=sys.executable))
    for i in (1, 2):
        for part in "qg":
            (folder / "data/interim/set" / part).mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / f"data/interim/set/{part}/{i}.png", np.full((32, 16, 3), 90 * i, np.uint8))
    for shift in (0.0, 0.5):
        (folder / "params.yaml").write_text(f"other: [1, 2]\nshift: {shift}\n")
        call(sys.executable, "-m", "dvc", "repro", "-q", "evaluate")
        call("git", "add", "-A")
        call("git", "commit", "-qm", "run")
    return folder


@pytest.mark.slow
def test_what_differs_is_told_with_its_delta_and_the_same_queries_are_shown(project, tmp_path):
    html = compare.compare(project, "HEAD~1", "workspace", tmp_path / "page.html").read_text()
    assert "<th><code>shift</code></th><td>0.0</td><td>0.5</td>" in html
    assert "<code>other</code>" not in html
    assert '<td class="n">0.25</td><td class="n">0.75</td><td class="n">+0.5</td>' in html
    assert "1 parameter and 1 of 2 numbers differ" in html
    assert html.count("data:image/jpeg;base64,") == 1
    assert 'class="note"' not in html
    assert Image.open(tmp_path / compare.COVER).width > 100  # of the queries; the menu looks for it
    same = compare.compare(project, "HEAD", "workspace", tmp_path / "same.html").read_text()
    assert "0 parameters and 0 of 2 numbers differ" in same


@pytest.mark.slow
def test_an_unknown_revision_is_named(project, tmp_path):
    with pytest.raises(ValueError, match="nowhere: no revision or experiment here"):
        compare.compare(project, "nowhere", "HEAD", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
