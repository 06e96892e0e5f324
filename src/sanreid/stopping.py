"""How a stage ends when it is asked to, and that it ends when the DVC that started it is gone.

Decisions: DVC passes no signal on to a stage's command, so an orphan would go on beside the next run of the same stage;
hence a thread looks after the process that started it. SIGTERM unwinds the stack, so that half-written files go and
locks are freed; where that takes too long (a step that computes for minutes hears nothing) the same thread ends the
process, which loses nothing, as a killed run goes on from its last checkpoint. The thread hears of a signal at once by
Python's wake-up descriptor, although the handler runs in the main thread.
"""

import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

GRACE = 6.0  # seconds between SIGTERM and the hard end
_LOOK = 0.5  # seconds between looks at the parent
_SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"}
_STOPPED = 128 + signal.SIGTERM
_GONE = "the dvc that started this stage is gone, so it ends too"
PARENT = "SANREID_PARENT"  # the number of the process that a rank of a training must not outlive

Process = tuple[int, str]  # its number, and when it started: numbers come again


def orderly() -> None:
    """From here on SIGTERM unwinds this process within GRACE seconds, and so does the end of the DVC that started it.

    Call it from the main thread. Without DVC (no DVC_STAGE in the environment) nobody's end is waited for.
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
    """From here on this worker process ends when its parent does, whatever ended that."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(_STOPPED)

    threading.Thread(target=watch, name="stopping", daemon=True).start()


def _unwind(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what unwinds must not be broken off
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
    """The process that started this one, shells between left out; None where it is gone already or is the first."""
    number = os.getppid()
    while number > 1:
        name, parent, started = _look(number)
        if name not in _SHELLS:
            return number, started
        number = parent
    return None


def _first_is_dvc() -> bool:
    """Whether DVC is the first process, as in a container; an orphan's parent is the first process too."""
    try:
        return b"dvc" in Path("/proc/1/cmdline").read_bytes()
    except OSError:
        return True  # nothing is known


def _lives(process: Process) -> bool:
    return _look(process[0])[2] == process[1]


def _look(number: int) -> tuple[str, int, str]:
    """Name, parent and start of a process; empty where there is none. Without /proc the parent alone is known."""
    if not Path("/proc/self").exists():
        return ("", 0, "alive") if os.getppid() == number else ("", 0, "")
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return "", 0, ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()  # state, parent, ...; the 20th from here is the start (proc(5))
    return (name, int(fields[1]), fields[19]) if fields[0] not in "ZX" else ("", 0, "")
