"""Stage report_assets: the start page leads to every page, and finds in a browser which of them lie there."""

import re

import pytest
from PIL import Image

from sanreid.reporting.shared import menu, templates
from stages import report_assets
from tests.reporting import browser


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "reports"
    report_assets.main(folder / "assets", folder / "start.html")
    return folder


def test_the_script_is_whole_and_the_start_page_names_every_page_and_what_makes_it(reports):
    assert [f.name for f in reports.iterdir() if f.is_file()] == ["start.html"]
    script = (reports / "assets/plotly.min.js").read_text()
    assert "plotly.js v" in script[:200]
    html = (reports / "start.html").read_text()
    for entry in menu.ENTRIES:
        assert f'<a href="{entry.places[0]}" data-covers="{" ".join(entry.covers)}"' in html
        assert f"not made yet: <code>{entry.command}</code>" in html
    assert not re.search(r"(src|href)=[\"']?https?:", html)


def test_a_machine_without_plotly_has_the_start_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report_assets, "PACKAGE", "no_such_package")
    report_assets.main(tmp_path / "assets", tmp_path / "start.html")
    assert (tmp_path / "start.html").is_file()
    assert not list((tmp_path / "assets").iterdir())


def test_the_same_inputs_give_the_same_files(reports, tmp_path):
    report_assets.main(tmp_path / "assets", tmp_path / "start.html")
    for name in ("start.html", "assets/plotly.min.js"):
        assert (tmp_path / name).read_bytes() == (reports / name).read_bytes()


@browser.needed
def test_a_page_that_comes_later_is_found_when_the_start_page_is_opened_again(reports):
    with browser.opened(reports / "start.html") as page:
        page.wait_for_function("document.querySelectorAll('.site [data-there]').length == 8")
        assert page.locator(".site [data-there=yes]").count() == 0
        assert page.locator(".pages .how:visible").count() == 8
        (reports / "comparison").mkdir()
        (reports / "attributes/seed2").mkdir(parents=True)
        templates.cover(Image.new("RGB", (900, 300), "red"), reports / "comparison/cover.jpg")
        (reports / "attributes/seed2/histograms.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
        page.reload()
        page.wait_for_function("document.querySelectorAll('.site [data-there]').length == 8")
        assert page.locator(".site [data-there=yes]").all_inner_texts() == ["Systems", "Attributes"]
        assert page.locator(".site [data-there=yes]").last.get_attribute("href") == "attributes/seed2/index.html"
        assert page.locator(".pages img.cover:visible").first.get_attribute("src") == "comparison/cover.jpg"
