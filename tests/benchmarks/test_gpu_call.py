"""One call: a part that hangs, fails or is missing takes nothing from the others, and the record tells each."""

import json
import sys
import time

import pytest

from benchmarks import gpu_call
from tests.processes import alive, wait_for


@pytest.fixture
def call(tmp_path):
    made = gpu_call.Call("first", tmp_path / "out", 60, {"device": "cpu", "toy": True})
    yield made
    made.scratch.cleanup()


def python(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def record(call):
    return json.loads((call.out / "first.json").read_text())


def test_a_part_that_hangs_is_ended_with_what_it_started_and_what_it_wrote_counts(call):
    file = call.out / "rows.json"
    code = f"""
import json, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(99)"])
print("begun", flush=True)
made = pathlib.Path({str(file)!r})
made.with_suffix(".new").write_text(json.dumps({{"rows": 1, "pid": child.pid, "table": "long"}}))
made.with_suffix(".new").replace(made)
time.sleep(99)
"""
    part = call.start("slow", python(code))
    while not file.is_file():
        assert part.process.poll() is None
        time.sleep(0.05)
    call.finish(part, 0.1, lambda: gpu_call.brief(file))
    told = record(call)["parts"]["slow"]
    assert told["out_of_time"]
    assert (told["status"], told["result"]["rows"]) == (-9, 1)
    assert "table" not in told["result"]  # the log has it
    assert "begun" in call.log.read_text()
    wait_for(lambda: not alive(told["result"]["pid"]))


def test_a_part_that_fails_is_told_and_the_next_one_runs(call, capsys):
    call.run(
        "broken", python("raise SystemExit('no such module')"), 20, lambda: gpu_call.brief(call.out / "absent.json")
    )
    call.run("good", python("print(1)"), 20, lambda: {"fine": True})
    call.run("missing", ["no-such-program"], 20)
    call.run("late", python("print(1)"), -1)
    parts = record(call)["parts"]
    assert (parts["broken"]["status"], parts["broken"]["out_of_time"]) == (1, False)
    assert "absent.json" in parts["broken"]["result"]["unreadable"]
    assert "no such module" in capsys.readouterr().out
    assert parts["good"]["result"] == {"fine": True}
    assert parts["missing"] == {"left_out": "there is no no-such-program here"}
    assert "left" in parts["late"]["left_out"]


def test_pytests_record_is_counted_and_failures_keep_their_text(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n\n\ndef test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2, 'apart'\n\n\n"
        "@pytest.mark.skip(reason='no GPU')\ndef test_left():\n    pass\n\n\n"
        "@pytest.fixture\ndef broken():\n    raise OSError('gone')\n\n\ndef test_error(broken):\n    pass\n"
    )
    xml = tmp_path / "tests.xml"
    pytest.main(["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", f"--junitxml={xml}", str(tmp_path)])
    found = gpu_call.tests(xml)
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 2, 1)
    assert [name.split("::")[1] for name in found["failures"]] == ["test_bad", "test_error"]
    assert "apart" in next(iter(found["failures"].values()))


def test_every_test_that_wants_a_gpu_is_asked_for(root):
    found = gpu_call.gpu_tests()
    assert {"tests/training/test_on_gpu.py", "tests/evaluation/test_device_reranking.py"} <= set(found)
    assert all((root / name).is_file() for name in found)


def test_what_a_package_is_missing_is_said():
    found = gpu_call.versions()
    assert found["torch"] != "missing"
    assert set(gpu_call.PACKAGES.split()) < set(found)


@pytest.mark.parametrize("arguments", [["third", "--out", "x"], ["first", "--out", "x", "--wrong"]])
def test_wrong_arguments_are_told_before_anything_runs(root, arguments, monkeypatch, capsys, tmp_path):
    import runpy

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gpu_call.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(root / "benchmarks" / "gpu_call.py"), run_name="__main__")
    assert ended.value.code == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "x").exists()
