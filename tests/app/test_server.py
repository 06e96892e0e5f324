"""The page's answers, through the application as a browser asks it."""

import asyncio
import io

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from app import server
from app.folders import Folders
from app.page import Page
from app.painting import HEIGHT
from sanreid.data.attributes import HEADS
from sanreid.evaluation import calibration
from sanreid.search import attributes, textures
from sanreid.synthesis import sewing, turned
from tests.app.conftest import person, photos


def png(pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    base = tmp_path_factory.mktemp("server")
    photos(base / "photos")
    (base / "photos" / "empty").mkdir()
    (base / "secret.txt").write_text("secret")
    return base


@pytest.fixture(scope="module")
def browser(place, model, wearing, painting):
    page = Page(model, Folders([place / "photos"]), place / "kept", wearing, painting)
    with TestClient(server.create(page), base_url="http://127.0.0.1:4210") as client:
        yield client


def ready(browser, key: str) -> dict:
    """The folder of an id, once it was read to its end."""
    browser.post(f"/api/galleries/{key}/read").raise_for_status()
    for _ in range(100_000):
        told = browser.get(f"/api/galleries/{key}").json()
        if told["state"] in ("ready", "failed"):
            return told
    raise AssertionError(told)


@pytest.fixture(scope="module")
def key(browser) -> str:
    """The folder of photos, after reading."""
    [told] = browser.get("/api/galleries").json()["galleries"]
    assert (told["state"], told["name"], told["kept"]) == ("unread", "photos", False)
    assert browser.get("/api/galleries").json()["network"]["shipped"] is False
    asked = browser.get(f"/api/galleries/{told['id']}/search", params={"row": 0})
    assert (asked.status_code, asked.json()["detail"]) == (409, "photos: not read yet; index it first")
    told = ready(browser, told["id"])
    assert (told["state"], told["pictures"], told["people"], told["cameras"], told["kept"]) == ("ready", 8, 4, 2, True)
    return told["id"]


def test_a_sent_picture_finds_the_person(browser, key):
    sent = browser.post("/api/queries", content=png(person(3, 1))).json()
    assert (sent["height"], sent["width"], sent["note"]) == (64, 32, "")
    found = browser.get(f"/api/galleries/{key}/search", params={"query": sent["id"], "top": 5}).json()
    assert [hit["pid"] for hit in found["results"][:2]] == [3, 3]
    assert len(found["results"]) == 5
    assert found["pictures"] == 8
    distances = [hit["distance"] for hit in found["results"]]
    assert distances == sorted(distances)
    assert [hit["right"] for hit in found["results"]] == [None] * 5  # nobody knows who was sent
    assert browser.get(f"/api/queries/{sent['id']}").headers["content-type"] == "image/png"


def test_a_picture_of_the_folder_finds_its_person_and_not_itself(browser, key):
    found = browser.get(f"/api/galleries/{key}/search", params={"row": 2, "rerank": True}).json()
    first = found["results"][0]
    assert (first["pid"], first["camid"], first["right"], first["name"]) == (2, 2, True, "2_2_1.png")
    assert all(hit["row"] != 2 for hit in found["results"])
    assert found["results"][-1]["right"] is False
    others = browser.get(f"/api/galleries/{key}/search", params={"row": 2, "other_cameras": True}).json()
    assert {hit["camid"] for hit in others["results"]} == {2}


def test_pictures_are_small_and_may_be_kept(browser, key):
    [drawn] = browser.get(f"/api/galleries/{key}/sample", params={"count": 1, "seed": 4}).json()
    answer = browser.get(drawn["picture"])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) <= 192
    assert len(browser.get(f"/api/galleries/{key}/sample", params={"count": 100}).json()) == 8


def test_a_row_of_another_version_of_the_folder_is_refused(browser, key):
    """Rows move when a folder is read again: what an older page means by a row would be somebody else."""
    version = browser.get(f"/api/galleries/{key}").json()["version"]
    for path in ("search?row=1&top=1", "pictures/1?large=true", "attributes?row=1"):
        answer = browser.get(f"/api/galleries/{key}/{path}&v=older")
        assert (answer.status_code, answer.json()["detail"]) == (
            409,
            "photos has changed since; choose the picture again",
        )
        assert browser.get(f"/api/galleries/{key}/{path}&v={version}").status_code != 409


def test_failures_of_a_folder_whose_people_are_known(browser, key):
    found = browser.get(f"/api/galleries/{key}/failures").json()
    assert (found["asked"], found["pictures"]) == (4, 4)
    assert all(f["query"]["pid"] == f["match"]["pid"] for f in found["worst"])
    assert [f["rank"] for f in found["worst"]] == sorted((f["rank"] for f in found["worst"]), reverse=True)


def test_a_calibrated_network_says_how_likely_and_a_classifier_what_is_worn(place, model, wearing, painting):
    files = sorted((place / "photos").glob("*.png"))
    pids, camids = zip(*(map(int, file.name.split("_")[:2]) for file in files), strict=True)
    known = calibration.calibrate(model.embed(files), pids, np.array(camids))
    page = Page(model, Folders([place / "photos"]), place / "kept", wearing, painting, known)
    with TestClient(server.create(page), base_url="http://127.0.0.1:4210") as client:
        [told] = (t for t in client.get("/api/galleries").json()["galleries"] if t["name"] == "photos")
        key = ready(client, told["id"])["id"]
        found = client.get(f"/api/galleries/{key}/search", params={"row": 2}).json()["results"]
        for hit in found:
            assert hit["probability"] == pytest.approx(
                known.probability(1 - hit["distance"]), abs=0.02
            )  # the distance is rounded
        assert found[0]["probability"] >= found[-1]["probability"]
        sent = client.post("/api/queries", content=png(person(2, 1))).json()["id"]
        of_row, of_sent = (
            client.get(f"/api/galleries/{key}/attributes", params=asked).json()
            for asked in ({"row": 2}, {"query": sent})
        )
        assert [worn["attribute"] for worn in of_row] == [attributes.called(head) for head in HEADS]
        assert of_row == of_sent  # the same picture


def test_a_person_is_painted_and_turned_whether_sent_or_of_the_folder(browser, key, place, painter):
    sent = browser.post("/api/queries", content=png(person(2, 1))).json()["id"]
    shown = []
    for asked in ({"row": 2}, {"query": sent}):
        painted = browser.get(f"/api/galleries/{key}/search", params=asked).json()["painted"]
        answers = {kind: browser.get(address) for kind, address in painted.items()}
        assert {a.headers["content-type"] for a in answers.values()} == {"image/png"}
        shown.append({kind: np.array(Image.open(io.BytesIO(a.content))) for kind, a in answers.items()})
    want = textures.Painter(painter, torch.device("cpu")).paint([place / "photos/2_1_1.png"])[0]
    for found in shown:
        np.testing.assert_array_equal(found["texture"], want)
        np.testing.assert_array_equal(found["turned"], turned.row(turned.turned(sewing.sewn(want), HEIGHT)))
    assert browser.get(f"/api/galleries/{key}/painted/sideways?row=2").status_code == 404
    assert browser.get(f"/api/galleries/{key}/painted/texture?query=abc").status_code == 404


def test_an_empty_folder_says_so(browser):
    told = browser.post("/api/galleries", json={"folder": "empty"}).json()
    assert ready(browser, told["id"])["message"].startswith("empty: no pictures in it")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty; choose a picture"),
        (b"hello", "not a readable picture; replace it"),
        (png(person(1, 1))[:300], "not a readable picture (cut off); replace it"),
        (png(person(1, 1, height=8)), "4 x 8 pixels are too few to show a person; choose a picture of at least 8 x 16"),
    ],
)
def test_what_is_no_picture_is_told(browser, data, words):
    answer = browser.post("/api/queries", content=data)
    assert (answer.status_code, answer.json()["detail"]) == (422, words)


def test_what_is_doubtful_is_noted(browser):
    assert "Only 16 x 32 pixels" in browser.post("/api/queries", content=png(person(1, 1, height=32))).json()["note"]
    wide = person(1, 1, height=200).transpose(1, 0, 2)
    assert "Wider than high" in browser.post("/api/queries", content=png(wide)).json()["note"]


def test_too_many_bytes_are_not_read(browser, monkeypatch):
    monkeypatch.setattr(server, "MOST_BYTES", 1000)
    for body in ((bytes(100) for _ in range(11)), bytes(1001)):  # without and with a length beforehand
        answer = browser.post("/api/queries", content=body)
        assert (answer.status_code, answer.json()["detail"]) == (413, "more than 100 MB; make the picture smaller")


def test_a_picture_whose_sending_was_called_off_is_no_fault_of_the_server(browser):
    async def gone() -> dict:
        return {"type": "http.disconnect"}

    async def answered(message: dict) -> None:
        told.append(message.get("status"))

    told = []
    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/api/queries", "headers": headers, "query_string": b""}
    asyncio.run(browser.app(scope, gone, answered))
    assert told[:1] in ([], [400])


@pytest.mark.parametrize("folder", ["..", "/etc", "../kept", "photos/../..", "secret.txt", ""])
def test_no_other_folder_is_opened(browser, folder):
    answer = browser.post("/api/galleries", json={"folder": folder})
    assert answer.status_code in (403, 404)
    assert "named" in answer.json()["detail"] or "no such folder" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/galleries/abc", "/api/galleries/{key}/pictures/8", "/api/galleries/{key}/pictures/-1",
        "/api/queries/abc", "/api/galleries/{key}/search?query=abc", "/../secret.txt", "/%2e%2e/secret.txt", "/docs",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(browser, key, path):
    answer = browser.get(path.format(key=key))
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_other_sites_are_refused(browser, key):
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 400
    assert browser.get("/", headers={"host": "127.0.0.1.evil.example:4210"}).status_code == 400
    theirs = {"origin": "http://evil.example"}
    assert browser.post(f"/api/galleries/{key}/read", headers=theirs).status_code == 403
    assert browser.post(f"/api/galleries/{key}/read", headers={"origin": "http://127.0.0.1:4210"}).status_code == 200
    assert browser.get("/").headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_takes_nothing_from_the_network(browser):
    texts = [browser.get(path).text for path in ("/", "/page.js", "/parts.js", "/style.css")]
    assert "page.js" in texts[0]
    for text in texts:
        assert "https://" not in text
        assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
    assert "default-src 'self'" in browser.get("/").headers["content-security-policy"]
