"""Feature extraction: images a second of the demo's and of the paper's network, plain and flip-averaged.

On a GPU also in bfloat16. The reference is the same network called image batch by image batch in contiguous float32, as
the peers' loops do.

    python benchmarks/inference.py          # the demo's network, and some images of the paper's
"""

import argparse
from pathlib import Path

import measuring
import torch

from sanreid import params, runtime
from sanreid.data.tensors import normalise_images
from sanreid.evaluation import features
from sanreid.models import san
from sanreid.params import validate

PROFILES = Path(__file__).parent.parent / "profiles"


def main(repeats: int) -> None:
    """Measure, print, record."""
    runtime.prepare(0)
    for profile, count in (("demo", 512), ("paper", 64)):
        section = params.read(PROFILES / f"{profile}.yaml")["san"] | {"pretrained": "none"}
        arch = validate(section, san.Architecture, "san")
        model = san.SAN(arch, people=2, decoder=False).eval()
        generator = torch.Generator().manual_seed(0)
        pictures = torch.randint(0, 256, (count, *arch.size, 3), dtype=torch.uint8, generator=generator)
        pictures = pictures.permute(0, 3, 1, 2)
        plain = san.SAN(arch, people=2, decoder=False).eval().to(runtime.device())

        def reference(pictures: torch.Tensor = pictures, plain: san.SAN = plain) -> None:
            with torch.no_grad():
                for part in pictures.split(64):
                    plain(normalise_images(part).contiguous().to(runtime.device())).feature.cpu()

        model.to(memory_format=torch.channels_last)
        works = [
            lambda model=model, pictures=pictures: features.extract(model, pictures, 64),
            lambda model=model, pictures=pictures: features.extract(model, pictures, 64, flip_average=True),
            reference,
        ]
        for work in works:
            work()
        once, twice, peers = measuring.alternating(repeats, *works)
        print(f"{profile}: {count / min(once):.0f} images/s, flip-averaged {count / min(twice):.0f}, ", end="")
        print(f"reference {count / min(peers):.0f}; ratio {1 / measuring.ratio(once, peers):.2f}")
        measuring.record(
            f"features, {profile} network",
            scale=f"{count} images of {arch.height} x {arch.width_px}",
            ours_s=min(once),
            reference="contiguous float32 batches",
            reference_s=min(peers),
            times_faster=1 / measuring.ratio(once, peers),
            bar="",
            extra_mb=None,
            told=f"{count / min(once):.0f} images/s, flip-averaged {count / min(twice):.0f}",
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--repeats", type=int, default=3, help="alternating runs of each")
    main(arguments.parse_args().repeats)
