"""Changes to params.yaml, in the words of `dvc exp run -S`: `train_san.epochs=3`, `experiment.seeds=[0,1]`.

Decisions: DVC parses and writes them, so the same words give the same file as by hand, comments kept. What cannot be
meant is refused before: a key that is not there, a text in a number's place, several values at once (`a=1,2` is a
sweep: one run each). `+key=value` adds a key and `~key` removes one; the stages refuse what they do not know.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a section"}


class OverrideError(ValueError):
    """An override that cannot be; the message names file, key and remedy."""


def apply(root: Path, overrides: Sequence[str]) -> None:
    """Change the parameter files in `root`: params.yaml, or that of `file:key=value`. Raises OverrideError."""
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    files = to_path_overrides(overrides)
    for name, words in files.items():
        check(root / name, words)
    for name, words in files.items():
        try:
            apply_overrides(str(root / name), words)
        except InvalidArgumentError as error:
            raise OverrideError(f"{name}: {' '.join(words)}: {error.__cause__ or error}") from None


def check(file: Path, overrides: Sequence[str]) -> None:
    """Refuse overrides of `file` that cannot be meant. Raises OverrideError."""
    from dvc.utils.hydra import to_hydra_overrides
    from dvc.utils.serialize import load_yaml
    from hydra.errors import OverrideParseException

    if not file.is_file():
        raise OverrideError(f"{file.name}: no such file, so {' '.join(overrides)} changes nothing")
    known = dict(_keys(load_yaml(str(file))))
    for text in overrides:
        where = f"{file.name}: {text}"
        try:
            (override,) = to_hydra_overrides([text])
        except OverrideParseException as error:
            raise OverrideError(f"{where}: not of the form key=value: {error}") from None
        if override.is_sweep_override():
            raise OverrideError(f"{where}: several values; a list is [1,2], and several runs are started one by one")
        if override.is_add() or override.is_force_add():
            continue
        key = str(override.key_or_group)
        if key not in known:
            raise OverrideError(f"{where}: no key '{key}'; {_near(key, list(known))}")
        if not override.is_delete():
            _same_kind(where, known[key], override.value())


def _same_kind(where: str, old: Any, new: Any) -> None:
    """Refuse a value of another kind than the one that stands there; null may stand for anything."""
    given = new if isinstance(new, (bool, int, float, list, dict)) or new is None else str(new)
    if old is None or given is None or (isinstance(given, str) and "${" in given):
        return
    was, now = (next(name for kind, name in KINDS.items() if isinstance(value, kind)) for value in (old, given))
    if was != now:
        raise OverrideError(f"{where}: {now} in the place of {was} (now {old!r})")


def _keys(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All keys of nested mappings, dotted, with their values."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield f"{prefix}{key}", value
            yield from _keys(value, f"{prefix}{key}.")


def _near(key: str, known: Sequence[str]) -> str:
    """What may have been meant."""
    near = difflib.get_close_matches(key, known, n=3)
    near += [k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2] and k not in near][: 3 - len(near)]
    return f"did you mean {' or '.join(near)}?" if near else "the file lists them (+key=value adds one)"
