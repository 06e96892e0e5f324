"""Stage evaluate_system on a toy AlignedReID: its three distances, each recomputed by hand, and its peers left out."""

import json

import numpy as np
import pytest
import torch

from sanreid.data import images, index, tensors
from sanreid.evaluation import local_distance, reranking
from sanreid.evaluation.ranking import evaluate_distances
from sanreid.params import validate
from sanreid.reporting.systems import measure
from stages import evaluate_system as stage
from stages import train_aligned
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.stages.test_evaluate_system import SECTION
from tests.training.test_aligned import SECTION as ALIGNED

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def people(tmp_path):
    return toy.write_people(tmp_path / "people", train=3, test=5)


@pytest.fixture
def model(tmp_path, people):
    p = validate({**ALIGNED, "epochs": 1}, train_aligned.Params, "train_aligned")
    train_aligned.main(people, toy_systems.write_san_pg(tmp_path / "san_pg"), 0, tmp_path / "model", p)
    return tmp_path / "model"


def test_its_distances_are_those_of_its_features_and_stripes(people, model, tmp_path):
    p = validate({**SECTION, "metric": {"aligned": "cosine"}}, stage.Params, "evaluate_system")
    stage.main(people, model, tmp_path / "out", p)
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    net, record = measure.load(model)
    net.eval()
    assert record["recipe"]["networks"] == 2
    assert not any(name.startswith("peers.") for name in net.state_dict())
    assert metrics["parameters"] == sum(weight.numel() for weight in net.parameters())
    table = index.read(people)
    parts = [table[table["split"] == split] for split in ("query", "gallery")]
    outputs = []
    for path in [path for part in parts for path in part["path"]]:
        picture = torch.from_numpy(images.read_rgb(people / path)).permute(2, 0, 1)[None]
        with torch.no_grad():
            outputs.append(net(tensors.normalise_images(picture)))
    unit = [(o.feature[0].double() / o.feature[0].double().norm()).numpy() for o in outputs]
    stripes = [o.stripes[0].numpy() for o in outputs]
    whole = np.array([[np.linalg.norm(a - b) for b in unit] for a in unit])
    local = np.array([[sum(d[c] for c in path) for b in stripes for d, path in [pair(a, b)]] for a in stripes])
    ids = [part[column].to_numpy(np.int64) for column in ("pid", "camid") for part in parts]
    first = len(parts[0])
    for name, matrix in (("global", whole), ("local", local), ("sum", whole + local)):
        got = metrics["by_distance"][name]
        plain = evaluate_distances(matrix[:first, first:], *ids, max_rank=12)
        expected = {k: plain.metrics()[k] for k in ("rank1", "rank5", "rank10", "mAP", "mINP")}
        assert {k: got[k] for k in expected} == pytest.approx(expected), name
        again = evaluate_distances(reranking.from_distances(matrix.astype(np.float32), first, 4, 2, 0.3), *ids)
        assert got["reranked"] == pytest.approx({"rank1": again.rank(1), "mAP": again.mean_average_precision}), name
    assert metrics["by_distance"]["local"]["mAP"] != metrics["by_distance"]["sum"]["mAP"]
    assert metrics["mAP"] == metrics["by_distance"]["global"]["mAP"]
    assert metrics["reranked"] == metrics["by_distance"]["global"]["reranked"]


def pair(a, b):
    return local_distance.alignment(a, b)
