"""Writes the stages that the targets need as one shell script: `python tools/script.py report > run.sh`.

The script needs bash and Python, but no DVC, Prefect or make: for a cluster node or a rented GPU. Its outputs are those
of `dvc repro` with the same parameters. docs/bare-machine.md says what else such a machine needs.

Decisions: commands, order and parameters are resolved by DVC here and written into the script; how they are run is
tools/script.sh, copied into it. A stage is skipped if its outputs exist and its key is unchanged: a hash of its
command, parameters, code, external data, and of the runs of the stages before it. dvc.yaml and params.yaml enter by
their hash, because stages read both.
"""

import argparse
import hashlib
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from flows import dag  # noqa: E402
from sanreid import faults, runtime  # noqa: E402
from tools import plan  # noqa: E402
from tools.deps import imported  # noqa: E402
from tools.plan import Step  # noqa: E402

WIDTH = 120
OURS = {"sanreid", "stages"}
ALSO = {"torch.utils.tensorboard": "tensorboard"}  # what a module wants of another package
HEAD = """\
#!/usr/bin/env bash
# {title}
# Written by: {written}
#
#   bash run.sh             runs them, {jobs} at a time
#   JOBS=4 bash run.sh      up to four at a time, as far as they do not read from one another
#
# Start it in the project's folder, with the Python that holds torch first on the PATH (as a batch job: sbatch run.sh).
# It may be stopped (Ctrl-C, scancel) and run again: a stage whose outputs are there is not run again, unless its
# command, parameters or code, or a stage that it reads from, are other ones by then. A failed stage is named, and those
# beside it may end. A stage that takes a GPU has it alone, of those in CUDA_VISIBLE_DEVICES or of the machine; without
# one, JOBS alone says how many trainings run beside one another.
# Here are the stages in order: parameters' sum and GPUs; what each comes after, reads from outside, makes; its command.
"""


def text(root: Path, targets: Sequence[str], overrides: Sequence[str], jobs: int) -> str:
    """The script. Raises what `plan.steps` raises."""
    with plan.resolved(root, overrides) as copy, dag.held(copy):
        steps = plan.load(copy, targets)
        values = dag.parameters(copy)
        described = {name: stage.desc for name, stage in dag.load(copy, targets).items()}
        new = (copy / plan.PARAMETERS).read_bytes()
    before = (root / plan.PARAMETERS).read_bytes()
    words = [*targets, *(word for override in overrides for word in ("-S", override))]
    written = shlex.join(["python", "tools/script.py", *words]) + " > run.sh"
    title = f"The {len(steps)} stages of dvc.yaml" + (f" that {', '.join(targets)} needs" if targets else "")
    lines = [
        HEAD.format(title=title, written=written, jobs=jobs),
        f"JOBS=${{JOBS:-{jobs}}}",
        f"WRITTEN={shlex.quote(written)}",
        f"GRAPH={_sum((root / plan.GRAPH).read_bytes())}",
        f"BEFORE={_sum(before)}",
        f"PARAMETERS={_sum(new)}",
        *_list("MODULES='", packages(root, steps), "", "'"),
        "",
        "stages() {",
        *_stages(steps, described, {name: _sum(_json(of).encode())[:12] for name, of in values.items()}),
        "}",
        "",
        *(_parameters(new.decode()) if new != before else ()),
        (ROOT / "tools/script.sh").read_text(encoding="utf-8"),
    ]
    return "\n".join(lines)


def packages(root: Path, steps: Iterable[Step]) -> list[str]:
    """The modules of other packages that the steps' code imports, sorted."""
    found: set[str] = set()
    for file in sorted({dep for step in steps for dep in step.deps if dep.endswith(".py")}):
        names = imported(root / file, (root / file).read_text(encoding="utf-8"))
        found |= {ALSO.get(name, "") for name in names} | {name.partition(".")[0] for name in names}
    return sorted(found - set(sys.stdlib_module_names) - OURS - {""})


def _stages(steps: Sequence[Step], described: dict[str, str], sums: dict[str, str]) -> Iterator[str]:
    """The stages' lines; the code that several share stands before the first of them."""
    made = {out for step in steps for out in step.outs}
    above = {parent.as_posix() for out in made for parent in Path(out).parents}
    known: dict[tuple[str, ...], str] = {}
    for step in steps:
        outside = [dep for dep in step.deps if dep not in above and not _within(dep, made)]
        code = tuple(dep for dep in outside if dep.endswith(".py"))
        if code not in known:
            base = re.sub(r"\W", "_", f"code_{step.name.partition('@')[0]}")
            known[code] = base if base not in known.values() else f"{base}_{len(known)}"
            yield from _list(f"  {known[code]}=(", code, "    ", ")")
        yield f"\n  # {described[step.name]}"
        yield f"  stage {shlex.quote(step.name)} {sums[step.name]} {step.gpus}"
        if step.needs:
            yield from _list("  after ", step.needs, "    ", "", " \\")
        rest = [dep for dep in outside if dep not in code]
        yield from _list(f'  reads "${{{known[code]}[@]}}" ', rest, "    ", "", " \\")
        yield from _list("  makes ", step.outs, "    ", "", " \\")
        end = _delimiter("COMMAND", step.command)
        yield f"  runs <<'{end}'\n{step.command}\n{end}\n"


def _within(path: str, made: set[str]) -> bool:
    return any(part.as_posix() in made for part in (Path(path), *Path(path).parents))


def _parameters(new: str) -> Iterator[str]:
    """The function that prints params.yaml as the overrides leave it."""
    end = _delimiter("PARAMETERS", new)
    yield "parameters() {  # params.yaml as -S leaves it"
    yield f"  cat <<'{end}'\n{new.removesuffix(chr(10))}\n{end}"
    yield "}\n"


def _delimiter(word: str, content: str) -> str:
    """A line that ends a here-document and does not stand in it."""
    while word in content.splitlines():
        word += "_"
    return word


def _list(head: str, words: Iterable[str], indent: str, tail: str, broken: str = "") -> Iterator[str]:
    """`head`, the words, quoted, in lines that can be read, and `tail`."""
    line = head
    for number, word in enumerate(map(shlex.quote, words)):
        if number and len(line) + len(word) + len(broken) > WIDTH:
            yield line.rstrip() + broken
            line = indent
        line += f"{word} "
    yield line.rstrip() + tail


def _json(values: object) -> str:
    return json.dumps(values, sort_keys=True, default=str)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message, and in a script that says that it is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="stages, as of `dvc repro`; default: all")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help="as of dvc exp run")
    parser.add_argument("--jobs", type=int, default=1, help="stages at a time where JOBS does not say it; default: 1")
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs: {given.jobs} stages at a time are no run")
    runtime.configure_logging()
    with faults.told("script"):
        try:
            written = text(Path.cwd(), given.targets, given.set_param, given.jobs)
        except Exception:
            if not sys.stdout.isatty():  # the shell has emptied the file by now, and an empty script ends well
                sys.stdout.write("echo 'this script was not written: tools/script.py failed' >&2; exit 2\n")
            raise
        sys.stdout.write(written)


if __name__ == "__main__":
    main()
