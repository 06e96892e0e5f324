"""Batches and losses of triplets go together by either sampling."""

import pytest
import torch

from sanreid.losses import squared_triplet, triplet
from sanreid.params import validate
from sanreid.training.triplet_mining import Batches, TripletMining

LABELS = torch.arange(12) // 4
BATCHES = validate({"triplets": 5, "people": 2, "images": 3}, Batches, "batches")


@pytest.mark.parametrize("squared", [True, False])
def test_drawn_triplets_are_compared_in_thirds(squared):
    t = TripletMining(LABELS, "random", BATCHES, 0.5, squared)
    batch = t.epoch(0, 0)[0]
    torch.manual_seed(0)
    features = torch.randn(15, 4)
    a, p, n = features[:5], features[5:10], features[10:]
    assert (LABELS[batch[:5]] == LABELS[batch[5:10]]).all()
    assert (LABELS[batch[:5]] != LABELS[batch[10:]]).all()
    power = 2 if squared else 1
    expected = [
        max(0.0, 0.5 + (x - y).norm() ** power - (x - z).norm() ** power) for x, y, z in zip(a, p, n, strict=True)
    ]
    assert t.loss(features, LABELS[batch]).item() == pytest.approx(sum(expected).item() / 5, rel=1e-5)


@pytest.mark.parametrize(("squared", "loss"), [(True, squared_triplet.batch_hard), (False, triplet.batch_hard)])
def test_people_times_images_take_the_hardest(squared, loss):
    t = TripletMining(LABELS, "batch_hard", BATCHES, 0.5, squared)
    batch = t.epoch(0, 0)[0]
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert len(batch) == 6
    assert t.loss(features, LABELS[batch]).item() == loss(features, LABELS[batch], 0.5).item()
