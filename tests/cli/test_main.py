"""The command line stays as people's scripts know it, starts without heavy imports, and needs the core alone."""

import os
import subprocess
import sys

from sanreid.cli import main
from tests.cli import networks

SHARED = {"--model", "-m", "--device", "--batch", "--help"}
FROZEN = {
    "embed": {"pictures", "--out", "-o", *SHARED},
    "search": {
        *("query", "--gallery", "-g", "--top", "-n", "--rerank", "--together", "--json", "--html"),
        *SHARED,
    },
    "evaluate": {"folder", "--rerank", "--json", *SHARED},
    "export": {"--out", "-o", "--format", "-f", "--model", "-m", "--help"},
}
VERBS = ["embed", "search", "same", "attributes", "texture", "cluster", "calibrate", "evaluate", "export"]
BEYOND = "dvc prefect tensorboard matplotlib plotly h5py fastapi networkx mlxtend onnx onnxruntime"


def options(name: str) -> set[str]:
    """A verb's options, and its arguments by name."""
    command = main.command(name)
    found = {"--help"}
    for parameter in command.params:
        positional = parameter.param_type_name == "argument"
        found |= {parameter.name} if positional else {*parameter.opts, *parameter.secondary_opts}
    return found


def test_verbs_and_options_are_frozen():
    assert list(main.VERBS) == VERBS
    assert {name: options(name) for name in FROZEN} == FROZEN


def test_every_verb_that_is_there_has_help_with_examples(monkeypatch, capfd):
    for name in main.Verbs(name="sanreid").list_commands(None):
        code, shown, _ = networks.run(monkeypatch, capfd, name, "--help")
        assert code == 0
        assert "Examples" in shown
        assert f"sanreid {name}" in shown


def test_wrong_use_is_status_2_and_help_is_0(monkeypatch, capfd):
    assert networks.run(monkeypatch, capfd, "--help")[0] == 0
    assert networks.run(monkeypatch, capfd, "-h")[0] == 0
    for wrong in ((), ("searhc",), ("search", "--nothing"), ("--nothing",), ("search", "a.jpg", "-g", "")):
        assert networks.run(monkeypatch, capfd, *wrong)[0] == 2


def in_fresh_python(code: str) -> str:
    """What a new interpreter prints that runs `code` with this tree's package."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_help_imports_nothing_heavy():
    code = """
import sys
sys.argv = ["sanreid", "--help"]
from sanreid.cli import main
try:
    main.main()
except SystemExit as stopped:
    assert not stopped.code
heavy = "torch numpy pandas cv2 numba scipy sklearn pyarrow pydantic".split()
print("LOADED", [n for n in heavy if n in sys.modules], [n for n in sys.modules if n.startswith("sanreid.")])
"""
    loaded = in_fresh_python(code).split("LOADED ")[1].strip()
    assert loaded == "[] ['sanreid.cli', 'sanreid.faults', 'sanreid.cli.main']"


def test_the_core_needs_no_extra():
    """Every module of the core is imported where the extras' packages cannot be, as after `pip install .`."""
    code = f"""
import importlib, pkgutil, sys
beyond = "{BEYOND}".split()
sys.modules.update(dict.fromkeys(beyond))  # an import of them raises ImportError
import sanreid.api, sanreid.cli, sanreid.search
for package in (sanreid.search, sanreid.cli):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
import sanreid.evaluation.ranking, sanreid.evaluation.reranking, sanreid.data.photographs
print([name for name in sys.modules if name.split(".")[0] in beyond and sys.modules[name]])
"""
    assert in_fresh_python(code).strip() == "[]"
