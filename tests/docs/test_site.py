"""The site of the documents: built strictly, complete, and without anything from elsewhere."""

import re
import subprocess
import sys
from shutil import which

import pytest
from playwright.sync_api import sync_playwright

from tools import docs_pages

ASKS = r"<(?:script|img|iframe|source)[^>]*\ssrc=|<link[^>]*\shref=|url\(|@import "
FOREIGN = re.compile(rf"""(?:{ASKS})["'(]?https?:""")


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    pytest.importorskip("material")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def test_every_document_is_a_page(site, root):
    wanted = {name.removesuffix(".md") for name in docs_pages.PAGES.values()}
    wanted |= {path.stem for path in (root / "docs").glob("*.md")}
    assert {path.stem for path in site.glob("*.html")} == wanted | {"404"}


def test_no_page_asks_another_host_for_anything(site):
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 20
    assert [f"{f.name}: {found[0]}" for f in files if (found := FOREIGN.search(f.read_text()))] == []


@pytest.mark.slow
def test_a_page_that_is_opened_as_a_file_can_be_searched_and_asks_for_nothing_from_elsewhere(site):
    browser = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := which(name))), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page, asked, told = opened.new_page(viewport={"width": 400, "height": 800}), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto((site / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        page.evaluate("document.querySelector('#__search').click()")  # its field, hidden at this width
        ready = "document.querySelector('.md-search-result__meta').textContent.includes('Type to start')"
        page.wait_for_function(ready)
        page.locator("input[name=query]").press_sequentially("circle loss")  # keys: the page does not see a set value
        page.wait_for_selector(".md-search-result__item a[href*='extend.html']", state="attached")
        opened.close()
    assert told == []
    assert [url for url in asked if not url.startswith("file:")] == []


def test_the_pattern_sees_what_it_is_there_for():
    for text in ('<script async src="https://a/x.js">', '<link rel="stylesheet" href="https://a">', "url(https://a/b)"):
        assert FOREIGN.search(text)
    assert not FOREIGN.search('<a href="https://arxiv.org/abs/1905.13143">')


@pytest.mark.parametrize(
    ("source", "text", "turned"),
    [
        ("README.md", "[a](docs/start.md#x)", "[a](start.md#x)"),
        ("README.md", "![a](docs/strip.jpg)", "![a](strip.jpg)"),
        ("docs/start.md", "[a](../README.md)", "[a](index.md)"),
        ("docs/start.md", "[a](../data/README.md#your-own-folder)", "[a](data.md#your-own-folder)"),
        ("data/README.md", "[a](weights/README.md)", "[a](weights.md)"),
        ("docs/start.md", "[`a`](../params.yaml)", "`a`"),
        ("docs/start.md", "[a](#here), [b](https://b)", "[a](#here), [b](https://b)"),
        ("docs/start.md", "[a](../nowhere.md)", "[a](../nowhere.md)"),
        ("docs/start.md", "```bash\n[a](../README.md)\n```", "```bash\n[a](../README.md)\n```"),
    ],
)
def test_links_hold_in_the_site_as_in_the_repository(source, text, turned):
    assert docs_pages.turned(text, source) == turned
