"""A stage that died with its machine goes on elsewhere, from what reached the remote, to the same numbers."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from flows import remote
from flows.checkpoints import Mirror, mirrored
from tests.flows import toy_training

PROJECT = Path(__file__).resolve().parents[2]

TOY = [sys.executable, str(Path(toy_training.__file__).resolve()), "out", "seed"]


@pytest.fixture
def store(make, attach) -> remote.Storage:
    """The remote as DVC opens it."""
    root = make("stages: {}\n", name="asks")
    attach(root)
    found = remote.storage(root)
    assert found is not None
    return found


def machine(tmp_path: Path, name: str) -> Path:
    """A working directory with the checkpoint folder of the run."""
    (tmp_path / name / ".checkpoints").mkdir(parents=True)
    return tmp_path / name / ".checkpoints"


def undisturbed(tmp_path: Path, epochs: int) -> dict[str, bytes]:
    cwd = tmp_path / "undisturbed"
    cwd.mkdir()
    subprocess.run([*TOY, str(epochs), "0"], cwd=cwd, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in (cwd / "out").iterdir()}


# Runs a training under `mirrored`, as a worker does: both die together.
WORKER = """
import subprocess, sys
from pathlib import Path
from flows import checkpoints, remote
with checkpoints.mirrored(remote.storage(Path(sys.argv[1])), "run", Path(".checkpoints"), interval=0.2):
    subprocess.run(sys.argv[2:], check=True)
"""


def test_a_training_killed_with_its_worker_ends_elsewhere_with_the_same_numbers(tmp_path, store):
    wanted = undisturbed(tmp_path, 30)
    first, second = machine(tmp_path, "first"), machine(tmp_path, "second")
    words = [sys.executable, "-c", WORKER, str(tmp_path / "asks"), *TOY, "30", "0.1", str(tmp_path / "log")]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    worker = subprocess.Popen(words, cwd=first.parent, env=environment, start_new_session=True)
    mirror = Mirror(store, "run", second)
    deadline = time.monotonic() + 60
    while (not mirror.copies() or mirror.copies()[0][0] < 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    begun = len((tmp_path / "log").read_text().splitlines())
    assert 0 < begun < 30
    assert len(mirror.copies()) <= 2  # the newest, and the one before it if that was not removed yet

    done = subprocess.run(words, cwd=second.parent, env=environment, check=True, capture_output=True, text=True)
    epochs = [int(line.split()[1]) for line in (tmp_path / "log").read_text().splitlines()]
    assert epochs[begun] > 1, "it began anew"
    assert f"epoch {epochs[begun]}/30" in done.stdout.splitlines()[0]
    assert {path.name: path.read_bytes() for path in (second.parent / "out").iterdir()} == wanted
    assert mirror.copies() == []
    assert not second.exists()


def test_every_copy_is_of_one_moment_and_without_files_being_written(tmp_path, store):
    """While epochs pass as fast as they are packed, no copy has a state that is ahead of its history."""
    folder = machine(tmp_path, "first")
    stop = threading.Event()

    def write() -> None:
        epoch = 0
        while not stop.is_set():
            epoch += 1
            with (folder / "history.csv").open("a") as file:
                file.write(f"{epoch}\n")
            (folder / ".state.json.1.partial").write_text("torn")
            (folder / "state.json").with_suffix(".partial").write_text(json.dumps(epoch))
            (folder / "state.json").with_suffix(".partial").replace(folder / "state.json")
            time.sleep(0.001 * (epoch % 30))

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    mirror, deadline = Mirror(store, "run", folder), time.monotonic() + 60
    try:
        while len(seen) < 8 and time.monotonic() < deadline:
            if not (folder / "state.json").exists() or not mirror.send():
                continue
            other = machine(tmp_path, f"other{len(seen)}")
            assert Mirror(store, "run", other).fetch() == len(seen) + 1
            assert sorted(path.name for path in other.iterdir()) == ["history.csv", "state.json"]
            state = json.loads((other / "state.json").read_text())
            assert state <= len((other / "history.csv").read_text().splitlines()) <= state + 1
            seen.append(state)
    finally:
        stop.set()
        writer.join()
    assert len(seen) == 8
    assert seen == sorted(seen)


def test_the_newest_copy_wins_whoever_sent_it_and_what_is_newer_here_stays(tmp_path, store):
    first, second = machine(tmp_path, "first"), machine(tmp_path, "second")
    (first / "state").write_text("1")
    ours, theirs = Mirror(store, "run", first), Mirror(store, "run", second)
    assert ours.send()
    assert not ours.send()  # nothing changed
    assert theirs.fetch() == 1
    (second / "state").write_text("22")
    assert theirs.send()
    (first / "state").write_text("333")  # a machine that was thought dead
    assert ours.send()
    assert [number for number, _ in theirs.copies()] == [3]
    assert theirs.fetch() == 3
    assert (second / "state").read_text() == "333"
    (second / "state").write_text("4444")  # went on after the last copy: a restart here must not go back
    assert Mirror(store, "run", second).fetch() == 0
    assert (second / "state").read_text() == "4444"
    assert Mirror(store, "another run", machine(tmp_path, "third")).fetch() == 0


def test_a_failed_stage_leaves_its_last_checkpoint_and_a_finished_one_none(tmp_path, store):
    folder = machine(tmp_path, "first")
    with pytest.raises(RuntimeError, match="stage"), mirrored(store, "run", folder, interval=60):
        (folder / "state").write_text("1")
        raise RuntimeError("stage")
    mirror = Mirror(store, "run", machine(tmp_path, "second"))
    assert [number for number, _ in mirror.copies()] == [1]
    with mirrored(store, "run", machine(tmp_path, "third"), interval=60):
        assert (tmp_path / "third/.checkpoints/state").read_text() == "1"
    assert mirror.copies() == []


def test_a_copy_that_cannot_be_read_is_passed_over(tmp_path, store, caplog):
    first, second = machine(tmp_path, "first"), machine(tmp_path, "second")
    (first / "state").write_text("1")
    mirror = Mirror(store, "run", first)
    mirror.send()
    (tmp_path / "torn").write_bytes(b"x" * 100)
    store.fs.put_file(str(tmp_path / "torn"), store.fs.join(mirror.place, "00000009-feed.tar"))
    store.fs.put_file(str(tmp_path / "torn"), store.fs.join(mirror.place, "00000010-feed.tar.partial"))
    assert Mirror(store, "run", second).fetch() == 1
    assert "00000009-feed.tar cannot be read" in caplog.text


def test_a_remote_that_is_away_does_not_stop_the_stage(tmp_path, make, caplog):
    root = make("stages: {}\n")
    away = tmp_path / "away"
    (root / ".dvc/config.local").write_text(f"[core]\n    remote = s\n['remote \"s\"']\n    url = {away}\n")
    away.write_text("a file where the folder was")
    caplog.set_level(logging.WARNING)
    folder = machine(tmp_path, "first")
    with mirrored(remote.storage(root), "run", folder, interval=0.05):
        (folder / "state").write_text("1")
        time.sleep(0.3)
    assert "checkpoint not sent" in caplog.text


def test_without_a_remote_or_a_name_the_folder_is_left_alone(tmp_path):
    for storage, run in ((None, "run"), (None, None)):
        folder = machine(tmp_path, str(run))
        with mirrored(storage, run, folder):
            (folder / "state").write_text("1")
        assert (folder / "state").read_text() == "1"


@pytest.mark.slow
def test_the_projects_own_training_ends_elsewhere_with_the_same_bits(tmp_path, store, monkeypatch):
    """The loop of the library, stopped in its third epoch, and continued in another place from the copy."""
    from sanreid.training import loop
    from tests.training.test_loop import Toy

    monkeypatch.setenv("SANREID_RUNS", "")
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(machine(tmp_path, "whole")))
    step = Toy()
    wanted = loop.fit(step, epochs=5, seed=7, run="key", name="toy").history.read_bytes()

    class Dies(Exception):  # noqa: N818
        pass

    def die(epoch: int, folder: Path) -> None:
        if epoch == 3:
            raise Dies

    first, second = machine(tmp_path, "first"), machine(tmp_path, "second")
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(first))
    with pytest.raises(Dies), mirrored(store, "run", first, interval=60):
        loop.fit(Toy(), epochs=5, seed=7, run="key", name="toy", watch=die)
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(second))
    again = Toy()
    with mirrored(store, "run", second, interval=60):
        path = loop.fit(again, epochs=5, seed=7, run="key", name="toy").history
        assert path.read_bytes() == wanted
    for name, value in step.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])
