"""What only a GPU can show: exact resume, a step that waits for nothing, the batched augmentation's arithmetic."""

import pytest
import torch

from sanreid.data import augment, tensors
from sanreid.losses import texture_triplet, triplet
from sanreid.models.san import SAN
from sanreid.training import loop, san
from tests.stages import toy_san as toy
from tests.training import resume
from tests.training.test_san import BATCH, data, recipe, variant

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
COMPUTE = {"precision": "bfloat16", "channels_last": True, "compile": False, "deterministic": True}
NOISY = {**toy.AUGMENT, "erase_probability": 0.5}


@pytest.fixture(autouse=True)
def _switches(monkeypatch):
    """The switches of `settle_cuda` as they were."""
    cudnn, before = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    kept = cudnn.benchmark, cudnn.allow_tf32
    yield
    torch.use_deterministic_algorithms(before)
    cudnn.benchmark, cudnn.allow_tf32 = kept


def make(schedule: str, scheme: str = "paper", seed: int = 0) -> san.Step:
    torch.manual_seed(seed)
    r, v = recipe(epochs=3, schedule=schedule, augment=NOISY, compute=COMPUTE), variant(scheme=scheme)
    model = loop.place(SAN(toy.architecture(), people=3), r.compute, torch.device("cuda"))
    return san.Step(model, data(), r, v, augment.mirror_index(toy.mirror_map(), toy.SIDE))


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_run_killed_after_any_epoch_ends_the_same(schedule, monkeypatch):
    resume.check_every_epoch(lambda seed: make(schedule, seed=seed), 3, monkeypatch)


@pytest.mark.parametrize("scheme", ["paper", "batch"])
@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_step_waits_for_nothing(schedule, scheme):
    step, generator = make(schedule, scheme), torch.Generator().manual_seed(0)
    step(BATCH, generator)  # the first one fills caches
    torch.cuda.set_sync_debug_mode("error")
    try:
        terms = step(BATCH, generator)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(value.isfinite() for value in terms.values())


@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_pictures_that_stay_on_the_host_train_the_same(schedule, monkeypatch):
    there = make(schedule)
    monkeypatch.setattr(tensors, "HELD", 0.0)
    here = make(schedule)
    assert (there.images.device.type, here.images.device.type) == ("cuda", "cpu")
    for step in (there, here):
        step(BATCH, torch.Generator().manual_seed(0))
    for a, b in zip(there.model.parameters(), here.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_augmentation_at_once_equals_picture_by_picture():
    a = recipe(augment=NOISY).augment
    images = data().images.cuda().contiguous(memory_format=torch.channels_last)
    draws = a.draw(len(images), (toy.HEIGHT, toy.WIDTH), torch.Generator().manual_seed(0))
    assert torch.equal(a.apply(images, draws), a.one_by_one(images, draws))


def test_a_batch_without_a_negative_is_not_a_number():
    """Nobody looks at the labels there; the loop stops at such a loss by name."""
    alone = torch.zeros(4, dtype=torch.long, device="cuda")
    assert triplet.batch_hard(torch.rand(4, 3, device="cuda"), alone, 0.3).isnan()
    assert texture_triplet.batch([torch.rand(4, 2, 3, 3, device="cuda")], alone, 0.3).isnan()
