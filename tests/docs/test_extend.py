"""The additions that docs/extend.md shows, taken from the page and run in a copy of the project at tiny size.

What is run for real: the project's own checks of its rules over the extended tree, the tests that the page shows, the
reader on a folder laid out as MSMT17's lists say (its pictures are noise: the set itself is not to be had here), and in
one `dvc repro` its checked table, a training with the new loss, a training of the new system on the new backbone, its
evaluation, and the new stage. The blocks' size is the page's promise: under 40 lines of Python each, the tests beside.
"""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from sanreid.data import images, index
from tests import workspace
from tests.docs import command_lines, pages, test_commands

PARTS = ["A data set", "A loss", "A backbone", "A system", "A stage"]
TINY_NETWORK = {"width": 8, "height": 64, "width_px": 32, "initialise": "scratch"}
TINY = {
    "systems": {"names": ["two_head", "gem"], "variants": [], "sets": ["msmt17"], "start": "data/weights"},
    "systems ": {"alignments": []},
    "experiment": {"sets": ["msmt17"]},
    "train_gem": {"epochs": 2, "people": 3, "images": 2},
    "train_gem.network": TINY_NETWORK | {"backbone": "vgg11_bn"},
    "train_gem.optimiser.warm_up": {"epochs": 1},
    "train_two_head": {"epochs": 2},
    "train_two_head.batches": {"people": 3, "images": 2},
    "train_two_head.losses": {"circle": 0.1},
    "train_two_head.network": TINY_NETWORK | {"hidden": 8},
    "train_two_head.optimiser.warm_up": {"epochs": 1},
}


def shown(root):
    return pages.blocks(root / "docs/extend.md", root)


def changed(text: str, diff: str) -> str:
    """`text` with the hunks of a block of + and -, each found by its own lines, which must stand there once."""
    for hunk in diff.split("@@\n"):
        before = "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in " -")
        after = "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in " +")
        head, found, tail = text.partition(before)
        assert found, f"the file has no such lines any more:\n{before}"
        assert before not in tail, f"not told by these lines alone, more stand there:\n{before}"
        text = head + after + tail
    return text


def starts(block: pages.Block) -> list[str]:
    return [name.strip() for name in block.title.split(",")]


def apply(folder, block: pages.Block) -> None:
    """Put a block into the files that its title names."""
    for name in starts(block):
        path = folder / name
        if block.language == "diff":
            path.write_text(changed(path.read_text(), block.text))
        else:
            assert not path.exists(), f"{name}: the page would overwrite it"
            path.write_text(block.text)


def write_msmt17(folder) -> None:
    """Pictures of noise under the publisher's names and lists: six people to train on, three to look for."""
    random = np.random.default_rng(0)
    lists = {"train": (range(5), 4), "val": ([5], 4), "query": (range(3), 1), "gallery": (range(3), 3)}
    for name, (people, each) in lists.items():
        lines = []
        for person in people:
            for k in range(each):
                number = k + (0 if name != "gallery" else 1)
                path = f"{person:04d}/{person:04d}_{number:03d}_{1 + number % 3:02d}_0303morning_0015_0.jpg"
                file = folder / ("test" if name in ("query", "gallery") else "train") / path
                file.parent.mkdir(parents=True, exist_ok=True)
                images.write_rgb(file, random.integers(0, 256, (64, 32, 3), dtype=np.uint8))
                lines.append(f"{path} {person}")
        (folder / f"list_{name}.txt").write_text("\n".join(lines) + "\n")


def test_each_part_is_whole_and_short(root):
    found = [block for block in shown(root) if block.title]
    assert list(dict.fromkeys(block.section for block in found)) == PARTS
    for part in PARTS:
        own = [b for b in found if b.section == part and not b.title.startswith("tests/")]
        python = [b for b in own if b.title.endswith(".py")]
        text = [line for b in python for line in b.text.splitlines() if b.language == "python" or line[0] == "+"]
        lines = [line for line in text if line.strip()]
        assert 0 < len(lines) < 40, f"{part}: {len(lines)} lines of Python"


@pytest.mark.slow
def test_the_additions_keep_the_rules_pass_their_tests_and_run_in_the_graph(root, tmp_path, cache, warm, kernels):
    space = workspace.Workspace(root, tmp_path, cache, warm, kernels)
    folder = space.folder
    (folder / "params.yaml").write_text((folder / "profiles/demo.yaml").read_text())
    for block in shown(root):
        if block.title:
            apply(folder, block)
    space.env["PYTHONPATH"] = str(folder / "src")
    space.run(sys.executable, "tools/deps.py")
    assert "0 complaints" in space.run(sys.executable, "tools/check.py")
    lint = [name for block in shown(root) for name in starts(block) if name.endswith(".py")]
    space.run("ruff", "check", *lint)
    space.run("ruff", "format", "--check", *lint)
    tests = [name for name in lint if name.startswith("tests/")]
    assert len(tests) == 3
    assert f"{len(tests)} passed" in space.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests)

    asked = [c for c in command_lines.collect(root) if c.page == "docs/extend.md" and c.words[0] == "dvc"]
    questions = [{"set": given} for c in asked if (given := test_commands.sets(c))]
    assert len(questions) == 3
    command, told = [sys.executable, "tests/docs/known_commands.py"], json.dumps(questions)
    done = subprocess.run(command, cwd=folder, env=space.env, input=told, capture_output=True, text=True)
    assert json.loads(done.stdout) == [""] * len(questions), done.stderr

    write_msmt17(folder / "data/raw/msmt17")
    space.run(sys.executable, "tools/msmt17.py", "data/raw/msmt17")
    space.edit(TINY | {k: v for k, v in workspace.TINY.items() if k.startswith("evaluate_system")})
    ran = space.repro("extract_folder", "evaluate_system", "measure_cameras")
    assert {"extract_folder@msmt17", "train_gem@msmt17-0", "evaluate_system@gem-msmt17-0"} <= set(ran)

    table = index.read(folder / "data/interim/msmt17")
    assert table.groupby("split")["pid"].nunique().to_dict() == {"train": 6, "query": 3, "gallery": 3}
    assert "circle" in pd.read_csv(folder / "models/two_head/msmt17/seed0/history.csv")
    gem = load_file(folder / "models/gem/msmt17/seed0/weights.safetensors")
    assert gem["encoder.features.0.weight"].shape == (8, 3, 3, 3)
    metrics = json.loads((folder / "reports/systems/gem/msmt17/seed0/metrics.json").read_text())
    assert metrics["system"] == "gem"
    assert 0 <= metrics["mAP"] <= 1
    cameras = pd.read_csv(folder / "reports/cameras/msmt17.csv")
    assert cameras["pictures"].sum() == len(table)


@pytest.mark.parametrize("line", ["0000/0000_000_01_0303morning_0015_0.jpg", "0000/picture.jpg 3", ""])
def test_the_new_reader_names_a_line_that_it_cannot_read(root, tmp_path, line):
    script = next(block for block in shown(root) if block.title == "tools/msmt17.py")
    (tmp_path / "msmt17.py").write_text(script.text)
    write_msmt17(tmp_path)
    with (tmp_path / "list_val.txt").open("a") as file:
        file.write(f"{line}\n")
    command = [sys.executable, "msmt17.py", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "list_val.txt:5: " in done.stderr
    assert not (tmp_path / "index.csv").exists()
