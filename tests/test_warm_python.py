"""The `python` that starts stages fast does what the real one does."""

import os
import signal
import subprocess
import sys

import pytest

from tests.processes import alive, wait_for

pytestmark = pytest.mark.slow

BODY = """
import os, sys, time
import {module}
print({module}.__name__ in sys.modules, "torch" in sys.modules, os.getcwd(), os.environ["OWN"], sys.argv[1:], __name__)
print(sys.stdin.read(), file=sys.stderr)
from helper import VALUE
if "wait" in sys.argv:
    open("pid", "w").write(str(os.getpid()))
    time.sleep(60)
if "raise" in sys.argv:
    raise ValueError("as it is")
if "die" in sys.argv:
    os.kill(os.getpid(), 9)
sys.exit(VALUE)
"""


@pytest.fixture
def start(tmp_path, warm):
    """Start `python` by that PATH in a folder with a stage, and a package for it."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/helper.py").write_text("VALUE = 3")
    (tmp_path / "stages/own.py").write_text(BODY.format(module="beside"))
    (tmp_path / "stages/beside.py").write_text("")
    env = os.environ | {"PATH": f"{warm}:/usr/bin:/bin", "OWN": "its own é", "PYTHONPATH": "lib"}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return lambda *words: subprocess.Popen(["python", *words], cwd=tmp_path, env=env, text=True, **pipes)


def test_a_stage_has_its_own_process_environment_output_and_status(start, tmp_path):
    for words, status in (["a", "b c"], 3), (["raise"], 1), (["die"], -signal.SIGKILL):
        process = start("stages/own.py", *words)
        said, told = process.communicate("given")
        assert process.returncode == status
        assert (
            said == f"True True {tmp_path} its own é {words} __main__\n" or status < 0
        )  # what is killed flushes nothing
        assert ("given\n" in told) or status < 0
        assert ("ValueError: as it is" in told) == (words == ["raise"])


def test_it_ends_with_its_parent_process(start, tmp_path):
    process = start("stages/own.py", "wait")
    process.stdin.close()
    wait_for(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text(), 30)
    process.kill()
    process.wait()
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_anything_else_is_the_real_interpreters(start):
    said, _ = start("-c", "import sys; print('torch' in sys.modules, sys.executable, sys.argv)", "x").communicate()
    assert said == f"False {sys.executable} ['-c', 'x']\n"
