"""The targets of a variant's decoder, collected in one folder: those of the paper's table 2, and two of our own.

- `input`: the image itself; nothing is written, since it is in the data set.
- `frontal`, `texture`: the prediction of the generator of that name for each image (Jin et al. 2020, table 2).
- `shared_texture`: the mean of the predicted textures over a training person's images, as the target of all of them.
  Each image shows one side of a person only; together they show more.
- `true_texture`: the true texture of a rendered person. No method may use it; it is an upper bound for the effect of
  better pseudo textures.

Decision: one folder per variant, so that a training depends only on what its variant uses: after a new SAN-PG, say, a
variant that starts from scratch and reconstructs the input is not retrained.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sanreid.data import images
from sanreid.graph_names import GENERATED
from sanreid.pseudo_textures import texture_table

MIRROR = "uv_mirror.npy"


def prepare(kind: str, rows: pd.DataFrame, pictures: Path, generated: Path, out: Path) -> None:
    """Write into the folder `out` the targets of `rows` (an index table), their table, and the layout's mirror map.

    `pictures` is the set's folder, `generated` the one with a folder a generator. Raises FileNotFoundError naming the
    stage or the file that is missing, ValueError where the set has no true textures.
    """
    if kind in ("nothing", "input"):
        return
    paths = rows["path"].tolist()
    if kind == "true_texture":
        names = [f"truth/{pid}.png" for pid in rows["pid"]]
        images.copy_all(out, ((f"truth/{pid}.png", _true(pictures, pid)) for pid in sorted(set(rows["pid"]))))
        texture_table.write(paths, names, out)
        _copy_mirror(generated / "texture", out)
        return
    source = generated / GENERATED[kind]
    if not (source / texture_table.NAME).is_file():
        raise FileNotFoundError(
            f"{source}: not generated; reconstruct '{kind}' needs '{GENERATED[kind]}' in experiment.generators"
        )
    found = texture_table.find(source, paths)
    if kind == "shared_texture":
        train = (rows["split"] == "train").to_numpy()
        shared = [f"shared/{pid}.png" if t else name for pid, t, name in zip(rows["pid"], train, found, strict=True)]
        people = pd.DataFrame({"name": shared, "file": found})[train].groupby("name")["file"]
        images.write_all(out, _means(people, source))
        images.copy_all(out, ((n, source / n) for n, t in zip(found, train, strict=True) if not t))
        found = shared
    else:
        images.copy_all(out, ((name, source / name) for name in found))
    texture_table.write(paths, found, out)
    _copy_mirror(source, out)


def _means(people: object, source: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The mean texture of each person, rounded."""
    for name, files in people:  # type: ignore[attr-defined]
        total = np.zeros(1)
        for file in files:
            total = total + images.read_rgb(source / file)
        yield name, np.rint(total / len(files)).astype(np.uint8)


def _true(pictures: Path, pid: int) -> Path:
    path = pictures / "truth" / "textures" / f"{pid}.png"
    if not path.is_file():
        raise ValueError(f"{path}: reconstruct 'true_texture' is for rendered sets, and this person's is not known")
    return path


def _copy_mirror(source: Path, out: Path) -> None:
    if (source / MIRROR).is_file():
        shutil.copyfile(source / MIRROR, out / MIRROR)
