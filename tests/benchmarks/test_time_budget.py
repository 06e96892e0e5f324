"""Rows shrink before they are left out, and what one leaves over the others get: by a clock that the test sets."""

from benchmarks.time_budget import STEPS, Budget


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def images(budget, share=0.5, epochs=4, full=7368, seconds_an_image=0.001, fixed=0.0):
    return budget.images(share, epochs, full, 64, seconds_an_image, fixed)


def test_without_an_end_every_row_has_all_images():
    assert images(Budget(None), seconds_an_image=10.0) == 7368


def test_a_row_has_what_its_share_allows():
    clock = Clock()
    budget = Budget(60, clock)
    assert images(budget, share=0.5) == 7368  # 29.5 of 30 s
    assert images(budget, share=0.25) == 15 / 4e-3 // 64 * 64  # whole batches
    assert images(budget, share=0.25, fixed=5) == 10 / 4e-3 // 64 * 64
    clock.now += 30
    assert images(budget, share=0.5) == 15 / 4e-3 // 64 * 64
    assert budget.left == 30


def test_what_is_too_little_for_a_row_takes_the_rest_and_then_none():
    clock = Clock()
    budget = Budget(60, clock)
    least = STEPS * 64
    assert images(budget, share=0.01) == least
    clock.now += 60 - 4 * least * 0.001 - 0.01
    assert images(budget, share=0.01) == least
    clock.now += 0.02
    assert images(budget, share=1.0) == 0
    clock.now += 60
    assert images(budget, share=1.0) == 0


def test_a_set_smaller_than_the_least_is_measured_whole():
    assert images(Budget(60, Clock()), share=0.001, full=48) == 48
