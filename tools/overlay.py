"""Writes the values of a profile, or of a fragment, into a parameter file; keeps its comments, order and other keys.

    python tools/overlay.py --profile paper [--out params.yaml]                      # `make profile PROFILE=paper`
    python tools/overlay.py profiles/look/photographs.yaml [--params params.yaml] [--out params.yaml]

Decisions:
- `profiles/demo.yaml` has every parameter and its comment; other profiles have the values that differ from it (see
  sanreid/params.py). params.yaml is a working copy of one profile, because DVC needs a complete file, and users edit
  it. A test checks that the committed copy equals demo.yaml.
- A profile is written on top of demo.yaml, not of params.yaml, which may have another profile's values. A fragment has
  no base, and is written on top of params.yaml.
- DVC's Hydra composition (`hydra.enabled`) was tried and rejected: it rewrites params.yaml without comments at each
  `dvc exp run`, so that edits are lost, and `dvc repro` does not compose at all. `dvc exp run -S` works with these
  files.
- A fragment may only change existing keys, so that a typing error is reported; the stages check the values. The file is
  written completely or not at all.
"""

import argparse
import io
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from sanreid import faults, params, runtime

PROFILES = Path(__file__).resolve().parent.parent / "profiles"


class _Representer(RoundTripRepresenter):
    """Writes null as a word; of its own, since representers belong to the class, and DVC uses the same one."""


_Representer.add_representer(type(None), lambda at, _: at.represent_scalar("tag:yaml.org,2002:null", "null"))


def profile(path: Path) -> str:
    """The whole parameter file that the profile `path` comes to, as text: a file without a base is taken as it is.

    Its values in the words of its base, below the lines that the profile begins with. Raises ParamsError where there
    is no such profile, or a key of it is not in its base.
    """
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise params.ParamsError(f"{path}: no such profile; there are: {there}")
    (base, _), *fragments = params.chain(path)
    if not fragments:
        return path.read_text(encoding="utf-8")
    head = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines(keepends=True))
    return "".join(head) + "#\n" + laid(base, fragments)


def laid(given: Path, fragments: Sequence[tuple[Path, dict[str, Any]]]) -> str:
    """The text of the YAML file `given` with the values of the fragments (each with its file) in the place of its own.

    Raises ParamsError naming a key that is not there.
    """
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True  # a line that is broken loses its comment
    yaml.Representer = _Representer
    whole = yaml.load(given.read_text(encoding="utf-8"))
    for file, values in fragments:
        params.lay(whole, {key: _flow(value) for key, value in values.items()}, f"{file}: ")
        _close_up(whole, values)
    stream = io.StringIO()
    yaml.dump(whole, stream)
    return stream.getvalue()


def _flow(value: Any) -> Any:
    """The value with its lists and mappings on one line, as the profiles write them."""
    if isinstance(value, list):
        line: Any = CommentedSeq(map(_flow, value))
    elif isinstance(value, dict):
        line = CommentedMap({k: _flow(v) for k, v in value.items()})
    else:
        return value
    line.fa.set_flow_style()
    return line


def _close_up(whole: Any, changed: Any) -> None:
    """Put the comments behind changed values a space from them; ruamel leaves them in their old column."""
    if not isinstance(whole, CommentedMap) or not isinstance(changed, dict):
        return
    for key, value in changed.items():
        if comment := whole.ca.items.get(key, [None, None, None])[2]:
            comment.start_mark.column = 0
        _close_up(whole[key], value)


def main(fragment: Path, given: Path, out: Path) -> None:
    """Write `given` with the keys of `fragment` to `out`."""
    params.read(given)  # says what is amiss
    _write(out, laid(given, [(fragment, params.read(fragment))]))
    runtime.log.info("%s: %s with the keys of %s", out, given, fragment)


def put(name: str, out: Path) -> None:
    """Write to `out` what the profile of that name comes to."""
    _write(out, profile(PROFILES / f"{Path(name).name}.yaml"))
    runtime.log.info("%s: what profile %s comes to", out, name)


def _write(out: Path, text: str) -> None:
    with runtime.atomic_file(out) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    runtime.configure_logging()
    with faults.told("overlay"):
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("fragment", type=Path, nargs="?", help="a file of the keys to change")
        what.add_argument("--profile", help="of profiles/: demo, paper, gpu")
        parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="what the fragment is laid over")
        parser.add_argument("--out", type=Path, default=Path("params.yaml"))
        options = parser.parse_args()
        if options.profile:
            put(options.profile, options.out)
        else:
            main(options.fragment, options.params, options.out)
