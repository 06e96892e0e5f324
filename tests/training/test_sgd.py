"""Plain gradient descent against the formula, and its state."""

import copy

import pytest
import torch

from sanreid.params import ParamsError, validate
from sanreid.training.sgd import ConstantSgd, Sgd

SGD = {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9}


def sgd(**changes) -> Sgd:
    return validate({**SGD, **changes}, Sgd, "optimiser")


def descend(descent: ConstantSgd, weight: torch.nn.Parameter, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        assert descent.at(0, 0.5) == 0.1
        descent.zero_grad()
        (weight**3).sum().backward()
        descent.step()
        found.append(weight.item())
    return found


def test_the_steps_are_the_formulas():
    weight = torch.nn.Parameter(torch.tensor([0.5], dtype=torch.float64))
    found = descend(ConstantSgd([weight], sgd()), weight, 4)
    w, velocity, expected = 0.5, 0.0, []
    for _ in range(4):
        velocity = 0.9 * velocity + 3 * w**2 + 0.01 * w
        w -= 0.1 * velocity
        expected.append(w)
    assert found == pytest.approx(expected, rel=1e-12)


def test_its_state_goes_on_where_it_was():
    weight = torch.nn.Parameter(torch.tensor([0.5]))
    first = ConstantSgd([weight], sgd())
    descend(first, weight, 2)
    other = torch.nn.Parameter(weight.detach().clone())
    second = ConstantSgd([other], sgd())
    second.load_state_dict(copy.deepcopy(first.state_dict()))  # as from the disk
    assert descend(second, other, 2) == descend(first, weight, 2)


@pytest.mark.parametrize(("key", "value"), [("lr", 0.0), ("momentum", 1.0), ("weight_decay", -0.1), ("betas", [0, 0])])
def test_what_cannot_be_is_named(key, value):
    with pytest.raises(ParamsError, match=rf"optimiser\.{key}"):
        sgd(**{key: value})
