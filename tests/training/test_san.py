"""SAN's step by both schedules, against the same network stepped by hand, and the traps that users fell into."""

import functools

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from sanreid.data import augment
from sanreid.losses import cross_entropy, reconstruction, texture_triplet, triplet
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.training import optim, san
from sanreid.training.parameter_prefixes import DECODER, TRUNK
from tests.stages import toy_san as toy
from tests.training import resume

NO_AUGMENT = {**toy.AUGMENT, "crop_probability": 0.0, "flip_probability": 0.0}
LOSSES = {"label_smoothing": 0.1, "triplet_margin": 0.3, "texture_triplet_margin": 0.3}
SGD_LIKE = {**toy.OPTIMISER, "name": "amsgrad", "lr": 0.001, "schedule": "constant"}
TEXTURE = {**toy.OPTIMISER, "lr": 1e-5, "betas": [0.5, 0.999], "schedule": "constant"}
PEOPLE, K = 3, 2


def recipe(**changes) -> san.Recipe:
    values = {
        "epochs": 2,
        "people": PEOPLE,
        "images": K,
        "schedule": "joint",
        "losses": LOSSES,
        "optimiser": SGD_LIKE,
        "texture_optimiser": TEXTURE,
        "augment": NO_AUGMENT,
        "compute": toy.COMPUTE,
    }
    return validate({**values, **changes}, san.Recipe, "train_san")


def variant(id=1.0, triplet=1.0, reconstruction=1.0, texture_triplet=1.0, scheme="paper") -> san.Variant:
    weights = {"id": id, "triplet": triplet, "reconstruction": reconstruction, "texture_triplet": texture_triplet}
    target = "texture" if reconstruction or texture_triplet else "nothing"
    values = {
        "initialise": "scratch",
        "reconstruct": target,
        "weights": weights,
        "texture_triplet_scheme": scheme,
    }
    return validate(values, san.Variant, "variants.x")


def data() -> san.People:
    random = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (12, 3, 32, 16), generator=random, dtype=torch.uint8)
    textures = torch.randint(0, 256, (12, 3, 32, 32), generator=random, dtype=torch.uint8)
    return san.People(images, textures, torch.arange(12) // 4)


def network(v) -> SAN:
    torch.manual_seed(0)
    return SAN(toy.architecture(), people=3, decoder=v.decodes)


BATCH = torch.tensor([0, 1, 4, 6, 9, 8])


def inputs():
    d = data()
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    assert d.textures is not None
    return (d.images[BATCH].float() / 255 - mean) / deviation, d.textures[BATCH].float() / 127.5 - 1, d.labels[BATCH]


def same_gradients(ours: SAN, theirs: SAN, parts: tuple[str, ...] = ("",), rtol: float = 1e-3) -> None:
    """The gradients of the last backward tell more than the weights: Adam's first step keeps their signs alone."""
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if name.startswith(parts):
            assert a.grad is not None, name
            assert b.grad is not None, name
            assert (a.grad - b.grad).norm() <= rtol * b.grad.norm() + 1e-5, name


def moved(ours: SAN, theirs: SAN, start: SAN, part: str) -> tuple[float, float]:
    """How far the weights of a part went from the start, and how far ours ended from theirs; root mean squares."""
    triples = zip(ours.named_parameters(), theirs.parameters(), start.parameters(), strict=True)
    rows = [(b - c, a - b) for (name, a), b, c in triples if name.startswith(part)]
    way, apart = (torch.cat([r[i].detach().reshape(-1) for r in rows]).pow(2).mean().sqrt() for i in (0, 1))
    return way.item(), apart.item()


def test_joint_is_one_step_on_the_weighted_sum():
    v = variant(1.0, 0.7, 2.0, 0.3)
    ours, theirs = network(v), network(v)
    step = san.Step(ours, data(), recipe(), v)
    plain = torch.optim.Adam(theirs.parameters(), lr=0.001, amsgrad=True)
    images, target, labels = inputs()
    got = step(BATCH, torch.Generator().manual_seed(0))
    out = theirs.train()(images)
    maps = out.decoded[:4]
    terms = {
        "id": cross_entropy.smoothed(out.logits, labels, 0.1),
        "triplet": triplet.batch_hard(out.feature, labels, 0.3),
        "reconstruction": reconstruction.l1(out.decoded.texture, target),
        "texture_triplet": texture_triplet.paper(maps, PEOPLE, K, 0.3),
    }
    assert list(got) == list(terms) == list(step.terms)
    for name, value in terms.items():
        assert got[name].item() == pytest.approx(value.item(), rel=1e-4), name  # unweighted
        assert not got[name].requires_grad
    loss = terms["id"] + 0.7 * terms["triplet"] + 2.0 * terms["reconstruction"] + 0.3 * terms["texture_triplet"]
    loss.backward()
    plain.step()
    assert list(step.optimisations) == ["main"]
    same_gradients(ours, theirs)
    way, apart = moved(ours, theirs, network(v), "")
    assert apart < 0.1 * way


def by_hand_alternating(model, steps):
    """The released order made legal, in the plainest words."""
    head_and_encoder = [p for n, p in model.named_parameters() if not n.startswith("decoder")]
    trunk_and_decoder = [
        p for n, p in model.named_parameters() if not n.startswith(("encoder.fc", "encoder.classifier"))
    ]
    first = torch.optim.Adam(head_and_encoder, lr=0.001, amsgrad=True)
    second = torch.optim.Adam(trunk_and_decoder, lr=1e-5, betas=(0.5, 0.999))
    images, target, labels = inputs()
    model.train()
    for _ in range(steps):
        out = model(images, texture=False)
        model.zero_grad()
        reid = cross_entropy.smoothed(out.logits, labels, 0.1) + triplet.batch_hard(out.feature, labels, 0.3)
        reid.backward()
        first.step()
        decoded = model.decoder(model.encoder.stages(images))
        model.zero_grad()
        l1 = reconstruction.l1(decoded.texture, target)
        constraint = texture_triplet.paper(decoded[:4], PEOPLE, K, 0.3)
        (l1 + constraint).backward()
        second.step()
    return l1, constraint


def test_alternating_is_a_reid_step_and_then_a_texture_step_on_a_new_forward():
    v = variant()
    ours, theirs = network(v), network(v)
    step = san.Step(ours, data(), recipe(schedule="alternating"), v)
    for _ in range(2):
        for optimisation in step.optimisations.values():
            optimisation.at(0, 0.0)
        got = step(BATCH, torch.Generator().manual_seed(0))  # today's torch refuses the released second backward
    l1, constraint = by_hand_alternating(theirs, 2)
    assert list(got) == ["id", "triplet", "reconstruction", "texture_triplet"]
    assert got["reconstruction"].item() == pytest.approx(l1.item(), rel=1e-3)
    assert got["texture_triplet"].item() == pytest.approx(constraint.item(), rel=1e-3)
    statistics = zip(ours.named_buffers(), theirs.buffers(), strict=True)
    assert all(torch.allclose(a.float(), b.float(), rtol=1e-2, atol=1e-3) for (_, a), b in statistics)
    same_gradients(ours, theirs, TRUNK + DECODER, rtol=0.02)  # the last backward was the texture step's
    for part in ("encoder.layer", "encoder.fc", "encoder.classifier", "decoder"):
        way, apart = moved(ours, theirs, network(v), part)
        assert apart < 0.35 * way, part  # rounding moves the biases before a BatchNorm


def test_the_texture_step_leaves_the_head_alone():
    v = variant(id=0.0, triplet=0.0)
    model = network(v)
    before = {k: w.clone() for k, w in model.state_dict().items()}
    step = san.Step(model, data(), recipe(schedule="alternating"), v)
    got = step(BATCH, torch.Generator().manual_seed(0))
    assert list(got) == ["reconstruction", "texture_triplet"]
    same = {k for k, w in model.state_dict().items() if torch.equal(w, before[k])}
    head = {k for k in before if k.startswith(("encoder.fc", "encoder.classifier"))}
    assert head <= same
    weights = {k for k, _ in model.named_parameters()}
    assert (same & weights) <= head  # everything else learns


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_without_decoder_losses_there_is_no_decoder_and_no_texture(schedule):
    v = variant(reconstruction=0.0, texture_triplet=0.0)
    assert not v.decodes
    model = network(v)
    assert model.decoder is None
    step = san.Step(model, data()._replace(textures=None), recipe(schedule=schedule), v)
    assert list(step.optimisations) == ["main"]
    assert list(step(BATCH, torch.Generator().manual_seed(0))) == ["id", "triplet"]


def test_the_schedules_of_a_baseline_are_one():
    v = variant(reconstruction=0.0, texture_triplet=0.0)
    a, b = network(v), network(v)
    for model, schedule in ((a, "joint"), (b, "alternating")):
        san.Step(model, data(), recipe(schedule=schedule), v)(BATCH, torch.Generator().manual_seed(0))
    assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("off", ["id", "triplet", "reconstruction", "texture_triplet"])
def test_a_weight_of_zero_is_the_loss_not_computed(off, monkeypatch):
    v = variant(**{off: 0.0})
    modules = {"id": "cross_entropy.smoothed", "triplet": "triplet.batch_hard", "reconstruction": "reconstruction.l1"}
    module, function = modules.get(off, "texture_triplet.paper").split(".")
    monkeypatch.setattr(getattr(san, module), function, lambda *a: pytest.fail(f"{off} was computed"))
    step = san.Step(network(v), data(), recipe(), v)
    assert off not in step.terms
    assert set(step(BATCH, torch.Generator().manual_seed(0))) == set(step.terms)


@pytest.mark.parametrize(("people", "images"), [(3, 2), (2, 3), (3, 4), (2, 4)])
def test_batches_fit_the_paper_scheme_at_any_size(people, images, monkeypatch):
    """The released loop assumes four images a person in blocks; ours are blocks of K, whatever K is."""
    v = variant()
    blocks = []
    inner = san.texture_triplet.paper
    monkeypatch.setattr(san.texture_triplet, "paper", lambda *a: blocks.append(a[1:]) or inner(*a))
    step = san.Step(network(v), data(), recipe(people=people, images=images), v)
    for batch in step.batches(0, 0):
        labels = data().labels[batch].reshape(people, images)
        assert (labels == labels[:, :1]).all()
        assert len(set(labels[:, 0].tolist())) == people
        step(batch, torch.Generator().manual_seed(0))
    assert set(blocks) == {(people, images, 0.3)}


def test_the_batch_scheme_gets_the_labels(monkeypatch):
    v = variant(scheme="batch")
    noted = []
    inner = san.texture_triplet.batch
    monkeypatch.setattr(san.texture_triplet, "batch", lambda *a: noted.append(a) or inner(*a))
    san.Step(network(v), data(), recipe(), v)(BATCH, torch.Generator().manual_seed(0))
    maps, labels, margin = noted[0]
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(maps) == 4
    assert margin == 0.3


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_compiled_network_is_the_same_network(schedule, monkeypatch):
    """By the capture alone, in one graph a method: the generated code takes minutes to build."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager", fullgraph=True))
    v = variant()
    plain, compiled = network(v), network(v)
    terms = []
    for model, wanted in ((plain, False), (compiled, True)):
        step = san.Step(model, data(), recipe(schedule=schedule, compute={**toy.COMPUTE, "compile": wanted}), v)
        step(BATCH, torch.Generator().manual_seed(0))
        terms.append(step(BATCH, torch.Generator().manual_seed(0)))
    assert list(compiled.state_dict()) == list(plain.state_dict())  # a checkpoint of the one continues the other
    for name, value in terms[0].items():
        assert terms[1][name].item() == pytest.approx(value.item(), rel=1e-3), name
    same_gradients(compiled, plain, TRUNK + DECODER, rtol=0.02)


@pytest.mark.parametrize(
    ("schedule", "scheme", "fits"),
    [
        ("joint", "paper", True),
        ("joint", "batch", True),
        ("alternating", "paper", True),
        ("alternating", "batch", False),
    ],
)
def test_nothing_in_a_step_waits_for_the_device(schedule, scheme, fits, monkeypatch):
    """On a tensor of shape without values, as a GPU's is until one waits for it, every look at a value is an error."""
    v, r = variant(scheme=scheme), recipe(schedule=schedule, augment={**toy.AUGMENT, "erase_probability": 0.5})
    mirror = augment.mirror_index(toy.mirror_map(), toy.SIDE)
    draws = r.augment.draw(len(BATCH), (toy.HEIGHT, toy.WIDTH), torch.Generator().manual_seed(0))
    monkeypatch.setattr(augment.Augment, "draw", lambda *a: draws)  # on the CPU, where looking is free
    updated = []
    monkeypatch.setattr(san.Step, "_update", lambda self, which, terms: updated.append(which))  # backward wants a GPU
    for module in (san.tensors, augment):
        monkeypatch.setattr(module, "send", lambda values, device: values.to(device))  # pinning wants one too
    monkeypatch.setattr(san.tensors, "keep", lambda values, device: values.to(device) if fits else values)
    monkeypatch.setattr(san.samplers, "PKSampler", lambda *a: None)  # looks at the labels once, before the first step
    given = data()
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cuda"):
            model = SAN(toy.architecture(), people=3)
        terms = san.Step(model, given, r, v, mirror)(BATCH, torch.Generator())
        assert list(terms) == ["id", "triplet", "reconstruction", "texture_triplet"]
        assert all(t.is_cuda for t in terms.values())
        with pytest.raises(DataDependentOutputException):
            bool(terms["id"] > 0)  # what the test would catch
    assert updated == (["main"] if schedule == "joint" else ["main", "texture"])


PUBLISHED = {
    **toy.OPTIMISER,
    "name": "amsgrad",
    "weight_decay": 0.0005,
    "schedule": "halving",
    "milestones": [1],
    "warm_up": {"kind": "published", "epochs": 2, "start": 0.01, "factor": 1.259},
}
LINEAR = {**toy.OPTIMISER, "warm_up": {"kind": "linear", "epochs": 1, "start": 0.1, "factor": 1.0}}


@pytest.mark.parametrize(("optimiser", "epochs"), [(PUBLISHED, 2), (LINEAR, 3)])
@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_run_killed_after_any_epoch_ends_the_same(schedule, optimiser, epochs, monkeypatch):
    v = variant()
    noisy = {**toy.AUGMENT, "erase_probability": 0.5}
    compute = {**toy.COMPUTE, "channels_last": True}
    r = recipe(epochs=epochs, schedule=schedule, optimiser=optimiser, augment=noisy, compute=compute)
    mirror = augment.mirror_index(toy.mirror_map(), toy.SIDE)

    def make(seed: int) -> san.Step:
        torch.manual_seed(seed)
        model = SAN(toy.architecture(), people=3)
        return san.Step(san.loop.place(model, r.compute, torch.device("cpu")), data(), r, v, mirror)

    resume.check_every_epoch(make, epochs + optim.extra_epochs(r.optimiser), monkeypatch)


def test_textures_that_are_wanted_and_absent_are_told():
    v = variant()
    with pytest.raises(ValueError, match="no textures are given"):
        san.Step(network(v), data()._replace(textures=None), recipe(), v)
