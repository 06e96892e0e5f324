"""Outputs are whole or absent; generators are independent and the same everywhere."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sanreid import runtime


def test_a_folder_appears_only_when_whole(tmp_path):
    out = tmp_path / "set"
    with pytest.raises(RuntimeError), runtime.atomic_folder(out) as work:
        (work / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with runtime.atomic_folder(out) as work:
        (work / "a").write_text("1")
        assert not out.exists()
    assert (out / "a").read_text() == "1"


def test_a_folder_replaces_the_old_one_and_sweeps_up_after_a_kill(tmp_path):
    out = tmp_path / "set"
    out.mkdir()
    (out / "old").write_text("x")
    (tmp_path / ".set.abc.partial").mkdir()
    with runtime.atomic_folder(out) as work:
        (work / "new").write_text("y")
    assert [p.name for p in out.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_failed_rewrite_leaves_the_old_output(tmp_path):
    out = tmp_path / "metrics.json"
    runtime.write_json(out, {"rank1": 0.5})
    with pytest.raises(ValueError, match=r"NaN|nan|JSON"):
        runtime.write_json(out, {"rank1": float("nan")})
    assert json.loads(out.read_text()) == {"rank1": 0.5}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_progress_is_logged_at_intervals(monkeypatch, caplog):
    caplog.set_level("INFO", logger="sanreid")
    assert list(runtime.progress("abc", 3, "set")) == ["a", "b", "c"]
    assert caplog.text == ""
    monkeypatch.setattr(runtime, "EVERY", 0.0)
    assert list(runtime.progress("abc", 3, "set", "drawn")) == ["a", "b", "c"]
    assert caplog.messages == ["set: 1 of 3 drawn, 0:00 left", "set: 2 of 3 drawn, 0:00 left"]


def test_generators_depend_on_every_key_and_on_nothing_else():
    a = runtime.rng(1, "pit", 3).integers(1 << 30, size=4)
    np.random.default_rng(0).random()
    np.testing.assert_array_equal(a, runtime.rng(1, "pit", 3).integers(1 << 30, size=4))
    for other in (runtime.rng(2, "pit", 3), runtime.rng(1, "cuhk03", 3), runtime.rng(1, "pit", 4)):
        assert not np.array_equal(a, other.integers(1 << 30, size=4))
    assert a.tolist() == [35276367, 1012426623, 412711201, 662349526]  # on every machine and numpy


def test_a_killed_folder_is_found_again_by_the_same_inputs_alone(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.write_text("a")
    work = runtime.partial(out, "labeled", 3, files=[source])
    with pytest.raises(KeyboardInterrupt), runtime.resumable_folder(out, work):
        (work / "done").touch()
        (work / "~torn").touch()
        raise KeyboardInterrupt
    assert not out.exists()
    assert runtime.partial(out, "labeled", 3, files=[source]) == work
    with runtime.resumable_folder(out, work):
        assert [p.name for p in work.iterdir()] == ["done"]
    assert (out / "done").is_file()
    assert not work.exists()
    source.write_text("ab")
    other = runtime.partial(out, "labeled", 3, files=[source])
    assert other != work != runtime.partial(out, "detected", 3, files=[source])
    work.mkdir()
    with runtime.resumable_folder(out, other):
        assert list(other.iterdir()) == []  # the output of before is replaced, and another input's remains are gone
    assert list(out.iterdir()) == []
    assert not work.exists()


def test_what_a_folder_holds_is_looked_up_when_asked(tmp_path):
    there = runtime.holds(tmp_path / "work")
    assert not there("images/a.png")
    (tmp_path / "work/images").mkdir(parents=True)
    assert not there("images")  # no file
    (tmp_path / "work/images/a.png").touch()
    assert there("images/a.png")
    assert not there("images/b.png")


def test_an_error_leaves_no_partial_folder(tmp_path):
    work = runtime.partial(tmp_path / "out", 1)
    with pytest.raises(ValueError, match="broken"), runtime.resumable_folder(tmp_path / "out", work):
        raise ValueError("broken")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "../..", "link", "file", "/"])
def test_an_output_takes_no_foreign_place(tmp_path, monkeypatch, name):
    here = tmp_path / "a/b"
    here.mkdir(parents=True)
    (here / "file").touch()
    (here / "link").symlink_to(tmp_path)
    monkeypatch.chdir(here)
    with pytest.raises(ValueError, match=r"holds the working folder|is no folder"), runtime.atomic_folder(Path(name)):
        pass
    assert sorted(p.name for p in here.iterdir()) == ["file", "link"]
    os.mkfifo(here / "pipe")
    with pytest.raises(ValueError, match="pipe: no file"), runtime.atomic_file(here / "pipe"):
        pass


def test_a_full_disk_names_the_output_in_numpys_words_too(tmp_path):
    told = pytest.raises(OSError, match=r"set: could not be written \(12 requested and 3 written\); is the disk full")
    with told, runtime.atomic_folder(tmp_path / "set"):
        raise OSError("12 requested and 3 written")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["[]", "null", "5", '"x"', "{", "[" * 100_000, "\xff"])
def test_json_that_is_no_object_is_named(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(
        ValueError, match=r"a\.json: (not JSON|a JSON object was expected).*; run the stage that writes it again"
    ):
        runtime.read_json(tmp_path / "a.json")


def test_a_key_that_json_lacks_names_the_file(tmp_path):
    runtime.write_json(tmp_path / "a.json", {"recipe": {"epochs": 3}})
    values = runtime.read_json(tmp_path / "a.json")
    assert values == {"recipe": {"epochs": 3}}
    assert values.get("none") is None
    for wrong in (lambda: values["none"], lambda: values["recipe"]["none"]):
        with pytest.raises(ValueError, match=r"a\.json: has no 'none'; run the stage that writes it again"):
            wrong()
