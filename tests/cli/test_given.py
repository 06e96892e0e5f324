"""What is given to the verbs: standard input in its forms, and a place for the result that is tried before the work."""

import io
import sys

import pytest
import typer

from sanreid.cli import given, lines


def by_stdin(monkeypatch, data: bytes, arguments=("-",)):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return given.pictures(arguments)


def test_paths_come_by_lines_or_nul(monkeypatch, tmp_path):
    names = [str(tmp_path / name) for name in ("a b.jpg", "new\nline.jpg")]
    for name in names:
        open(name, "wb").close()
    nul = "\0".join(names).encode() + b"\0"
    assert [str(p) for p in by_stdin(monkeypatch, nul)] == names
    assert [str(p) for p in by_stdin(monkeypatch, names[0].encode() + b"\r\n\r\n")] == names[:1]


@pytest.mark.parametrize(
    ("data", "arguments", "words"),
    [
        (b"", ("-",), "standard input is empty"),
        (b"-\n", ("-",), "neither a picture nor paths"),
        (b"a.jpg", ("-", "-"), "standard input can be given once"),
        (b"gone.jpg", ("-",), "gone.jpg: not found; name pictures, folders, a glob or -"),
    ],
)
def test_what_standard_input_does_not_hold_is_told(monkeypatch, data, arguments, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        by_stdin(monkeypatch, data, arguments)


def test_a_place_is_tried_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    assert given.output(tmp_path / "new/deep/a.npz") == tmp_path / "new/deep/a.npz"
    assert given.output(tmp_path / "file") == tmp_path / "file"
    assert given.output(tmp_path / "new", folder=True) == tmp_path / "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
    with pytest.raises(ValueError, match="no file, so none can take its place"):
        given.output(tmp_path)
    with pytest.raises(ValueError, match="file: a file, and a folder is wanted"):
        given.output(tmp_path / "file", folder=True)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(ValueError, match="link: a link, and the file would take its place"):
        given.output(tmp_path / "link")  # as /dev/stdout is one
    with pytest.raises(typer.BadParameter, match=r"photo\.jpg: end it in \.html or \.htm"):
        given.ending(tmp_path / "photo.jpg", given.HTML, "--html")
    with pytest.raises(OSError, match=r"a\.npz: cannot be written \(.*\); choose another place"):
        given.output(tmp_path / "file/a.npz")


def test_a_record_is_one_line_whatever_a_file_is_called(capsys):
    lines.line("a\tb\nc\rd", 1)
    assert capsys.readouterr().out == "a\\tb\\nc\\rd\t1\n"
    lines.table(("path",), [("[bold]a[/bold]\n",)], "[red]")
    shown = capsys.readouterr().out
    assert "[bold]a[/bold]\\n" in shown
    assert "[red]" in shown


def test_a_picture_of_standard_input_is_called_as_it_was_named(monkeypatch, tmp_path):
    [sent] = by_stdin(monkeypatch, b"\x89PNG\r\n\x1a\n")
    assert given.called(sent) == "-"
    assert given.called(tmp_path) == str(tmp_path)
