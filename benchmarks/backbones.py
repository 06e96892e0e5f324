"""What a training step of a backbone costs on a CPU: forward, backward and Adam's step at the demo's size, batch 64.

    python benchmarks/backbones.py [--steps 5] [--threads 1]

Decisions: the processor's own seconds and not the clock's, so that what runs beside it counts little; every kind in
turn, the least of the steps. bfloat16 is autocast, which the trainings here do not do on a CPU: the column says what
they forgo. No claim stands behind these figures; they say which backbone can be trained for how long
(docs/backbones.md).
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from sanreid import runtime
from sanreid.models.backbones import Backbone

SIZE, BATCH, PEOPLE = (128, 64), 64, 16
KINDS = (  # backbone, width, last stride, blocks of `features` that are not trained
    ("resnet18", 32, 1, 0),
    ("resnet18", 64, 1, 0),
    ("mobilenet_v2", 16, 1, 0),
    ("mobilenet_v2", 32, 1, 0),
    ("mobilenet_v2", 32, 2, 0),
    ("mobilenet_v2", 32, 1, 4),
    ("mobilenet_v2", 32, 1, 7),
)
LAYOUTS = ((torch.contiguous_format, False), (torch.channels_last, False), (torch.channels_last, True))


def step(name: str, width: int, last_stride: int, frozen: int, layout: torch.memory_format, half: bool) -> Callable:
    """A training step of that backbone with a classifier of PEOPLE, on random pictures."""
    torch.manual_seed(0)
    trunk = Backbone(name, width, last_stride).to(memory_format=layout)
    head = nn.Linear(trunk.channels[3], PEOPLE)
    for parameter in trunk.features[:frozen].parameters() if frozen else ():  # pyrefly: ignore
        parameter.requires_grad_(False)
    trained = [p for p in (*trunk.parameters(), *head.parameters()) if p.requires_grad]
    optimizer = torch.optim.Adam(trained, fused=True)
    images = torch.randn(BATCH, 3, *SIZE).contiguous(memory_format=layout)
    labels = torch.arange(BATCH) % PEOPLE

    def update() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = head(trunk(images).l4.mean((2, 3)))
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits.float(), labels).backward()
        optimizer.step()

    return update


def main(steps: int, threads: int) -> None:
    """Measure and print a row a kind."""
    runtime.prepare(0, threads)
    print("| backbone | width | last stride | frozen blocks | contiguous | channels last | the same, bfloat16 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in KINDS:
        works = [step(*kind, layout, half) for layout, half in LAYOUTS]
        best = [float("inf")] * len(works)
        for turn in range(steps + 1):
            for i, work in enumerate(works):
                start = time.process_time()
                work()
                if turn:  # the first one chooses kernels
                    best[i] = min(best[i], time.process_time() - start)
        print(
            f"| {' | '.join(map(str, kind))} | {' | '.join(f'{BATCH / seconds:.0f}' for seconds in best)} |", flush=True
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each, in turn")
    parser.add_argument("--threads", type=int, default=1, help="threads; their seconds are summed")
    given = parser.parse_args()
    main(given.steps, given.threads)
