"""A replayed step is the step: the same history and weights, bit for bit."""

import pytest
import torch

from sanreid.data import digits
from sanreid.models import digit_classifiers
from sanreid.params import validate
from sanreid.training import digit_classifier, digit_training, loop
from sanreid.training.cuda_graph import WARM, CudaGraphStep
from tests.data import toy_digits
from tests.training.test_digit_classifier import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return digits.read(toy_digits.write(tmp_path_factory.mktemp("digits")))


def trained(everything, device: str, run: str, replay: bool, name: str = "resnet"):
    """The history and the weights, and the step that made them."""
    torch.manual_seed(0)
    plan = validate(SECTION, digit_classifier.Plan, digit_classifier.SECTION)
    network = digit_classifiers.build(plan.model(name).network)
    digit_training.place(network, plan.compute, torch.device(device))
    step = digit_classifier.Step(network, everything, plan.recipe)
    wrapped = CudaGraphStep(step) if replay else step
    history = loop.fit(wrapped, epochs=3, seed=0, run=run, name="toy").history.read_bytes()
    return history, network.state_dict(), wrapped


def same(everything, device: str, name: str) -> CudaGraphStep:
    plain, weights, _ = trained(everything, device, "plain", replay=False, name=name)
    history, again, step = trained(everything, device, "replayed", replay=True, name=name)
    assert history == plain
    assert all(torch.equal(again[key], weights[key]) for key in weights)
    return step


def test_on_the_cpu_it_is_the_step_itself(everything):
    step = same(everything, "cpu", "perceptron")
    assert (step.recording, step.graph, step.terms) == (False, None, ("loss", "accuracy", "batch_size"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a GPU")
def test_a_recorded_step_gives_the_same_bits(everything):
    step = same(everything, "cuda", "resnet")
    assert step.graph is not None
    assert step.seen > WARM + 1
