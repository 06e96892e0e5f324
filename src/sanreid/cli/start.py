"""The entry point of the command `sanreid`: Ctrl-C is answered by one line from the first moment on.

Decisions: this file imports nothing before it is ready for a Ctrl-C, so that one that comes while the verbs are still
being imported prints no traceback. SIGTERM and a closed terminal end the command as Ctrl-C does: half-written files and
temporary ones are removed. Whoever presses Ctrl-C again, after that, ends the process at once.
"""

import sys

INTERRUPTED = "sanreid: interrupted; no file is left half-written"
STATUS = 130  # 128 + SIGINT, as shells have it; typer ends with it too, in silence


def main() -> None:
    """Run the command; status 130 where it is interrupted."""
    try:
        import signal

        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup's choice to ignore one stays
                signal.signal(number, _end)
        from sanreid.cli.main import main as verbs

        verbs()
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:
        if ended.code != STATUS:
            raise
        _interrupted()


def _interrupted() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print(INTERRUPTED, file=sys.stderr)
    sys.exit(STATUS)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)
