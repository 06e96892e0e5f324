"""The sheet of what networks paint of photographs: a row a person, a column a network, and what is amiss."""

import json

import pytest
import torch
from PIL import Image

from sanreid.models.san import SAN
from sanreid.training import checkpoint
from tests.stages import toy_san as toy
from tools import painted


def test_each_network_has_its_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people = toy.write_people(tmp_path / "people", train=1, test=3)
    torch.manual_seed(0)
    arch = toy.architecture()
    (tmp_path / "san_pg").mkdir()
    checkpoint.save_model(tmp_path / "san_pg", SAN(arch, 1), {"target": "texture", "architecture": arch}, None)
    command = [str(people), "--people", "2", "--models"]
    painted.main([*command, "san_pg", "--out", "one.jpg"])
    painted.main([*command, "san_pg", "san_pg", "--out", "two.jpg"])
    one, two = (Image.open(name) for name in ("one.jpg", "two.jpg"))
    assert one.height == two.height == painted.HEAD + 2 * (painted.CELL + painted.GAP)
    assert two.width - one.width >= painted.CELL  # a texture is square
    (tmp_path / "san_pg/params.json").write_text(json.dumps({"target": "frontal", "architecture": {}}))
    for words, end in ((["--people", "0"], "--people 0: at least 1"), ([], "san_pg/params.json: paints no texture")):
        with pytest.raises(SystemExit, match=end):
            painted.main([str(people), "--models", "san_pg", *words])
    assert not (tmp_path / "reports").exists()


def test_a_long_name_keeps_its_end():
    assert painted.shortened("models/san_pg/texture", 60) == "...texture"
    assert painted.shortened("short", 60) == "short"
