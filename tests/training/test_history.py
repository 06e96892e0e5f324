"""history.csv goes on after the text of a checkpoint; and what a diverged run is told by."""

import pytest

from sanreid.training.history import History, diverged

HEAD = "epoch,step,lr,a,b\n"


@pytest.mark.parametrize("left", [None, "", "epoch,st", HEAD, HEAD + "1,1,0.1,2,3\n2,2,0.1,4,5\n"])
def test_a_resumed_file_is_what_the_checkpoint_holds(tmp_path, left):
    path = tmp_path / "history.csv"
    if left is not None:
        path.write_text(left)  # cut short, ahead of the checkpoint, or gone
    history = History(path, ["a", "b"], [], None)
    history.start(HEAD + "1,1,0.1,2,3\n")
    history.append([{"epoch": 2, "step": 2, "lr": 0.1, "a": 0.5, "b": 0.25}])
    assert path.read_text() == history.text == HEAD + "1,1,0.1,2,3\n2,2,0.1,0.5,0.25\n"


def text(*losses: tuple[float, float], per_epoch: int = 2) -> str:
    return HEAD + "".join(f"{i // per_epoch + 1},{i + 1},0.1,{a},{b}\n" for i, (a, b) in enumerate(losses))


def test_losses_far_above_the_first_are_told():
    run = text((2, 1), (1e9, 1), (1e12, 4), (2e12, 4))
    assert "epoch 2 sum up to 1.5e+12, those of the first step to 3" in (diverged(run, ["a", "b"], 2) or "")
    assert diverged(run, ["b"], 2) == diverged(run, ["b"], 2)
    assert diverged(text((2, 1), (1, 1), (9, 1), (9, 1)), ["a", "b"], 2)
    assert diverged(run, ["a", "b"], 1)  # of an early stop's best epoch


def test_a_sound_run_is_not_told():
    assert diverged(text((5, 0), (4, 1), (2, 2), (1, 2)), ["a", "b"], 2) is None  # b rises from nothing
    assert diverged(text((2, 1), (20, 1), (1, 1), (1, 1)), ["a", "b"], 2) is None  # it came back
    assert diverged(HEAD, ["a", "b"], 0) is None
