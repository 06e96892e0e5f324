"""Painted textures are found through their own table, where a set has them, and nowhere else."""

import numpy as np
import pytest

from app import painted
from sanreid.data import images
from sanreid.pseudo_textures import texture_table


@pytest.fixture
def sets(tmp_path):
    """A set of two pictures; the first has a texture."""
    gallery, textures = tmp_path / "interim" / "one", tmp_path / "textures" / "one" / "texture"
    gallery.mkdir(parents=True)
    images.write_all(textures, [("images/a.png", np.zeros((8, 8, 3), np.uint8))])
    texture_table.write(["images/a.jpg", "images/b.jpg"], ["images/a.png", "images/b.png"], textures)
    (tmp_path / "textures" / "secret.png").write_text("secret")
    return gallery, textures


def test_a_texture_is_found_by_its_picture(sets):
    gallery, textures = sets
    assert painted.find(gallery, "images/a.jpg") == textures / "images/a.png"
    assert painted.find(gallery, "images/b.jpg") is None  # in the table, but not there
    assert painted.find(gallery, "images/c.jpg") is None
    assert painted.find(gallery.parent.parent, "images/a.jpg") is None


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "images/out.png"])
def test_a_table_leads_nowhere_else(sets, name):
    gallery, textures = sets
    (textures / "images/out.png").symlink_to(textures.parent.parent / "secret.png")
    texture_table.write(["images/a.jpg"], [name], textures)
    assert painted.find(gallery, "images/a.jpg") is None


def test_a_damaged_table_has_none(sets):
    gallery, textures = sets
    (textures / texture_table.NAME).write_bytes(b"PAR1 and no more")
    assert painted.find(gallery, "images/a.jpg") is None
