"""The GPU's benchmark at toy size on the CPU: it runs, and says what it does not measure."""

import json
import runpy
import sys

import pytest
import torch

from benchmarks import gpu_training as benchmark
from sanreid.training import san


def script(root, monkeypatch, *arguments: str) -> None:
    """As from the command line, on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_training.py", *arguments])
    for name in ("SANREID_CHECKPOINTS", "SANREID_RUNS"):  # which the script points elsewhere
        monkeypatch.setenv(name, "")
    runpy.run_path(str(root / "benchmarks" / "gpu_training.py"), run_name="__main__")


def test_without_a_gpu_it_says_so_and_ends_well(root, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    script(root, monkeypatch)  # as `make bench` does: an error would end it
    assert "no CUDA device: nothing measured" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_papers_network_is_not_begun_on_a_cpu(root, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        script(root, monkeypatch, "--device", "cpu")
    assert "add --toy" in capsys.readouterr().err


def test_it_measures_the_papers_recipe_and_network():
    recipe, variant, arch, epochs = benchmark.settings(toy=False)
    assert (arch.backbone, arch.width, arch.size, arch.texture) == ("resnet50", 64, (256, 128), 256)
    assert (recipe.people * recipe.images, recipe.compute.precision, epochs) == (64, "bfloat16", 320)
    assert variant.weights.on(san.REID + san.TEXTURE) == san.REID + san.TEXTURE
    assert recipe.optimiser.name == "amsgrad"
    found = benchmark.rows(recipe, with_compile=True)
    reference = found[benchmark.REFERENCE]
    assert (reference.schedule, reference.compute.precision) == ("alternating", "float32")
    assert {r.schedule for r in found.values()} == {"joint", "alternating"}
    assert [r.compute.compile for r in found.values()] == [False] * 4 + [True] * 2 + [False]


def test_random_pictures_are_laid_out_as_decoded_ones():
    people = benchmark.data(benchmark.settings(toy=True)[2], 48, 6, torch.device("cpu"))
    assert people.images.shape == (48, 3, 32, 16)
    assert people.images.is_contiguous(memory_format=torch.channels_last)
    assert people.labels.bincount().tolist() == [8] * 6


@pytest.mark.slow
def test_a_toy_run_fills_every_row(root, monkeypatch, capsys, tmp_path):
    out = tmp_path / "made" / "times.json"
    script(root, monkeypatch, "--device", "cpu", "--toy", "--epochs", "1", "--out", str(out))
    printed = capsys.readouterr().out
    assert "the numbers mean nothing" in printed
    found = json.loads(out.read_text())
    assert found["epochs"] == 320
    assert list(found["rows"]) == list(benchmark.rows(benchmark.settings(toy=True)[0], with_compile=False))
    for title, row in found["rows"].items():
        assert f"{title:<52} {row['images_a_second']:8.0f} images/s" in printed
        assert row["minutes"] == pytest.approx(row["seconds_an_epoch"] * 320 / 60)
        assert row["seconds_an_epoch"] > row["of_them_checkpoint"] > 0
        assert row["utilisation_percent"] is None
    assert found["rows"][benchmark.REFERENCE]["times_reference"] == 1
