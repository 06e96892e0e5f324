"""A fragment's keys land in the parameter file, whose comments and other keys stay."""

import re

import pytest

from sanreid import params
from tools import overlay

PARAMS = "# Why.\na:\n  b: null # nothing yet\n  c: [1, 2] # two\nd: kept # as it is\n"


def test_the_fragments_keys_replace_those_of_the_file(tmp_path, root):
    given, fragment, out = (tmp_path / name for name in ("params.yaml", "fragment.yaml", "out.yaml"))
    given.write_text(PARAMS)
    fragment.write_text("a: {b: [3, 4], c: null} # mine\n")
    overlay.main(fragment, given, out)
    assert params.read(out) == {"a": {"b": [3, 4], "c": None}, "d": "kept"}
    assert all(comment in out.read_text() for comment in ("# Why.", "# nothing yet", "# as it is"))
    assert given.read_text() == PARAMS
    overlay.main(root / "profiles/look/photographs.yaml", root / "params.yaml", out)
    before, after = params.read(root / "params.yaml"), params.read(out)
    assert after["synthesize"].pop("look") != before["synthesize"].pop("look")
    assert after == before


def test_a_typo_is_an_error_and_nothing_is_written(tmp_path):
    given, fragment = tmp_path / "params.yaml", tmp_path / "fragment.yaml"
    given.write_text(PARAMS)
    fragment.write_text("a: {e: 1}\n")
    with pytest.raises(params.ParamsError, match=r"a\.e: no such key"):
        overlay.main(fragment, given, given)
    assert given.read_text() == PARAMS


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "demo.yaml").write_text(
        "# The demo.\na: # of all\n  lr: 0.00001 # a rate\n  c: [1, 2] # two\nd: {} # yours\n"
    )
    (tmp_path / "paper.yaml").write_text("# The paper.\n\n# not this\nbase: demo.yaml # it\na: {c: [100]} # P\n")
    (tmp_path / "gpu.yaml").write_text("# A GPU.\nbase: paper.yaml # it\na: {lr: 0.5} # P\nd: {mine: x} # P\n")
    return tmp_path


def test_a_profile_is_its_base_with_what_differs(folder):
    assert params.read(folder / "gpu.yaml") == {"a": {"lr": 0.5, "c": [100]}, "d": {"mine": "x"}}
    assert overlay.profile(folder / "demo.yaml") == (folder / "demo.yaml").read_text()
    assert overlay.profile(folder / "paper.yaml") == (
        "# The paper.\n#\n# The demo.\na: # of all\n  lr: 0.00001 # a rate\n  c: [100] # two\nd: {} # yours\n"
    )
    whole = overlay.profile(folder / "gpu.yaml")
    assert whole.startswith("# A GPU.\n#\n# The demo.\na: # of all\n  lr: 0.5 # a rate\n  c: [100] # two\n")
    assert params.parse(whole) == params.read(folder / "gpu.yaml")


@pytest.mark.parametrize("name", ["demo", "paper", "gpu"])
def test_what_is_put_in_place_has_the_profiles_values_and_every_comment(root, tmp_path, name):
    overlay.put(name, tmp_path / "params.yaml")
    assert params.parse((tmp_path / "params.yaml").read_text()) == params.read(root / "profiles" / f"{name}.yaml")
    comments = [
        [re.sub(r" *#", " #", line).partition(" #")[2] for line in file.read_text().splitlines() if "#" in line]
        for file in (root / "profiles/demo.yaml", tmp_path / "params.yaml")
    ]
    assert comments[1][-len(comments[0]) :] == comments[0]


def test_the_committed_params_are_the_demos(root):
    assert (root / "params.yaml").read_text() == (root / "profiles/demo.yaml").read_text()


def test_a_profile_that_cannot_be_is_named(folder):
    with pytest.raises(params.ParamsError, match=r"tpu\.yaml: no such profile; there are: demo, gpu, paper"):
        overlay.profile(folder / "tpu.yaml")
    (folder / "paper.yaml").write_text("base: demo.yaml\na: {e: 1}\n")
    with pytest.raises(params.ParamsError, match=r"paper\.yaml: a\.e: no such key"):
        overlay.profile(folder / "gpu.yaml")
    for base in ("nowhere.yaml", "gpu.yaml", "paper.yaml"):
        (folder / "paper.yaml").write_text(f"base: {base}\n")
        with pytest.raises(params.ParamsError, match=rf"paper\.yaml: base: .*{base}: not found, or based on this one"):
            params.read(folder / "gpu.yaml")
