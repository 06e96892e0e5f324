"""The loader of typed sections and the command line it derives."""

import os
from pathlib import Path
from typing import Literal

import pytest

from sanreid import params
from tests import yamls


class Inner(params.Section):
    area: tuple[float, float]


class Outer(params.Section):
    lr: float
    epochs: int
    mode: Literal["a", "b"]
    inner: Inner


GOOD = "stage:\n  lr: 0.1\n  epochs: 2\n  mode: a\n  inner: {area: [0.02, 0.4]}\n"


def read(tmp_path: Path, text: str) -> Outer:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return params.load(path, "stage", Outer)


def test_a_good_section_is_typed(tmp_path):
    p = read(tmp_path, GOOD)
    assert (p.lr, p.epochs, p.mode, p.inner.area) == (0.1, 2, "a", (0.02, 0.4))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("lr: 0.1", "lr: '8e-4'", "stage.lr"),
        ("epochs: 2", "epochs: 2.5", "stage.epochs"),
        ("epochs: 2", "epochs: '2'", "stage.epochs"),
        ("epochs: 2", "epoch: 2", "stage.epoch"),
        ("mode: a", "mode: c", "stage.mode"),
        ("lr: 0.1", "lr: .nan", "stage.lr"),
        ("[0.02, 0.4]", "[0.02]", "stage.inner.area"),
        ("area:", "areas:", "stage.inner.areas"),
        ("stage:", "stages:", "'stage' is missing"),
    ],
)
def test_a_bad_key_is_named(tmp_path, old, new, named):
    with pytest.raises(params.ParamsError, match=named):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(params.ParamsError, match="make profile"):
        params.load(tmp_path / "none.yaml", "stage", Outer)
    os.mkfifo(tmp_path / "pipe")  # nobody waits for what comes out of it
    with pytest.raises(params.ParamsError, match="make profile"):
        params.load(tmp_path / "pipe", "stage", Outer)


@pytest.mark.parametrize("text", ["", "- a\n", "a word\n"])
def test_a_file_without_sections_lacks_the_one_that_is_asked_for(tmp_path, text):
    with pytest.raises(params.ParamsError, match=r"params\.yaml: section 'stage' is missing; compare"):
        read(tmp_path, text)
    assert params.read(tmp_path / "params.yaml") == {}


def test_what_is_no_yaml_is_named(tmp_path):
    with pytest.raises(params.ParamsError, match=r"params\.yaml: not YAML"):
        read(tmp_path, GOOD + "other: [")


def test_sections_can_be_read_as_they_are(tmp_path):
    read(tmp_path, GOOD)
    assert params.read(tmp_path / "params.yaml")["stage"]["inner"] == {"area": [0.02, 0.4]}


def test_sections_are_frozen(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path, GOOD).lr = 2.0


def stage(
    raw: Path,
    boxes: str,
    p: Outer,
    folders: list[Path],
    limit: int = 3,
    cache: Path | None = None,
    names: list[str] | None = None,
) -> None:
    """A stage's main, as far as its command line goes."""


def test_the_command_line_follows_the_signature():
    line = ["--raw", "r", "--boxes", "labeled", "--folders", "a", "b"]
    given = params.parser(stage).parse_args(line)
    assert (given.raw, given.boxes, given.folders) == (Path("r"), "labeled", [Path("a"), Path("b")])
    assert (given.limit, given.cache, given.params) == (3, None, Path("params.yaml"))
    assert given.names is None  # `experiment.cross: []` unpacks to no option at all
    assert params.parser(stage).parse_args([*line, "--names", "x", "y"]).names == ["x", "y"]
    assert not hasattr(given, "p")
    with pytest.raises(SystemExit):
        params.parser(stage).parse_args(line[2:])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1e-05", 1e-5),  # as DVC writes 0.00001
        ("1e-4", 1e-4),
        ("1.0e6", 1e6),
        ("+.5", 0.5),
        ("010", 10),  # no octal number
        ("0o10", 8),
    ],
)
def test_numbers_are_those_of_dvcs_yaml(tmp_path, text, wanted):
    assert read(tmp_path, GOOD.replace("lr: 0.1", f"lr: {text}")).lr == wanted


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "12:30:00", "1_0x"])
def test_words_are_those_of_dvcs_yaml(word):
    assert params.parse(f"a: {word}") == {"a": word}


def test_a_duplicate_key_is_refused(tmp_path):
    with pytest.raises(params.ParamsError, match=r"params\.yaml: not YAML: (.|\n)*duplicate key"):
        read(tmp_path, GOOD + "stage: {}\n")


def test_a_long_value_is_shortened(tmp_path):
    with pytest.raises(params.ParamsError, match=r"stage\.mode") as caught:
        read(tmp_path, GOOD.replace("mode: a", f"mode: {'x' * 10_000_000}"))
    assert len(str(caught.value)) < 400


def test_a_file_that_is_no_utf8_is_named(tmp_path):
    (tmp_path / "params.yaml").write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(params.ParamsError, match=r"params\.yaml: not UTF-8.*save it as UTF-8"):
        params.load(tmp_path / "params.yaml", "stage", Outer)


ODD = 'a b/it\'s "$HOME" `x`; \\ & *'


def run(tmp_path, monkeypatch, *arguments: str, text: str = "") -> dict:
    seen = {}

    def main(raw: Path, out: Path) -> None:
        seen.update(raw=raw, out=out)

    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(text)
    monkeypatch.setattr("sys.argv", ["stages/stage.py", *arguments])
    params.run(main)
    return seen


def test_a_path_may_be_the_value_of_a_key(tmp_path, monkeypatch):
    text = yamls.dump({"mine": {"set": ODD}, "folders": {"my.set": "c d"}, "years": {2024: "e"}})
    given = [("@mine.set", ODD), ("@folders.my.set", "c d"), ("@years.2024", "e")]
    for word, path in given:
        assert run(tmp_path, monkeypatch, "--raw", word, "--out", "o", text=text)["raw"] == Path(path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mine: {}", "mine.set"),
        ("mine: {set: 2024}", "mine.set: no path"),
        ("mine: {set: ''}", "mine.set"),
        ("", "mine.set"),
    ],
)
def test_an_invalid_path_is_refused_by_key(tmp_path, monkeypatch, text, named):
    with pytest.raises(SystemExit, match=named):
        run(tmp_path, monkeypatch, "--raw", "@mine.set", "--out", "o", text=text)


@pytest.mark.parametrize("out", ["raw", ".", "deep/../raw", "link"])
def test_an_output_that_would_take_an_inputs_place_is_refused(tmp_path, monkeypatch, out):
    (tmp_path / "raw/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("raw")
    with pytest.raises(SystemExit, match=r"--out .*: is or holds --raw .*; name another place"):
        run(tmp_path, monkeypatch, "--raw", "raw", "--out", out)
    assert run(tmp_path, monkeypatch, "--raw", "raw", "--out", "rawer")["out"] == Path("rawer")


def test_run_gives_sections_and_turns_bad_input_into_one_line(tmp_path, monkeypatch, capsys):
    seen = {}

    def main(out: Path, p: Outer, shared: Inner) -> None:
        seen.update(out=out, p=p, shared=shared)
        if out.name == "bad":
            raise ValueError("out/bad: the remedy")

    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(GOOD + "shared: {area: [0, 1]}\n")
    monkeypatch.setattr("sys.argv", ["stages/stage.py", "--out", "fine"])
    params.run(main)
    assert seen["out"] == Path("fine")
    assert seen["p"].epochs == 2
    assert seen["shared"].area == (0, 1)
    monkeypatch.setattr("sys.argv", ["stages/stage.py", "--out", "bad"])
    with pytest.raises(SystemExit, match="stage: out/bad: the remedy"):
        params.run(main)
