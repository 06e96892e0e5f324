"""What is told of a run's stages and of the time that is left, under a clock of the test's."""

import json

import pytest

from tools import stage_progress

PLAN = {"read@a": "Read a set", "read@b": "Read a set", "train": "Train", "report": "The page"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def progress(clock, *known) -> stage_progress.Progress:
    return stage_progress.Progress(lambda: PLAN, known, clock)


def test_titles_count_what_was_skipped_and_restored(clock):
    of = progress(clock)
    assert not of.see("'data/raw/x.dvc' didn't change, skipping")
    of = progress(clock)
    assert not of.see("Stage 'read@a' didn't change, skipping")
    assert not of.see("Stage 'read@b' is cached - skipping run, checking out outputs")
    assert not of.see("> python stages/train.py")
    assert of.planned is None  # nothing ran: nobody was asked
    assert of.see("Running stage 'train':")
    assert of.title() == "[3/4] train: Train"  # no time: nothing is known of it
    clock.now = 61
    assert of.still() == "[3/4] train: 61 s so far"
    assert of.took() == {}
    assert of.see("Running stage 'report':")
    assert of.took() == {"train": 61}
    assert of.share() == 3 / 4
    clock.now = 610
    of.end()
    assert of.whole() == "done: 2 stages in 10 min; 2 were up to date"
    assert progress(clock).whole() == ""


def test_time_left_is_scaled_by_what_this_run_took(clock):
    of = progress(clock, {"read@a": 10.0, "train": 100.0}, {"read@a": 7.0, "report": 20.0})
    of.see("Running stage 'read@a':")
    assert of.left() == 10 + 10 + 100 + 20  # read@b as its fellow, report as the second source says
    clock.now = 20  # twice as slow as expected
    of.see("Running stage 'read@b':")
    assert of.left() == 2 * (10 + 100 + 20)
    assert of.title() == "[2/4] read@b: Read a set (up to 4 min left)"
    clock.now = 25
    assert of.left() == 2 * (10 + 100 + 20) - 5
    assert of.share() == 25 / (25 + 255)
    clock.now = 1000  # far longer than expected: its own rest is nothing, and not less
    assert of.left() == 2 * (100 + 20)


def test_silence_in_a_file_is_broken_once_a_minute(clock, capsys):
    told = stage_progress.Told(progress(clock))
    clock.now = 100
    told.tick()  # nothing runs
    told.see("Running stage 'train':\n")
    told.line("a line of the stage\n")
    clock.now += stage_progress.SILENCE - 1
    told.tick()
    clock.now += 1
    told.tick()
    told.tick()
    told.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["[1/4] train: Train", "a line of the stage", "[1/4] train: 60 s so far"]


@pytest.mark.parametrize(("seconds", "said"), [(0, "1 s"), (89, "89 s"), (600, "10 min"), (3900, "1 h 05 min")])
def test_times_as_people_say_them(seconds, said):
    assert stage_progress.words(seconds) == said


def test_records_are_added_and_damage_is_no_error(tmp_path):
    file = tmp_path / "tmp" / "seconds.json"
    assert stage_progress.read(file) == {}
    stage_progress.record(file, {"a": 1.0, "b": 2.0})
    stage_progress.record(file, {"b": 3.0})
    assert stage_progress.read(file) == {"a": 1, "b": 3}
    assert [f.name for f in file.parent.iterdir()] == [file.name]
    for damaged in ("{", "[1]", json.dumps({"a": "x", "b": -1, "c": None})):
        file.write_text(damaged)
        assert stage_progress.read(file) == {}
    stage_progress.record(file / "below", {"a": 1.0})  # a file where a folder is wanted
