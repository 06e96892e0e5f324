"""Images a second of one core at 256 x 128, all in, and the compiled rasteriser beside an array-at-a-time numpy one.

    python benchmarks/render.py [--people 12] [--images 10] [--look profiles/look/photographs.yaml]

"All in" is what a publisher pays: outfit, texture, two body shapes a person, posing, picture, crop with its visibility
map, JPEG. Both rasterisers draw the same meshes in one process, alternating, and must agree; processor time is
counted, so that a busy machine does not spoil the ratio. The numpy one is the oracle of tests/synthesis.
With --look, a fragment of params.yaml, the rate is told too with all its levers on, and with each part of them alone.
"""

import argparse
import resource
import time
from pathlib import Path

import cv2
import measuring
import numpy as np

from sanreid import params
from sanreid.runtime import rng
from sanreid.synthesis import figure, kernels, people, pose, render, scene
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.random_draws import RandomDraws

HEIGHT, WIDTH = 256, 128


def publish(people_count: int, images: int, levers: Look = OFF) -> float:
    """Processor seconds for `people_count` people with `images` pictures each, as a publisher makes them."""
    cameras = scene.cameras("reid", 0, 2, scenes=levers.clutter.scenes)
    start = time.process_time()
    for i in range(people_count):
        person = people.make(0, "benchmark", i, dressed=levers.worn)
        for k in range(images):
            dice = RandomDraws(0, ("benchmark", k % 2), ("benchmark", i, k))
            given = {"height": HEIGHT, "shape_key": k % 2, "look": levers, "dice": dice}
            view = render.view(person, cameras[k % 2], rng(0, i, k), **given)
            x0, y0, x1, y1 = view.box
            centre, half = (x0 + x1) / 2, (y1 - y0) / 4
            crop, _ = view.crop((int(centre - half), y0, int(centre + half), y1), (HEIGHT, WIDTH))
            cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, view.jpeg_quality])
    return time.process_time() - start


def rasterisers(rounds: int) -> tuple[float, float]:
    """Processor seconds a mesh of ours and of numpy's, taken in turns; raises if they disagree."""
    oracle, ours, theirs = measuring.load_oracle("synthesis"), [], []
    eye = np.array([1.0, -8.0, 2.0])
    for i in range(rounds):
        person = people.make(0, "benchmark", i)
        mesh = person.mesh()
        vertices, _ = figure.posed(mesh, pose.sample(rng(0, i), person.limits()))
        points = kernels.project(vertices, figure.look_at(eye, np.zeros(3)), eye.astype(np.float32))
        points[:, :2] = points[:, :2] * (2 * HEIGHT * 4.5) + [WIDTH, HEIGHT]
        size = 2 * HEIGHT, 2 * WIDTH
        start = time.process_time()
        depth, triangle, _ = kernels.rasterise(points, mesh.faces, *size)
        ours.append(time.process_time() - start)
        start = time.process_time()
        expected_depth, expected_triangle, _ = oracle.rasterise(points, mesh.faces, *size)
        theirs.append(time.process_time() - start)
        if not (np.array_equal(triangle, expected_triangle) and np.array_equal(depth, expected_depth)):
            raise SystemExit(f"the rasterisers disagree on person {i}")
    return float(np.median(ours)), float(np.median(theirs))


def parts(path: Path) -> dict[str, Look]:
    """The look of a fragment of params.yaml with all its levers on, and with each part of it alone."""
    whole = params.load(path, "synthesize.look", Look)
    return {"all": whole} | {name: OFF.model_copy(update={name: part}) for name, part in whole}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--look", type=Path, help="also measured with these levers on")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    publish(1, 1)
    rasterisers(1)
    seconds = publish(arguments.people, arguments.images)
    print(f"all in: {arguments.people * arguments.images / seconds:.0f} images/s a core at {HEIGHT}x{WIDTH}")
    for name, levers in parts(arguments.look).items() if arguments.look else ():
        publish(1, 3 * arguments.images, levers)  # draws what a process draws once
        taken = publish(arguments.people, arguments.images, levers)
        print(f"with look, {name}: {arguments.people * arguments.images / taken:.0f} images/s a core")
    ours, theirs = rasterisers(5)
    print(f"rasteriser: {1000 * ours:.2f} ms, numpy oracle: {1000 * theirs:.1f} ms")
    print(f"ratio {theirs / ours:.1f}")
    measuring.record(
        "rendering a person, its rasteriser",
        scale=f"{HEIGHT} x {WIDTH}",
        ours_s=ours,
        reference="numpy, the same bits",
        reference_s=theirs,
        times_faster=theirs / ours,
        bar="at least 60 images/s a core",
        extra_mb=None,
        told=f"{arguments.people * arguments.images / seconds:.0f} images/s a core, all in",
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
