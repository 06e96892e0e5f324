"""The stages of dvc.yaml as plain data, for runs without DVC.

`steps` gets them from DVC; `write` and `read` transfer them as JSON to a machine without DVC.

Decisions: overrides are applied in a temporary copy of dvc.yaml and params.yaml, so that no file is changed and no lock
of DVC is needed. DVC is imported only when `steps` is called; `read` needs the standard library only.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from flows import dag, overriding  # noqa: E402 - both import DVC where they ask it

GRAPH = "dvc.yaml"
PARAMETERS = "params.yaml"


class Step(NamedTuple):
    """One stage; a member of a matrix is a step of its own, `name@member`.

    Paths are POSIX and relative to the project's folder, those outside of it as they are written. `needs` are the names
    of the steps that must end before it, `outs` include metrics. From `meta`: how many `gpus` it takes (0: none), and
    the `minutes` it may last at the paper's size (None: no limit).
    """

    name: str
    command: str
    needs: tuple[str, ...]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    gpus: int
    minutes: float | None


def steps(root: Path, targets: Sequence[str], overrides: Sequence[str]) -> list[Step]:
    """The stages that `targets` need (none: all), upstream ones first, with `overrides` as of `dvc exp run -S`.

    Raises flows.dag.GraphError and flows.overriding.OverrideError (both ValueErrors), and FileNotFoundError.
    """
    with resolved(root, overrides) as copy:
        return load(copy, targets)


def load(root: Path, targets: Sequence[str]) -> list[Step]:
    """`steps` of a folder as it is."""
    return [
        Step(s.name, s.cmd, s.upstream, s.deps, s.outs, s.gpus, s.minutes) for s in dag.load(root, targets).values()
    ]


@contextmanager
def resolved(root: Path, overrides: Sequence[str]) -> Iterator[Path]:
    """A temporary folder that holds the project's graph and its parameters with `overrides`, for DVC to read."""
    with tempfile.TemporaryDirectory(prefix="plan-") as name:
        copy = Path(name)
        for file in (GRAPH, PARAMETERS):
            if not (root / file).is_file():
                raise FileNotFoundError(f"{root / file}: not found, or no file; start in the project's folder")
            shutil.copyfile(root / file, copy / file)
        (copy / ".dvc").mkdir()
        # neither git nor a folder of DVC's own outside of this one
        settings = f"[core]\n    no_scm = true\n    analytics = false\n    site_cache_dir = {copy / '.dvc/site'}\n"
        (copy / ".dvc/config").write_text(settings)
        overriding.apply(copy, overrides)
        yield copy


def write(path: Path, planned: Sequence[Step]) -> None:
    """Write the steps as JSON: a list of objects."""
    path.write_text(json.dumps([step._asdict() for step in planned], indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> list[Step]:
    """The steps that `write` wrote. Raises FileNotFoundError, and ValueError naming a file that is no plan."""
    try:
        return [_step(values) for values in json.loads(path.read_text(encoding="utf-8"))]
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise ValueError(f"{path}: no plan ({error}); write it again: tools.plan.write") from None


def _step(values: dict[str, Any]) -> Step:
    """A step of its JSON object, whose lists are tuples here."""
    needs, deps, outs = (tuple(values.pop(key)) for key in ("needs", "deps", "outs"))
    return Step(needs=needs, deps=deps, outs=outs, **values)
