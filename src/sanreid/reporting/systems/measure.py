"""One evaluation of a trained re-ID system on a set: its numbers, its CMC curve, its ranked lists, a map of people.

Decisions: the model folder says which system it is and how its network is shaped, so one stage measures them all; a new
system is a line in training/networks.py. What it takes (parameters, images a second, training seconds) stands beside
what it reaches, because a table without the price compares little. Parameters are the network's as it was trained, its
classifiers included; the images a second are of the features alone, on decoded images, after one batch that is not
counted. Re-ranking of a cosine system works on unit features, whose squared distance orders as the cosine does. A
network that gives stripes is measured by its local distance too, and by the sum (`aligned_distances`). Networks that
only helped to train this one are left out.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sanreid import runtime
from sanreid.bounds import Batch, MaxRank, Neighbours, Repeats, Seed, Share
from sanreid.data import images as pictures
from sanreid.data import index, tensors
from sanreid.evaluation import aligned_distances, features, protocols, ranking, reranking
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import Embeddings, Ranking
from sanreid.graph_names import System
from sanreid.models import aligned
from sanreid.params import Section
from sanreid.reporting.shared import notices, ranked_lists, retrieval_files
from sanreid.reporting.systems import people_map
from sanreid.training.networks import load as load

FIRST = 80  # images of a ranking that mAP_first80 looks at (the two-branch networks' source)


class Reranking(Section):
    """k-reciprocal re-ranking (Zhong et al. 2017)."""

    k1: Neighbours
    k2: Neighbours
    weight: Share


class Evaluation(Section):
    """Section `evaluate_system`."""

    batch: Batch
    metric: dict[System, Metric]
    max_rank: MaxRank
    flip_average: bool
    precision: features.Precision
    reranking: Reranking
    repeats: Repeats
    seed: Seed
    lists: ranked_lists.Lists


def evaluate(images: Path, model: Path, out: Path, p: Evaluation) -> None:
    """`out` gets metrics.json, the files of `retrieval_files.write`, and tsne.jpg of `model` on the set `images`.

    Raises FileNotFoundError or ValueError naming the file or key where they do not go together.
    """
    net, record = load(model)
    if record["system"] not in p.metric:
        raise ValueError(f"evaluate_system.metric: no '{record['system']}'; say euclidean or cosine for it")
    metric = p.metric[record["system"]]
    rows = features.retrieval_rows(index.read(images))
    arch = record["recipe"]["network"]
    decoded = tensors.decode(images, rows["path"].tolist(), (arch["height"], arch["width_px"]))
    runtime.prepare(seed=0)
    features.extract(net, decoded[: p.batch], p.batch)  # the first batch pays for memory and kernels
    begun = time.perf_counter()
    extracted = features.extract(net, decoded, p.batch, p.flip_average, metric == "cosine", precision=p.precision)
    seconds = time.perf_counter() - begun
    query, gallery = features.split(extracted, rows)
    protocol = protocols.of(rows)
    result = protocols.evaluate(query, gallery, protocol, metric, p.max_rank, p.repeats, p.seed)
    whole = ranking.evaluate(query, gallery, metric, p.max_rank, first_k=FIRST)
    enough = len(rows) > p.reranking.k1
    if not enough:
        words = "%s: %d images are too few to re-rank with evaluate_system.reranking.k1 = %d: left out"
        runtime.log.warning(words, images, len(rows), p.reranking.k1)
    reranked = rerank(query, gallery, protocol, p) if enough else None
    metrics = result.metrics() | {
        "mAP_first80": whole.shortened_mean_average_precision,
        "reranked": _brief(reranked),
        "protocol": protocol,
        "system": record["system"],
        "parameters": sum(weight.numel() for weight in net.parameters()),
        "images_per_second": round(len(rows) / seconds, 1),
        "training_seconds": runtime.read_json(model / "training.json")["seconds"],
        "warnings": notices.of_model(model),
    }
    if isinstance(net, aligned.AlignedReID):
        flat = features.extract(net, decoded, p.batch, p.flip_average, read=_stripes, precision=p.precision)
        stripes = np.concatenate([part.features for part in features.split(flat, rows)])
        stripes = stripes.reshape(len(rows), -1, arch["local"])
        others = local_and_sum(query, gallery, stripes, protocol, p, enough)
        metrics["by_distance"] = {"global": _pair(result, reranked), **others}
    with runtime.atomic_folder(out) as work:
        runtime.write_json(work / "metrics.json", metrics)
        retrieval_files.write(work, images, rows, net, decoded, extracted, result, whole, metric, p.lists)
        pictures.write_rgb(work / "tsne.jpg", people_map.draw(extracted, rows, p.seed))
    percent = [100 * x for x in (result.rank(1), result.mean_average_precision)]
    again = "not" if reranked is None else f"{100 * reranked.mean_average_precision:.1f} %"
    runtime.log.info("%s: rank-1 %.1f %%, mAP %.1f %%, re-ranked %s", out, *percent, again)


def rerank(query: Embeddings, gallery: Embeddings, protocol: str, p: Evaluation) -> Ranking:
    """The ranking by k-reciprocal distances, by `protocol`."""
    k = p.reranking
    matrix = reranking.k_reciprocal(query.features, gallery.features, k.k1, k.k2, k.weight, runtime.device())
    return rank(matrix, query, gallery, protocol, p)


def rank(matrix: NDArray[np.float32], query: Embeddings, gallery: Embeddings, protocol: str, p: Evaluation) -> Ranking:
    """The ranking by distances (Q, G), by `protocol`."""
    ids = query.pids, gallery.pids, query.camids, gallery.camids
    if protocol == index.SINGLE_GALLERY_SHOT:
        return ranking.evaluate_single_gallery_shot(matrix, *ids, p.max_rank, p.repeats, p.seed)
    return ranking.evaluate_distances(matrix, *ids, p.max_rank)


def local_and_sum(
    query: Embeddings, gallery: Embeddings, stripes: NDArray[np.float32], protocol: str, p: Evaluation, enough: bool
) -> dict[str, dict[str, Any]]:
    """What `local` and `sum` reach, and where images are `enough` re-ranked; stripes (Q + G, H, c), queries first."""
    found, k, first = {}, p.reranking, len(query)
    together = np.concatenate([query.features, gallery.features])
    for name, matrix in aligned_distances.matrices(together, stripes):
        plain = rank(matrix[:first, first:], query, gallery, protocol, p)
        again = reranking.from_distances(matrix, first, k.k1, k.k2, k.weight) if enough else None
        found[name] = _pair(plain, None if again is None else rank(again, query, gallery, protocol, p))
    return found


def _brief(reranked: Ranking | None) -> dict[str, float] | None:
    """Rank-1 and mAP after re-ranking; None where there was none."""
    return None if reranked is None else {"rank1": reranked.rank(1), "mAP": reranked.mean_average_precision}


def _pair(plain: Ranking, reranked: Ranking | None) -> dict[str, Any]:
    """The numbers of a distance, and rank-1 and mAP after re-ranking."""
    kept = ("rank1", "rank5", "rank10", "mAP", "mINP")
    values = {name: value for name, value in plain.metrics().items() if name in kept}
    return values | {"reranked": _brief(reranked)}


def _stripes(output: aligned.AlignedOutput) -> Tensor:
    return output.stripes.flatten(1)
