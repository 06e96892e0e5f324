"""Triplets drawn in the data set: who is in them, how evenly, and that an epoch depends on its seed alone."""

from collections import Counter

import numpy as np
import pytest
import torch

from sanreid.data.triplet_sampler import TripletSampler

PIDS = [7, 3, 3, 9, 7, 3, 9, 9, 7, 4]  # 4 has one image


def thirds(batch):
    return batch.reshape(3, -1).tolist()


def test_every_triplet_is_one_and_every_image_an_anchor_once():
    sampler, anchors = TripletSampler(PIDS, 5), []
    for batch in sampler.epoch(0, 0):
        assert batch.dtype == torch.int64
        for a, p, n in zip(*thirds(batch), strict=True):
            assert PIDS[a] == PIDS[p]
            assert (a == p) == (PIDS[a] == 4)  # alone of its person
            assert PIDS[n] != PIDS[a]
            anchors.append(a)
    assert sorted(anchors) == list(range(10))


def test_positives_and_negatives_are_even():
    sampler, positives, negatives = TripletSampler(PIDS, 10), Counter(), Counter()
    for epoch in range(3000):
        for a, p, n in zip(*thirds(sampler.epoch(1, epoch)[0]), strict=True):
            if a == 0:
                positives[p] += 1
                negatives[n] += 1
    assert set(positives) == {4, 8}
    assert set(negatives) == {1, 2, 3, 5, 6, 7, 9}
    assert np.allclose(np.array(list(positives.values())) / 3000, 1 / 2, atol=0.04)
    assert np.allclose(np.array(list(negatives.values())) / 3000, 1 / 7, atol=0.03)


def test_the_incomplete_last_batch_is_left_out_unless_it_is_the_only_one():
    assert [len(b) for b in TripletSampler(PIDS, 4).epoch(0, 0)] == [12, 12]
    assert [len(b) for b in TripletSampler(PIDS, 64).epoch(0, 0)] == [30]


def test_an_epoch_is_a_function_of_seed_and_number():
    sampler = TripletSampler(torch.tensor(PIDS), 5)

    def epoch(seed, number):
        return torch.cat(sampler.epoch(seed, number)).tolist()

    assert epoch(3, 2) == epoch(3, 2)
    assert epoch(3, 2) != epoch(3, 1)
    assert epoch(3, 2) != epoch(4, 2)


@pytest.mark.parametrize(("pids", "batch"), [([1, 1, 1], 2), (PIDS, 0)])
def test_what_cannot_be_drawn_is_refused(pids, batch):
    with pytest.raises(ValueError, match=f"batch: {batch} triplets cannot be drawn from"):
        TripletSampler(pids, batch)
