"""What cannot be trained is refused in order: keys before pictures are read, people before a network is built."""

import pytest

from sanreid.models.strong import Strong
from sanreid.training import reid, strong, systems
from tests.training import test_strong


def train(tmp_path, called, recipe, **changes):
    def people():
        called.append("people")
        return test_strong.people()

    def network(count):
        called.append("network")
        return Strong(recipe.network, count)

    given = {"people": people, "network": network, "step": lambda model, who: strong.Step(model, who, recipe)}
    systems.train("strong", recipe, tmp_path, tmp_path / "start", 0, tmp_path / "out", **(given | changes))


def test_a_key_that_cannot_be_followed_costs_no_reading(tmp_path):
    called = []
    late = test_strong.SECTION["optimiser"] | {"schedule": "tenths", "milestones": [99]}
    with pytest.raises(ValueError, match=r"train_strong\.optimiser\.milestones: 99"):
        train(tmp_path, called, test_strong.recipe(optimiser=late))
    assert called == []


def test_people_who_do_not_do_are_refused_before_a_network_is_built(tmp_path):
    called = []

    def check(people: reid.People) -> None:
        raise ValueError(f"train_strong.people: {people.count} are too few")

    with pytest.raises(ValueError, match="3 are too few"):
        train(tmp_path, called, test_strong.recipe(), check=check)
    assert called == ["people"]
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="start"):
        train(tmp_path, [], test_strong.recipe())
    assert not (tmp_path / "out").exists()
