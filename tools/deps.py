"""Keep the `.py` entries of every stage's deps in dvc.yaml equal to the import closure of its script, templates too.

DVC reruns a stage when the content of a dependency changes, so a module missing from the list means stale results, and
one too many means needless reruns. `make deps` rewrites the entries; `make check` compares them. A template (or script
or style of pages) is a dependency of a module that names it in a string, and of a template that extends or imports it.
"""

import ast
import functools
import re
import sys
from pathlib import Path
from typing import TypeGuard

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PAGES = Path("src/sanreid/reporting")  # whose folders templates are looked up in, as sanreid.reporting.shared.templates
TEMPLATE = re.compile(r"[\w/]+\.(?:html|svg|css|js)")
NAMED = re.compile(r"{%-? *(?:extends|import|from|include) +\"([^\"]+)\"")


def closure(script: Path, root: Path = ROOT) -> list[str]:
    """The project's own modules that `script` imports, itself included, and their templates, as sorted relative paths.

    Imports inside functions count; those under `if TYPE_CHECKING:` never run, and empty files (`__init__.py`) hold
    nothing that could change a result: neither count.
    """
    found: set[Path] = set()
    todo = [script.resolve()]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            todo += [module for name in imported(path, path.read_text()) if (module := _module(name, root))]
        todo += [template for name in _named(path, path.read_text()) if (template := _template(name, path, root))]
    return sorted(path.relative_to(root).as_posix() for path in found)


@functools.cache
def imported(path: Path, text: str) -> list[str]:
    """The names that a file's text may import as modules, `from a import b` as a and a.b; most are in many closures."""
    tree = ast.parse(text, filename=str(path))
    unrun = {n for block in ast.walk(tree) if _types_alone(block) for child in block.body for n in ast.walk(child)}
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in unrun:
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node not in unrun:
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


@functools.cache
def _named(path: Path, text: str) -> list[str]:
    """The names in a file's text that may be templates: a module's strings, or what a template builds on."""
    if path.suffix != ".py":
        return NAMED.findall(text)
    strings = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return [value for value in strings if TEMPLATE.fullmatch(value)]


def _template(name: str, path: Path, root: Path) -> Path | None:
    """The template of that name that the file at `path` would find; only pages' files and stages have any."""
    pages = root.resolve() / PAGES
    if not path.is_relative_to(pages) and path.parent != root.resolve() / "stages":
        return None
    places = (folder / name for folder in (pages / "shared", pages, path.parent))
    return next((place.resolve() for place in places if place.is_file()), None)


def _types_alone(node: ast.AST) -> TypeGuard[ast.If]:
    """Whether `node` is an `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING"


def _module(name: str, root: Path) -> Path | None:
    """The file of module `name` if it is one of the project's and not empty."""
    head = name.split(".")[0]
    base = {"sanreid": root / "src", "stages": root}.get(head)
    if base is None:
        return None
    path = base.joinpath(*name.split(".")).with_suffix(".py")
    if not path.is_file():
        path = base.joinpath(*name.split("."), "__init__.py")
    return path.resolve() if path.is_file() and path.stat().st_size else None


def differences(graph: dict, root: Path = ROOT) -> dict[str, tuple[list[str], list[str]]]:
    """For each stage whose deps on code and templates differ from the closure: (missing, needless)."""
    result = {}
    for name, stage in graph["stages"].items():
        have = {d for d in _body(stage).get("deps", []) if _code(str(d))}
        want = set(closure(root / "stages" / f"{name}.py", root))
        if have != want:
            result[name] = (sorted(want - have), sorted(have - want))
    return result


def _code(path: str) -> bool:
    """Whether a dependency is one of those that are kept here, and no data."""
    return path.endswith(".py") or (path.startswith(PAGES.as_posix()) and bool(TEMPLATE.fullmatch(path)))


def _body(stage: dict) -> dict:
    """Where a stage's deps stand: under `do` in a foreach."""
    return stage.get("do", stage)


def main() -> None:
    """Rewrite dvc.yaml in place; data dependencies and comments stay as they are."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    path = ROOT / "dvc.yaml"
    graph = yaml.load(path)
    changed = differences(graph)
    for name in changed:
        deps = _body(graph["stages"][name])["deps"]
        data = [d for d in deps if not _code(str(d))]
        deps[:] = [*data, *closure(ROOT / "stages" / f"{name}.py")]
    if changed:
        with path.open("w") as stream:
            yaml.dump(graph, stream)
    sys.stdout.write(f"dvc.yaml: {len(changed)} of {len(graph['stages'])} stages rewritten {sorted(changed) or ''}\n")


if __name__ == "__main__":
    main()
