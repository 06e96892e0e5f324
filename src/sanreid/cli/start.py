"""The entry point of the command `sanreid`: Ctrl-C is answered by one line from the first moment on.

Decisions: this file imports next to nothing, so that a Ctrl-C while the verbs are still being imported prints no
traceback. SIGTERM and a closed terminal end the command as Ctrl-C does: half-written files and temporary ones are
removed. Whoever presses Ctrl-C again, while that is going on, ends the process at once.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

INTERRUPTED = "sanreid: interrupted; no file is left half-written"
STATUS = 128 + signal.SIGINT


def main() -> None:
    """Run the command; status 130 where it is interrupted."""
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup's choice to ignore one stays
                signal.signal(number, _end)
        from sanreid.cli.main import main as verbs

        verbs()
    except KeyboardInterrupt:
        interrupted()


def interrupted() -> NoReturn:
    """Say so, and exit with STATUS; from now on another Ctrl-C ends the process at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print(INTERRUPTED, file=sys.stderr)
    sys.exit(STATUS)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
