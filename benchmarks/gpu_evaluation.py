"""Evaluation on a GPU beside the CPU's: ranking, re-ranking and the paper network's features at Market-1501's size.

The claim: the same numbers (ranking to 1e-5 in mAP and rank-1; re-ranked distances to 1e-5 but for neighbours that
float32 cannot tell apart, whose share is told), faster. The first run of each on the device is thrown away: it builds
kernels. The peer (torchreid, `make peers`) is measured last and on a fifth of the set, since its programs take minutes.
The JSON is written after each row. Without a GPU it says so and ends.

    python benchmarks/gpu_evaluation.py                      # writes --out
    python benchmarks/gpu_evaluation.py --device cpu --toy   # that it runs; the numbers mean nothing
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measuring
import numpy as np
import peers
import reranking as reranking_benchmark
import torch
from measuring import timed

from sanreid import params, runtime
from sanreid.evaluation import features, ranking, reranking
from sanreid.evaluation.ranking import Embeddings, Ranking
from sanreid.models import san
from sanreid.params import validate

PROFILE = Path(__file__).parent.parent / "profiles" / "paper.yaml"
TOY = {"backbone": "resnet18", "width": 4, "fc": 8, "height": 32, "width_px": 16, "texture": 32}
TOY |= {"decoder_channels": [8, 8, 8, 4, 4]}
Row = dict[str, Any]


def twice(device: torch.device, work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the second run, and its result."""
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return timed(work)


def apart(ours: Ranking, theirs: Ranking) -> dict[str, float]:
    """How far two rankings of the same features lie apart."""
    return {
        "rank1_apart": abs(ours.rank(1) - theirs.rank(1)),
        "mAP_apart": abs(ours.mean_average_precision - theirs.mean_average_precision),
    }


def rank(query: Embeddings, gallery: Embeddings, device: torch.device) -> Row:
    """CMC and mAP from features."""
    seconds, ours = twice(device, lambda: ranking.evaluate(query, gallery, device=device))
    cpu, theirs = twice(torch.device("cpu"), lambda: ranking.evaluate(query, gallery))
    return {"device_s": seconds, "cpu_s": cpu, "mAP": ours.mean_average_precision, **apart(ours, theirs)}


def rerank(query: Embeddings, gallery: Embeddings, device: torch.device) -> Row:
    """k-reciprocal re-ranking from features; `there` is the device's way, on the CPU too."""
    q, g = query.features, gallery.features
    seconds, ours = twice(device, lambda: reranking.there(q, g, 20, 6, 0.3, device))
    reranking.k_reciprocal(q[:50], g[:200])  # compile
    cpu, theirs = timed(reranking.k_reciprocal, q, g)
    rankings = [
        ranking.evaluate_distances(matrix, query.pids, gallery.pids, query.camids, gallery.camids)
        for matrix in (ours, theirs)
    ]
    difference = np.abs(ours - theirs)
    return {
        "device_s": seconds,
        "cpu_s": cpu,
        "entries_apart_percent": 100 * float((difference > 1e-5).mean()),
        "median_difference": float(np.median(difference)),
        "mAP": rankings[0].mean_average_precision,
        **apart(*rankings),
    }


def peer(query: Embeddings, gallery: Embeddings, device: torch.device) -> Row:
    """Re-ranking of a fifth of the set by torchreid, or the published program where that is not installed."""
    installed = peers.torchreid("utils/rerank.py") is not None
    program = reranking_benchmark.torchreid if installed else reranking_benchmark.published
    q, g = (e.features[: max(25, len(e) // 5)] for e in (query, gallery))
    seconds, ours = twice(device, lambda: reranking.there(q, g, 20, 6, 0.3, device))
    cpu, _ = timed(reranking.k_reciprocal, q, g)
    theirs_s, theirs = timed(program, q, g)
    wrong = 100 * float((np.abs(ours - theirs) > 1e-5).mean())
    name = "torchreid" if installed else "published program (torchreid is not installed)"
    return {"peer": name, "device_s": seconds, "cpu_s": cpu, "peer_s": theirs_s, "entries_apart_percent": wrong}


def extract(device: torch.device, toy: bool, precision: features.Precision) -> Row:
    """The paper network's features a second, flip-averaged, pictures on the CPU as an evaluation has them."""
    section = params.read(PROFILE)["san"] | {"pretrained": "none"} | (TOY if toy else {})
    arch = validate(section, san.Architecture, f"{PROFILE}: san")
    model = san.SAN(arch, people=2, decoder=False).eval().to(memory_format=torch.channels_last)
    count, batch = (16, 8) if toy else (4096, 256)
    pictures = torch.randint(0, 256, (count, *arch.size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    work = lambda flip: features.extract(model, pictures, batch, flip_average=flip, precision=precision)  # noqa: E731
    plain, flipped = (twice(device, lambda f=f: work(f))[0] for f in (False, True))
    return {"images": count, "batch": batch, "images_a_second": count / plain, "flip_averaged": count / flipped}


def main(given: argparse.Namespace) -> None:
    """Measure, print and write each row."""
    device, toy = torch.device(given.device), given.toy
    runtime.prepare(0)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU (the numbers mean nothing)"
    query, gallery = measuring.market(60, 400, 32) if toy else measuring.market()
    scale = f"{len(query)} x {len(gallery)} x {query.features.shape[1]}"
    rows: dict[str, Row] = {}
    facts = {"device": name, "torch": torch.__version__, "machine": measuring.machine(), "toy": toy, "scale": scale}
    facts |= {"rows": rows}
    works: dict[str, Callable[[], Row]] = {
        "ranking": lambda: rank(query, gallery, device),
        "features, float32": lambda: extract(device, toy, "float32"),
        "features, bfloat16": lambda: extract(device, toy, "bfloat16"),
        "re-ranking": lambda: rerank(query, gallery, device),
        "re-ranking, a fifth, beside the peer": lambda: peer(query, gallery, device),
    }
    print(f"{name}, torch {torch.__version__}, {measuring.machine()}: {scale}", flush=True)
    for title, work in works.items():
        begun = time.monotonic()
        try:
            rows[title] = work()
        except Exception as error:  # the next row is worth measuring all the same
            rows[title] = {"failed": f"{type(error).__name__}: {error}"}
        print(f"{title}: {rows[title]} ({time.monotonic() - begun:.1f} s in all)", flush=True)
        runtime.write_json(given.out, facts)
    print(f"written: {given.out}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu goes with --toy")
    arguments.add_argument("--toy", action="store_true", help="a few features and pictures: that the script runs")
    out = Path("reports/benchmarks/gpu_evaluation.json")
    arguments.add_argument("--out", type=Path, default=out, help="the JSON")
    given = arguments.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device: nothing measured (`--device cpu --toy` shows that the script runs)")
    else:
        main(given)
