"""Jobs against a clock that only the test moves: what fits, what is left out, what is ended, and why."""

from dataclasses import dataclass, field

from tools import budget
from tools.budget import DONE, FAILED, LEFT_OUT, STOPPED, Job

UNWINDS = 3.0  # seconds that a job takes to end once it is asked to


@dataclass
class Timer:
    """Moves only where somebody waits."""

    now: float = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Work:
    """A job that lasts so long, and tells what is left after `tells` seconds of it."""

    timer: Timer
    lasts: float
    status: int = 0
    tells: float | None = None
    began: float = 0.0
    asked: float | None = None

    def poll(self) -> int | None:
        if self.asked is not None and self.timer.now >= self.asked + UNWINDS:
            return 143
        return self.status if self.asked is None and self.timer.now >= self.began + self.lasts else None

    def stop(self) -> None:
        assert self.asked is None, "asked twice"
        self.asked = self.timer.now

    def left(self) -> float | None:
        ran = self.timer.now - self.began
        return None if self.tells is None or ran < self.tells else self.lasts - ran


@dataclass
class Bench:
    """Runs jobs that are `Work`, and keeps the order in which they began."""

    works: dict[str, Work]
    timer: Timer
    estimates: dict[str, float] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    notes: int = 0

    def run(self, *jobs: Job, limit: float = 100, **options) -> budget.Outcomes:
        def start(job: Job) -> Work:
            self.begun.append(job.name)
            self.works[job.name].began = self.timer.now
            return self.works[job.name]

        def note(outcomes: budget.Outcomes) -> None:
            self.notes += 1

        def estimate(name: str, outcomes: budget.Outcomes) -> float | None:
            return self.estimates.get(name)

        lanes = {"gpu": 1, "cpu": 2}
        clock = lambda: self.timer.now  # noqa: E731
        run = budget.Run(jobs, limit, lanes, start, estimate, clock, self.timer.pause, note, **options)
        return run.carry_out()


def bench(**lasts: float | dict) -> Bench:
    timer = Timer()
    return Bench({n: Work(timer, **(v if isinstance(v, dict) else {"lasts": v})) for n, v in lasts.items()}, timer)


def job(name: str, *needs: str, lane: str = "gpu", rank: tuple = (0,), follows: tuple[str, ...] = ()) -> Job:
    return Job(name, needs, lane, 1, rank, follows)


def states(outcomes: budget.Outcomes) -> dict[str, str]:
    return {name: outcome.state for name, outcome in outcomes.items()}


def test_all_is_done_where_it_fits_and_lanes_run_side_by_side():
    made = bench(render=10, train=30, other=20, more=5, third=5)
    found = made.run(
        job("render", lane="cpu"),
        job("train", "render"),
        job("other", lane="cpu"),
        job("more", lane="cpu", rank=(2,)),
        job("third", "train", "other", "more"),
    )
    assert states(found) == dict.fromkeys(found, DONE)
    assert made.begun == ["render", "other", "train", "more", "third"]
    assert found["more"].began >= 10 > found["other"].began == 0  # two places of the CPU's
    assert 40 <= found["third"].began < 41
    assert abs(found["train"].seconds - 30) < 1
    assert made.notes >= 5


def test_the_better_rank_takes_the_one_place():
    made = bench(a=5, b=5, c=5)
    made.run(job("a", rank=(0, 2)), job("b", rank=(0, 0)), job("c", rank=(0, 1)))
    assert made.begun == ["b", "c", "a"]


def test_a_kept_place_waits_for_the_better_class():
    jobs = (job("first", lane="cpu"), job("table", "first"), job("page", rank=(1,)))
    free = bench(first=10, table=5, page=30)
    free.run(*jobs)
    assert free.begun == ["first", "page", "table"]
    held = bench(first=10, table=5, page=30)
    held.run(*jobs, kept={"gpu"})
    assert held.begun == ["first", "table", "page"]


def test_a_later_seed_that_does_not_fit_is_left_out_and_a_smaller_job_still_goes():
    made = bench(train0=40, test0=5, train1=40, test1=5, small=10)
    made.estimates = {"train1": 40, "test1": 20, "small": 10}
    found = made.run(
        job("train0", rank=(0, 0), follows=("test0",)),
        job("test0", "train0", rank=(0, 0, 1)),
        job("train1", rank=(0, 1), follows=("test1",)),
        job("test1", "train1", rank=(0, 1, 1)),
        job("small", rank=(1,)),
    )
    assert states(found) == {"train0": DONE, "test0": DONE, "train1": LEFT_OUT, "test1": LEFT_OUT, "small": DONE}
    assert found["train1"].why == "it would take about 40 s and 20 s for what follows it, and 60 s were left"
    assert found["test1"].why == "needs train1, which was left out"


def test_a_training_that_will_be_late_by_its_own_pace_is_ended_before_the_limit():
    made = bench(train={"lasts": 200, "tells": 20}, test=5, small=10)
    found = made.run(job("train", follows=("test",)), job("test", "train"), job("small", rank=(1,)))
    assert states(found) == {"train": STOPPED, "test": LEFT_OUT, "small": DONE}
    assert 20 + UNWINDS <= found["train"].ended < 21 + UNWINDS
    assert found["train"].why == "by its own pace it would have been 100 s late"
    assert found["test"].why == "needs train, which was stopped"


def test_a_job_without_forecast_is_ended_at_the_limit_and_the_rest_is_skipped():
    made = bench(train=200, test=5, other=30)
    found = made.run(job("train"), job("test", "train"), job("other", rank=(1,)))
    assert states(found) == {"train": STOPPED, "test": LEFT_OUT, "other": LEFT_OUT}
    assert found["train"].why == found["other"].why == budget.OVER
    assert 100 + UNWINDS <= found["train"].ended < 101 + UNWINDS


def test_what_ends_by_itself_as_it_is_asked_to_is_done():
    made = bench(train=30)
    made.works["train"].stop = lambda: None  # too late: it has written all
    found = made.run(job("train"), limit=29.95)
    assert states(found) == {"train": DONE}
    assert found["train"].why == ""


def test_a_failure_takes_what_reads_from_it_and_nothing_else():
    made = bench(bad={"lasts": 5, "status": 3}, reader=5, last=5, beside=5)
    found = made.run(job("bad"), job("reader", "bad"), job("last", "reader"), job("beside"))
    assert states(found) == {"bad": FAILED, "reader": LEFT_OUT, "last": LEFT_OUT, "beside": DONE}
    assert found["bad"].why == "it ended with status 3"
    assert found["reader"].why == "needs bad, which failed"
    assert found["last"].why == "needs reader, which was left out"


def test_when_it_is_asked_to_end_everything_ends_in_order():
    made = bench(train=60, test=5)
    found = made.run(job("train"), job("test", "train"), asked=lambda: "told to" if made.timer.now >= 10 else "")
    assert states(found) == {"train": STOPPED, "test": LEFT_OUT}
    assert {outcome.why for outcome in found.values()} == {"told to"}
    assert made.timer.now < 11 + UNWINDS


def test_more_places_than_exist_are_refused():
    found = bench(wide=5).run(Job("wide", (), "gpu", 2, (0,)))
    assert found["wide"].why == "wants 2 places of gpu, and there are 1"
    assert found["wide"].state == LEFT_OUT


def test_without_jobs_it_ends_at_once():
    assert bench().run() == {}
