"""The benchmark of realism on drawn pictures: it runs, and its record holds what it prints."""

import json

import numpy as np
import pytest

from benchmarks import realism
from sanreid.data import images


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Flat pictures of six people, the second camera's brighter, named as Market-1501's; noisy ones named otherwise."""
    random = np.random.default_rng(0)
    for kind in ("rendered", "photographs"):
        (tmp_path / kind).mkdir()
    for i in range(12):
        flat = np.full((64, 32, 3), 40 + 40 * (i % 2), np.uint8)
        images.write_rgb(tmp_path / f"rendered/{i // 2 + 1:04}_c{i % 2 + 1}s1_000001_00.jpg", flat)
        images.write_rgb(
            tmp_path / f"photographs/holiday {i}.png", random.integers(90, 256, (64, 32, 3)).astype(np.uint8)
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_folders_side_by_side(folders, capsys, caplog):
    realism.main(["--rendered", "rendered", "--photographs", "photographs", "--pictures", "10"])
    record = json.loads((folders / "reports/realism.json").read_text())
    row = record["rendered"]["rendered"]
    assert row["pictures"] == record["photographs"]["pictures"] == 10
    assert row["sharpness"] < 1 < record["photographs"]["sharpness"]
    assert row["statistics"]["accuracy"] == 1
    assert record["photographs"]["cameras"] is None  # their names say nothing
    assert row["cameras"] == pytest.approx(20, abs=0.5)
    assert row["imagenet"] is None
    assert "ImageNet's features are left out" in caplog.text
    printed = capsys.readouterr().out.splitlines()
    assert len({text.count("|") for text in printed}) == 1
    assert printed[3].startswith("| rendered | 10 | 0.2")
    assert "| 100.0 % |" in printed[3]
    with pytest.raises(SystemExit, match="realism: nowhere: no such folder, or no pictures"):
        realism.main(["--rendered", "rendered", "--photographs", "nowhere"])
