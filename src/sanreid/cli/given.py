"""What the verbs take: pictures by path, folder, glob or standard input, and the options that several verbs share.

Decisions: a shell expands globs, but one that is quoted, or longer than a command line may be, arrives as it was
written and is expanded here (`**` reaches any depth). `-` is standard input: a picture's own bytes, or paths, one a
line (or ended by NUL, as `find -print0` does), told apart by the first bytes. Where a result shall go is tried before
the work, so that no hour of it is lost. Nothing here imports torch, numpy or pandas at its top.
"""

import atexit
import glob
import os
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
HTML = (".html", ".htm")
_sent: Path | None = None  # the file that holds standard input's picture while the command runs


def pictures(arguments: Sequence[str]) -> list[Path]:
    """The files of paths, folders (all pictures in them), globs and `-`, in the order given.

    Raises FileNotFoundError where a path or folder is not there or a glob finds nothing, ValueError for empty input.
    """
    if list(arguments).count("-") > 1:
        raise ValueError("-: standard input can be given once")
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
            raise FileNotFoundError(f"{argument}: not found; name pictures, folders, a glob or -")
        else:
            found.append(Path(argument))
    return found


def called(path: Path) -> str:
    """What a person calls one of `pictures`: its path; `-` where it came by standard input."""
    return "-" if path == _sent else str(path)


def output(place: Path, folder: bool = False) -> Path:
    """`place`, where a file (or a `folder` of files) can be written there.

    Raises ValueError where something else has the name (also a link, such as /dev/stdout, whose place a file would
    take), OSError where nothing can be written; both before any work.
    """
    if place.is_symlink() and not folder:
        raise ValueError(f"{place}: a link, and the file would take its place; name the file that it leads to")
    if place.exists() and place.is_dir() is not folder:
        wanted = "a file, and a folder is wanted" if folder else "no file, so none can take its place"
        raise ValueError(f"{place}: {wanted}; name another")
    above = place if folder else place.parent
    while not above.exists() and above != above.parent:
        above = above.parent
    try:
        with tempfile.TemporaryFile(dir=above):
            return place
    except OSError as error:
        raise OSError(f"{place}: cannot be written ({error.strerror}); choose another place") from None


def ending(place: Path, suffixes: Sequence[str], option: str) -> Path:
    """`output` for a file that ends in one of `suffixes`; wrong use for another, which may be somebody's picture."""
    output(place)
    if place.suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{place}: end it in {' or '.join(suffixes)}", param_hint=option)
    return place


def _in_folder(folder: Path) -> list[Path]:
    from sanreid.search import listing

    return [folder / path for path in listing.pictures(folder)["path"]]


def _standard_input() -> list[Path]:
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise ValueError("-: standard input is empty; send a picture, or paths, one a line")
    if not data.startswith(Signatures):
        ends = b"\0" if b"\0" in data else b"\n"
        names = [os.fsdecode(line.rstrip(b"\r")) for line in data.split(ends) if line.strip()]
        if not names or "-" in names:
            raise ValueError("-: standard input is neither a picture nor paths, one a line")
        return pictures(names)
    folder = Path(tempfile.mkdtemp(prefix="sanreid-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "standard-input"
    file.write_bytes(data)
    global _sent
    _sent = file
    return [file]
