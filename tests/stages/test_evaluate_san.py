"""Stage evaluate_san on people of two colours: its numbers recomputed by hand, its files, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from sanreid.data import images, index, tensors
from sanreid.evaluation import calibration, distances, ranking
from sanreid.models.san import SAN
from sanreid.params import ParamsError, validate
from sanreid.reporting.shared import ranked_lists
from sanreid.training import checkpoint
from stages import evaluate_san as stage
from tests.stages import toy_san as toy
from tests.stages.retrieval_names import FILES

SECTION = {
    "batch": 3,
    "metric": "euclidean",
    "max_rank": 10,
    "flip_average": False,
    "l2": False,
    "precision": "float32",
    "repeats": 5,
    "seed": 0,
    "lists": {"queries": 2, "top": 4, "seed": 0},
}


def section(**changes):
    return validate({**SECTION, **changes}, stage.Params, "evaluate_san")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def people(tmp_path):
    return toy.write_people(tmp_path / "people", train=2, test=5)


@pytest.fixture
def model(tmp_path):
    """A model folder as train_san writes it; its people's number is nobody's here."""
    torch.manual_seed(0)
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "history.csv").write_text("epoch,step\n")
    settings = {"variant": "san", "architecture": toy.architecture()}
    checkpoint.save_model(folder, SAN(toy.architecture(), people=2), settings, tmp_path / "history.csv")
    return folder


def by_hand(people, model, flip=False):
    """Rank-1 and mAP from the network's feature of each image, in loops."""
    net = SAN(toy.architecture(), people=2)
    checkpoint.load_into(net, model / checkpoint.WEIGHTS, strict=True)
    net.eval()
    table, vectors = index.read(people), {}
    for path in table["path"]:
        picture = torch.from_numpy(images.read_rgb(people / path)).permute(2, 0, 1)[None]
        with torch.no_grad():
            vector = net(tensors.normalise_images(picture)).feature
            if flip:
                vector = (vector + net(tensors.normalise_images(picture.flip(3))).feature) / 2
        vectors[path] = vector[0].double().numpy()
    gallery = table[table["split"] == "gallery"]
    hits, precisions = [], []
    for q in table[table["split"] == "query"].itertuples():
        kept = [g for g in gallery.itertuples() if not (g.pid == q.pid and g.camid == q.camid)]
        kept.sort(key=lambda g: ((vectors[q.path] - vectors[g.path]) ** 2).sum())
        right = [g.pid == q.pid for g in kept]
        hits.append(right[0])
        places = [i + 1 for i, r in enumerate(right) if r]
        precisions.append(np.mean([(n + 1) / place for n, place in enumerate(places)]))
    return np.mean(hits), np.mean(precisions)


@pytest.mark.parametrize("flip", [False, True])
def test_numbers_are_those_of_the_networks_features(people, model, tmp_path, flip):
    stage.main(people, model, tmp_path / "out", section(flip_average=flip), toy.architecture())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    rank1, mean_ap = by_hand(people, model, flip)
    assert metrics["rank1"] == pytest.approx(rank1)
    assert metrics["mAP"] == pytest.approx(mean_ap)
    assert 0 < metrics["mAP"] < 1
    assert (metrics["queries"], metrics["left_out"], metrics["gallery"]) == (5, 0, 15)
    assert list(metrics)[:5] == ["rank1", "rank5", "rank10", "mAP", "mINP"]
    assert metrics["protocol"] == "whole_gallery"


def test_a_set_of_single_gallery_shot_is_measured_so_and_its_lists_show_the_whole_gallery(
    people, model, tmp_path, monkeypatch
):
    table = index.read(people)
    index.write(table.assign(protocol=index.SINGLE_GALLERY_SHOT), people)
    shown = []
    draw = ranked_lists.draw
    monkeypatch.setattr(ranked_lists, "draw", lambda *given: shown.append(given) or draw(*given))
    stage.main(people, model, tmp_path / "out", section(repeats=40), toy.architecture())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["protocol"] == "single_gallery_shot"
    assert metrics["mAP"] == metrics["mINP"]  # one match a query
    assert metrics["rank5"] == pytest.approx(1)  # a gallery of five people, one image each
    _, _, query, gallery, result, *_ = shown[0]
    ids = query.pids, gallery.pids, query.camids, gallery.camids
    matrix = distances.matrix(query.features, gallery.features, "euclidean")
    single = ranking.evaluate_single_gallery_shot(matrix, *ids, max_rank=10, repeats=40, seed=0)
    assert metrics["rank1"] == pytest.approx(single.rank(1))
    assert result.first_match.tolist() == ranking.evaluate_distances(matrix, *ids).first_match.tolist()
    assert images.size(tmp_path / "out/ranked.jpg")[0] > 2 * 176
    stage.main(people, model, tmp_path / "again", section(repeats=40, seed=1), toy.architecture())
    assert json.loads((tmp_path / "again/metrics.json").read_text())["mAP"] != metrics["mAP"]


def test_files_are_whole_and_the_same_again(people, model, tmp_path):
    for name in ("a", "b"):
        stage.main(people, model, tmp_path / name, section(), toy.architecture())
    files = sorted(f.name for f in (tmp_path / "a").iterdir())
    assert files == FILES
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    cmc = pd.read_csv(tmp_path / "a/cmc.csv")
    assert cmc["rank"].tolist() == list(range(1, 11))
    assert cmc["cmc"].is_monotonic_increasing
    assert cmc["cmc"][0] == json.loads((tmp_path / "a/metrics.json").read_text())["rank1"]
    told = calibration.read(tmp_path / "a/verification.json")
    assert (told.people, told.pictures) == (5, 20)
    assert told.equal_error_rate < 0.5
    assert pd.read_csv(tmp_path / "a/roc.csv")["tpr"].max() == 1
    told = json.loads((tmp_path / "a/failures.json").read_text())
    precision = [q["average_precision"] for q in told["queries"]]
    assert precision == sorted(precision)
    assert precision[0] <= json.loads((tmp_path / "a/metrics.json").read_text())["mAP"]
    assert told["median"]["visible"] is None  # these people have no truth
    assert all(0 < q["brightness"] < 1 for q in told["queries"])
    assert all(q["why"] for q in told["queries"])
    assert "the worst tenth of the queries (1 of 5)" in told["summary"]
    assert images.size(tmp_path / "a/looks.jpg") == images.size(tmp_path / "a/ranked.jpg")
    height, width = images.size(tmp_path / "a/ranked.jpg")
    assert height > 2 * 176
    assert width > 5 * 60


def test_the_variants_own_textures_are_measured_where_the_truth_is_known(people, model, tmp_path):
    stage.main(people, model, tmp_path / "real", section(), toy.architecture())
    assert json.loads((tmp_path / "real/metrics.json").read_text())["textures"] is None
    for person in range(102, 107):
        (people / "truth/textures").mkdir(parents=True, exist_ok=True)
        images.write_rgb(people / f"truth/textures/{person}.png", toy.texture(person))
    images.write_rgb(people / "truth/coverage.png", np.full((toy.SIDE, toy.SIDE), 255, np.uint8))
    stage.main(people, model, tmp_path / "rendered", section(), toy.architecture())
    real, rendered = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("real", "rendered"))
    textures = rendered.pop("textures")
    assert 0.1 < textures["l1"] < 0.9  # of an untrained decoder; own_textures' tests recompute it
    assert (textures["l1_visible"], textures["l1_hidden"]) == (None, None)
    assert rendered == {k: v for k, v in real.items() if k != "textures"}  # retrieval is what it was


def test_another_section_san_is_refused(people, model, tmp_path):
    with pytest.raises(ValueError, match=r"san\.width_px is 32, but .*params.json says 16"):
        stage.main(people, model, tmp_path / "out", section(), toy.architecture(width_px=32))
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_fit_are_refused(people, model, tmp_path):
    file = model / "params.json"
    file.write_text(json.dumps({"architecture": {**toy.ARCHITECTURE, "fc": 16}}))
    with pytest.raises(ValueError, match="the weights do not fit"):
        stage.main(people, model, tmp_path / "out", section(), toy.architecture(fc=16))


def test_what_is_missing_is_named(people, model, tmp_path):
    with pytest.raises(FileNotFoundError, match="run train_san"):
        stage.main(people, tmp_path / "nothing", tmp_path / "out", section(), toy.architecture())
    pit = toy.write_pit(tmp_path / "pit")
    with pytest.raises(ValueError, match="no rows of split 'query'"):
        stage.main(pit, model, tmp_path / "out", section(), toy.architecture())


def test_a_typo_in_the_section_is_named():
    with pytest.raises(ParamsError, match=r"evaluate_san\.metric"):
        section(metric="euclid")
    with pytest.raises(ParamsError, match=r"evaluate_san\.flipaverage"):
        section(flipaverage=True)
