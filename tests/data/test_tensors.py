"""Decoding and value ranges: channel order, clip before cast, 255, and the memory-mapped twin."""

import gc
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from sanreid.data import tensors


def save(path: Path, picture: np.ndarray) -> str:
    """Written by Pillow, so that OpenCV's order cannot cancel itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path.name


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 256, (12, 8, 3), dtype=np.uint8) for _ in range(5)]
    return tmp_path, [save(tmp_path / f"{i}.png", a) for i, a in enumerate(arrays)], np.stack(arrays)


def test_values_and_layout(pictures):
    folder, names, arrays = pictures
    got = tensors.decode(folder, names, (12, 8))
    assert got.dtype == torch.uint8
    assert got.shape == (5, 3, 12, 8)
    assert np.array_equal(got.numpy(), arrays.transpose(0, 3, 1, 2))
    assert got.is_contiguous(memory_format=torch.channels_last)


def test_pure_red_is_in_the_first_channel(tmp_path):
    """Images that went through OpenCV came out blue."""
    name = save(tmp_path / "red.png", np.full((6, 4, 3), (255, 0, 0), np.uint8))
    for size in ((6, 4), (12, 8), (3, 2)):
        got = tensors.decode(tmp_path, [name], size)[0]
        assert [int(c.min()) for c in got] == [int(c.max()) for c in got] == [255, 0, 0]


def test_shrinking_averages_areas(pictures):
    folder, names, arrays = pictures
    got = tensors.decode(folder, names, (4, 2)).permute(0, 2, 3, 1).numpy()  # by halves, bilinear would be the same
    expected = arrays.reshape(5, 4, 3, 2, 4, 3).astype(float).mean((2, 4))
    assert np.abs(got - expected).max() <= 0.5


def test_enlarging_is_bilinear(pictures):
    folder, names, arrays = pictures
    got = tensors.decode(folder, names, (24, 16)).float()
    source = torch.from_numpy(arrays).permute(0, 3, 1, 2).float()
    expected = torch.nn.functional.interpolate(source, size=(24, 16), mode="bilinear", align_corners=False)
    assert (got - expected).abs().max() <= 1


def test_above_the_limit_the_values_are_the_same_and_no_file_stays(pictures, tmp_path, monkeypatch):
    folder, names, _ = pictures
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    for size in ((12, 8), (9, 7)):
        in_memory = tensors.decode(folder, names, size)
        mapped = tensors.decode(folder, names, size, limit_bytes=len(names) * size[0] * size[1] * 3 - 1)
        gc.collect()
        assert torch.equal(mapped, in_memory)
        assert torch.equal(mapped[torch.tensor([3, 1])], in_memory[[3, 1]])
        assert not list(spill.iterdir())


def test_the_limit_is_kept(pictures, monkeypatch):
    folder, names, _ = pictures
    calls = []
    monkeypatch.setattr(np, "memmap", lambda *a, **k: calls.append(k["shape"]) or np.empty(k["shape"], np.uint8))
    tensors.decode(folder, names, (12, 8), limit_bytes=5 * 12 * 8 * 3)
    assert not calls
    tensors.decode(folder, names, (12, 8), limit_bytes=5 * 12 * 8 * 3 - 1)
    assert calls == [(5, 12, 8, 3)]


def test_the_number_of_threads_is_of_no_matter(pictures):
    folder, names, _ = pictures
    assert torch.equal(
        tensors.decode(folder, names * 9, (7, 5), threads=1), tensors.decode(folder, names * 9, (7, 5), threads=4)
    )


def test_opencvs_own_threads_are_pinned_and_given_back(pictures, monkeypatch):
    folder, names, _ = pictures
    before, seen = cv2.getNumThreads(), []
    read = tensors.images.read_rgb
    monkeypatch.setattr(tensors.images, "read_rgb", lambda p: seen.append(cv2.getNumThreads()) or read(p))
    cv2.setNumThreads(2)
    try:
        tensors.decode(folder, names, (12, 8))
        assert cv2.getNumThreads() == 2
        assert set(seen) == {1}
    finally:
        cv2.setNumThreads(before)


def test_a_missing_and_a_broken_file_are_named(pictures):
    folder, names, _ = pictures
    with pytest.raises(FileNotFoundError, match=r"lost\.png"):
        tensors.decode(folder, [*names, "lost.png"], (12, 8))
    (folder / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        tensors.decode(folder, [*names, "broken.jpg"], (12, 8))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_images_are_normalised_by_255_and_imagenets_numbers(layout):
    values = (
        torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(2, 3, 1, 1).contiguous(memory_format=layout)
    )
    got = tensors.normalise_images(values)
    for c, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        for value in (0, 1, 100, 225, 255):
            expected = (value / 255 - mean) / std
            assert got[0, c, value // 16, value % 16].item() == pytest.approx(expected, abs=2e-6)
    assert torch.equal(got[0], got[1])
    assert got.is_contiguous(memory_format=layout)
    assert values[0, 0, 15, 15] == 255  # the input is left as it was


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_textures_go_from_minus_1_to_1_and_back_exactly(layout):
    values = (
        torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(2, 3, 1, 1).contiguous(memory_format=layout)
    )
    scaled = tensors.normalise_textures(values)
    assert scaled.min().item() == pytest.approx(-1)
    assert scaled.max().item() == pytest.approx(1)
    assert scaled[0, 2, 14, 1].item() == pytest.approx(225 / 127.5 - 1, abs=1e-6)
    assert torch.equal(tensors.textures_to_uint8(scaled), values)


def test_values_out_of_range_are_clipped_before_the_cast():
    """1.54 was seen: a plain cast wraps it to a dark value."""
    got = tensors.textures_to_uint8(torch.tensor([-3.0, -1.01, -1, 0, 0.99, 1, 1.54, 300]).reshape(1, 1, 2, 4))
    assert got.flatten().tolist() == [0, 0, 0, 128, 254, 255, 255, 255]
    half = torch.full((1, 3, 2, 2), 1.54, dtype=torch.bfloat16)
    assert (tensors.textures_to_uint8(half) == 255).all()


def test_take_is_indexing(pictures):
    folder, names, _ = pictures
    store, numbers = tensors.decode(folder, names, (12, 8)), torch.tensor([4, 0, 0, 2])
    for source in (store, store.contiguous(), store.float(), store[:, :1]):
        assert torch.equal(tensors.take(source, numbers), source[numbers])
    assert tensors.take(store, numbers).is_contiguous(memory_format=torch.channels_last)


def test_a_set_that_would_fill_the_device_stays_on_the_host_and_its_batches_are_sent():
    """By the sizes alone: `meta` stands for the device, which holds nothing."""
    store, device = torch.arange(96, dtype=torch.uint8).reshape(2, 3, 4, 4), torch.device("meta")
    assert tensors.keep(store, device, free=200).device == device
    kept = tensors.keep(store, device, free=191)
    assert kept is store
    assert tensors.take(kept, torch.tensor([1]), device).device == device
    assert tensors.take(kept, torch.tensor([1]), torch.device("cpu")).equal(store[1:])
    assert tensors.keep(store, torch.device("cpu")) is store
