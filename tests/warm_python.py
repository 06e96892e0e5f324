"""A `python` that starts a stage fast: a fork of one process that has imported the large packages already.

What stays is a stage's process: its own, by its own command line, with the environment, folder, output and exit status
of whoever started it; it imports the project anew, from its own tree. What goes is two processor seconds each time, of
importing torch, pandas and matplotlib: the tests of the graph start a hundred stages.

Decisions: only `python stages/...` is served; for anything else, and where nobody serves, the real interpreter takes
over. A stage ends with the process that asked for it, as a child of it would. What tests the start itself, a kill, or
another machine (test_one_owner, tools/test_chaos, the script without DVC) has the real interpreter alone, and so has
the graph's first stages in test_pipeline; those and warm ones are compared byte for byte there. What a process does at
its end is done (threads waited for, exit functions, output written), but its modules are not taken down: that touched
all memory that it shares with the one it is a fork of, 0.4 processor seconds a stage. An error's end is the usual one.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

# what the stages import of others, and takes more than a moment
PACKAGES = [
    *("torch", "safetensors.torch", "torch.utils.tensorboard", "pandas", "pyarrow.parquet", "numba", "scipy.io"),
    *("scipy.ndimage", "scipy.spatial", "scipy.stats", "cv2", "PIL.Image", "matplotlib.figure", "networkx", "jinja2"),
    *("matplotlib.backends.backend_agg", "pydantic", "ruamel.yaml", "tqdm"),
    "torch._dynamo",  # at an optimizer's first step
]
COMMAND = """\
#!{python} -IS
import os, sys
words, place = sys.argv[1:], {place!r}
if words and words[0].startswith("stages/"):
    import json, socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        try:
            asked.connect(place)
        except OSError:
            pass
        else:
            told = json.dumps([os.getcwd(), dict(os.environ), words])
            socket.send_fds(asked, [told.encode("utf-8", "surrogateescape")], [0, 1, 2])
            status = int(asked.recv(16) or 1)
            if status < 0:
                os.kill(os.getpid(), -status)
            sys.exit(status)
os.execv({python!r}, [{python!r}, *words])
"""


@contextmanager
def serving(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Serve from the new `folder` until the block ends: the place, for the head of a PATH, of that `python`."""
    folder.mkdir()
    place, command = folder / "socket", folder / "python"
    given = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    words = [sys.executable, "-I", os.fspath(Path(__file__).resolve()), os.fspath(place)]
    with subprocess.Popen(words, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        command.write_text(COMMAND.format(python=sys.executable, place=os.fspath(place)))
        command.chmod(0o755)
        try:
            yield folder
        finally:
            server.stdin.close()  # that is what it ends by


def serve(place: str) -> None:
    """Fork for each request at `place`, until standard input ends."""
    for name in PACKAGES:
        importlib.import_module(name)
    assert not [name for name in sys.modules if name.split(".")[0] in ("sanreid", "stages")]
    gc.collect()
    gc.freeze()
    keepers: set[int] = set()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(place)
        listening.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            asked, _ = listening.accept()
            keeper = os.fork()
            if keeper == 0:
                listening.close()
                keep(asked)
                os._exit(0)
            asked.close()
            keepers = {each for each in keepers | {keeper} if os.waitpid(each, os.WNOHANG)[0] == 0}
    for each in keepers:
        os.waitpid(each, 0)


def keep(asked: socket.socket) -> None:
    """Run what is asked for in a child, tell its exit status, and end it where nobody waits for that any more."""
    told, fds, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    if len(fds) < 3:
        return
    child = os.fork()
    if child == 0:
        asked.close()
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        work(*json.loads(told.decode("utf-8", "surrogateescape")))
    for fd in fds:
        os.close(fd)
    if asked in select.select([os.pidfd_open(child), asked], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(OSError):
        asked.send(str(status).encode())


def work(folder: str, environment: dict[str, str], words: list[str]) -> None:
    """`python WORDS` in `folder`, in this process; it ends with it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    own = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:0] = map(os.path.abspath, [os.path.dirname(words[0]), *own])
    sys.argv = words
    try:
        runpy.run_path(words[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        status = end.code or 0
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
