"""What stage train_san refuses, and that it does so by name and before any work."""

import pytest
from safetensors.torch import load_file, save_file

from sanreid.data import index
from sanreid.params import ParamsError
from stages import train_san as stage
from tests.stages import toy_san as toy
from tests.stages.toy_train_san import VARIANTS, params, train, write

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folders(tmp_path):
    return write(tmp_path)


def test_a_partial_load_is_an_error(folders, tmp_path):
    path = folders[1] / "weights.safetensors"
    state = load_file(path)
    save_file({k: v for k, v in state.items() if not k.startswith("decoder.up2")}, path)
    with pytest.raises(ValueError, match=r"missing: decoder\.up2"):
        train(folders, tmp_path / "out", "san")
    train(folders, tmp_path / "out", "baseline_syn", epochs=1)  # does not ask for the decoder


@pytest.mark.parametrize(
    ("variant", "changes", "named"),
    [
        ("sam", {}, r"train_san\.variants: no 'sam'; there are baseline, baseline_syn, san"),
        ("baseline", {"people": 7}, r"train_san\.people: 7 .* 6 persons"),
        (
            "baseline",
            {"optimiser": {**toy.OPTIMISER, "schedule": "halving", "milestones": [2]}},
            r"train_san\.optimiser",
        ),
        (
            "baseline",
            {"texture_optimiser": {**toy.OPTIMISER, "schedule": "halving", "milestones": [2]}},
            r"train_san\.texture_optimiser\.milestones",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(folders, tmp_path, variant, changes, named, monkeypatch):
    monkeypatch.setattr(stage.tensors, "decode", lambda *a: pytest.fail("decoded first"))
    with pytest.raises(ValueError, match=named):
        train(folders, tmp_path / "out", variant, **changes)
    assert not (tmp_path / "out").exists()


def test_a_flip_with_decoder_losses_needs_the_mirror_map(folders, tmp_path):
    (folders[1] / "uv_mirror.npy").unlink()
    with pytest.raises(ValueError, match=r"train_san\.augment\.flip: mirrored needs the mirror map"):
        train(folders, tmp_path / "out", "san")
    train(folders, tmp_path / "a", "baseline", epochs=1)
    train(folders, tmp_path / "b", "san", epochs=1, augment={**toy.AUGMENT, "flip": "unmirrored"})
    wish = {**toy.AUGMENT, "flip": "mirrored_if_known"}
    for variant, settled in (("baseline", "mirrored"), ("san", "none")):
        out = train(folders, tmp_path / "c" / variant, variant, epochs=1, augment=wish)
        assert toy.read_json(out / "params.json")["recipe"]["augment"]["flip"] == settled


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"initialise": "scratch", "weights": dict.fromkeys(VARIANTS["san"]["weights"], 0.0)}, "variants.x.*all are 0"),
        ({"initialise": "both"}, "variants.x.*'both' without a decoder"),
        ({"initialise": "scratch", "texture_triplet_scheme": "offsets"}, r"variants\.x\.texture_triplet_scheme"),
        ({"initialise": "scratch", "wieghts": 1}, r"variants\.x\.wieghts"),
    ],
)
def test_a_variant_that_means_nothing_is_refused_by_name(change, named):
    with pytest.raises(ParamsError, match=named):
        params(variants={"x": {**VARIANTS["baseline"], **change}})


def test_the_published_warm_up_of_the_texture_optimizer_is_refused():
    warm_up = {"kind": "published", "epochs": 2, "start": 0.01, "factor": 1.259}
    with pytest.raises(ParamsError, match="texture_optimiser"):
        params(texture_optimiser={**toy.OPTIMISER, "warm_up": warm_up})


def test_a_set_to_measure_on_is_refused_by_name(folders, tmp_path):
    table = index.read(folders[0])
    index.write(table[table["split"] != "train"], folders[0])
    with pytest.raises(ValueError, match=r"index\.parquet: no rows of split 'train': there is nobody to train on"):
        train(folders, tmp_path / "out", "baseline_syn")
