"""What a machine tells of itself."""

from flows import whoami


def test_facts(make, dvc, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    root = make("stages: {}\n", {"code.py": ""})
    found = whoami.facts(root)
    assert found["GPUs to use"] == "3, 4"
    assert found["clone"] == str(root)
    assert len(found["commit"]) == 40
    assert (found["uncommitted edits"], found["DVC remote"]) == ("none", "none")
    assert found["dvc"].startswith("3.")
    (root / "code.py").write_text("1\n")
    dvc(root, "remote", "add", "--default", "team", "/somewhere")
    found = whoami.facts(root)
    assert "code.py" in found["uncommitted edits"]
    assert found["DVC remote"] == "team: /somewhere"


def test_a_machine_without_anything(tmp_path):
    found = whoami.facts(tmp_path)
    assert found["commit"] == "none: this is no git repository"
    assert found["GPUs to use"].startswith("none")
