"""CUHK03's .mat to PNGs on two cores: ours beside the peers' way, on rendered people at the published sizes.

The claim: at most 0.8 ms an image on two cores, the pixels unchanged, the bytes at most 1.1 times Pillow's default.
Beside it, what it costs to look at every byte of a Market-1501-like JPEG on its way: the copy with it and without.

    python benchmarks/extraction.py [--people 60]
"""

import argparse
import io
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import measuring
import numpy as np
from PIL import Image

from sanreid.data import cuhk03, images
from sanreid.params import validate
from sanreid.synthesis import publish_cuhk03

SETTINGS = {
    "people": [1],
    "camera_pairs": [[1, 2]],
    "test_people": 20,
    "splits": 1,
    "split_people": 10,
    "heights": [150, 350],
    "empty_share": 0.04,
    "missed_share": 0.02,
    "tight": 0.03,
    "jitter": 0.06,
    "cut_share": 0.15,
    "look_alike_share": 0.3,
}


def ours(raw: Path, out: Path) -> int:
    """The stage's own reading and writing; returns the number of images."""
    table, pictures = cuhk03.read(raw, "labeled")
    images.write_all(out, pictures)
    return len(table)


def peers(raw: Path, out: Path) -> None:
    """As the peers do it: h5py's indexing, Pillow's PNG, one after the other."""
    shots = cuhk03.protocol(raw / cuhk03.PROTOCOL.format(boxes="labeled"))
    out.mkdir()
    with h5py.File(raw / cuhk03.MAT) as file:
        for shot in shots:
            cells = file[file["labeled"][0][shot.pair - 1]]
            pixels = file[cells[shot.slot - 1, shot.person - 1]][()].transpose(2, 1, 0)
            Image.fromarray(pixels).save(out / shot.file)


def copying(folder: Path, count: int, repeats: int) -> None:
    """The copy of `count` JPEGs of 128 x 64 as extract_market1501 makes it, beside the same copy unread; printed."""
    rng = np.random.default_rng(0)
    raw = folder / "jpegs"
    raw.mkdir()
    files = [(f"{i:05d}.jpg", raw / f"{i:05d}.jpg") for i in range(count)]
    for _, path in files:  # smooth pictures with some texture: JPEGs of about the published size
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((64, 128), Image.Resampling.BICUBIC), np.int16)
        data = io.BytesIO()
        noisy = (smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(data, "JPEG", quality=90)
        path.write_bytes(data.getvalue())

    def looked_at() -> None:
        images.copy_all(folder / "looked at", files, roots=[raw])

    def unread() -> None:
        (folder / "unread").mkdir(exist_ok=True)
        with ThreadPoolExecutor(images.THREADS) as pool:
            list(pool.map(lambda file: shutil.copyfile(file[1], folder / "unread" / file[0]), files))

    ours, plain = measuring.alternating(repeats, looked_at, unread)
    cost = [1e3 * min(seconds) / count for seconds in (ours, plain)]
    told = f"{cost[0]:.2f} ms a picture, {cost[1]:.2f} without looking: {cost[0] - cost[1]:.2f} ms for every byte of it"
    print(f"{count} JPEGs copied: {told}")
    measuring.record(
        "JPEGs verified as they are copied",
        scale=f"{count} JPEGs of 128 x 64",
        ours_s=min(ours),
        reference="the copy alone",
        reference_s=min(plain),
        times_faster=1 / measuring.ratio(ours, plain),
        bar="told, not promised",
        extra_mb=None,
        told=told,
    )


def main(people: int, repeats: int) -> None:
    """Measure, print, record."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        raw.mkdir()
        p = validate(SETTINGS | {"people": [people]}, publish_cuhk03.Cuhk03, "cuhk03")
        publish_cuhk03.publish(raw, p, seed=0, processes=0, backgrounds=None)
        number, fast, slow = 0, [], []
        for k in range(repeats):
            seconds, number = measuring.timed(ours, raw, Path(folder) / f"ours{k}")
            fast.append(seconds / number)
            slow.append(measuring.timed(peers, raw, Path(folder) / f"peers{k}")[0] / number)
        written = sorted((Path(folder) / "ours0/images").iterdir())
        theirs = [Path(folder) / "peers0" / f.name for f in written]
        for a, b in zip(written, theirs, strict=True):
            with Image.open(a) as one, Image.open(b) as other:
                assert np.array_equal(np.asarray(one), np.asarray(other)), a
        copying(Path(folder), 2000, repeats)
        size = sum(f.stat().st_size for f in written) / sum(f.stat().st_size for f in theirs)
    print(f"{number} images: ours {1e3 * min(fast):.2f} ms an image (bar 0.8), the peers' way {1e3 * min(slow):.2f} ms")
    print(
        f"ratio: {1 / measuring.ratio(fast, slow):.1f} times faster, {size:.2f} times the bytes (bar 1.1), same pixels"
    )
    measuring.record(
        "CUHK03 .mat to PNG",
        scale=f"{number} images",
        ours_s=min(fast) * number,
        reference="h5py and Pillow, one by one",
        reference_s=min(slow) * number,
        times_faster=1 / measuring.ratio(fast, slow),
        bar="at most 0.8 ms an image",
        extra_mb=None,
        told=f"{1e3 * min(fast):.2f} ms an image, {size:.2f} times the bytes",
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--people", type=int, default=60, help="with about ten images each")
    arguments.add_argument("--repeats", type=int, default=3, help="alternating runs of both")
    given = arguments.parse_args()
    main(given.people, given.repeats)
