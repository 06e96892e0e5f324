"""Both schemes of the Triplet ReID constraints against plain loops, and the paper's traps."""

import pytest
import torch
from torch import Tensor

from sanreid.losses import texture_triplet

SHAPES = ((5, 4, 2), (4, 8, 4), (3, 8, 4), (2, 6, 6))


def maps(n: int, scale: float = 1.0) -> list[Tensor]:
    g = torch.Generator().manual_seed(n)
    return [torch.randn(n, *s, generator=g) * scale for s in SHAPES]


def mse(a: Tensor, b: Tensor) -> float:
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a.flatten(), b.flatten(), strict=True)) / a.numel()


def released(values: list[Tensor], people: int, margin: float) -> float:
    """The released places, written out for K = 4."""
    places = [(0, 1, 0), (1, 2, 1), (2, 3, 2), (3, 0, 0)]
    total = 0.0
    for person in range(people - 1):
        for x, (anchor, positive, negative) in zip(values, places, strict=True):
            a, p, n = x[4 * person + anchor], x[4 * person + positive], x[4 * (person + 1) + negative]
            total += max(0.0, mse(a, p) - mse(a, n) + margin)
    return total


class TestPaper:
    @pytest.mark.parametrize("people", [2, 5])
    def test_equals_the_released_places_at_4_images(self, people):
        values = maps(4 * people)
        got = texture_triplet.paper(values, people, 4, 0.3)
        assert got.item() == pytest.approx(released(values, people, 0.3), rel=1e-5)
        assert got.ndim == 0

    @pytest.mark.parametrize(
        ("images", "places"),
        [
            (2, [(0, 1, 0), (1, 0, 1), (0, 1, 0), (1, 0, 0)]),
            (3, [(0, 1, 0), (1, 2, 1), (2, 0, 2), (2, 0, 0)]),
            (6, [(0, 1, 0), (1, 2, 1), (2, 3, 2), (5, 0, 0)]),
        ],
    )
    def test_any_number_of_images(self, images, places):
        values = maps(3 * images)
        expected = 0.0
        for person in range(2):
            for x, (anchor, positive, negative) in zip(values, places, strict=True):
                a, p = x[images * person + anchor], x[images * person + positive]
                expected += max(0.0, mse(a, p) - mse(a, x[images * (person + 1) + negative]) + 0.3)
        assert texture_triplet.paper(values, 3, images, 0.3).item() == pytest.approx(expected, rel=1e-5)

    def test_is_18_at_the_published_batch_when_all_are_equally_far(self):
        assert texture_triplet.paper([torch.ones(64, *s) for s in SHAPES], 16, 4, 0.3).item() == pytest.approx(18)

    def test_the_last_person_is_never_an_anchor(self):
        """Of the last person only the negatives count: images 0, 1, 2 in their maps, and its last image never."""
        values = [v.requires_grad_() for v in maps(12)]
        grads = torch.autograd.grad(texture_triplet.paper(values, 3, 4, 100.0), values)
        used = [[bool(g[i].any()) for i in range(8, 12)] for g in grads]
        assert used == [
            [True, False, False, False],
            [False, True, False, False],
            [False, False, True, False],
            [True, False, False, False],
        ]
        first = [[bool(g[i].any()) for i in range(4)] for g in grads]
        assert first == [
            [True, True, False, False],
            [False, True, True, False],
            [False, False, True, True],
            [True, False, False, True],
        ]

    def test_a_satisfied_constraint_costs_nothing(self):
        person = torch.arange(3.0).repeat_interleave(4)[:, None, None, None] * 10
        assert texture_triplet.paper([person.expand(12, *s) for s in SHAPES], 3, 4, 0.3).item() == 0

    def test_channels_last_and_half_precision(self):
        values = [v.to(torch.bfloat16).contiguous(memory_format=torch.channels_last) for v in maps(12)]
        got = texture_triplet.paper(values, 3, 4, 0.3)
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(released([v.float() for v in values], 3, 0.3), rel=1e-5)

    @pytest.mark.parametrize(("people", "images"), [(1, 4), (4, 1)])
    def test_one_person_or_one_image_is_refused(self, people, images):
        with pytest.raises(ValueError, match="needs 2 people and 2 images"):
            texture_triplet.paper(maps(4), people, images, 0.3)

    def test_a_batch_that_is_not_people_x_images_is_refused(self):
        with pytest.raises(ValueError, match="x1 holds 12 images, not people x images = 16"):
            texture_triplet.paper(maps(12), 4, 4, 0.3)
        with pytest.raises(ValueError, match="x4 holds 8"):
            texture_triplet.paper([*maps(12)[:3], maps(8)[3]], 3, 4, 0.3)

    @pytest.mark.parametrize("pids", [[0, 1] * 4, [0, 0, 0, 1, 1, 1, 1, 0], [2] * 8])
    def test_labels_out_of_their_blocks_are_refused(self, pids):
        with pytest.raises(ValueError, match="do not come in 2 blocks of 4"):
            texture_triplet.paper(maps(8), 2, 4, 0.3, torch.tensor(pids))

    def test_labels_in_blocks_are_accepted(self):
        with_labels = texture_triplet.paper(maps(8), 2, 4, 0.3, torch.tensor([7] * 4 + [3] * 4))
        assert torch.equal(with_labels, texture_triplet.paper(maps(8), 2, 4, 0.3))
        with pytest.raises(ValueError, match="7 labels for 2 people x 4"):
            texture_triplet.paper(maps(8), 2, 4, 0.3, torch.arange(7))


class TestBatch:
    @pytest.mark.parametrize("pids", [[0, 0, 0, 1, 1, 1], [4, 2, 4, 9, 2, 4], [1, 2, 3, 3, 5, 5]])
    @pytest.mark.parametrize("margin", [0.0, 0.3])
    def test_equals_plain_loops(self, pids, margin):
        values = maps(6)
        total, count = 0.0, 0
        for x in values:
            for a in range(6):
                for p in range(6):
                    for n in range(6):
                        if a != p and pids[a] == pids[p] and pids[a] != pids[n]:
                            total += max(0.0, mse(x[a], x[p]) - mse(x[a], x[n]) + margin)
                            count += 1
        got = texture_triplet.batch(values, torch.tensor(pids), margin)
        assert got.item() == pytest.approx(total / count, rel=1e-4)

    def test_is_the_margin_when_all_are_equally_far(self):
        for n in (8, 16):
            values = [torch.ones(n, *s) for s in SHAPES]
            pids = torch.arange(n) // 4
            assert texture_triplet.batch(values, pids, 0.3).item() == pytest.approx(0.3)

    def test_the_order_of_the_batch_is_of_no_matter(self):
        pids, order = torch.arange(8) // 2, torch.randperm(8)
        torch.testing.assert_close(
            texture_triplet.batch([v[order] for v in maps(8)], pids[order], 0.3),
            texture_triplet.batch(maps(8), pids, 0.3),
        )

    def test_gradients_equal_those_of_the_differences(self):
        values, pids = [v.double().requires_grad_() for v in maps(6)], torch.tensor([0, 0, 0, 1, 1, 1])
        total = torch.zeros((), dtype=torch.float64)
        for x in values:
            d = (x[:, None] - x[None]).square().flatten(2).mean(2)
            for a in range(6):
                for p in range(6):
                    for n in range(6):
                        if a != p and pids[a] == pids[p] and pids[a] != pids[n]:
                            total = total + (d[a, p] - d[a, n] + 0.3).clamp_min(0)
        expected = torch.autograd.grad(total / (4 * 36), values)
        got = torch.autograd.grad(texture_triplet.batch(values, pids, 0.3), values)
        for g, e in zip(got, expected, strict=True):
            torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-6)

    def test_close_maps_on_a_large_offset_keep_their_distance(self):
        values = torch.full((4, 3, 8, 8), 100.0)
        values[1] += 0.01
        assert texture_triplet.pairwise_mse(values)[0, 1].item() == pytest.approx(1e-4, rel=1e-2)

    @pytest.mark.parametrize("pids", [[0, 0, 0, 0], [0, 1, 2, 3]])
    def test_a_batch_without_a_triplet_is_refused(self, pids):
        with pytest.raises(ValueError, match="no triplet among 4 images"):
            texture_triplet.batch(maps(4), torch.tensor(pids), 0.3)
