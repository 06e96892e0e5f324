"""A fragment's keys land in the parameter file, whose comments and other keys stay."""

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
