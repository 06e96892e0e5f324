"""The pipeline's graph, read from dvc.yaml.

Decisions: the file itself is parsed, so the drawing cannot drift from what runs; by hand, since no stage may stand on
DVC (its resolver of templates is an inner class, and gave the same graph). A templated stage (`foreach`,
`matrix`) is expanded to find what its instances read and write, and is one node with a multiplicity; without instances
it is none. Paths that no stage writes become sources, code excepted: every stage reads its own code, and the arrows
would say nothing.
"""

import itertools
import posixpath
import re
from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import networkx as nx

from sanreid import params

CODE_FOLDERS = {"src", "stages"}
CODE = {".py", ".html", ".css", ".yaml", ".yml", ".toml"}
PLACEHOLDER = re.compile(r"\$\{\s*([^}]+?)\s*\}")


@dataclass(frozen=True)
class Node:
    """A stage, or a source: data that no stage writes."""

    name: str
    desc: str = ""
    instances: tuple[str, ...] = ()  # of a templated stage: "cuhk03-san"; () for a plain one
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    source: bool = False

    @property
    def multiplicity(self) -> int:
        """How many stages of this template run."""
        return len(self.instances) or 1


@dataclass(frozen=True)
class Graph:
    """Nodes by name in the file's order, and the edges (from, to) that data make."""

    nodes: dict[str, Node]
    edges: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def direct(self) -> frozenset[tuple[str, str]]:
        """The edges that no longer path implies (the transitive reduction)."""
        return frozenset(nx.transitive_reduction(nx.DiGraph(sorted(self.edges))).edges)


def read(path: Path) -> Graph:
    """Parse the dvc.yaml at `path`; `${...}` is resolved from params.yaml beside it and from its `vars`.

    Raises FileNotFoundError, and ValueError naming the stage and the key that cannot be resolved, or the cycle.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; name the pipeline's dvc.yaml")
    document = params.read(path)
    stages = document.get("stages")
    if not isinstance(stages, dict) or not stages:
        raise ValueError(f"{path}: no `stages`; name the pipeline's dvc.yaml")
    context = _context(path, document.get("vars", []))
    nodes = {}
    for name, stage in stages.items():
        try:
            if any(True for _ in _instances(stage, context)):
                nodes[name] = _node(name, stage, context)
        except KeyError as error:
            message = f"{path}: stage {name}: ${{{error.args[0]}}} is not to be found; add the key to params.yaml"
            raise ValueError(message) from None
    edges = {(a.name, b.name) for a, b in itertools.permutations(nodes.values(), 2) if _overlapping(a.writes, b.reads)}
    written = [out for stage in nodes.values() for out in stage.writes]
    for stage in [*nodes.values()]:
        for dep in stage.reads:
            place = PurePosixPath(dep)
            code = place.suffix in CODE or place.parts[0] in CODE_FOLDERS
            if not code and not _overlapping(written, [dep]):
                nodes.setdefault(dep, Node(dep, source=True, writes=(dep,)))
                edges.add((dep, stage.name))
    for circle in nx.strongly_connected_components(nx.DiGraph(sorted(edges))):
        if len(circle) > 1:
            raise ValueError(f"{path}: these stages feed one another in a circle: {', '.join(sorted(circle))}")
    return Graph(nodes, frozenset(edges))


def overlap(a: str, b: str) -> bool:
    """Whether one POSIX path is the other or lies inside it."""
    first, second = PurePosixPath(a).parts, PurePosixPath(b).parts
    return all(one == other for one, other in zip(first, second, strict=False))


def _overlapping(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(overlap(one, other) for one in some for other in others)


def _context(path: Path, declared: list[Any]) -> dict[str, Any]:
    files = [path.parent / "params.yaml", *(path.parent / v for v in declared if isinstance(v, str))]
    read = [params.read(file) for file in files if file.is_file()]
    return dict(ChainMap(*reversed([*read, *(v for v in declared if isinstance(v, dict))])))


def _node(name: str, stage: dict[str, Any], context: dict[str, Any]) -> Node:
    body = stage.get("do", stage)
    desc = stage.get("desc", body.get("desc", ""))
    reads: list[str] = []
    writes: list[str] = []
    instances = []
    for label, local in _instances(stage, context):
        scope = context | local
        instances += [label] if label else []
        wdir = fill(body.get("wdir", "."), scope)
        for key, paths in (("deps", reads), ("outs", writes), ("metrics", writes), ("plots", writes)):
            for entry in body.get(key, []):
                raw = next(iter(entry)) if isinstance(entry, dict) else entry
                paths.append(posixpath.normpath(posixpath.join(wdir, fill(raw, scope))))
    ran, read, written = (tuple(dict.fromkeys(values)) for values in (instances, reads, writes))
    return Node(name, " ".join(str(desc).split()), ran, read, written)


def _instances(stage: dict[str, Any], context: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each instance's label, and what its template may name: `item` and `key`."""
    if "foreach" in stage:
        items = _resolve(stage["foreach"], context)
        if isinstance(items, dict):
            yield from ((str(k), {"item": _resolve(v, context), "key": k}) for k, v in items.items())
        else:
            for i, item in enumerate(items):
                yield (str(i) if isinstance(item, dict | list) else str(item)), {"item": _resolve(item, context)}
    elif "matrix" in stage:
        axes = {axis: _resolve(values, context) for axis, values in stage["matrix"].items()}
        for choice in itertools.product(*(enumerate(values) for values in axes.values())):
            item = {axis: _resolve(value, context) for axis, (_, value) in zip(axes, choice, strict=True)}
            of_axis = zip(axes, choice, strict=True)
            label = "-".join(f"{a}{i}" if isinstance(v, dict | list) else str(v) for a, (i, v) in of_axis)
            yield label, {"item": item, "key": label}
    else:
        yield "", {}


def _resolve(value: Any, scope: dict[str, Any]) -> Any:
    """A value whose strings are filled in; a string that is one placeholder takes the value itself."""
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value.strip())
        return _look_up(whole[1], scope) if whole else fill(value, scope)
    if isinstance(value, dict):
        return {k: _resolve(v, scope) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, scope) for v in value]
    return value


def fill(text: str, scope: dict[str, Any]) -> str:
    """Replace each `${a.b[0]}` in `text` by its value; KeyError names the placeholder that has none."""
    return PLACEHOLDER.sub(lambda match: str(_look_up(match[1], scope)), text)


def _look_up(name: str, scope: dict[str, Any]) -> Any:
    value: Any = scope
    for part in re.findall(r"[^.\[\]]+", name):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise KeyError(name) from None
    return value
