"""Run keys, whole-or-absent checkpoints, and loads that hide nothing."""

import json

import pytest
import torch
from torch import nn

from sanreid import locks, runtime
from sanreid.params import Section
from sanreid.training import checkpoint


class Settings(Section):
    epochs: int
    rates: tuple[float, float]


def test_a_key_follows_everything_that_decides_the_run(tmp_path, monkeypatch):
    file = tmp_path / "index.parquet"
    file.write_bytes(b"table")
    images = torch.arange(12, dtype=torch.uint8).view(2, 6)
    settings = {"p": Settings(epochs=3, rates=(0.1, 0.2)), "seed": 1}
    base = checkpoint.key(settings, [file], [images])
    assert base == checkpoint.key({"seed": 1, "p": Settings(epochs=3, rates=(0.1, 0.2))}, [file], [images.clone()])
    moved = tmp_path / "elsewhere.parquet"
    moved.write_bytes(b"table")
    assert base == checkpoint.key(settings, [moved], [images])
    others = [
        checkpoint.key({**settings, "seed": 2}, [file], [images]),
        checkpoint.key({**settings, "p": Settings(epochs=4, rates=(0.1, 0.2))}, [file], [images]),
        checkpoint.key(settings, [file], [images + 1]),
        checkpoint.key(settings, [file], [images.view(3, 4)]),
        checkpoint.key(settings, [], [images]),
    ]
    file.write_bytes(b"other")
    others.append(checkpoint.key(settings, [file], [images]))
    file.write_bytes(b"table")
    monkeypatch.setattr(checkpoint, "_PACKAGES", ("losses",))  # as if the code had changed
    others.append(checkpoint.key(settings, [file], [images]))
    assert len({base, *others}) == 8


def test_a_killed_write_leaves_the_former_checkpoint(monkeypatch):
    cpu = torch.device("cpu")
    assert checkpoint.load_state("r", cpu) is None
    checkpoint.save_state("r", {"epoch": 1})

    def dies(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save_state("r", {"epoch": 2})
    assert checkpoint.load_state("r", cpu) == {"epoch": 1}
    assert [p.name for p in checkpoint.folder("r").iterdir()] == ["state.pt"]
    checkpoint.discard("r")
    assert checkpoint.load_state("r", cpu) is None


def small(classes=3) -> nn.Module:
    return nn.ModuleDict({"trunk": nn.Linear(2, 4), "norm": nn.BatchNorm1d(4), "classifier": nn.Linear(4, classes)})


def save(tmp_path, model):
    history = tmp_path / "h.csv"
    history.write_text("epoch,step,lr,id\n1,1,0.1,2.5\n")
    settings = {"variant": "san", "seed": 2, "p": Settings(epochs=3, rates=(0.1, 0.2))}
    with runtime.atomic_folder(tmp_path / "model") as work:
        checkpoint.save_model(work, model, settings, history)
    return tmp_path / "model"


def test_a_model_folder_says_how_it_was_made(tmp_path):
    model = small()
    folder = save(tmp_path, model)
    assert sorted(p.name for p in folder.iterdir()) == ["history.csv", "params.json", "weights.safetensors"]
    params = json.loads((folder / "params.json").read_text())
    assert params == {"variant": "san", "seed": 2, "p": {"epochs": 3, "rates": [0.1, 0.2]}}
    assert (folder / "history.csv").read_text().startswith("epoch,step,lr,id\n")
    other = small()
    report = checkpoint.load_into(other, folder / checkpoint.WEIGHTS, strict=True)
    assert report.complete
    assert set(report.matched) == set(model.state_dict())
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in other.state_dict().items())


def test_weights_from_elsewhere_have_no_history(tmp_path):
    checkpoint.save_model(tmp_path, small(), {"seed": 2}, history=None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["params.json", "weights.safetensors"]


def test_a_load_says_what_did_not_match(tmp_path):
    folder = save(tmp_path, small(classes=5))
    other = nn.ModuleDict({"trunk": nn.Linear(2, 4), "classifier": nn.Linear(4, 3), "extra": nn.Linear(1, 1)})
    before = {k: v.clone() for k, v in other.state_dict().items()}
    report = checkpoint.load_into(other, folder / checkpoint.WEIGHTS)
    assert report.matched == ("trunk.weight", "trunk.bias")
    assert report.missing == ("extra.weight", "extra.bias")
    assert {u.split(".")[0] for u in report.unexpected} == {"norm"}
    assert report.other_shape == ("classifier.weight [5, 4] for [3, 4]", "classifier.bias [5] for [3]")
    assert not report.complete
    for words in ("2 tensors loaded", "missing: extra.weight", "classifier.weight [5, 4] for [3, 4]", "norm.weight"):
        assert words in str(report)
    assert json.loads(json.dumps(report.as_dict()))["matched"] == ["trunk.weight", "trunk.bias"]
    after = other.state_dict()
    assert not torch.equal(after["trunk.weight"], before["trunk.weight"])
    assert torch.equal(after["classifier.weight"], before["classifier.weight"])
    with pytest.raises(ValueError, match=r"missing: extra\.weight"):
        checkpoint.load_into(other, folder / checkpoint.WEIGHTS, strict=True)


def test_a_load_of_a_part_lists_the_rest_as_left_out(tmp_path):
    model = small()
    folder = save(tmp_path, model)
    other = small()
    report = checkpoint.load_into(other, folder / checkpoint.WEIGHTS, only=("trunk.", "norm."), strict=True)
    assert report.left_out == ("classifier.bias", "classifier.weight")
    got, wanted = other.state_dict(), model.state_dict()
    assert torch.equal(got["trunk.weight"], wanted["trunk.weight"])
    assert not torch.equal(got["classifier.weight"], wanted["classifier.weight"])


def test_absent_weights_name_their_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors"):
        checkpoint.load_into(small(), tmp_path / "weights.safetensors")


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "zeros"])
def test_a_damaged_checkpoint_is_told_by_name_and_set_aside(harm, caplog):
    cpu = torch.device("cpu")
    checkpoint.save_state("r", {"epoch": 1, "model": torch.arange(1000.0)})
    file = checkpoint.folder("r") / "state.pt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes({"cut": content[:100], "flip": content, "empty": b"", "zeros": bytes(len(content))}[harm])
    assert checkpoint.load_state("r", cpu) is None
    assert f"{file}: damaged; set aside as state.pt.damaged" in caplog.text
    assert [p.name for p in checkpoint.folder("r").iterdir()] == ["state.pt.damaged"]
    checkpoint.save_state("r", {"epoch": 2})
    assert checkpoint.load_state("r", cpu) == {"epoch": 2}


def test_a_full_disk_is_told_by_the_checkpoints_name(monkeypatch):
    def full(state, path):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 460160 vs 460056")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"r/state\.pt: could not be written \(.*\); is the disk full\?"):
        checkpoint.save_state("r", {"epoch": 1})
    assert list(checkpoint.folder("r").iterdir()) == []


def test_the_checkpoint_is_owned_until_the_model_is_in_place(tmp_path):
    with pytest.raises(KeyboardInterrupt), checkpoint.owned("r", "models/a"):
        checkpoint.save_state("r", {"epoch": 1})
        assert not locks.free(checkpoint.folder("r"))
        raise KeyboardInterrupt
    assert locks.free(checkpoint.folder("r"))
    assert checkpoint.load_state("r", torch.device("cpu")) == {"epoch": 1}  # kept for the next run
    with checkpoint.owned("r", "models/a"):
        pass
    assert not checkpoint.folder("r").exists()


def test_damaged_weights_name_their_file(tmp_path):
    folder = save(tmp_path, small())
    file = folder / checkpoint.WEIGHTS
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"weights\.safetensors: not readable \(.*\); run the stage"):
        checkpoint.load_into(small(), file)
    (folder / "params.json").write_text("{")
    with pytest.raises(ValueError, match=r"params\.json: not JSON"):
        checkpoint.read_params(folder, "strong", "model", "train_strong", "models/strong")


def test_a_flipped_bit_or_a_nan_in_the_weights_is_told(tmp_path):
    folder = save(tmp_path, small())
    file = folder / checkpoint.WEIGHTS
    whole = bytearray(file.read_bytes())
    whole[-3] ^= 4
    file.write_bytes(whole)
    with pytest.raises(ValueError, match=r"weights\.safetensors: not readable \(damaged: its hash is another\)"):
        checkpoint.load_into(small(), file)
    broken = small()
    broken["trunk"].weight.data[0, 0] = float("nan")
    folder = save(tmp_path, broken)
    with pytest.raises(ValueError, match=r"'trunk\.weight' holds nan or infinite numbers"):
        checkpoint.load_into(small(), folder / checkpoint.WEIGHTS)
