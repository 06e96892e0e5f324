"""`sanreid evaluate`: the numbers are the evaluation's own, of an own folder with index.csv."""

import json

import pandas as pd
import pytest

from sanreid.api import Model
from sanreid.evaluation import features, ranking
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    networks.write_strong(folder / "model")
    people = toy.write_people(folder / "people", train=1, test=6)
    pd.read_parquet(people / "index.parquet").to_csv(people / "index.csv", index=False)
    (people / "index.parquet").unlink()
    return folder


def test_the_numbers_are_the_evaluations(place, monkeypatch, capfd):
    given = "evaluate", place / "people", "-m", place / "model", "--rerank"
    code, shown, _ = networks.run(monkeypatch, capfd, *given, "--json")
    assert code == 0
    told = json.loads(shown)
    table = pd.read_csv(place / "people/index.csv")
    rows = table[table["split"] != "train"].reset_index(drop=True)
    values = Model.load(place / "model").embed([place / "people" / path for path in rows["path"]])
    want = ranking.evaluate(*features.split(values, rows), "cosine", 50)
    assert told["plain"]["mAP"] == pytest.approx(want.mean_average_precision, abs=1e-6)
    assert told["plain"]["cmc"] == pytest.approx(want.cmc.tolist(), abs=1e-6)
    assert told["plain"]["queries"] == 6
    code, shown, told_beside = networks.run(monkeypatch, capfd, *given)
    assert code == 0
    assert "6 queries, 18 gallery pictures" in told_beside
    header, plain, reranked = (line.split("\t") for line in shown.splitlines())
    assert header == ["%", "rank1", "rank5", "rank10", "mAP", "mINP"]
    assert plain[4] == f"{100 * told['plain']['mAP']:.1f}"
    assert reranked[4] == f"{100 * told['reranked']['mAP']:.1f}"


def test_what_is_wrong_names_the_line(place, monkeypatch, capfd, tmp_path):
    (tmp_path / "index.csv").write_text("path,pid,split\na.png,one,query\n")
    for folder, word in ((tmp_path, "index.csv: line 2: pid is 'one'"), (tmp_path / "gone", "gone: no such folder")):
        code, shown, told = networks.run(monkeypatch, capfd, "evaluate", folder, "-m", place / "model")
        assert (code, shown) == (1, "")
        assert word in told
        assert told.count("\n") == 1
    assert networks.run(monkeypatch, capfd, "evaluate")[0] == 2
