"""Pictures while a decoder learns: when they are made, what they show, and that they leave the network as it was."""

import numpy as np
import pytest
import torch

from sanreid.data import images as files
from sanreid.data import tensors
from sanreid.models.san import SAN
from sanreid.params import ParamsError, validate
from sanreid.pseudo_textures import decoder_pictures
from sanreid.training import loop
from tests.stages import toy_san as toy


def section(every, people=2) -> loop.Pictures:
    return validate({"every": every, "people": people}, loop.Pictures, "pictures")


def network() -> SAN:
    torch.manual_seed(0)
    return SAN(toy.architecture(), people=2)


def shown(people=(3, 5)) -> decoder_pictures.Shown:
    images = torch.from_numpy(np.stack([toy.picture(p, 0) for p in people])).permute(0, 3, 1, 2)
    return decoder_pictures.Shown(
        images, torch.from_numpy(np.stack([toy.texture(p) for p in people])).permute(0, 3, 1, 2)
    )


@pytest.mark.parametrize(("every", "due"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5]), (0, [5])])
def test_every_n_epochs_and_the_last(tmp_path, every, due):
    watch = decoder_pictures.Progress(network(), {"train": shown(), "query": shown((9,))}, every, epochs=5)
    for epoch in range(1, 6):
        watch(epoch, tmp_path)
    expected = [f"{split}_epoch{epoch:03d}.jpg" for split in ("query", "train") for epoch in due]
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == expected


def test_a_row_is_image_decoded_target(tmp_path):
    model, what = network(), shown()
    decoder_pictures.Progress(model, {"train": what}, 1, epochs=1)(1, tmp_path)
    sheet = files.read_rgb(tmp_path / "pictures" / "train_epoch001.jpg").astype(int)
    assert sheet.shape == (2 * 36 + 4, 16 + 64 + 16, 3)
    with torch.no_grad():
        decoded = model.eval().reconstruct(tensors.normalise_images(what.images)).texture
    columns = ((4, what.images), (24, tensors.textures_to_uint8(decoded)), (60, what.targets))
    for row in range(2):
        for left, tensor in columns:
            expected = tensor[row].permute(1, 2, 0).numpy().astype(int)
            part = sheet[4 + 36 * row : 36 + 36 * row, left : left + expected.shape[1]]
            assert np.abs(part - expected).mean() < 12  # JPEG's blurred edges
    assert np.abs(sheet[4:36, 60:92] - sheet[40:72, 60:92]).mean() > 30  # the rows are of two people


def test_the_network_and_the_generators_are_left_as_they_were(tmp_path):
    model = network().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(4)
    drawn = torch.rand(3)
    torch.manual_seed(4)
    decoder_pictures.Progress(model, {"train": shown()}, 1, epochs=1)(1, tmp_path)
    assert torch.equal(torch.rand(3), drawn)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())  # BatchNorm's statistics too
    assert all(p.grad is None for p in model.parameters())


def test_a_run_without_a_decoder_makes_none(tmp_path):
    decoder_pictures.Progress(SAN(toy.architecture(), people=2, decoder=False), {}, 1, epochs=1)(1, tmp_path)
    decoder_pictures.keep(tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_people_are_drawn_by_seed_and_split_one_image_each():
    pids = np.repeat([40, 7, 19, 23, 5], [3, 1, 6, 2, 4])
    chosen = decoder_pictures.choose(pids, 3, 0, "train")
    assert chosen == decoder_pictures.choose(pids, 3, 0, "train") == sorted(chosen)
    assert len(set(pids[chosen].tolist())) == 3
    assert sorted(pids[decoder_pictures.choose(pids, 9, 0, "train")].tolist()) == [5, 7, 19, 23, 40]
    draws = {tuple(decoder_pictures.choose(pids, 3, seed, split)) for seed in range(5) for split in ("train", "query")}
    assert len(draws) > 5
    images = {i for seed in range(200) for i in decoder_pictures.choose(pids, 3, seed, "train")}
    assert images == set(range(len(pids)))


def test_zero_people_are_refused():
    with pytest.raises(ParamsError, match=r"pictures\.people"):
        section(2, people=0)
    with pytest.raises(ParamsError, match=r"pictures\.every"):
        section(-1)
