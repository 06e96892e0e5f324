"""SAN-PG's step: its targets move with the image, hidden texels weigh less, the head is left alone."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch._subclasses import FakeTensorMode

from sanreid.data import augment, tensors
from sanreid.losses import reconstruction
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.training import san_pg
from sanreid.training.parameter_prefixes import DECODER, TRUNK
from tests.stages import toy_san as toy
from tests.training import resume

SIDE = toy.SIDE
NO_AUGMENT = {**toy.AUGMENT, "crop_probability": 0.0, "flip_probability": 0.0}
MIRROR = augment.mirror_index(toy.mirror_map(), SIDE)


def recipe(**changes) -> san_pg.Recipe:
    values = {
        "epochs": 2,
        "batch": 4,
        "weights": {"reconstruction": 1.0, "structure": 0.0},
        "hidden_weight": 1.0,
        "optimiser": {**toy.OPTIMISER, "schedule": "constant"},
        "augment": NO_AUGMENT,
        "compute": toy.COMPUTE,
    }
    return validate({**values, **changes}, san_pg.Recipe, "train_san_pg")


def network() -> SAN:
    torch.manual_seed(0)
    return SAN(toy.architecture(), people=1)


def pairs() -> san_pg.Pairs:
    random = torch.Generator().manual_seed(2)
    draw = lambda *shape: torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)  # noqa: E731
    visibility = (draw(6, 1, SIDE, SIDE) > 127).to(torch.uint8) * 255
    return san_pg.Pairs(draw(6, 3, 32, 16), draw(3, 3, SIDE, SIDE), torch.tensor([2, 0, 1, 1, 0, 2]), visibility)


@pytest.fixture
def seen(monkeypatch):
    """What the loss was given, call by call."""
    calls = []
    inner = san_pg.reconstruction.l1

    def note(texture, target, visibility=None):
        calls.append((texture, target, visibility))
        return inner(texture, target, visibility)

    monkeypatch.setattr(san_pg.reconstruction, "l1", note)
    return calls


def test_each_image_is_held_against_its_own_texture_in_range(seen):
    data = pairs()
    step = san_pg.Step(network(), data, recipe())
    batch = torch.tensor([0, 3, 5, 1])
    terms = step(batch, torch.Generator().manual_seed(0))
    texture, target, visibility = seen[0]
    assert visibility is None
    expected = data.textures[torch.tensor([2, 1, 2, 0])].double() / 127.5 - 1  # / 255, not / 225
    assert (target.double() - expected).abs().max() < 1e-6
    assert target.min() >= -1
    assert target.max() <= 1
    assert terms["reconstruction"].item() == pytest.approx((texture.double() - expected).abs().mean().item(), rel=1e-5)


def test_a_flip_moves_texture_and_visibility_with_the_image(seen):
    data = pairs()
    flipping = {**NO_AUGMENT, "flip_probability": 1.0}
    step = san_pg.Step(network(), data, recipe(augment=flipping, hidden_weight=0.25), MIRROR)
    step(torch.tensor([0, 1, 2, 3]), torch.Generator().manual_seed(0))
    _, target, weight = seen[0]
    textures = data.textures[torch.tensor([2, 0, 1, 1])].double() / 127.5 - 1
    assert (target.double() - textures.flip(3)).abs().max() < 1e-6
    assert data.visibility is not None
    shown = data.visibility[:4].flip(3) == 255
    assert torch.equal(weight, torch.where(shown, 1.0, 0.25))


def test_the_released_flip_leaves_the_texture_where_it_was(seen):
    data = pairs()
    unmirrored = {**NO_AUGMENT, "flip_probability": 1.0, "flip": "unmirrored"}
    san_pg.Step(network(), data, recipe(augment=unmirrored))(torch.tensor([0, 1]), torch.Generator().manual_seed(0))
    textures = data.textures[torch.tensor([2, 0])].double() / 127.5 - 1
    assert (seen[0][1].double() - textures).abs().max() < 1e-6


def test_the_head_is_neither_trained_nor_touched():
    model = network()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    step = san_pg.Step(model, pairs(), recipe())
    for batch in step.batches(0, 0):
        step(batch, torch.Generator().manual_seed(0))
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert not [k for k in changed if "encoder.fc" in k or "classifier" in k]
    weights = {k for k, _ in model.named_parameters()}
    assert {k for k in weights - changed if "encoder.fc" not in k and "classifier" not in k} == set()


def test_an_update_is_one_step_of_the_optimizer_on_the_l1():
    """Against the same network stepped by hand with plain Adam."""
    data, batch = pairs(), torch.tensor([0, 1, 2, 3])
    ours, theirs = network(), network()
    step = san_pg.Step(ours, data, recipe())
    plain = torch.optim.Adam(theirs.parameters(), lr=0.005)
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    for _ in range(2):
        step.optimisations["main"].at(0, 0.0)
        step(batch, torch.Generator().manual_seed(0))
        plain.zero_grad()
        theirs.train()
        images = (data.images[batch].float() / 255 - mean) / deviation
        decoded = theirs(images).decoded
        assert decoded is not None
        (decoded.texture - (data.textures[data.texture_of[batch]].float() / 127.5 - 1)).abs().mean().backward()
        plain.step()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if name.startswith(TRUNK + DECODER):  # the second update's gradients
            assert a.grad is not None
            assert b.grad is not None
            assert (a.grad - b.grad).norm() <= 0.02 * b.grad.norm() + 1e-7, name


def test_validation_is_the_plain_l1_of_the_network_at_rest():
    data = pairs()
    model = network()
    step = san_pg.Step(model, data, recipe(), held_out=data)
    assert step.validation == ("validation_l1",)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    measured = step.validate()["validation_l1"]
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())  # no statistics were learnt
    values = []
    for i in range(6):
        image = san_pg.tensors.normalise_images(data.images[i : i + 1])
        with torch.no_grad():
            texture = model.eval().reconstruct(image).texture[0].double()
        values.append((texture - (data.textures[data.texture_of[i]].double() / 127.5 - 1)).abs().mean().item())
    assert measured == pytest.approx(np.mean(values), rel=1e-5)
    assert san_pg.Step(model, data, recipe()).validation == ()


def test_nothing_in_a_step_waits_for_the_device(monkeypatch):
    """As in test_san: a look at a value of a fake GPU's tensor is an error."""
    r = recipe(augment=toy.AUGMENT, hidden_weight=0.5)
    draws = r.augment.draw(4, (32, 16), torch.Generator().manual_seed(0))
    monkeypatch.setattr(augment.Augment, "draw", lambda *a: draws)
    for module in (san_pg.tensors, augment):
        monkeypatch.setattr(module, "send", lambda values, device: values.to(device))
    backwards = []
    monkeypatch.setattr(torch.Tensor, "backward", lambda self: backwards.append(self))
    monkeypatch.setattr(san_pg.optim.Optimisation, "step", lambda self: None)
    given = pairs()
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cuda"):
            model = SAN(toy.architecture(), people=1)
        terms = san_pg.Step(model, given, r, MIRROR)(torch.tensor([0, 1, 2, 3]), torch.Generator())
        assert terms["reconstruction"].is_cuda
    assert len(backwards) == 1


def test_hidden_weight_without_visibility_is_refused():
    data = pairs()._replace(visibility=None)
    with pytest.raises(ValueError, match=r"hidden_weight: 0\.5"):
        san_pg.Step(network(), data, recipe(hidden_weight=0.5))


@pytest.mark.parametrize("published", [True, False])
def test_a_run_killed_after_any_epoch_ends_the_same(published, monkeypatch):
    warm_up = {"kind": "published" if published else "linear", "epochs": 1, "start": 0.1, "factor": 1.259}
    after = {"name": "amsgrad", "schedule": "halving", "milestones": [1]} if published else {}
    r = recipe(
        epochs=3,
        hidden_weight=0.5,
        optimiser={**toy.OPTIMISER, **after, "warm_up": warm_up},
        augment={**toy.AUGMENT, "erase_probability": 0.5},
        compute={**toy.COMPUTE, "channels_last": True},
    )

    def make(seed: int) -> san_pg.Step:
        torch.manual_seed(seed)
        model = san_pg.loop.place(SAN(toy.architecture(), people=1), r.compute, torch.device("cpu"))
        return san_pg.Step(model, pairs(), r, MIRROR, held_out=pairs())

    resume.check_every_epoch(make, 3 + san_pg.optim.extra_epochs(r.optimiser), monkeypatch)


def test_pairs_are_read_by_the_table(tmp_path):
    folder = toy.write_pit(tmp_path / "pit", people=3, validation=0)
    table = pd.read_parquet(folder / "index.parquet").iloc[::-1]  # any order
    data = san_pg.read_pairs(folder, table, toy.architecture(), visibility=True)
    assert data.textures.shape == (3, 3, SIDE, SIDE)  # once each, though each serves two images
    for i, person in enumerate(table["pid"]):
        texture = data.textures[data.texture_of[i]].permute(1, 2, 0).numpy()
        assert np.array_equal(texture, toy.texture(int(person)))
    assert data.visibility is not None
    assert data.visibility.shape == (6, 1, SIDE, SIDE)
    assert data.visibility[0, 0, 0].tolist() == [0] * (SIDE // 2) + [255] * (SIDE // 2)
    gaps = table.assign(texture=table["texture"].where(table["pid"] > 0))
    with pytest.raises(ValueError, match="column 'texture'"):
        san_pg.read_pairs(folder, gaps, toy.architecture(), visibility=False)


def test_structure_is_a_term_of_its_own_and_moves_the_weights():
    def after(**weights):
        model = network()
        step = san_pg.Step(model, pairs(), recipe(weights=weights))
        terms = step(torch.tensor([0, 2, 3]), torch.Generator().manual_seed(0))
        gradients = [p.grad.clone() for n, p in model.named_parameters() if n.startswith("decoder.final")]
        return step.terms, terms, gradients

    names, terms, plain = after(reconstruction=1.0, structure=0.0)
    assert tuple(names) == tuple(terms) == ("reconstruction",)
    names, terms, both = after(reconstruction=0.5, structure=2.0)
    assert tuple(names) == tuple(terms) == ("reconstruction", "structure")
    model = network().train()
    data = pairs()
    target = data.textures[data.texture_of[[0, 2, 3]]].float() / 127.5 - 1
    images = tensors.normalise_images(data.images[[0, 2, 3]])
    texture = model.reconstruct(images).texture
    (0.5 * reconstruction.l1(texture, target) + 2.0 * reconstruction.structure(texture, target)).backward()
    wanted = [p.grad for n, p in model.named_parameters() if n.startswith("decoder.final")]
    for a, b, c in zip(both, wanted, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)
        assert not torch.allclose(a, c, rtol=1e-2)
