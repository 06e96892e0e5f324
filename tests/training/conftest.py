"""Every test of this folder trains, or may."""

import pytest


@pytest.fixture(autouse=True)
def _own_folders(own_folders):
    pass
