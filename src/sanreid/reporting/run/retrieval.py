"""One evaluation of a trained SAN on a set: its numbers, its CMC curve and a picture of its ranked lists.

Decisions: features come from a network without its decoder, which retrieval does not need; every weight of the feature
must match, and the section `san` must be the one of the training. The set may be another than the one trained on:
people and cameras are compared within the set alone. The table says the protocol; ranked lists always show the whole
gallery, since a drawn one would look different in each repeat. Where the set has true textures and the variant paints
some, they are measured beside (`textures` in metrics.json, else null).
"""

from pathlib import Path

from sanreid import runtime
from sanreid.bounds import Batch, MaxRank, Repeats, Seed
from sanreid.data import index, tensors
from sanreid.evaluation import features, protocols, ranking
from sanreid.evaluation.distances import Metric
from sanreid.models import san as network
from sanreid.params import Section
from sanreid.reporting.run import decoded_textures
from sanreid.reporting.shared import ranked_lists, retrieval_files
from sanreid.training import networks


class Retrieval(Section):
    """How features are taken, ranked and shown: section `evaluate_san`."""

    batch: Batch
    metric: Metric
    max_rank: MaxRank
    flip_average: bool
    l2: bool
    precision: features.Precision
    repeats: Repeats
    seed: Seed
    lists: ranked_lists.Lists


def evaluate(images: Path, model: Path, out: Path, p: Retrieval, san: network.Architecture) -> None:
    """`out` gets metrics.json and the files of `retrieval_files.write` of the model folder `model` on the set `images`.

    Raises FileNotFoundError or ValueError naming the file where model, section `san` and set do not go together.
    """
    rows = features.retrieval_rows(index.read(images))
    protocol = protocols.of(rows)
    runtime.prepare(seed=0)
    net = load(model, san)
    decoded = tensors.decode(images, rows["path"].tolist(), san.size)
    extracted = features.extract(net, decoded, p.batch, p.flip_average, p.l2, precision=p.precision)
    query, gallery = features.split(extracted, rows)
    result = protocols.evaluate(query, gallery, protocol, p.metric, p.max_rank, p.repeats, p.seed)
    shown = result if protocol == protocols.WHOLE_GALLERY else ranking.evaluate(query, gallery, p.metric, p.max_rank)
    textures = decoded_textures.measure(images, rows, decoded, model, san, p.batch)
    with runtime.atomic_folder(out) as work:
        runtime.write_json(work / "metrics.json", result.metrics() | {"protocol": protocol, "textures": textures})
        given = images, rows, net, decoded, extracted
        retrieval_files.write(work, *given, result, shown, p.metric, p.lists)
    percent = 100 * result.rank(1), 100 * result.mean_average_precision
    runtime.log.info("%s: rank-1 %.1f %%, mAP %.1f %%", out, *percent)


def load(folder: Path, san: network.Architecture) -> network.SAN:
    """The network of a model folder, without its decoder.

    Raises FileNotFoundError where there is none, ValueError where it was trained with another section `san`.
    """
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; run train_san for this variant and seed")
    trained = runtime.read_json(file).get("architecture", {})
    for key, value in san.model_dump(mode="json").items():
        if trained.get(key) != value:
            raise ValueError(f"san.{key} is {value}, but {file} says {trained.get(key)}: train it again")
    return networks.load_san(folder, san)
