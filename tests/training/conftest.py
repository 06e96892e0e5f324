"""Checkpoints and TensorBoard files of these tests lie in the test's own folder."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("SANREID_RUNS", "")
    torch.set_num_threads(1)
