"""What the digits' trainings share: the arithmetic's section, and a narrow network of one channel that trains."""

import subprocess
import sys

import pytest
import torch

from sanreid.models import digit_classifiers
from sanreid.params import ParamsError, validate
from sanreid.training import digit_training

COMPUTE = {"precision": "tf32", "compile": False, "deterministic": True}


def test_the_memory_layout_is_no_choice():
    compute = validate(COMPUTE, digit_training.Compute, "compute")
    assert compute.full.model_dump() == {**COMPUTE, "channels_last": False}
    with pytest.raises(ParamsError, match=r"compute\.channels_last"):
        validate({**COMPUTE, "channels_last": True}, digit_training.Compute, "compute")


def test_a_narrow_published_stem_survives_its_backward_pass():
    # in channels_last torch 2.15 dies here of a segmentation fault
    shape = digit_classifiers.ResNetShape(kind="resnet18", side=224, stem="imagenet", width=8)
    compute = validate(COMPUTE, digit_training.Compute, "c")
    net = digit_training.place(digit_classifiers.build(shape), compute, torch.device("cpu"))
    net(torch.randn(4, 1, 28, 28)).logits.sum().backward()
    assert net.conv1.weight.grad is not None


def test_denormal_numbers_are_zero_from_the_preparation_on_in_every_thread():
    work = """
import torch
from sanreid.training import digit_training
torch.set_num_threads(2)
digit_training.prepare(0)
halves = torch.full((2, 500_000), 2e-38).mul(1e-3)  # above the size from which torch shares work out
print((halves.view(torch.int32) != 0).sum(1).tolist())  # as integers: a comparison of numbers would flush them too
"""
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 0]"
