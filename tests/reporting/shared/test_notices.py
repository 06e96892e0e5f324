"""What a training warned of stands above everything else on a page."""

import pytest

from sanreid import runtime
from sanreid.reporting.shared import notices, templates

WORDS = "the losses of epoch 2 sum up to 1e+12: the training has diverged"


def test_a_models_warning_is_led_by_its_folder(tmp_path):
    assert notices.of_model(tmp_path) == []  # trained elsewhere
    runtime.write_json(tmp_path / "training.json", {"epochs": 2, "warnings": [WORDS]})
    assert notices.of_model(tmp_path) == [f"{tmp_path}: {WORDS}"]


def test_evaluations_hand_it_on(tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    runtime.write_json(folders[0] / "metrics.json", {"rank1": 0.5, "warnings": [WORDS]})
    runtime.write_json(folders[1] / "metrics.json", {"rank1": 0.5})
    assert notices.of_evaluations(folders) == [WORDS]  # the third was not evaluated


@pytest.mark.parametrize("told", [None, "words", [1], 3.5])
def test_what_is_no_list_of_texts_names_the_file(tmp_path, told):
    runtime.write_json(tmp_path / "training.json", {"warnings": told})
    with pytest.raises(ValueError, match=r"training\.json: warnings: .* is no list of texts"):
        notices.of_model(tmp_path)


def test_a_page_shows_it_before_everything_else():
    frame = {"stage": "report", "eyebrow": "a run", "headline": "Words", "lead": "More words."}
    page = templates.render("base.html", **frame, notices=[WORDS + " <b>"])
    assert f'<p class="note">{WORDS} &lt;b&gt;</p>' in page
    assert page.index(WORDS) < page.index("<nav>")
    assert 'class="note"' not in templates.render("base.html", **frame).split("</style>")[1]
