"""cuhk-03.mat and the protocol files, read back by plain h5py and scipy as the field's own readers do."""

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from sanreid.params import ParamsError, validate
from sanreid.synthesis import publish_cuhk03, scene

VALUES = {
    "people": [4, 3],
    "camera_pairs": [[1, 2], [3, 2]],
    "test_people": 3,
    "splits": 20,
    "split_people": 2,
    "heights": [60, 90],
    "empty_share": 0.3,
    "missed_share": 0.3,
    "tight": 0.01,
    "jitter": 0.05,
    "cut_share": 0.2,
    "look_alike_share": 0.3,
}


def section(**changes) -> publish_cuhk03.Cuhk03:
    return validate(VALUES | changes, publish_cuhk03.Cuhk03, "cuhk03")


def publish(folder: Path, processes: int = 1, seed: int = 4, **changes) -> Path:
    folder.mkdir()
    scene.reid_cameras.cache_clear()
    publish_cuhk03.publish(folder, section(**changes), seed=seed, processes=processes, backgrounds=None)
    scene.reid_cameras.cache_clear()
    return folder


@pytest.fixture
def fake(tmp_path, fake_renderer) -> Path:
    return publish(tmp_path / "cuhk03")


def pictures(folder: Path, kind: str) -> dict[str, np.ndarray]:
    """All pictures by published name, as every public reader gets them."""
    found = {}
    with h5py.File(folder / "cuhk-03.mat", "r") as file:
        for pair, reference in enumerate(file[kind][0], 1):
            people = file[reference][:].T
            for person, slots in enumerate(people, 1):
                for slot, ref in enumerate(slots):
                    image = file[ref][:].T
                    if image.size == 0 or image.ndim < 3:
                        assert image.tolist() == [0, 0]
                        continue
                    found[f"{pair}_{person:03d}_{1 if slot < 5 else 2}_{slot + 1:02d}.png"] = image
    return found


def protocol(folder: Path, kind: str) -> dict:
    return loadmat(folder / f"cuhk03_new_protocol_config_{kind}.mat")


def names(values: dict) -> list[str]:
    return [cell[0][0] for cell in values["filelist"]]


def test_archive_has_the_published_structure(fake):
    with h5py.File(fake / "cuhk-03.mat", "r") as file:
        assert set(file) == {"#refs#", "detected", "labeled", "testsets"}
        for kind in ("detected", "labeled"):
            assert file[kind].shape == (1, 2)
            assert [file[r].shape for r in file[kind][0]] == [(10, 4), (10, 3)]
            assert h5py.check_ref_dtype(file[kind].dtype) is h5py.Reference
        assert file["testsets"].shape == (1, 20)
        for reference in file["testsets"][0]:
            split = file[reference][:].T
            assert split.shape == (2, 2)
            assert len({tuple(row) for row in split}) == 2
            for pair, person in split:
                assert 1 <= person <= {1: 4, 2: 3}[pair]
    assert (fake / "cuhk-03.mat").read_bytes()[:10] == b"MATLAB 7.3"


def test_each_slot_shows_its_person_and_camera_in_rgb(fake):
    for kind in ("detected", "labeled"):
        for name, image in pictures(fake, kind).items():
            pair, person, camera, slot = (int(part) for part in name[:-4].split("_"))
            index = {1: 0, 2: 4}[pair] + person - 1
            number = VALUES["camera_pairs"][pair - 1][camera - 1]
            assert image.dtype == np.uint8
            assert np.abs(image.reshape(-1, 3).mean(0) - (index * 10, number * 20, 255)).max() < 3
            assert camera == (1 if slot <= 5 else 2)
            height, width = image.shape[:2]
            assert height > width, f"{kind} {name}: not transposed"


def test_boxes_differ_in_kind(fake):
    labeled, detected = pictures(fake, "labeled"), pictures(fake, "detected")
    assert len(labeled) > len(detected)
    assert set(detected) < set(labeled)
    shapes = np.array([(*labeled[n].shape[:2], *detected[n].shape[:2]) for n in detected])
    assert (shapes[:, :2] != shapes[:, 2:]).any(1).mean() > 0.8, "the detector draws its own boxes"
    assert shapes[:, 0].min() >= 60 * 0.9
    assert shapes[:, 0].max() <= 90 * 1.1
    heights = shapes[:, 2] / shapes[:, 0]
    assert heights.min() < 0.85, "some are cut"


@pytest.mark.parametrize("kind", ["labeled", "detected"])
def test_protocol_lists_what_the_archive_holds(fake, kind):
    values = protocol(fake, kind)
    assert names(values) == sorted(pictures(fake, kind))
    count = len(values["filelist"])
    by_person = {"1_001": 1, "1_002": 2, "1_003": 3, "1_004": 4, "2_001": 5, "2_002": 6, "2_003": 7}
    assert values["labels"].ravel().tolist() == [by_person[n[:5]] for n in names(values)]
    assert values["camId"].ravel().tolist() == [int(n[6]) for n in names(values)]
    parts = {k: values[k].ravel().tolist() for k in ("train_idx", "query_idx", "gallery_idx")}
    assert sorted(i for part in parts.values() for i in part) == list(range(1, count + 1)), "a partition from 1"
    assert all(part == sorted(part) for part in parts.values())
    people = {k: {int(values["labels"][i - 1, 0]) for i in part} for k, part in parts.items()}
    assert len(people["train_idx"]) == 4
    assert people["query_idx"] == people["gallery_idx"]
    assert len(people["query_idx"]) == 3
    assert not people["train_idx"] & people["query_idx"]
    seen = sorted((int(values["labels"][i - 1, 0]), int(values["camId"][i - 1, 0])) for i in parts["query_idx"])
    assert seen == [(p, c) for p in sorted(people["query_idx"]) for c in (1, 2)], "one query a person and camera"
    gallery = {(int(values["labels"][i - 1, 0]), int(values["camId"][i - 1, 0])) for i in parts["gallery_idx"]}
    assert set(seen) <= gallery, "each query finds its person under the other camera"


def test_both_kinds_test_the_same_people(fake):
    tested = [
        {int(v["labels"][i - 1, 0]) for i in v["query_idx"].ravel()}
        for v in (protocol(fake, "labeled"), protocol(fake, "detected"))
    ]
    assert tested[0] == tested[1]


def test_protocol_has_the_real_files_keys_types_and_ranks(fake, published):
    real, ours = loadmat(published / "cuhk03_new_protocol_config_labeled.mat"), protocol(fake, "labeled")
    assert [k for k in ours if k[0] != "_"] == [k for k in real if k[0] != "_"]
    for key in (k for k in real if k[0] != "_"):
        assert ours[key].dtype == real[key].dtype, key
        assert ours[key].shape[1:] == real[key].shape[1:], key
    assert ours["filelist"][0, 0].dtype == real["filelist"][0, 0].dtype


def test_truth_lies_beside_every_picture(fake):
    truth = fake / "truth"
    textures = sorted(p.name for p in (truth / "textures").iterdir())
    assert textures == [f"1_{i:03d}.png" for i in range(1, 5)] + [f"2_{i:03d}.png" for i in range(1, 4)]
    texture = cv2.imread(str(truth / "textures" / "2_001.png"))[:, :, ::-1]
    assert texture.shape == (256, 256, 3)
    assert texture[0, 0].tolist() == [40, len("cuhk03"), 255], "the fifth person, RGB"
    assert (cv2.imread(str(truth / "coverage.png"), 0) == 255).all()
    for kind in ("labeled", "detected"):
        files = {p.name for p in (truth / "visibility" / kind).iterdir()}
        assert files == set(pictures(fake, kind))
    mask = cv2.imread(str(truth / "visibility" / "labeled" / "2_001_1_01.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (256, 256)
    assert np.unique(mask).tolist() == [0, 255]
    assert (mask[40] == 255).all()


def test_cameras_are_the_reid_family_and_the_sets_own(tmp_path, fake_renderer):
    publish(tmp_path / "a")
    assert {(family, count) for family, _, count, _ in fake_renderer} == {("reid", 3)}
    assert {seed for _, seed, _, _ in fake_renderer} != {4}, "not the seed that another set uses as well"


@pytest.mark.slow
def test_same_bytes_from_one_process_and_from_two(tmp_path):
    small = {"people": [2, 1], "test_people": 1, "split_people": 1, "splits": 2, "heights": [60, 64]}
    one, two = publish(tmp_path / "one", 1, **small), publish(tmp_path / "two", 2, **small)
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    shown = pictures(one, "labeled")
    assert len({image.tobytes() for image in shown.values()}) == len(shown), "every picture is another"
    covered = cv2.imread(str(one / "truth" / "coverage.png"), 0)
    for mask in (one / "truth" / "visibility").rglob("*.png"):
        seen = cv2.imread(str(mask), 0)
        assert 0.02 < (seen[covered > 0] > 0).mean() < 0.8, mask
        assert not seen[covered == 0].any()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"camera_pairs": [[1, 2]]}, "camera_pairs"),
        ({"camera_pairs": [[1, 2], [3, 3]]}, "camera_pairs"),
        ({"test_people": 7}, "test_people"),
        ({"split_people": 7}, "split_people"),
        ({"people": [1000, 3]}, "people"),
        ({"heights": [90, 60]}, "heights"),
        ({"missed_share": 1.2}, "missed_share"),
        ({"people": [4, 0]}, "people"),
    ],
)
def test_what_does_not_fit_names_its_key(changes, key):
    with pytest.raises(ParamsError, match=key):
        section(**changes)
