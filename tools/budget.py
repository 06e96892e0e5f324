"""A scheduler with a time limit: runs independent jobs in parallel, and skips those that would not finish in time.

Decisions: nothing here depends on stages, processes or the real clock: the caller gives each job a lane and a rank,
starts it, provides the time and waits, so that tests can use a simulated clock. A lane has a number of places, which
its jobs take in the order of their ranks. In the lanes named in `kept` a place stays free for a job of a better class
(the first member of a rank) that is not ready yet. A job is not started if its estimate, and that of jobs that must
follow it (a training's evaluation), do not fit. A running job whose own forecast exceeds the limit is ended at once, so
that there is time for smaller ones. Jobs that depend on a failed or skipped one are skipped.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

LOOK = 0.2  # seconds between looks
DOUBT = 0.1  # fraction by which a running job's own forecast may exceed the limit before it is ended
WAITING, RUNNING, DONE, FAILED, STOPPED, LEFT_OUT = "waiting", "running", "done", "failed", "stopped", "left out"
OVER = "the time was up"


class Job(NamedTuple):
    """A step to run: `needs` are names of jobs, `lane` where it takes `places`, `follows` the jobs it is run for."""

    name: str
    needs: tuple[str, ...]
    lane: str
    places: int
    rank: tuple[Any, ...]
    follows: tuple[str, ...] = ()


class Running(Protocol):
    """A started job."""

    def poll(self) -> int | None:
        """Its exit status; None while it runs, what it started included."""
        ...

    def stop(self) -> None:
        """Ask it to end in order; harder by and by if it does not."""
        ...

    def left(self) -> float | None:
        """The seconds that it still needs by its own account; None where it does not tell."""
        ...


@dataclass
class Outcome:
    """What became of a job; moments are the clock's, `why` is a sentence where it is not done."""

    job: Job
    state: str = WAITING
    why: str = ""
    began: float | None = None
    ended: float | None = None
    running: Running | None = None

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        return None if self.began is None or self.ended is None else self.ended - self.began


Outcomes = dict[str, Outcome]


@dataclass
class Run:
    """Jobs and the time they have; `carry_out` runs them. `lanes` gives the places of each lane."""

    jobs: Sequence[Job]
    limit: float  # moment of the clock at which everything must have ended
    lanes: Mapping[str, int]
    start: Callable[[Job], Running]
    estimate: Callable[[str, Outcomes], float | None]  # seconds of a job, from what is known and done by then
    clock: Callable[[], float]
    pause: Callable[[float], None]
    note: Callable[[Outcomes], None] = lambda outcomes: None  # called after each end
    kept: Container[str] = ()  # lanes whose places wait for better classes
    asked: Callable[[], str] = lambda: ""  # why everything is to end now; "" while it is not
    outcomes: Outcomes = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = {job.name: Outcome(job) for job in self.jobs}

    def carry_out(self) -> Outcomes:
        """Run until nothing runs and nothing waits."""
        while self._of(RUNNING, WAITING):
            ended = [self._look(outcome) for outcome in self._of(RUNNING)]
            if reason := self.asked() or (OVER if self.clock() >= self.limit else ""):
                self._end_all(reason)
            self._drop()
            self._begin()
            if any(ended):
                self.note(self.outcomes)
            if self._of(RUNNING):
                self.pause(LOOK)
        self.note(self.outcomes)
        return self.outcomes

    def _of(self, *states: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes.values() if outcome.state in states]

    def _look(self, outcome: Outcome) -> bool:
        """Whether a running job has ended by now; one that will be too late is asked to."""
        assert outcome.running is not None
        status = outcome.running.poll()
        if status is None:
            if not outcome.why:
                self._forecast(outcome, outcome.running.left())
            return False
        outcome.ended = self.clock()
        if outcome.why and status != 0:  # it was asked to end
            outcome.state = STOPPED
        else:
            outcome.state = FAILED if status else DONE
            outcome.why = f"it ended with status {status}" if status else ""
        return True

    def _forecast(self, outcome: Outcome, left: float | None) -> None:
        if left is None:
            return
        late = self.clock() + left + self._following(outcome.job) - self.limit
        if late > DOUBT * left:
            self._stop(outcome, f"by its own pace it would have been {late:.0f} s late")

    def _stop(self, outcome: Outcome, why: str) -> None:
        assert outcome.running is not None
        outcome.why = why
        outcome.running.stop()

    def _end_all(self, reason: str) -> None:
        for outcome in self._of(RUNNING):
            if not outcome.why:
                self._stop(outcome, reason)
        for outcome in self._of(WAITING):
            outcome.state, outcome.why = LEFT_OUT, reason

    def _drop(self) -> None:
        """Leave out what needs something that will not be there; jobs come after those that they need."""
        for outcome in self._of(WAITING):
            for name in outcome.job.needs:
                if (needed := self.outcomes[name]).state in (FAILED, STOPPED, LEFT_OUT):
                    words = {FAILED: "failed", STOPPED: "was stopped", LEFT_OUT: "was left out"}[needed.state]
                    outcome.state, outcome.why = LEFT_OUT, f"needs {name}, which {words}"
                    break

    def _begin(self) -> None:
        """Start what is ready and fits, the best ranks first."""
        taken = dict.fromkeys(self.lanes, 0)
        for outcome in self._of(RUNNING):
            taken[outcome.job.lane] += outcome.job.places
        for outcome in sorted(self._of(WAITING), key=lambda o: o.job.rank):
            job = outcome.job
            if job.places > self.lanes[job.lane]:
                outcome.state = LEFT_OUT
                outcome.why = f"wants {job.places} places of {job.lane}, and there are {self.lanes[job.lane]}"
            elif any(self.outcomes[name].state != DONE for name in job.needs):
                continue
            elif reason := self._too_long(job):
                outcome.state, outcome.why = LEFT_OUT, reason
            elif taken[job.lane] + job.places <= self.lanes[job.lane] and not self._waits(job):
                taken[job.lane] += job.places
                outcome.state, outcome.began = RUNNING, self.clock()
                outcome.running = self.start(job)

    def _waits(self, job: Job) -> bool:
        """Whether a job leaves its place to one of a better class that is still to come."""
        return job.lane in self.kept and any(
            o.job.lane == job.lane and o.job.rank[0] < job.rank[0] for o in self._of(WAITING, RUNNING)
        )

    def _too_long(self, job: Job) -> str:
        """Why a job that is ready cannot be done in time; '' where it can, or nothing is known."""
        seconds = self.estimate(job.name, self.outcomes)
        after, there = self._following(job), self.limit - self.clock()
        if seconds is None or seconds + after <= there:
            return ""
        more = f" and {after:.0f} s for what follows it" if after else ""
        return f"it would take about {seconds:.0f} s{more}, and {there:.0f} s were left"

    def _following(self, job: Job) -> float:
        """Seconds of what a job is run for, where they are known."""
        return sum(self.estimate(name, self.outcomes) or 0.0 for name in job.follows)
