import re

import jinja2
import pytest

from sanreid.reporting.shared import menu, templates

FRAME = {"stage": "s", "eyebrow": "of <pages>", "headline": "What & came", "lead": "out"}


def test_a_page_has_the_frame_its_own_parts_and_the_style_in_one_file(tmp_path, monkeypatch):
    for name in ("base.html", "parts.html", "page.css", *templates.SCRIPTS):
        (tmp_path / name).write_text((templates.HERE / name).read_text())
    monkeypatch.setattr(templates, "HERE", tmp_path)
    (tmp_path / "own.html").write_text('{% extends "base.html" %}{% block main %}<p>{{ words }}</p>{% endblock %}')
    tiles, notices = [templates.Tile("7", "digits", "± 1")], ["`make <it>` again"]
    html = templates.render("own.html", **FRAME, tiles=tiles, notices=notices, words="a < b")
    assert "<title>SAN-ReID: What &amp; came</title>" in html
    assert "of &lt;pages&gt;" in html
    assert "<p>a &lt; b</p>" in html
    assert '<p class="note"><code>make &lt;it&gt;</code> again</p>' in html
    assert "<b>7<small> ± 1</small></b><span>digits</span>" in html
    assert (tmp_path / "page.css").read_text() in html
    assert "Made by the stage <code>s</code>" in html
    assert not re.search(r"(src|href)=[\"']?https?:", html)
    assert "<title>SAN-ReID: short</title>" in templates.render("own.html", **FRAME, title="short", words="")
    with pytest.raises(jinja2.UndefinedError, match="words"):
        templates.render("own.html", **FRAME)


def test_a_menu_leads_from_wherever_the_page_lies_and_marks_it():
    lies = menu.of("attributes/seed1/index.html")
    assert lies.up == "../../"
    assert lies.start.href == "../../start.html"
    assert [link.title for link in lies.links if link.here] == ["Attributes"]
    assert [link.title for link in menu.of("photographs/some people/index.html").links if link.here] == ["Photographs"]
    assert [link.title for link in menu.of("index.html").links if link.here] == ["Results"]
    assert menu.of("") is None
