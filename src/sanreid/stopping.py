"""How a stage ends: when its work is done, on SIGTERM, and when the DVC process that started it has ended.

Decisions: DVC does not pass signals on to a stage's command, so an orphaned stage would keep running beside the next
run of the same stage; therefore a thread watches the process that started this one. SIGTERM raises SystemExit, so that
half-written files are removed and locks released. If that takes too long (Python handles signals between bytecodes, so
not during a long computation) the same thread kills the process; nothing is lost, since a killed run continues from its
last checkpoint. The thread notices a signal at once through Python's wake-up descriptor. A stage that is done ends
without taking down its modules: of torch that takes half a second to one of the processor, in each stage.
"""

import atexit
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

GRACE = 6.0  # seconds between SIGTERM and the kill
_LOOK = 0.5  # seconds between looks at the parent
_SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"}
_STOPPED = 128 + signal.SIGTERM
_GONE = "the dvc that started this stage is gone, so it ends too"
PARENT = "SANREID_PARENT"  # the id of the process that a rank of a training must not outlive

Process = tuple[int, str]  # its id and its start time, because ids are reused


def orderly() -> None:
    """From now on this process ends within GRACE seconds after SIGTERM, or after the DVC that started it has ended.

    Call it from the main thread. Without DVC (no DVC_STAGE in the environment) no other process is watched.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _unwind)
    starter = None
    if PARENT in os.environ:
        starter = int(os.environ[PARENT]), _look(int(os.environ[PARENT]))[2]
        if os.getppid() != starter[0]:
            sys.exit(_GONE)
    elif "DVC_STAGE" in os.environ:
        starter = _starter()
        if starter is None and not _first_is_dvc():
            sys.exit(_GONE)
    threading.Thread(target=_watch, args=(reader, starter), name="stopping", daemon=True).start()


def with_parent() -> None:
    """From now on this worker process ends when its parent does, however that ends."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(_STOPPED)

    threading.Thread(target=watch, name="stopping", daemon=True).start()


def leave() -> None:
    """End the process with status 0: its threads are waited for, exit functions run and output is written.

    What the interpreter does besides is the destruction of all objects, for memory that is given back anyway. Output
    that cannot be written is left to it to tell: then this returns.
    """
    threading._shutdown()  # pyrefly: ignore[missing-attribute]  # as multiprocessing ends what it has forked
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(0)


def _unwind(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
    sys.exit(128 + number)


def _watch(reader: int, starter: Process | None) -> None:
    while True:
        if select.select([reader], [], [], _LOOK)[0]:
            if signal.SIGTERM in os.read(reader, 512):
                time.sleep(GRACE)
                os._exit(_STOPPED)
        elif starter is not None and not _lives(starter):
            starter = None
            sys.stderr.write(_GONE + "\n")
            os.kill(os.getpid(), signal.SIGTERM)


def _starter() -> Process | None:
    """The process that started this one, skipping shells; None if it has already ended or is process 1."""
    number = os.getppid()
    while number > 1:
        name, parent, started = _look(number)
        if name not in _SHELLS:
            return number, started
        number = parent
    return None


def _first_is_dvc() -> bool:
    """Whether DVC is process 1, as in a container; the parent of an orphan is process 1 too."""
    try:
        return b"dvc" in Path("/proc/1/cmdline").read_bytes()
    except OSError:
        return True  # unknown, so assume it is


def _lives(process: Process) -> bool:
    return _look(process[0])[2] == process[1]


def _look(number: int) -> tuple[str, int, str]:
    """Name, parent and start time of a process; empty if there is none. Without /proc only the parent is known."""
    if not Path("/proc/self").exists():
        return ("", 0, "alive") if os.getppid() == number else ("", 0, "")
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return "", 0, ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()  # state, parent, ...; the 20th from here is the start (proc(5))
    return (name, int(fields[1]), fields[19]) if fields[0] not in "ZX" else ("", 0, "")
