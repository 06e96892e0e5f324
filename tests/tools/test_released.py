"""The tool: a released file becomes what evaluate_san accepts, and back; nothing is overwritten."""

import json
import shutil

import numpy as np
import pytest
import torch

from sanreid import params
from sanreid.models.san import SAN, Architecture
from sanreid.reporting.run import retrieval
from sanreid.training import checkpoint, released
from stages import evaluate_san
from tests.stages import toy_san as toy
from tests.training import released_file as theirs
from tools import released as tool


@pytest.fixture
def folder(tmp_path):
    """Removed at once, since pytest would keep hundreds of megabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def trained(folder, settings, decoder=True, changes=None):
    """A folder as train_san writes it."""
    torch.manual_seed(0)
    (folder / "history.csv").write_text("epoch,step\n")
    out = folder / "seed0"
    out.mkdir()
    arch = released.ARCHITECTURE.model_copy(update=changes or {})
    model = SAN(arch, 5, decoder)
    checkpoint.save_model(out, model, {"architecture": arch, **settings}, folder / "history.csv")
    return out, model


def test_an_imported_file_is_evaluated_by_the_paper_profile(root, folder):
    encoder = theirs.draw(theirs.encoder(5), 1)
    file = theirs.write(folder / "checkpoint_ep300.pth.tar", encoder, theirs.draw(theirs.decoder(), 2))
    tool.main(["import", str(file), str(folder / "model")])
    assert sorted(f.name for f in (folder / "model").iterdir()) == ["params.json", "weights.safetensors"]
    settings = json.loads((folder / "model/params.json").read_text())
    assert settings["people"] == 5
    assert settings["released"] == {"file": "checkpoint_ep300.pth.tar", "rank1": 0.8125, "epoch": 299}
    paper = root / "profiles/paper.yaml"
    san = params.load(paper, "san", Architecture)
    net = retrieval.load(folder / "model", san)
    assert all(
        torch.equal(v, encoder[k]) for k, v in net.encoder.state_dict().items() if not k.startswith("classifier.")
    )
    people = toy.write_people(folder / "people", train=1, test=2, each=2)
    section = params.load(paper, "evaluate_san", evaluate_san.Params)
    evaluate_san.main(people, folder / "model", folder / "report", section, san)
    assert 0 < json.loads((folder / "report/metrics.json").read_text())["mAP"] <= 1


@pytest.mark.parametrize("decoder", [True, False])
def test_an_import_and_its_export_are_bit_exact(folder, decoder):
    states = theirs.draw(theirs.encoder(5), 1), theirs.draw(theirs.decoder(), 2) if decoder else None
    file = theirs.write(folder / "a.pth.tar", *states)
    tool.main(["import", str(file), str(folder / "model")])
    tool.main(["export", str(folder / "model"), str(folder / "b.pth.tar")])
    content = torch.load(folder / "b.pth.tar", weights_only=True)
    assert (content["rank1"], content["epoch"]) == (0.8125, 299)
    for key, state in zip(("state_dict", "decoder_state_dict"), states, strict=True):
        assert content.get(key, {}).keys() == (state or {}).keys()
        assert all(torch.equal(content[key][k], v) for k, v in (state or {}).items())


def test_a_network_trained_here_is_exported_with_its_last_counted_epoch(folder):
    out, model = trained(
        folder, {"people": 5, "recipe": {"epochs": 120}}, decoder=False, changes={"pretrained": "none"}
    )
    tool.main(["export", str(out), str(folder / "san.pth.tar"), "--rank1", "0.5"])
    content = torch.load(folder / "san.pth.tar", weights_only=True)
    assert (content["rank1"], content["epoch"]) == (0.5, 119)
    assert all(torch.equal(v, content["state_dict"][k]) for k, v in model.encoder.state_dict().items())
    with pytest.raises(SystemExit, match=r"released: .*san\.pth\.tar: is there already"):
        tool.main(["export", str(out), str(folder / "san.pth.tar")])


def test_what_is_not_known_stays_unknown(folder):
    file = folder / "a.pth.tar"
    torch.save({"state_dict": theirs.hollow(theirs.encoder(5))}, file)
    tool.main(["import", str(file), str(folder / "model")])
    tool.main(["export", str(folder / "model"), str(folder / "b.pth.tar")])
    assert released.read(folder / "b.pth.tar")[1:] == (None, None)
    assert np.isnan(torch.load(folder / "b.pth.tar", weights_only=True)["rank1"])


def test_bad_input_ends_in_one_message_and_leaves_nothing(folder):
    def refused(*arguments) -> str:
        with pytest.raises(SystemExit) as caught:
            tool.main([str(a) for a in arguments])
        return str(caught.value.code)

    file, out = folder / "a.pth.tar", folder / "model"
    assert (
        refused("import", file, out)
        == f"released: {file}: no such file; name a checkpoint of the released code, *.pth.tar"
    )
    file.write_bytes(b"<html>404</html>")
    assert "not a file of torch.save" in refused("import", file, out)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert "is there already; remove it or name another" in refused("import", file, out)
    assert (out / "mine.txt").read_text() == "mine"
    b = folder / "b.pth.tar"
    assert "params.json: not found; name a model folder" in refused("export", out, b)
    (out / "params.json").write_text('{"architecture": {}, "recipe": {}}')
    assert "no 'people': only folders of train_san can be exported (SAN-PG has no head)" in refused("export", out, b)
    (out / "params.json").write_text('{"architecture": {"fc": 5}, "people": 5}')
    assert "params.json: architecture.backbone" in refused("export", out, b)
    small = json.dumps({"architecture": toy.ARCHITECTURE, "people": 2})
    (out / "params.json").write_text(small)
    assert "weights.safetensors: not found" in refused("export", out, b)
    checkpoint.save_model(out, SAN(toy.architecture(), 2), {"architecture": toy.architecture(), "people": 2}, None)
    assert "one network alone, which this is not: backbone is resnet18, not resnet50; width is 4" in refused(
        "export", out, b
    )
    (out / "params.json").write_text(small.replace('"people": 2', '"people": 3'))
    assert "the weights do not fit" in refused("export", out, b)
    (out / "params.json").write_text('{"architecture": ')
    assert "params.json: not JSON" in refused("export", out, b)
    assert not b.exists()
