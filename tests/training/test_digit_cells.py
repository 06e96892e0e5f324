"""A cell's name and what it says."""

import pytest

from sanreid.training.digit_cells import Cell, parse


@pytest.mark.parametrize("cell", [Cell(1.0, 0.1, 64), Cell(0.001, 0.001, 5), Cell(0.1, 0.0, 200)])
def test_a_name_says_it_all(cell):
    assert parse(cell.name) == cell


@pytest.mark.parametrize("name", ["", "lr0.1", "lr0.1_wd0.1", "lr0.1_wd0.1_b6.5", "lr0.1_wd-1_b64", "lr0..1_wd0.1_b64"])
def test_another_form_is_refused(name):
    with pytest.raises(ValueError, match=rf"'{name}' is no cell; write"):
        parse(name)


@pytest.mark.parametrize("name", ["lr0.0_wd0.1_b64", "lr0.1_wd0.1_b0"])
def test_a_rate_or_batch_of_zero_is_refused(name):
    with pytest.raises(ValueError, match="above 0"):
        parse(name)


@pytest.mark.parametrize("name", ["lr0.10_wd0.1_b64", "lr1_wd0.1_b64", "lr.1_wd0.1_b64", "lr0.1_wd0.1_b064"])
def test_a_cell_has_one_name(name):
    with pytest.raises(ValueError, match=f"'{name}' is written lr"):
        parse(name)
