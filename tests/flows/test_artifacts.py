"""What is shown of a stage: metrics rows, pictures that travel, the epoch lines that training really prints."""

import base64
import json
import logging
from io import BytesIO
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from prefect.states import Cancelled, Completed, Failed

from flows import artifacts
from flows.dag import Stage
from sanreid.training import loop


def stage(**given) -> Stage:
    values = {"name": "train_it@a_b-0", "desc": "Train it", "cmd": "", "gpus": 1, "minutes": 1.0, "retries": 0}
    lists = dict.fromkeys(("upstream", "deps", "outs", "metrics", "plots"), ())
    return Stage(**{**values, **lists, **given})


def test_keys_are_what_prefect_allows():
    assert artifacts.key("metrics", stage()) == "metrics-train-it-a-b-0"
    assert artifacts.key("progress", stage(name="sub/dvc.yaml:Thing@X")) == "progress-sub-dvc-yaml-thing-x"


def test_the_training_loops_own_line_is_understood(caplog):
    """Held against the loop itself: should its words change, the bar would stand still in silence."""
    with caplog.at_level(logging.INFO, logger="sanreid"):
        loop._report("san/seed0", [{"epoch": 3, "step": 1, "lr": 0.1, "id": 2.0}], 3, 0, 10, 90.0)
    found = artifacts.EPOCH.search(caplog.messages[0])
    assert found
    assert found.groups() == ("3", "10", "00:03:30")


def test_a_bar_moves_with_the_epochs(monkeypatch):
    made, moved = [], []
    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda *given: made.append(given) or uuid4())
    monkeypatch.setattr(artifacts, "update_progress_artifact", lambda _, *given: moved.append(given))
    monkeypatch.setattr(artifacts, "EVERY", 0.0)
    progress = artifacts.Progress(stage())
    for line in (
        "loading",
        "x: epoch 1/4  id 3.1  (2.0 s an epoch, 00:00:06 left)",
        "epoch 2/4",
        "epoch 4/4 00:00:00 left",
    ):
        progress.read(line)
    assert made == [(25.0, "progress-train-it-a-b-0", "Train it (train_it@a_b-0): epoch 1 of 4, 00:00:06 left")]
    assert [share for share, _ in moved] == [50.0, 100.0]
    assert moved[1][1].endswith("epoch 4 of 4, done")


def test_metrics_are_rows(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({"mAP": 0.123456, "texture": {"l1": 2, "ok": None}, "curve": [1, 2]}))
    (tmp_path / "m.yaml").write_text("loss: 0.5\n")
    rows = list(artifacts.metrics(tmp_path, stage(metrics=("m.json", "m.yaml"))))
    assert rows == [
        {"metric": "mAP", "value": 0.1235},
        {"metric": "texture.l1", "value": 2},
        {"metric": "texture.ok", "value": "None"},
        {"metric": "curve", "value": "[1, 2]"},
        {"metric": "loss", "value": 0.5},
    ]


def picture(path, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)).save(path)


def test_pictures_are_small_and_travel_inside(tmp_path):
    picture(tmp_path / "ranked.png", (2400, 1800))
    (text,) = artifacts.pictures(tmp_path, stage(outs=("ranked.png",)))
    assert text.startswith("`ranked.png`\n\n![ranked.png](data:image/jpeg;base64,")
    data = base64.b64decode(text.split("base64,")[1].rstrip(")"))
    assert len(data) <= artifacts.BYTES
    with Image.open(BytesIO(data)) as image:
        assert image.width <= artifacts.WIDTH
        assert image.width / image.height == pytest.approx(4 / 3, rel=0.01)


def test_the_last_pictures_of_a_folder_and_no_data_set(tmp_path):
    for k in range(10):
        picture(tmp_path / f"model/pictures/epoch{k:03d}.jpg")
    for k in range(artifacts.FEW + 1):
        picture(tmp_path / f"set/{k}.jpg", (4, 4))
    (tmp_path / "model/weights").write_bytes(b"x")
    shown = list(artifacts.pictures(tmp_path, stage(outs=("model", "set", "model/weights", "gone"))))
    assert [text.split("`")[1] for text in shown] == [f"model/pictures/epoch{k:03d}.jpg" for k in range(4, 10)]


def test_what_cannot_be_shown_is_a_warning(tmp_path, caplog):
    (tmp_path / "broken.jpg").write_text("no picture")
    artifacts.publish(tmp_path, stage(outs=("broken.jpg",)), logging.getLogger("flows.test"))
    assert "cannot be shown: UnidentifiedImageError" in caplog.text


def test_the_summary_links_to_tasks_and_results():
    states = {"a": Completed(name="Cached"), "b": Failed(), "c": Cancelled(name="NotRun")}
    states["a"].state_details.task_run_id = task = uuid4()
    stages = {name: stage(name=name, desc="What | it does") for name in states}
    shown, ui, seconds = uuid4(), "http://127.0.0.1:4200", {"a": 0.5, "b": 4000.0}
    rows = artifacts.summary(
        stages, states, seconds, f"{ui}/", {"metrics-a": shown, "pictures-x": uuid4()}
    ).splitlines()
    link, results = f"[a]({ui}/runs/task-run/{task})", f"[metrics]({ui}/artifacts/artifact/{shown})"
    assert rows[2] == f"| {link} | What \\| it does | Cached | 0.5 s | {results} |"
    assert rows[3] == "| `b` | What \\| it does | Failed | 1:06:40 |  |"
    assert "| NotRun |" in rows[4]
    assert "http" not in artifacts.summary(stages, states, seconds, "", {"metrics-a": shown})
