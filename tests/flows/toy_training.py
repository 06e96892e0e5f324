"""A training without torch that leaves what the real one leaves: history first, then the state, whole or not at all.

`python toy_training.py OUT SEED EPOCHS SECONDS [LOG]`: the "weights" of an epoch depend on all epochs before it, so a
resume from the wrong place or a mixed checkpoint gives other numbers. Each epoch is one line in LOG. Like the real one
it keeps its state in .checkpoints/<a key that it computes itself> and removes that when its output is in place.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path


def train(out: Path, seed: str, epochs: int, seconds: float, log: Path | None) -> None:
    """Write weights and history to the folder `out`."""
    folder = Path(".checkpoints", hashlib.sha256(seed.encode()).hexdigest()[:12])
    folder.mkdir(parents=True, exist_ok=True)
    state, history = folder / "state.json", folder / "history.csv"
    epoch, weights, length = 0, seed, 0
    if state.exists():
        epoch, weights, length = json.loads(state.read_text())
    else:
        history.write_text("")
    os.truncate(history, length)
    while epoch < epochs:
        time.sleep(seconds)
        epoch, weights = epoch + 1, hashlib.sha256(f"{weights} {epoch}".encode()).hexdigest()
        with history.open("a") as file:
            file.write(f"{epoch},{weights[:8]}\n")
        work = folder / f".state.json.{os.getpid()}.partial"
        work.write_text(json.dumps([epoch, weights, history.stat().st_size]))
        work.replace(state)
        if log:
            with log.open("a") as file:
                file.write(f"{out.name} {epoch} {Path.cwd()}\n")
        print(f"{out.name}: epoch {epoch}/{epochs}", flush=True)
    out.mkdir(parents=True)
    shutil.copyfile(history, out / "history.csv")
    (out / "weights").write_text(weights)
    shutil.rmtree(folder)


if __name__ == "__main__":
    path, chosen, many, each, *where = sys.argv[1:]
    train(Path(path), chosen, int(many), float(each), Path(where[0]) if where else None)
