"""What the digits' trainings share: the arithmetic's section, and a narrow network of one channel that trains."""

import pytest
import torch

from sanreid.models import digit_classifiers
from sanreid.params import ParamsError, validate
from sanreid.training import digits

COMPUTE = {"precision": "tf32", "compile": False, "deterministic": True}


def test_the_memory_layout_is_no_choice():
    compute = validate(COMPUTE, digits.Compute, "compute")
    assert compute.full.model_dump() == {**COMPUTE, "channels_last": False}
    with pytest.raises(ParamsError, match=r"compute\.channels_last"):
        validate({**COMPUTE, "channels_last": True}, digits.Compute, "compute")


def test_a_narrow_published_stem_survives_its_backward_pass():
    # in channels_last torch 2.15 dies here of a segmentation fault
    shape = digit_classifiers.ResNetShape(kind="resnet18", side=224, stem="imagenet", width=8)
    net = digits.place(digit_classifiers.build(shape), validate(COMPUTE, digits.Compute, "c"), torch.device("cpu"))
    net(torch.randn(4, 1, 28, 28)).logits.sum().backward()
    assert net.conv1.weight.grad is not None


def test_denormal_numbers_are_zero_from_the_placing_on():
    tiny = torch.tensor([1e-39])
    assert (tiny * 1).item() > 0
    digits.place(torch.nn.Linear(1, 1), validate(COMPUTE, digits.Compute, "c"), torch.device("cpu"))
    assert (tiny * 1).item() == 0
