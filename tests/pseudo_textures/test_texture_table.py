"""Names of textures: the image's own folder, and never two images for one."""

import pytest

from sanreid.pseudo_textures import texture_table


def test_a_texture_has_its_images_folder():
    paths = ["images/train/1.jpg", "images/query/1.jpg", "images/a.jpg.b/image.jpeg"]
    assert texture_table.names(paths) == ["images/train/1.png", "images/query/1.png", "images/a.jpg.b/image.png"]


def test_two_images_do_not_share_a_texture():
    with pytest.raises(ValueError, match=r"images/1\.jpg and images/1\.jpeg would share"):
        texture_table.names(["images/1.jpg", "images/2.jpg", "images/1.jpeg"])


def test_the_table_and_not_the_name_decides(tmp_path):
    texture_table.write(["a.jpg", "b.jpg"], ["x/2.png", "x/1.png"], tmp_path)
    assert texture_table.find(tmp_path, ["b.jpg", "a.jpg", "b.jpg"]) == ["x/1.png", "x/2.png", "x/1.png"]
