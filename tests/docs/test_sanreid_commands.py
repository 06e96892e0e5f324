"""Every `sanreid` command in a block of the documents runs whole, in their order, on a folder as they describe it.

The pictures are few and the networks that `--model` names learnt nothing; where none is named it is the one that ships.
"""

import shlex

import pandas as pd
import pytest
import torch

from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.params import validate
from sanreid.training import attributes, checkpoint
from tests.cli import networks
from tests.docs import command_lines
from tests.stages import toy_attributes
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """What the documents speak of: pictures of my own, some of them labelled, sets and models of the pipeline."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("my/pictures", "my/labelled", "data/interim/market1501"):
        people = toy.write_people(folder / name, train=1, test=6)
        pd.read_parquet(people / "index.parquet").to_csv(people / "index.csv", index=False)
        (people / "index.parquet").unlink()
    (folder / "my/pictures/index.csv").unlink()
    for number, name in enumerate(("someone", "a", "b", "one", "another")):
        picture = folder / f"my/labelled/images/gallery/10{number}_1.png"
        (folder / f"{name}.jpg").write_bytes(picture.read_bytes())  # a PNG whatever its name says: both are read
    networks.write_strong(folder / "models/strong/market1501/seed0")
    networks.write_san(folder / "models/san_pg/texture")
    torch.manual_seed(0)
    shape = validate({**toy_attributes.NETWORK, "initialise": "scratch"}, Network, "network")
    classifier = folder / "models/attributes/seed0"
    classifier.mkdir(parents=True)
    settings = {"system": "attributes", "recipe": {"network": shape.model_dump(mode="json")}}
    checkpoint.save_model(classifier, AttributeClassifier(shape, attributes.CLASSES), settings, None)
    return folder


@pytest.mark.slow
def test_each_runs_and_leaves_the_file_that_it_names(place, root, monkeypatch, capfd):
    monkeypatch.chdir(place)
    asked = [c for c in command_lines.collect(root) if c.words[:1] == ("sanreid",) and not c.mention]
    assert {c.page for c in asked} >= {"README.md", "docs/start.md", "docs/command.md"}
    ran = set()
    for words in sorted({c.words for c in asked}, key=lambda words: words[1] != "embed"):  # its file is searched in
        if words[1] == "export":
            pytest.importorskip("onnxruntime")
        code, shown, told = networks.run(monkeypatch, capfd, *words[1:])
        assert code == 0, f"{shlex.join(words)}\n{told}"
        named = [words[i + 1] for i, word in enumerate(words) if word in ("-o", "--out", "--html")]
        assert shown or named or told, words
        assert [name for name in named if not (place / name).exists()] == [], words
        ran.add(words[1])
    assert ran >= {"embed", "search", "same", "calibrate", "attributes", "texture", "cluster", "evaluate", "export"}
