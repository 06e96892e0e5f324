"""Every command in a code block of the documents is run by a test, listed here, or a reason is given why not.

test_commands.py checks the line itself, as the documents write it; the tests listed here run what it runs, with tiny
parameters if it takes long. A new command on a page must be added to one of the tables, or this fails. Commands that
are only mentioned in a sentence are checked by test_commands.py alone.
"""

import pytest

from tests.docs import command_lines, test_commands

PIPELINE, REST = "tests/test_pipeline.py", "tests/test_pipeline_rest.py"

# the command's beginning: the test file that runs it, and by which words in that file
RUN = {
    "bash run.sh": (PIPELINE, '"bash", "run.sh"'),
    "dvc exp run report": ("tests/test_one_owner.py", '"dvc", "exp", "run"'),
    "dvc metrics": ("tests/test_dvc_views.py", '"metrics"'),
    "dvc params": ("tests/test_dvc_views.py", '"params"'),
    "dvc plots": ("tests/test_dvc_views.py", '"plots"'),
    "dvc repro evaluate_attributes": (REST, 'repro("evaluate_attributes")'),
    "dvc repro report": (PIPELINE, 'repro("report")'),
    "git add dvc.lock": ("tests/test_dvc_views.py", '"git"'),
    "git commit -m": ("tests/test_dvc_views.py", '"git"'),
    "make app": ("tests/app/test_main.py", "main("),
    "make compare": ("tests/tools/test_compare.py", "compare.compare("),
    "make demo": (PIPELINE, 'repro("report")'),
    "make digits-grid": ("tests/tools/test_digits_grid.py", "digits_grid.main("),
    "make docs": ("tests/docs/test_site.py", '"mkdocs", "build"'),
    "make experiments": ("tests/tools/test_experiments.py", "experiments.main("),
    "make serve": ("tests/flows/conftest.py", '"flows.serve"'),
    "make systems": (REST, 'repro("compare_systems")'),
    "make table": ("tests/tools/test_table.py", '"tools.table", "table1"'),
    "make weights": ("tests/tools/test_weights.py", "weights.make("),
    "make worker": ("tests/flows/conftest.py", '"flows.serve", "--worker"'),
    "prefect deployment run pipeline/pipeline": ("tests/flows/test_serve.py", 'ask("pipeline/pipeline"'),
    "prefect deployment run pipeline/spread": ("tests/flows/test_serve.py", 'ask("pipeline/spread"'),
    "python -m flows.run": ("tests/flows/test_pipeline.py", '"flows.run"'),
    "python stages/evaluate_san.py": ("tests/tools/test_released.py", "evaluate_san.main("),
    "python stages/synthesize.py": ("tests/stages/test_synthesize.py", "synthesize.main("),
    "python tools/paper_scale.py": ("tests/tools/test_paper_scale.py", "paper_scale.main("),
    "python tools/predict_attributes.py": ("tests/tools/test_predict_attributes.py", "predict_attributes.main("),
    "python tools/released.py export": ("tests/tools/test_released.py", '["export"'),
    "python tools/released.py import": ("tests/tools/test_released.py", '["import"'),
    "python tools/script.py": (PIPELINE, "script.text("),
    "python3 benchmarks/gpu_call.py": ("tests/benchmarks/test_gpu_call.py", "gpu_call.Call("),
    "sanreid": ("tests/docs/test_sanreid_commands.py", "networks.run("),
}
# what no test runs, and why
UNRUN = {
    "git clone": "the address is the reader's",
    "git commit -am": "git's own, in a fork of the reader's",
    "git push": "git's own, in a fork of the reader's",
    "make check": "linters over the tree, run before the tests (.ci/run)",
    "pip download": "asks a package registry; its lock is checked by tests/tools/test_script.py",
    "pip install": "installs what was downloaded",
    "pytest": "runs these tests",
    "python -m pip download": "asks a package registry",
    "python3 -m pip install": "installs what was downloaded",
}


@pytest.fixture(scope="module")
def shown(root) -> set[str]:
    """What the blocks of the documents show, without the shell's own words and other projects' programs."""
    others = test_commands.SHELL | test_commands.ELSEWHERE
    commands = [c for c in command_lines.collect(root) if not c.mention and c.page != test_commands.EXTENDED]
    return {" ".join(c.words) for c in commands if c.words and c.words[0] not in others}


def test_each_command_has_a_test_that_runs_it_or_a_reason(shown):
    homes = (*RUN, *UNRUN, *test_commands.CHEAP)
    assert [command for command in sorted(shown) if not command.startswith(homes)] == []
    assert [home for home in homes if not any(command.startswith(home) for command in shown)] == []


def test_the_tests_that_are_named_do_so(root):
    assert {f"{file}: {words}" for file, words in RUN.values() if words not in (root / file).read_text()} == set()
