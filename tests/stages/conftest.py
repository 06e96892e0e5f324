"""What several stages' tests start from."""

import pytest

from tests.stages import toy_san, toy_systems


@pytest.fixture
def folders(tmp_path):
    """People of two colours and an untrained SAN-PG: what a system's training reads."""
    return toy_san.write_people(tmp_path / "people"), toy_systems.write_san_pg(tmp_path / "san_pg")
