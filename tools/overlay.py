"""Put the keys of a fragment of YAML into a parameter file, comments and all other keys kept.

    python tools/overlay.py profiles/look/photographs.yaml [--params params.yaml] [--out params.yaml]

Decisions: a fragment may only change keys that are there, so a typo is an error and not a new key; the stage checks the
values. The file is written whole or not at all.
"""

import argparse
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from sanreid import faults, params, runtime


def lay(values: Any, fragment: dict[str, Any], where: str) -> None:
    """Replace leaves of `values` by those of `fragment`, in place; ParamsError names a key that is not there."""
    for key, new in fragment.items():
        if key not in values:
            raise params.ParamsError(f"{where}{key}: no such key in the parameter file; compare profiles/demo.yaml")
        if isinstance(new, dict) and isinstance(values[key], dict):
            lay(values[key], new, f"{where}{key}.")
        else:
            values[key] = _flow(new) if isinstance(new, list) else new


def _flow(items: list[Any]) -> CommentedSeq:
    """The list on one line, as the profiles write it."""
    line = CommentedSeq(items)
    line.fa.set_flow_style()
    return line


def main(fragment: Path, given: Path, out: Path) -> None:
    """Write `given` with the keys of `fragment` to `out`."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True
    yaml.representer.add_representer(type(None), lambda at, _: at.represent_scalar("tag:yaml.org,2002:null", "null"))
    params.read(given)  # says what is amiss
    values = yaml.load(given.read_text(encoding="utf-8"))
    lay(values, params.read(fragment), "")
    with runtime.atomic_file(out) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(values, file)
    runtime.log.info("%s: %s with the keys of %s", out, given, fragment)


if __name__ == "__main__":
    runtime.configure_logging()
    with faults.told("overlay"):
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        parser.add_argument("fragment", type=Path)
        parser.add_argument("--params", type=Path, default=Path("params.yaml"))
        parser.add_argument("--out", type=Path, default=Path("params.yaml"))
        options = parser.parse_args()
        main(options.fragment, options.params, options.out)
