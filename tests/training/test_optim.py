"""The learning rate against tables written by hand, and the optimizers against torch's plain ones."""

import pytest
import torch

from sanreid.params import ParamsError, validate
from sanreid.training import optim

NO_WARM_UP = {"kind": "none", "epochs": 0, "start": 0.01, "factor": 1.259}
VALUES = {
    "name": "adam",
    "lr": 8e-4,
    "weight_decay": 5e-4,
    "betas": [0.9, 0.999],
    "schedule": "constant",
    "milestones": [],
    "warm_up": NO_WARM_UP,
}


def section(**changes) -> optim.Optimiser:
    return validate({**VALUES, **changes}, optim.Optimiser, "optimiser")


def test_the_published_recipe():
    s = section(
        name="amsgrad",
        schedule="halving",
        milestones=list(range(40, 300, 40)),
        warm_up={"kind": "published", "epochs": 20, "start": 0.01, "factor": 1.259},
    )
    assert optim.extra_epochs(s) + 300 == 320
    assert optim.rate(s, 300, 0) == pytest.approx(8e-6)
    assert optim.rate(s, 300, 0.9) == pytest.approx(8e-6)  # constant within an epoch
    assert optim.rate(s, 300, 19) == pytest.approx(8e-6 * 1.259**19)
    assert optim.rate(s, 300, 20) == 8e-4
    assert optim.rate(s, 300, 59.99) == 8e-4
    assert optim.rate(s, 300, 60) == 4e-4  # the 40th counted epoch is the 60th of the run
    assert optim.rate(s, 300, 319) == pytest.approx(8e-4 / 2**7)


def test_cosine_after_a_linear_start_moves_with_every_step():
    s = section(schedule="cosine", lr=1.0, warm_up={"kind": "linear", "epochs": 2, "start": 0.1, "factor": 1.0})
    assert optim.extra_epochs(s) == 0  # counted
    got = [optim.rate(s, 10, m) for m in (0, 1, 1.5, 2, 6, 10)]
    assert got == pytest.approx([0.1, 0.55, 0.775, 1.0, 0.5, 0.0])


def test_tenths_fall_at_whole_epochs_after_a_linear_start():
    """Luo et al. 2019: 10 epochs up from a tenth, a tenth at 40 and at 70 of 120."""
    warm_up = {"kind": "linear", "epochs": 10, "start": 0.1, "factor": 1.0}
    s = section(schedule="tenths", lr=3.5e-4, milestones=[40, 70], warm_up=warm_up)
    got = [optim.rate(s, 120, m) for m in (0, 5, 10, 39.9, 40, 69.9, 70, 119)]
    assert got == pytest.approx([3.5e-5, 1.925e-4, 3.5e-4, 3.5e-4, 3.5e-5, 3.5e-5, 3.5e-6, 3.5e-6])


def test_exponential_decay_starts_at_its_milestone_and_ends_at_a_thousandth():
    s = section(schedule="exponential", lr=2e-4, milestones=[150])
    got = [optim.rate(s, 300, m) for m in (0, 150, 200, 225, 300)]
    assert got == pytest.approx([2e-4, 2e-4, 2e-4 * 0.1, 2e-4 * 0.001**0.5, 2e-7])
    with pytest.raises(ParamsError, match="wants one, where it starts"):
        section(schedule="exponential", milestones=[10, 20])
    with pytest.raises(ValueError, match=r"x\.milestones: 150 is not before the last of 100 epochs"):
        optim.check(s, 100, "x")


def test_the_warm_up_is_plain_adam_and_its_state_is_dropped():
    s = section(name="amsgrad", warm_up={"kind": "published", "epochs": 2, "start": 0.01, "factor": 1.259})
    weight = torch.nn.Parameter(torch.ones(3))
    o = optim.Optimisation([weight], s, 5)

    def one_step(epoch):
        o.at(epoch, 0)
        o.zero_grad()
        weight.pow(2).sum().backward()
        o.step()
        return o.optimizer.state[weight]

    state = one_step(0)
    assert "max_exp_avg_sq" not in state
    assert one_step(1)["step"] == 2
    state = one_step(2)
    assert state["step"] == 1
    assert "max_exp_avg_sq" in state
    assert one_step(3)["step"] == 2


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.99), weight_decay=0.1)),
        ("amsgrad", lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.99), weight_decay=0.1, amsgrad=True)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.5, 0.99), weight_decay=0.1)),
    ],
)
def test_optimizers_are_what_they_are_called(name, reference):
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    o = optim.Optimisation([ours], section(name=name, lr=0.01, betas=[0.5, 0.99], weight_decay=0.1), 5)
    plain = reference([theirs])
    for i in range(6):
        o.at(i, 0)
        for weight, optimizer in ((ours, o), (theirs, plain)):
            optimizer.zero_grad()
            (weight * torch.tensor([5.0, 1.0, 0.1]) / (i + 1)).pow(2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_the_state_comes_back_in_and_after_the_warm_up():
    s = section(name="amsgrad", warm_up={"kind": "published", "epochs": 1, "start": 0.01, "factor": 1.259})

    def run(weight, o, epochs):
        for epoch in epochs:
            o.at(epoch, 0)
            o.zero_grad()
            (weight**2).sum().backward()
            o.step()

    for stop in (1, 2, 3):
        whole = torch.nn.Parameter(torch.ones(2))
        run(whole, optim.Optimisation([whole], s, 4), range(4))
        first = torch.nn.Parameter(torch.ones(2))
        o = optim.Optimisation([first], s, 4)
        run(first, o, range(stop))
        second = torch.nn.Parameter(first.detach().clone())
        again = optim.Optimisation([second], s, 4)
        again.load_state_dict(o.state_dict())
        run(second, again, range(stop, 4))
        assert torch.equal(second, whole)


def test_what_can_never_happen_is_refused_by_name():
    s = section(schedule="halving", milestones=[4, 10])
    optim.check(s, 11, "train_san.optimiser")
    with pytest.raises(ValueError, match=r"train_san\.optimiser\.milestones: 10 .* 10 epochs"):
        optim.check(s, 10, "train_san.optimiser")
    s = section(warm_up={"kind": "linear", "epochs": 3, "start": 0.1, "factor": 1.0})
    with pytest.raises(ValueError, match=r"o\.warm_up\.epochs"):
        optim.check(s, 3, "o")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"schedule": "halving", "milestones": []}, "milestones"),
        ({"milestones": [4, 4]}, "milestones"),
        ({"milestones": [0, 4]}, "milestones"),
        ({"betas": [0.9, 1.0]}, "betas"),
        ({"lr": "8e-4"}, "optimiser.lr"),  # what PyYAML makes of 8e-4
        ({"lr": 0.0}, "optimiser.lr"),
        ({"schedule": "step"}, "optimiser.schedule"),
    ],
)
def test_bad_values_name_their_key(changes, named):
    with pytest.raises(ParamsError, match=named):
        section(**changes)
