"""Pages opened from the disk in headless Chromium, as a person opens them; tests that need it skip without one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def needed(test):
    """Marks a test of a browser: slow, and skipped where there is none."""
    return pytest.mark.slow(pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")(test))


@contextmanager
def opened(path: Path, width: int = 1280, scheme: str = "light") -> Iterator[Page]:
    """The page at `path` in a window `width` px wide; an error of its scripts fails the test."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.resolve().as_uri())
        yield page
        browser.close()
    assert errors == []
