"""Stage evaluate_system on a toy strong baseline: its numbers recomputed by hand, its price, what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from sanreid.data import images, index, tensors
from sanreid.evaluation import reranking
from sanreid.evaluation.ranking import evaluate_distances
from sanreid.params import ParamsError, validate
from sanreid.reporting.systems import measure, table
from stages import evaluate_system as stage
from stages import train_strong
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.stages.retrieval_names import FILES
from tests.training.test_strong import SECTION as STRONG

pytestmark = pytest.mark.usefixtures("own_folders")

SECTION = {
    "batch": 3,
    "metric": {"strong": "cosine"},
    "max_rank": 12,
    "flip_average": False,
    "precision": "float32",
    "reranking": {"k1": 4, "k2": 2, "weight": 0.3},
    "repeats": 5,
    "seed": 0,
    "lists": {"queries": 2, "top": 4, "seed": 0},
}


def section(**changes):
    return validate({**SECTION, **changes}, stage.Params, "evaluate_system")


@pytest.fixture
def people(tmp_path):
    return toy.write_people(tmp_path / "people", train=3, test=5)


@pytest.fixture
def model(tmp_path, people):
    p = validate({**STRONG, "epochs": 1}, train_strong.Params, "train_strong")
    train_strong.main(people, toy_systems.write_san_pg(tmp_path / "san_pg"), 0, tmp_path / "model", p)
    return tmp_path / "model"


def by_hand(people, model, first=10**9):
    """Rank-1, mAP, and mAP over the first few, by the cosine of each image's feature, in loops."""
    net, _ = measure.load(model)
    net.eval()
    table, vectors = index.read(people), {}
    for path in table["path"]:
        picture = torch.from_numpy(images.read_rgb(people / path)).permute(2, 0, 1)[None]
        with torch.no_grad():
            vector = net(tensors.normalise_images(picture)).feature[0].double().numpy()
        vectors[path] = vector / np.linalg.norm(vector)
    gallery = table[table["split"] == "gallery"]
    hits, precisions = [], []
    for q in table[table["split"] == "query"].itertuples():
        kept = [g for g in gallery.itertuples() if not (g.pid == q.pid and g.camid == q.camid)]
        kept.sort(key=lambda g: -(vectors[q.path] @ vectors[g.path]))
        right = [g.pid == q.pid for g in kept]
        hits.append(right[0])
        places = [i + 1 for i, r in enumerate(right[:first]) if r]
        precisions.append(np.mean([(n + 1) / place for n, place in enumerate(places)]) if places else 0.0)
    return np.mean(hits), np.mean(precisions), vectors, table


def test_numbers_are_those_of_the_networks_features(people, model, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "FIRST", 2)  # eighty is more than the gallery holds
    stage.main(people, model, tmp_path / "out", section())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    rank1, mean_ap, vectors, table = by_hand(people, model)
    assert metrics["rank1"] == pytest.approx(rank1)
    assert metrics["mAP"] == pytest.approx(mean_ap)
    assert 0 < metrics["mAP"] < 1
    assert metrics["mAP_first80"] == pytest.approx(by_hand(people, model, first=2)[1])
    assert metrics["mAP_first80"] != metrics["mAP"]
    query, gallery = (table[table["split"] == split] for split in ("query", "gallery"))
    stacked = [np.stack([vectors[path] for path in part["path"]]).astype(np.float32) for part in (query, gallery)]
    matrix = reranking.k_reciprocal(*stacked, k1=4, k2=2)
    ids = [part[column].to_numpy(np.int64) for column in ("pid", "camid") for part in (query, gallery)]
    again = evaluate_distances(matrix, *ids)
    assert metrics["reranked"]["mAP"] == pytest.approx(again.mean_average_precision)
    assert metrics["reranked"]["rank1"] == pytest.approx(again.rank(1))


def test_speed_and_size_are_in_the_metrics(people, model, tmp_path):
    stage.main(people, model, tmp_path / "out", section())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    net, record = measure.load(model)
    assert metrics["system"] == record["system"] == "strong"
    assert metrics["parameters"] == sum(w.numel() for w in net.parameters())
    assert metrics["images_per_second"] > 0
    assert {*table.MEASURES, *table.PRICES} - {"reranked_mAP"} <= set(metrics)  # the comparison's columns
    assert metrics["training_seconds"] == json.loads((model / "training.json").read_text())["seconds"]
    names = sorted(f.name for f in (tmp_path / "out").iterdir())
    assert names == sorted([*FILES, "tsne.jpg"])
    assert images.size(tmp_path / "out/looks.jpg") == images.size(tmp_path / "out/ranked.jpg")
    worst = json.loads((tmp_path / "out/failures.json").read_text())["queries"]
    asked = pd.read_csv(tmp_path / "out/queries.csv")
    lowest = asked["average_precision"].nsmallest(2, keep="first")
    assert [q["average_precision"] for q in worst] == pytest.approx(lowest.tolist(), abs=1e-5)
    cmc = pd.read_csv(tmp_path / "out/cmc.csv")
    assert cmc["rank"].tolist() == list(range(1, 13))
    assert cmc["cmc"][0] == metrics["rank1"]


def test_a_set_of_single_gallery_shot_is_measured_so(people, model, tmp_path):
    index.write(index.read(people).assign(protocol=index.SINGLE_GALLERY_SHOT), people)
    stage.main(people, model, tmp_path / "out", section())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["protocol"] == "single_gallery_shot"
    assert metrics["mAP"] == metrics["mINP"]  # one match a query
    assert 0 < metrics["reranked"]["mAP"] <= 1


def test_what_does_not_go_together_is_named(people, model, tmp_path):
    with pytest.raises(ValueError, match=r"evaluate_system\.metric: no 'strong'"):
        stage.main(people, model, tmp_path / "out", section(metric={"two_head": "cosine"}))
    with pytest.raises(ParamsError, match=r"evaluate_system\.metric\.strong"):
        section(metric={"strong": "cosin"})
    with pytest.raises(FileNotFoundError, match="run the stage that trains"):
        stage.main(people, tmp_path / "nothing", tmp_path / "out", section())
    record = json.loads((model / "params.json").read_text())
    (model / "params.json").write_text(json.dumps(record | {"people": 4}))
    with pytest.raises(ValueError, match="the weights do not fit"):
        stage.main(people, model, tmp_path / "out", section())
    (model / "params.json").write_text(json.dumps(record | {"system": "san"}))
    with pytest.raises(ValueError, match="system is 'san'; known are"):
        stage.main(people, model, tmp_path / "out", section())
    assert not (tmp_path / "out").exists()
