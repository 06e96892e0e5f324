"""AlignedReID's step against networks stepped by hand, whose gradients reach no other network, and exact resume."""

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from sanreid.data import augment, tensors
from sanreid.losses import cross_entropy, local_triplet, mutual, stripe_distance, triplet
from sanreid.models import aligned as network
from sanreid.params import ParamsError, validate
from sanreid.training import aligned, reid
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.training import resume

NO_AUGMENT = {**toy.AUGMENT, "crop_probability": 0.0, "flip_probability": 0.0}
WEIGHTS = {
    "id": 1.0,
    "global_triplet": 0.9,
    "local_triplet": 0.8,
    "mutual_id": 0.7,
    "mutual_global": 0.6,
    "mutual_local": 0.0,
}
LOSSES = {
    "label_smoothing": 0.1,
    "global_margin": 0.3,
    "local_margin": 0.5,
    "normalise": True,
    "local_samples": "global",
}
BATCH = torch.tensor([0, 1, 4, 6, 9, 8])


SECTION = {
    **toy_systems.RECIPE,
    "network": {**toy_systems.NETWORK, "local": 6},
    "networks": 2,
    "people": 3,
    "images": 2,
    "weights": WEIGHTS,
    "losses": LOSSES,
}


def plan(weights=None, losses=None, **changes) -> aligned.Plan:
    values = {
        **SECTION,
        "augment": NO_AUGMENT,
        "network": {**toy_systems.NETWORK, "local": 6, "initialise": "scratch"},
        "weights": {**WEIGHTS, **(weights or {})},
        "losses": {**LOSSES, **(losses or {})},
    }
    return validate({**values, **changes}, aligned.Plan, "train_aligned")


def people() -> reid.People:
    random = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (12, 3, 32, 16), generator=random, dtype=torch.uint8)
    return reid.People(images, torch.arange(12) // 4, 3)


def cohort(p: aligned.Plan, seed: int = 0) -> network.Cohort:
    torch.manual_seed(seed)
    return network.Cohort(p.network, people=3, count=p.networks)


def by_hand(p: aligned.Plan, nets: list[network.AlignedReID]) -> tuple[list[dict], list[torch.Tensor]]:
    """The terms and the weighted loss of each network, every other's outputs computed anew and without a graph."""
    data = people()
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    images, labels = (data.images[BATCH].float() / 255 - mean) / deviation, data.labels[BATCH]
    outputs = [net.train()(images) for net in nets]

    def whole(out):
        feature = F.normalize(out.feature) if p.losses.normalise else out.feature
        return torch.stack([torch.stack([(a - b).norm() for b in feature]) for a in feature])

    def local(out):
        return stripe_distance.all_pairs(out.stripes, out.stripes)

    terms = []
    for i, out in enumerate(outputs):
        others = [o for j, o in enumerate(outputs) if j != i]
        mine = {"id": cross_entropy.smoothed(out.logits, labels, 0.1)}
        mine["global_triplet"] = triplet.on_distances(whole(out), labels, 0.3)
        if p.losses.local_samples == "own":
            mine["local_triplet"] = triplet.on_distances(local(out), labels, 0.5)
        else:
            mine["local_triplet"] = local_triplet.on_samples(out.stripes, triplet.hardest(whole(out), labels), 0.5)
        log = out.logits.log_softmax(1)
        with torch.no_grad():
            theirs = [(o.logits.softmax(1), o.logits.log_softmax(1), whole(o), local(o)) for o in others]
        n = len(theirs)
        mine["mutual_id"] = sum((q * (logq - log)).sum(1).mean() for q, logq, _, _ in theirs) / n
        mine["mutual_global"] = sum((whole(out) - d).square().mean() for _, _, d, _ in theirs) / n
        mine["mutual_local"] = sum((local(out) - d).square().mean() for _, _, _, d in theirs) / n
        terms.append({k: v for k, v in mine.items() if getattr(p.weights, k)})
    return terms, [sum(getattr(p.weights, k) * v for k, v in t.items()) for t in terms]


@pytest.mark.parametrize("networks", [2, 3])
@pytest.mark.parametrize(
    ("weights", "losses"),
    [
        ({}, {}),
        ({"mutual_local": 0.5}, {"local_samples": "own"}),
        ({"mutual_id": 0.0, "mutual_global": 0.0, "mutual_local": 0.5}, {"local_samples": "own", "normalise": False}),
        ({"id": 0.0, "local_triplet": 0.0, "mutual_id": 0.0}, {"normalise": False}),
    ],
)
def test_each_network_takes_a_step_on_its_own_weighted_sum(networks, weights, losses):
    p = plan(weights, losses, networks=networks)
    ours, theirs = cohort(p), cohort(p)
    step = aligned.Step(ours, people(), p)
    got = step(BATCH, torch.Generator().manual_seed(0))
    terms, totals = by_hand(p, theirs.networks)
    assert list(got) == list(step.terms) == list(terms[0])
    for name, value in got.items():
        assert value.item() == pytest.approx(sum(t[name].item() for t in terms) / networks, rel=1e-3), name
        assert not value.requires_grad
    for net, total in zip(theirs.networks, totals, strict=True):
        gradients = torch.autograd.grad(total, network.own(net), retain_graph=True, allow_unused=True)
        for parameter, gradient in zip(network.own(net), gradients, strict=True):
            parameter.grad = gradient
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None), name
        if a.grad is not None and b.grad is not None:
            assert (a.grad - b.grad).norm() <= 2e-3 * b.grad.norm() + 1e-5, name


def test_a_peer_changes_a_network_by_the_mutual_losses_alone():
    """Without them a network goes its way as if it were alone, to the last bit."""
    off = {"mutual_id": 0.0, "mutual_global": 0.0}
    alone, together = plan(off, networks=1), plan(off)
    single, pair, taught = cohort(alone), cohort(together), cohort(together)
    for model, p in ((single, alone), (pair, together), (taught, plan())):
        step = aligned.Step(model, people(), p)
        for _ in range(2):
            step(BATCH, torch.Generator().manual_seed(0))
    ours, bound = pair.state_dict(), taught.state_dict()
    assert all(torch.equal(ours[k], v) for k, v in single.state_dict().items())
    assert not all(torch.equal(bound[k], v) for k, v in single.state_dict().items())


def test_mutual_learning_brings_networks_together():
    free, bound = plan({"mutual_id": 0.0, "mutual_global": 0.0}), plan({"mutual_id": 5.0, "mutual_global": 50.0})
    apart = []
    for p in (free, bound):
        model = cohort(p)
        step = aligned.Step(model, people(), p)
        for epoch in range(6):
            for batch in step.batches(0, epoch):
                step(batch, torch.Generator().manual_seed(epoch))
        images = tensors.normalise_images(people().images)
        with torch.no_grad():
            outputs = [net(images) for net in model.networks]
            features = [triplet.pairwise(F.normalize(o.feature)) for o in outputs]
        apart.append([mutual.divergence([o.logits for o in outputs])[0].item(), mutual.squared(features)[0].item()])
    (far, wide), (near, narrow) = apart
    assert near < 0.3 * far
    assert narrow < 0.9 * wide


@pytest.mark.parametrize("samples", ["global", "own"])
def test_a_killed_run_ends_as_the_unbroken_one(own_folders, samples, monkeypatch):
    p = plan({"mutual_local": 0.5 if samples == "own" else 0.0}, {"local_samples": samples}, augment=toy.AUGMENT)
    resume.check_every_epoch(lambda seed: aligned.Step(cohort(p, seed), people(), p), 3, monkeypatch)


def test_all_trunks_start_from_san_pg_and_the_heads_do_not(tmp_path):
    san_pg = toy_systems.write_san_pg(tmp_path / "san_pg")
    p = plan(network={**toy_systems.NETWORK, "local": 6})
    model = cohort(p)
    begun = aligned.start(model, p, san_pg)
    first, second = model.networks
    for name, value in first.encoder.state_dict().items():
        assert torch.equal(value, second.encoder.state_dict()[name]), name
    assert not torch.equal(first.local[0].weight, second.local[0].weight)
    assert not torch.equal(first.classifier.weight, second.classifier.weight)
    (peer,) = begun.report["peers"]
    assert begun.report["matched"] == peer["matched"]
    assert set(begun.report["untouched"]) == set(peer["untouched"])
    assert begun.files == [san_pg / "weights.safetensors"]


@pytest.mark.parametrize(
    ("weights", "changes", "named"),
    [
        ({}, {"networks": 1}, "networks: 1 has nobody to learn from; set mutual_id, mutual_global to 0"),
        ({"mutual_local": 1.0}, {}, r"weights\.mutual_local: needs all local distances"),
        ({"id": 0.0, "global_triplet": 0.0, "local_triplet": 0.0}, {}, "no network would learn who is who"),
    ],
)
def test_what_cannot_be_meant_is_refused(weights, changes, named):
    with pytest.raises(ParamsError, match=named):
        plan(weights, **changes)


def test_a_batch_that_cannot_be_drawn_is_refused_with_its_key():
    with pytest.raises(ValueError, match=r"train_aligned\.people: 4 persons x images: 2"):
        aligned.check(plan(people=4), people().labels, "train_aligned")


@pytest.mark.parametrize("samples", ["global", "own"])
def test_no_step_on_a_gpu_waits_for_the_device(samples, monkeypatch):
    """No value may be looked at while the GPU computes; fake tensors have none, and say so when asked."""
    p = plan({"mutual_local": 0.5 if samples == "own" else 0.0}, {"local_samples": samples}, augment=toy.AUGMENT)
    draws = p.augment.draw(len(BATCH), (toy.HEIGHT, toy.WIDTH), torch.Generator().manual_seed(0))
    monkeypatch.setattr(augment.Augment, "draw", lambda *a: draws)  # on the CPU, where looking is free
    updated = []
    monkeypatch.setattr(aligned.Step, "_update", lambda self, which, terms: updated.append(which))  # wants a GPU
    for module in (augment, tensors):
        monkeypatch.setattr(module, "send", lambda values, device: values.to(device))  # pinning wants one too
    fits = samples == "global"  # or the pictures stay on the host
    monkeypatch.setattr(tensors, "keep", lambda values, device: values.to(device) if fits else values)
    monkeypatch.setattr(aligned.samplers, "PKSampler", lambda *a: None)  # looks at the labels once, before all steps
    given = people()
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cuda"):
            model = network.Cohort(p.network, people=3, count=2)
        step = aligned.Step(model, given, p)
        terms = step(BATCH, torch.Generator())
        assert list(terms) == list(step.terms)
        assert all(t.is_cuda for t in terms.values())
        with pytest.raises(DataDependentOutputException):
            bool(terms["id"] > 0)  # what the test would catch
    assert updated == ["network1", "network2"]
