"""Overrides change what `dvc exp run -S` changes, and nothing on an error."""

import pytest

from flows import overriding

PARAMS = """\
# What is trained, and how long.
train_san:
  epochs: 20 # passes over the data
  rate: 0.0008 # of the optimiser
  variants: {san: {decodes: true}} # by name
evaluate_san:
  repeats: 10 # draws
experiment:
  seeds: [0, 1] # of chance
  note: null # anything
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def refused(root, *overrides: str) -> str:
    with pytest.raises(overriding.OverrideError) as caught:
        overriding.apply(root, overrides)
    assert (root / "params.yaml").read_text() == PARAMS
    return str(caught.value)


def test_values_change_and_comments_stay(root):
    overriding.apply(
        root, ["train_san.epochs=3", "experiment.seeds=[0,1,2]", "train_san.rate=1e-4", "experiment.note=none of it"]
    )
    text = (root / "params.yaml").read_text()
    assert "epochs: 3  # passes over the data" in text
    assert "rate: 0.0001 # of the optimiser" in text
    assert "# What is trained, and how long." in text
    overriding.apply(root, ["params.yaml:train_san.variants.san.decodes=false", "+experiment.more=1"])
    assert "decodes: false" in (root / "params.yaml").read_text()


def test_the_file_is_the_one_that_dvc_writes(make, dvc):
    """Byte for byte, since a stage may depend on the file itself."""
    words = ["train_san.epochs=3", "experiment.seeds=[0,1,2]"]
    root = make("stages:\n  one: {cmd: touch out, deps: [params.yaml], outs: [out]}\n", {"params.yaml": PARAMS})
    overriding.apply(root, words)
    ours = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(PARAMS)
    dvc(root, "exp", "run", "-q", "-S", words[0], "-S", words[1])
    assert (root / "params.yaml").read_text() == ours


def test_a_key_that_is_not_there_is_named_with_those_near(root):
    said = refused(root, "experiment.seeds=[5]", "train_san.epoch=3")
    assert said.startswith("params.yaml: train_san.epoch=3: no key 'train_san.epoch'; did you mean train_san.epochs")
    assert "did you mean train_san.epochs" in refused(root, "epochs=3")
    assert "+key=value adds one" in refused(root, "zzz=3")
    assert "no key 'train_san.epochs.x'" in refused(root, "~train_san.epochs.x")
    assert refused(root, "other.yaml:a=1").startswith("other.yaml: no such file")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train_san.epochs=many", "text in the place of a number (now 20)"),
        ("train_san.epochs=true", "true or false in the place of a number"),
        ("train_san.epochs=[3]", "a list in the place of a number"),
        ("experiment.seeds=3", "a number in the place of a list"),
        ("train_san=3", "a number in the place of a section"),
        ("train_san.epochs=3,4", "several values"),
        ("train_san.epochs", "not of the form key=value"),
        ("train_san={epoch: 3}", "epoch"),
    ],
)
def test_what_cannot_be_meant_is_refused(root, override, said):
    assert said in refused(root, override)
