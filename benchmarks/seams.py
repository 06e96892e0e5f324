"""Where does the seam on a turned person's back come from: from the renderer, or from what the network paints?

`sanreid texture` turns the person who wears a painted texture, and down the middle of the back, where the two ends of
the trunk's chart meet, a line can be seen. Measured here on people whose true textures are known: the step of colour
across the edges of the mesh where the texture is cut, beside the step across the edges next to them where it is not,
for the true textures, for those that a network painted, and for these as they are shown, with their edges joined
(synthesis/sewing.py). Where the renderer were to blame the true ones would have the step too. Told beside it: how far
from the empty texture's grey each part of the body is, true and painted.

    python benchmarks/seams.py models/san_pg/texture data/interim/cuhk03_labeled

Decision: colours are taken at the middle of the two triangles that meet at an edge, by the bilinear look-up that the
renderer has, so that both kinds of edges compare places that are as far apart.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from sanreid.data import images, index
from sanreid.search import textures
from sanreid.synthesis import body, sewing, texels

PEOPLE = 40
MIDDLE = 0.02  # metres beside the spine


def edges() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the edges of the back of the trunk: the places (n, 2, 2) of their two triangles in the texture, whether the
    texture is cut there (n,), and their distance from the spine (n,)."""
    model, adult, marks = body.model(), body.canonical(), texels.landmarks()
    found: dict[tuple[int, int], list[tuple[int, tuple[int, int]]]] = {}
    for face, (corners, places) in enumerate(zip(model.faces.tolist(), model.uv_faces.tolist(), strict=True)):
        for i in range(3):
            (a, ua), (b, ub) = sorted([(corners[i], places[i]), (corners[i - 1], places[i - 1])])
            found.setdefault((a, b), []).append((face, (ua, ub)))
    pairs = [(edge, two) for edge, two in found.items() if len(two) == 2]
    middle = np.array([adult.vertices[list(edge)].mean(0) for edge, _ in pairs])
    arm = np.array([adult.arm[list(edge)].mean() for edge, _ in pairs])
    x, y, z = middle.T
    back = (y > marks.neck_y) & (arm < 0.3) & (z > marks.hip) & (z < marks.neck)
    centres = model.uv[model.uv_faces].mean(1)
    places = np.array([[centres[face] for face, _ in two] for _, two in pairs])
    cut = np.array([two[0][1] != two[1][1] for _, two in pairs])
    return places[back], cut[back], np.abs(x[back])


def step(texture: np.ndarray, places: np.ndarray) -> float:
    """The mean difference (0 to 255) of the colours of a texture (T, T, 3) at pairs of places (n, 2, 2) in [0, 1]."""
    at = (places * texture.shape[0] - 0.5).astype(np.float32)
    picture, (x, y) = texture.astype(np.float32), np.moveaxis(at, -1, 0)
    colours = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(np.abs(colours[:, 0] - colours[:, 1]).mean())


def main(model: Path, folder: Path) -> None:
    """Measure and print."""
    table = index.of_split(index.read(folder), "query", folder).drop_duplicates("pid")
    table = table[[(folder / "truth/textures" / f"{pid}.png").is_file() for pid in table["pid"]]].head(PEOPLE)
    true = [images.read_rgb(folder / "truth/textures" / f"{pid}.png") for pid in table["pid"]]
    painted = list(textures.Painter(model, torch.device("cpu")).paint([folder / path for path in table["path"]]))
    places, cut, aside = edges()
    kinds = {"cut": cut & (aside < MIDDLE), "whole": ~cut}
    print(
        f"{len(table)} people; edges of the back: {kinds['cut'].sum()} cut by the texture, {kinds['whole'].sum()} whole"
    )
    shown = [sewing.sewn(texture) for texture in painted]
    for name, all_of in (("true", true), ("painted", painted), ("painted, joined", shown)):
        steps = {kind: np.mean([step(texture, places[at]) for texture in all_of]) for kind, at in kinds.items()}
        ratio = steps["cut"] / steps["whole"]
        print(f"{name}: step {steps['cut']:.1f} at the cut, {steps['whole']:.1f} elsewhere, ratio: {ratio:.2f}")
    surface, (rows, columns) = texels.texels(), texels.texel_index()
    arm = (surface.arm > 0.5) & (surface.hand < 0.5)
    parts = {
        "trunk": sewing.trunk(),
        "upper arms": arm & (surface.sleeve <= 0.5),
        "forearms": arm & (surface.sleeve > 0.5),
    }
    size = (body.TEXTURE, body.TEXTURE)
    whole = {"true": true, "painted": [cv2.resize(t, size, interpolation=cv2.INTER_LINEAR) for t in painted]}
    for part, at in parts.items():
        told = []
        for name, all_of in whole.items():
            colours = np.stack([texture[rows[at], columns[at]] for texture in all_of]).astype(float)
            told.append(f"{name} {np.abs(colours - 255 * texels.EMPTY).mean():.0f} from the empty grey")
        print(f"{part} ({at.sum()} texels): {', '.join(told)}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path, help="a folder of train_san_pg")
    arguments.add_argument("folder", type=Path, help="an interim set with truth/textures")
    given = arguments.parse_args()
    main(given.model, given.folder)
