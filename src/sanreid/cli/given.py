"""What the verbs take: pictures by path, folder, glob or standard input, and the options that several verbs share.

Decisions: a shell expands globs, but one that is quoted, or longer than a command line may be, arrives as it was
written and is expanded here (`**` reaches any depth). `-` is standard input: a picture's own bytes, or paths, one a
line, told apart by the first bytes. Nothing here imports torch, numpy or pandas at its top.
"""

import atexit
import glob
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

ModelFolder = Annotated[
    Path | None, typer.Option("--model", "-m", help="The network's folder. [default: the network that ships]")
]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, cuda:1, ...")]
Batch = Annotated[int, typer.Option(min=1, help="Pictures at once: speed and memory only.")]
Signatures = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"GIF8", b"II*\0", b"MM\0*", b"RIFF", b"P5", b"P6")


def pictures(arguments: Sequence[str]) -> list[Path]:
    """The files of paths, folders (all pictures in them), globs and `-`, in the order given.

    Raises FileNotFoundError where a path or folder is not there or a glob finds nothing, ValueError for empty input.
    """
    found: list[Path] = []
    for argument in arguments:
        if argument == "-":
            found += _standard_input()
        elif Path(argument).is_dir():
            found += _in_folder(Path(argument))
        elif not Path(argument).exists() and glob.has_magic(argument):
            places = sorted(Path(p) for p in glob.glob(argument, recursive=True) if Path(p).is_file())
            if not places:
                raise FileNotFoundError(f"{argument}: no file has a name like this")
            found += places
        elif not Path(argument).exists():
            raise FileNotFoundError(f"{argument}: not found")
        else:
            found.append(Path(argument))
    return found


def _in_folder(folder: Path) -> list[Path]:
    from sanreid.search import listing

    return [folder / path for path in listing.pictures(folder)["path"]]


def _standard_input() -> list[Path]:
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise ValueError("-: standard input is empty; send a picture, or paths, one a line")
    if not data.startswith(Signatures):
        lines = data.decode(errors="surrogateescape").splitlines()
        return pictures([line for line in lines if line and line != "-"])
    folder = Path(tempfile.mkdtemp(prefix="sanreid-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "standard-input"
    file.write_bytes(data)
    return [file]
