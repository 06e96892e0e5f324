"""P x K batches: shape, blocks, resume, and that every image is equally likely."""

import numpy as np
import pytest
import torch

from sanreid.data.samplers import PKSampler, shuffled

UNEVEN = np.repeat([11, 4, 9, 7, 30, 2], [9, 1, 4, 7, 3, 6])  # 30 images; labels in no order


@pytest.mark.parametrize(("people", "images"), [(2, 2), (3, 4), (6, 3), (4, 1), (1, 5)])
def test_batches_are_blocks_of_different_people(people, images):
    sampler = PKSampler(UNEVEN, people, images)
    for epoch in range(20):
        batches = sampler.epoch(0, epoch)
        assert len(batches) == len(sampler) == max(1, 30 // (people * images))
        for batch in batches:
            assert batch.dtype == torch.int64
            blocks = UNEVEN[batch.numpy()].reshape(people, images)
            assert (blocks == blocks[:, :1]).all()
            assert len(set(blocks[:, 0])) == people


def test_a_person_with_enough_images_shows_each_once_in_a_batch():
    sampler = PKSampler(UNEVEN, 3, 4)
    for epoch in range(50):
        for batch in sampler.epoch(1, epoch):
            for block in batch.numpy().reshape(3, 4):
                held = int((UNEVEN[block[0]] == UNEVEN).sum())
                assert len(set(block)) == min(4, held)


def test_too_few_images_are_repeated_evenly():
    pids = [0, 0, 1, 1, 1]
    for block in PKSampler(pids, 2, 4).epoch(0, 0)[0].numpy().reshape(2, 4):
        counts = np.unique(block, return_counts=True)[1]
        assert sorted(counts) == ([2, 2] if len(counts) == 2 else [1, 1, 2])


def test_every_image_is_equally_likely():
    """A common sampler drops remainders: with K = 4 a person's 7 images come 4/7 as often as 4 images do."""
    for people, images in ((2, 2), (3, 4)):
        sampler, epochs = PKSampler(UNEVEN, people, images), 4000
        counts = np.zeros(30)
        for epoch in range(epochs):
            for batch in sampler.epoch(5, epoch):
                counts += np.bincount(batch.numpy(), minlength=30)
        expected = len(sampler) * people * images / 30 * epochs
        assert np.abs(counts / expected - 1).max() < 0.06, (people, images)


def test_one_epoch_sees_nearly_every_image():
    pids = np.repeat(np.arange(50), 8)
    seen = torch.cat(PKSampler(pids, 10, 4).epoch(0, 0))
    assert len(seen) == 400
    assert len(seen.unique()) == 400  # 2 hands of 4 each: a perfect deal


def test_a_person_with_most_images_comes_once_a_batch():
    pids = np.repeat([0, 1, 2, 3], [90, 4, 4, 2])
    sampler = PKSampler(pids, 3, 2)
    shares = np.zeros(4)
    for epoch in range(200):
        for batch in sampler.epoch(0, epoch):
            people = pids[batch.numpy()].reshape(3, 2)[:, 0]
            assert len(set(people)) == 3
            shares += np.bincount(people, minlength=4)
    shares /= 200 * len(sampler)
    assert shares[0] == 1
    np.testing.assert_allclose(shares[1:], [0.8, 0.8, 0.4], atol=0.02)


def test_as_many_people_as_a_batch_holds():
    sampler = PKSampler(np.repeat(np.arange(4), [9, 2, 5, 3]), 4, 2)
    with np.errstate(all="raise"):
        assert [len(set(b.tolist())) > 0 for b in sampler.epoch(0, 0)] == [True, True]


def test_an_epoch_is_a_function_of_seed_and_number():
    """Resume is exact: neither the order of calls nor another sampler's draws matter."""
    a, b = PKSampler(UNEVEN, 3, 4), PKSampler(UNEVEN, 3, 4)
    first = [a.epoch(3, e) for e in range(4)]
    np.random.default_rng(0).random(9)
    for e in (2, 0, 3):
        assert all(torch.equal(x, y) for x, y in zip(b.epoch(3, e), first[e], strict=True))
    flat = [torch.cat(e).tolist() for e in first]
    assert len({tuple(f) for f in flat}) == 4
    assert torch.cat(a.epoch(4, 0)).tolist() != flat[0]


def test_the_last_place_of_a_batch_goes_round():
    """The last person of a batch is never an anchor of the paper's constraint: it must not always be the same."""
    sampler = PKSampler(np.repeat(np.arange(6), 4), 3, 4)
    last = np.concatenate([[b[-1] // 4 for b in sampler.epoch(0, e)] for e in range(600)])
    np.testing.assert_allclose(np.bincount(last) / len(last), 1 / 6, atol=0.05)


def test_pairs_of_people_mix():
    sampler = PKSampler(np.repeat(np.arange(6), 4), 3, 4)
    together = np.zeros((6, 6))
    for e in range(900):
        for batch in sampler.epoch(0, e):
            people = np.unique(batch.numpy() // 4)
            together[np.ix_(people, people)] += 1
    pairs = together[~np.eye(6, dtype=bool)] / 1800
    np.testing.assert_allclose(pairs, 3 / 6 * 2 / 5, atol=0.04)


def test_a_persons_two_hands_come_at_unrelated_times_and_places():
    """Else the same two persons would be neighbours, anchor and negative, in batch after batch."""
    sampler, near, same_place, epochs = PKSampler(np.repeat(np.arange(50), 8), 10, 4), 0, 0, 40
    for e in range(epochs):
        people = np.stack([b.numpy().reshape(10, 4)[:, 0] // 8 for b in sampler.epoch(0, e)])
        for person in range(50):
            times, places = np.nonzero(people == person)
            near += times[1] - times[0] == 1
            same_place += places[0] == places[1]
    assert near / (50 * epochs) == pytest.approx(2 / 10, abs=0.05)
    assert same_place / (50 * epochs) == pytest.approx(1 / 10, abs=0.05)


def test_labels_may_be_tensors_lists_or_columns():
    for pids in (UNEVEN, UNEVEN.tolist(), torch.from_numpy(UNEVEN)):
        assert torch.equal(PKSampler(pids, 3, 4).epoch(0, 0)[0], PKSampler(UNEVEN, 3, 4).epoch(0, 0)[0])


@pytest.mark.parametrize(("people", "images"), [(7, 4), (0, 4), (3, 0)])
def test_a_batch_that_cannot_be_filled_names_the_key(people, images):
    with pytest.raises(ValueError, match=rf"people: {people} persons x images: {images} .* from 6 persons; lower"):
        PKSampler(UNEVEN, people, images)


class TestShuffled:
    def test_each_image_once_and_whole_batches(self):
        batches = shuffled(23, 5, 0, 0)
        assert [len(b) for b in batches] == [5, 5, 5, 5]
        assert len(torch.cat(batches).unique()) == 20
        assert torch.cat(shuffled(20, 5, 0, 0)).sort().values.tolist() == list(range(20))

    def test_fewer_images_than_a_batch_are_one_batch(self):
        (only,) = shuffled(3, 5, 0, 0)
        assert sorted(only.tolist()) == [0, 1, 2]

    def test_a_function_of_seed_and_epoch(self):
        runs = {k: torch.cat(shuffled(40, 8, *k)).tolist() for k in ((0, 0), (0, 1), (1, 0))}
        assert torch.cat(shuffled(40, 8, 0, 1)).tolist() == runs[0, 1]
        assert len({tuple(r) for r in runs.values()}) == 3

    def test_who_is_left_out_changes(self):
        counts = sum(np.bincount(torch.cat(shuffled(7, 3, 0, e)).numpy(), minlength=7) for e in range(2000))
        np.testing.assert_allclose(counts / 2000, 6 / 7, atol=0.03)

    @pytest.mark.parametrize(("n", "batch"), [(0, 4), (4, 0)])
    def test_nothing_to_draw_is_refused(self, n, batch):
        with pytest.raises(ValueError, match=f"batch: {batch} images a batch cannot be drawn from {n} images"):
            shuffled(n, batch, 0, 0)
