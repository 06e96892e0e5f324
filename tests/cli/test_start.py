"""The command ends in one line and status 130 on Ctrl-C, whenever it comes, and takes its temporary files along."""

import os
import subprocess
import sys

import pytest

from sanreid.cli import start

INTERRUPTED = [start.INTERRUPTED]


def ended(code: str) -> tuple[int, list[str]]:
    """Status and lines on standard error of a new interpreter that runs `code` and then the command."""
    code = f"import sys\nsys.argv = ['sanreid', 'search', 'a.png', '-g', 'b']\n{code}\nstart.main()\n"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    return process.returncode, process.stderr.splitlines()


@pytest.mark.parametrize("name", ["typer", "sanreid.cli.search"])
def test_while_the_verbs_are_imported(name):
    code = """
from sanreid.cli import start
class Pressed:
    def find_spec(self, name, path, target=None):
        if name == "NAME":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())"""
    assert ended(code.replace("NAME", name)) == (start.STATUS, INTERRUPTED)


@pytest.mark.parametrize(("number", "status", "lines"), [("SIGINT", 130, INTERRUPTED), ("SIGTERM", 143, [])])
def test_while_a_verb_runs(tmp_path, number, status, lines):
    """A file that is being written goes away with it."""
    place = tmp_path / "out.npz"
    code = f"""
import os, signal
from pathlib import Path
from sanreid import runtime
from sanreid.cli import given, start
def pictures(arguments):
    with runtime.atomic_file(Path({str(place)!r})) as work:
        work.write_bytes(b"half")
        os.kill(os.getpid(), signal.{number})
        signal.pause()
given.pictures = pictures"""
    assert ended(code) == (status, lines)
    assert not list(tmp_path.iterdir())


def test_a_signal_that_nohup_ignores_stays_ignored():
    code = """
import signal
from sanreid.cli import start
signal.signal(signal.SIGHUP, signal.SIG_IGN)
def look(): print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, file=sys.stderr)
import sanreid.cli.main
sanreid.cli.main.main = look"""
    assert ended(code) == (0, ["True"])
