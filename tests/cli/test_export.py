"""`sanreid export`: both formats give the API's features of real pictures, with nothing but what their files say."""

import json

import numpy as np
import pytest
import torch

from sanreid.api import Model
from sanreid.cli import formats
from sanreid.data import images
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    networks.write_strong(folder / "strong")
    networks.write_san(folder / "san")
    toy.write_people(folder / "people", train=0, test=2, each=3)
    return folder


def prepared(paths, note) -> np.ndarray:
    """Pictures as the file's note says; the toy's pictures have the network's size."""
    mean, std = (np.array(json.loads(note[key]), np.float32) for key in ("mean", "std"))
    values = np.stack([images.read_rgb(path) for path in paths])
    assert values.shape[1:3] == (int(note["height"]), int(note["width"]))
    assert (note["colour_order"], note["layout"]) == ("RGB", "NCHW")
    return ((values / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("kind", ["strong", "san"])
def test_the_files_give_the_programs_features(place, monkeypatch, capfd, kind):
    onnxruntime = pytest.importorskip("onnxruntime")
    paths = sorted((place / "people").rglob("*.png"))
    want = Model.load(place / kind).embed(paths)
    file = place / f"{kind}.onnx"
    code, shown, told = networks.run(monkeypatch, capfd, "export", "-o", file, "-m", place / kind)
    assert (code, shown) == (0, "")
    assert "differs" in told
    session = onnxruntime.InferenceSession(str(file))
    note = session.get_modelmeta().custom_metadata_map
    (found,) = session.run(["feature"], {"pictures": prepared(paths, note)})
    np.testing.assert_allclose(found, want, atol=1e-4)
    file = place / f"{kind}.pt2"
    assert networks.run(monkeypatch, capfd, "export", "-f", "torch", "-o", file, "-m", place / kind)[0] == 0
    extra = {formats.NOTE: ""}
    program = torch.export.load(file, extra_files=extra).module()
    assert json.loads(extra[formats.NOTE]) == note
    with torch.no_grad():
        np.testing.assert_allclose(program(torch.from_numpy(prepared(paths, note))), want, atol=1e-4)


def test_a_file_that_computes_something_else_is_not_kept(place, monkeypatch, capfd, tmp_path):
    monkeypatch.setattr(formats, "TOLERANCE", -1.0)
    code, _, told = networks.run(
        monkeypatch, capfd, "export", "-f", "torch", "-o", tmp_path / "a.pt2", "-m", place / "san"
    )
    assert code == 1
    assert "a.pt2: not written" in told
    assert not list(tmp_path.iterdir())
    assert networks.run(monkeypatch, capfd, "export", "-o", tmp_path / "a.pt2")[0] == 2
    assert networks.run(monkeypatch, capfd, "export", "-f", "coreml", "-o", tmp_path / "a.pt2")[0] == 2


def test_what_a_trace_fixes_for_good_is_told_and_the_exporters_age_is_not(place, monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    model = Model.load(place / "san", "cpu")
    forward = model.network.forward
    monkeypatch.setattr(model.network, "forward", lambda x: forward(x if x.abs().sum() > 0 else -x))
    with pytest.warns(torch.jit.TracerWarning, match="Python boolean") as told:
        formats.write_onnx(model, tmp_path / "fixed.onnx")
    assert [w for w in told if issubclass(w.category, DeprecationWarning)] == []
