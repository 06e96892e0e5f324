"""The pool: order, errors that name the person, and the promise that processes change nothing."""

import os

import cv2
import numpy as np
import pytest

from sanreid import runtime
from sanreid.synthesis import process_pool


def draw(index: int) -> tuple[int, float, int, int]:
    return index, float(runtime.rng(3, "pool", index).random()), os.getpid(), cv2.getNumThreads()


def fail_at_five(index: int) -> int:
    if index == 5:
        raise ValueError("no such colour")
    return index


def divide_at_three(index: int) -> float:
    return 1 / (3 - index)


def die_at_two(index: int) -> int:
    if index == 2:
        os._exit(9)
    return index


def square_of(index: int) -> np.ndarray:
    return np.full((2, 2), index, np.uint8)


def run(work, count: int, processes: int) -> list:
    return list(process_pool.run(work, range(count), processes=processes, title="test"))


def test_results_keep_their_order_and_values_for_any_number_of_processes():
    one, two = run(draw, 20, 1), run(draw, 20, 2)
    assert [r[:2] for r in one] == [r[:2] for r in two]
    assert [r[0] for r in two] == list(range(20))
    assert {r[2] for r in one} == {os.getpid()}, "one process: no spawn at all"
    workers = {r[2] for r in two[1:]}
    assert two[0][2] == os.getpid(), "the first item warms numba's cache in the parent"
    assert os.getpid() not in workers
    assert workers
    assert {r[3] for r in one + two} == {1}, "OpenCV takes one thread everywhere"


def test_opencv_threads_come_back_afterwards():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        run(draw, 3, 1)
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_names_the_person_and_keeps_its_type(processes):
    with pytest.raises(ValueError, match="test: person 5: no such colour"):
        run(fail_at_five, 9, processes)


def test_an_unforeseen_error_names_the_person_and_its_kind():
    with pytest.raises(RuntimeError, match="test: person 3: ZeroDivisionError"):
        run(divide_at_three, 9, 1)


def test_a_killed_worker_is_an_error_with_a_remedy():
    with pytest.raises(RuntimeError, match=r"lower synthesize\.processes"):
        run(die_at_two, 4, 2)


def test_results_stream_before_all_people_are_done():
    results = process_pool.run(fail_at_five, range(9), processes=1, title="test")
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_arrays_travel_and_an_empty_set_is_no_error():
    assert [int(a[1, 1]) for a in run(square_of, 3, 2)] == [0, 1, 2]
    assert run(draw, 0, 2) == []
    assert len(run(draw, 1, 0)) == 1
