"""Variants spread over two machines, S3 between them, and one loses its power: noticed in seconds, same numbers."""

import re
import shutil
from pathlib import Path

import pytest

from flows import dag, remote
from tests.flows import toy_training
from tests.flows.conftest import run
from tools import machines

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
EPOCHS = 30
# Two trainings that differ in their seeds, as the variants of SAN do; a result that DVC leaves to git; a page.
GRAPH = f"""\
stages:
  data:
    desc: What is trained on
    cmd: mkdir -p out && cat params.yaml > out/data
    deps: [params.yaml]
    outs: [out/data]
    meta: {{gpus: 0, minutes: 5}}
  train:
    desc: A variant
    matrix: {{variant: [baseline, san]}}
    cmd: >-
      python src/toy_training.py out/models/${{item.variant}} "${{item.variant}} $(cat out/data)"
      {EPOCHS} 0.25 $MACHINES_LOG
    deps: [out/data, src/toy_training.py]
    outs: ["out/models/${{item.variant}}"]
    meta: {{gpus: 1, minutes: 5}}
  evaluate:
    desc: Its number
    matrix: {{variant: [baseline, san]}}
    cmd: >-
      cksum < out/models/${{item.variant}}/weights | sed "s/ .*//; s/.*/{{\\"mAP\\":0.&}}/"
      > out/${{item.variant}}.json
    deps: ["out/models/${{item.variant}}"]
    metrics:
      - out/${{item.variant}}.json: {{cache: false}}
    meta: {{gpus: 0, minutes: 5}}
  report:
    desc: The page
    cmd: cat out/baseline.json out/san.json out/models/*/history.csv > page.txt
    deps: [out/baseline.json, out/san.json, out/models]
    outs: [page.txt]
    meta: {{gpus: 0, minutes: 5}}
"""
FILES = {
    "params.yaml": "seed: 1\n",
    ".gitignore": "/out/\n/page.txt\n/runs/\n/.checkpoints/\n__pycache__\n",
    ".dvcignore": ".checkpoints\nruns\n",
}


@pytest.fixture
def origin(make) -> Path:
    """The repository that all machines clone: the graph, this project's flows, checkpoints sent every second."""
    root = make(GRAPH, FILES, "origin")
    shutil.copytree(PROJECT / "flows", root / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "prefect.yaml").write_text((PROJECT / "prefect.yaml").read_text().replace("interval: 60", "interval: 1"))
    (root / "src").mkdir()
    shutil.copy(toy_training.__file__, root / "src/toy_training.py")
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "-qm", "The flows, and what they run")
    return root


def epochs(log: Path) -> list[tuple[str, int, str]]:
    """Each epoch that was trained: variant, number, and the machine it was on."""
    found = [line.split() for line in log.read_text().splitlines()]
    return [(variant, int(number), Path(place).relative_to(log.parent).parts[0]) for variant, number, place in found]


def test_a_machine_dies_in_a_training_and_the_pipeline_ends_with_the_same_numbers(
    origin, dvc, s3, tmp_path, monkeypatch
):
    with machines.site(origin, tmp_path, s3, {"MACHINES_LOG": str(tmp_path / "epochs")}) as site:
        said = machines.run(site, [], patience=180)
        server = site[0].root

    trained = epochs(tmp_path / "epochs")
    assert {place for *_, place in trained} == {"first", "second"}
    (lost,) = {variant for variant, _, place in trained if place == "first"}
    (other,) = {"baseline", "san"} - {lost}
    died = max(number for variant, number, place in trained if (variant, place) == (lost, "first"))
    resumed = next(number for variant, number, place in trained if (variant, place) == (lost, "second"))
    assert 1 < resumed <= died + 1 < EPOCHS
    assert [number for variant, number, _ in trained if variant == other] == list(range(1, EPOCHS + 1))
    assert re.findall(r"'train@(\w+).*its machine was lost", said) == [lost]

    # dvc.lock came together in the pipeline's clone, and the files with it: to DVC nothing is left to do there
    assert dag.changes(server) == {}
    whole = tmp_path / "undisturbed"
    run(tmp_path, "git", "clone", "-q", str(origin), str(whole))
    monkeypatch.setenv("MACHINES_LOG", str(tmp_path / "undisturbed.log"))
    dvc(whole, "repro", "-q")
    assert (whole / "page.txt").read_text() == (server / "page.txt").read_text()
    assert machines.differences(server, whole) == []
    store = remote.storage(server)
    assert store is not None
    assert not [path for path in store.fs.find(store.path) if "/checkpoints/" in path]
