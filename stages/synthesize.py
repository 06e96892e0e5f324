"""Render one embedded raw data set in its publisher's file layout.

Decisions: the stage has one instance per data set, so that a change to one set does not make the others stale; each
publisher's module defines its part of the parameters; the folder is written completely or not at all.
"""

from pathlib import Path

from sanreid.bounds import Folder, Processes, Seed
from sanreid.params import Section, run
from sanreid.runtime import atomic_folder, log
from sanreid.synthesis import publish_cuhk03, publish_market1501, publish_mnist, publish_pit, scene
from sanreid.synthesis.look import Look

PUBLISHERS = {
    "pit": publish_pit.publish,
    "cuhk03": publish_cuhk03.publish,
    "market1501": publish_market1501.publish,
    "mnist": publish_mnist.publish,
}


class Params(Section):
    """Section `synthesize`."""

    seed: Seed
    processes: Processes
    backgrounds: Folder | None
    look: Look
    pit: publish_pit.Pit
    cuhk03: publish_cuhk03.Cuhk03
    market1501: publish_market1501.Market1501
    mnist: publish_mnist.Mnist


def main(dataset: str, out: Path, p: Params) -> None:
    """Write raw data set `dataset` into the folder `out`."""
    if dataset not in PUBLISHERS:
        raise ValueError(f"--dataset {dataset}: not one of {', '.join(PUBLISHERS)}")
    if p.backgrounds is not None and not p.backgrounds.is_dir():
        raise FileNotFoundError(f"synthesize.backgrounds: {p.backgrounds} is no folder; null paints backgrounds")
    if p.backgrounds is not None:
        scene.check_backgrounds(p.backgrounds)
    with atomic_folder(out) as folder:
        given = {"seed": p.seed, "processes": p.processes, "backgrounds": p.backgrounds, "look": p.look}
        PUBLISHERS[dataset](folder, getattr(p, dataset), **given)
    log.info("%s: written to %s", dataset, out)


if __name__ == "__main__":
    run(main)
