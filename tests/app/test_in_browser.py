"""The page in a real browser, as a person uses it: headless Chromium, light and dark, at a desk and on a phone."""

import io
import re
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from app import server
from app.folders import Folders
from app.page import Page
from tests.app.conftest import person, photos

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]


@pytest.fixture
def address(tmp_path, model, wearing, painting):
    """The page's server on a free port, with photos, an empty folder, and one with a broken file."""
    folder = photos(tmp_path / "photos")
    (folder / "empty").mkdir()
    photos(folder / "damaged", table=False)
    (folder / "damaged" / "torn.png").write_bytes((folder / "1_1_1.png").read_bytes()[:300])
    page = Page(model, Folders([folder, folder / "empty", folder / "damaged"]), tmp_path / "kept", wearing, painting)
    with server.listen(0) as listening:
        serving = server.serving(server.create(page))
        thread = threading.Thread(target=serving.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        serving.should_exit = True
        thread.join(30)


def sent(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def test_a_person_searches(address, tmp_path):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 400, "height": 800})
        faults, asked = [], []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        hits, told, alert = tab.locator(".hit"), tab.locator("#told"), tab.locator("#alert")

        tab.goto(address)
        tab.select_option("#folder", label="photos")
        tab.click("#read")
        expect(tab.locator("#state")).to_have_text("8 pictures · 4 people · 2 cameras")
        expect(hits).to_have_count(8)

        tab.set_input_files("#file", sent("somebody.png", encoded(person(3, 1), "PNG")))
        expect(told).to_contain_text("8 pictures compared")
        expect(hits.first).to_contain_text("person 3")
        expect(tab.locator("#asked figcaption")).to_have_text("somebody.png · 32 x 64")
        expect(tab.locator("#person dt")).to_have_count(12)
        expect(tab.locator("#person img.turned")).to_have_js_property("complete", True)

        hits.filter(has_text="person 2 · camera 1").click()
        expect(told).to_contain_text("7 pictures compared")
        expect(hits.first).to_contain_text(re.compile("✓.*person 2 · camera 2", re.DOTALL))
        tab.check("#rerank")
        tab.check("#others")
        expect(told).to_contain_text("4 pictures compared")
        tab.go_back()
        tab.go_back()
        tab.go_back()
        expect(told).to_contain_text("8 pictures compared")

        tab.set_input_files("#file", sent("letter.jpg", b"Dear all"))
        expect(alert).to_have_text("letter.jpg: not a readable picture; replace it")
        torn = encoded(person(1, 1), "PNG")[:300]
        tab.set_input_files("#file", sent("torn.png", torn))
        expect(alert).to_have_text("torn.png: not a readable picture (cut off); replace it")
        large = np.kron(person(4, 1, height=100), np.ones((78, 78, 1), np.uint8))  # 30.4 megapixels
        tab.set_input_files("#file", sent("large.jpg", encoded(large, "JPEG")))
        expect(hits.first).to_contain_text("person 4")
        expect(tab.locator("#asked figcaption")).to_have_text(re.compile("large.jpg · 3900 x 7800"))
        expect(alert).to_be_hidden()

        tab.click("#to-failures")
        expect(tab.locator(".failure")).to_have_count(4)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")

        tab.select_option("#folder", label="photos/empty")
        tab.click("#read")
        expect(tab.locator("#state")).to_have_text(re.compile("empty: no pictures in it"))
        tab.select_option("#folder", label="photos/damaged")
        tab.click("#read")
        expect(tab.locator("#state")).to_have_text("8 pictures")
        tab.click("#broken summary")
        expect(tab.locator("#broken li")).to_have_text("torn.png: not a readable picture (cut off); replace it")
        tab.click("#other summary")
        tab.fill("#typed", "/etc")
        tab.keyboard.press("Enter")
        expect(alert).to_contain_text("/etc: not in a folder named at the start")

        photo = tmp_path / "photos/damaged/0_1_1.png"  # comes first, so that every row is another picture's
        photo.write_bytes(encoded(person(1, 1), "PNG"))
        second = browser.new_page()
        second.goto(tab.url)
        second.click("#read")
        expect(second.locator("#state")).to_have_text("9 pictures")
        hits.first.click()
        expect(alert).to_have_text("photos/damaged has changed since; choose the picture again")
        expect(hits).to_have_count(9)
        hits.first.click()
        expect(told).to_contain_text("8 pictures compared")
        expect(alert).to_be_hidden()
        browser.close()
    assert not faults
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)
