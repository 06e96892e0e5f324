"""The order of the stages for the table, and what is known of their time."""

import json

import pytest

from tools import paper_steps
from tools.budget import DONE, Job, Outcome
from tools.plan import Step


def step(name: str, *needs: str, out: str = "", gpus: int = 0) -> Step:
    return Step(name, "true", needs, (), (out or f"data/{name}",), gpus, None)


def run(variant: str, seed: int) -> list[Step]:
    train, test = f"train_san@set-{variant}-{seed}", f"evaluate_san@set-{variant}-{seed}"
    return [
        step(train, f"prepare@{variant}", out=f"models/san/set/{variant}/seed{seed}", gpus=1),
        step(test, train, out=f"reports/san/set/{variant}/seed{seed}/metrics.json", gpus=1),
    ]


@pytest.fixture
def steps() -> list[Step]:
    """As DVC orders them: by name, upstream first."""
    runs = [s for seed in (1, 0) for variant in ("b", "a") for s in run(variant, seed)]
    return [
        step("synthesize@sets"),
        step("read", "synthesize@sets"),
        step("floor", "read", gpus=1),
        step("synthesize@pit"),
        step("pair", "synthesize@pit"),
        step("painter", "pair", gpus=1),
        step("prepare@a", "painter", "read"),
        step("prepare@b", "painter", "read"),
        *runs,
        step("evaluate_cross", runs[0].name, out="reports/san/cross/set/other/a/seed0/metrics.json", gpus=1),
        step("report", "floor", *(r.name for r in runs)),
    ]


def test_a_row_of_the_first_seed_comes_before_any_of_the_next(steps):
    jobs = sorted(paper_steps.jobs(steps, ["a", "b"]), key=lambda job: job.rank)
    order = [job.name for job in jobs]
    assert order[0] == "synthesize@pit"  # the longest way to the table
    assert order.index("painter") < order.index("prepare@a")
    rows = [name for name in order if name.startswith(("train_san", "evaluate_san"))]
    assert rows == [
        f"{stage}@set-{variant}-{seed}"
        for seed in (0, 1)
        for variant in ("a", "b")
        for stage in ("evaluate_san", "train_san")
    ]  # an evaluation that is ready goes first: a result is safe then
    assert set(order[-3:]) == {"floor", "evaluate_cross", "report"}


def test_lanes_places_and_what_follows(steps):
    jobs = {job.name: job for job in paper_steps.jobs(steps, ["a", "b"])}
    assert {name: job.lane for name, job in jobs.items() if not name.endswith(("0", "1"))} == {
        "synthesize@sets": "render",
        "synthesize@pit": "render",
        "read": "cpu",
        "pair": "cpu",
        "prepare@a": "cpu",
        "prepare@b": "cpu",
        "report": "cpu",
        "painter": "gpu",
        "floor": "gpu",
        "evaluate_cross": "gpu",
    }
    assert jobs["train_san@set-a-1"].follows == ("evaluate_san@set-a-1",)
    assert jobs["evaluate_san@set-a-1"].follows == jobs["painter"].follows == ()
    assert {job.places for job in jobs.values()} == {1}
    assert paper_steps.of_seeds(steps) == [0, 1]


def outcome(name: str, seconds: float) -> Outcome:
    return Outcome(Job(name, (), "gpu", 1, (0,)), DONE, "", 5.0, 5.0 + seconds)


def test_the_same_stage_with_another_seed_tells_more_than_the_file(steps):
    estimate = paper_steps.Estimates(
        steps, {"train_san@set-a-0": 50.0, "train_san@set-b-0": 60.0, "train_san@set-b-1": 65.0}
    )
    assert estimate("train_san@set-a-1", {}) == 50
    assert [estimate(f"train_san@set-b-{seed}", {}) for seed in (0, 1)] == [60, 65]
    assert estimate("painter", {}) is None
    done = {"train_san@set-a-0": outcome("train_san@set-a-0", 70.0)}
    assert estimate("train_san@set-a-1", done) == 70
    assert estimate("evaluate_san@set-a-1", done) is None


def test_estimates_come_from_an_earlier_run_or_a_plain_file(tmp_path):
    file = tmp_path / "run.json"
    stages = [{"name": "a", "state": "done", "seconds": 3.5}, {"name": "b", "state": "stopped", "seconds": 9.0}]
    file.write_text(json.dumps({"toy": False, "stages": stages}))
    assert paper_steps.read_estimates(file, toy=False) == {"a": 3.5}
    with pytest.raises(ValueError, match=r"run.json: of a run not at toy size"):
        paper_steps.read_estimates(file, toy=True)
    file.write_text('{"a": 4, "b": 2.5}')
    assert paper_steps.read_estimates(file, toy=True) == {"a": 4.0, "b": 2.5}
    file.write_text('{"a": "soon"}')
    with pytest.raises(ValueError, match=r"run.json: no estimates \(could not convert.*give stage: seconds"):
        paper_steps.read_estimates(file, toy=False)
