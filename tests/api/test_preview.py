"""Previews: whatever a search takes, as a small upright JPEG."""

import base64
import io

import httpx
import numpy
import pytest
from conftest import client_of, encoded, problem
from live import TOKENS, Server
from PIL import Image
from pictures import draw

RAW = {"Content-Type": "application/octet-stream"}


def shown(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == "JPEG"
    return picture


def is_like(picture, other):
    return numpy.abs(numpy.asarray(picture, float) - numpy.asarray(other.convert("RGB").resize(picture.size), float)).mean() < 12


@pytest.fixture
def tiff():
    return encoded(seed=3, format="TIFF")


def test_every_form_gives_the_same(http, folders, site, fresh, tiff):
    (folders / "preview.tif").write_bytes(tiff)
    http.put(f"{fresh}/items/x", content=tiff, headers=RAW).raise_for_status()
    forms = {
        "raw": {"content": tiff, "headers": {"Content-Type": "image/tiff"}},
        "form": {"files": {"file": ("a.tif", tiff)}},
        "base64": {"json": {"base64": base64.b64encode(tiff).decode()}},
        "bytes": {"json": {"bytes": list(tiff)}},
        "path": {"json": {"uri": str(folders / "preview.tif")}},
        "URL": {"json": {"uri": f"{site({'/a.tif': tiff})}/a.tif"}},
        "data": {"json": {"uri": f"data:image/tiff;base64,{base64.b64encode(tiff).decode()}"}},
        "item": {"json": {"collection": fresh.rpartition("/")[2], "id": "x"}},
    }
    answers = {name: http.post("/v1/preview", params={"size": 48}, **form) for name, form in forms.items()}
    first = shown(answers["raw"])
    assert first.size == (48, 40)
    assert is_like(first, draw("circle", 3)) and not is_like(first, draw("circle", 4))
    assert {answer.content for answer in answers.values()} == {answers["raw"].content}


def test_it_is_upright_and_never_enlarged(http):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    file = io.BytesIO()
    draw("cross", 5).save(file, "TIFF", exif=exif)
    picture = shown(http.post("/v1/preview", content=file.getvalue(), headers=RAW))
    assert picture.size == (80, 96)
    assert is_like(picture, draw("cross", 5).rotate(-90, expand=True))


@pytest.mark.parametrize("size", ["0", "15", "2049", "-1", "x", ""])
def test_sizes_that_are_none(http, size):
    problem(http.post("/v1/preview", params={"size": size}, content=encoded(), headers=RAW), 400, "invalid_argument", "size")


def test_what_is_no_picture(http, shapes, folders, site):
    post = lambda body: http.post("/v1/preview", json=body)
    problem(http.post("/v1/preview", content=b"no picture at all", headers=RAW), 400, "invalid_argument", "picture")
    problem(http.post("/v1/preview", content=encoded()[:30], headers=RAW), 422, "corrupt")
    problem(http.post("/v1/preview", content=b"", headers=RAW), 400, "invalid_argument", "empty")
    problem(http.post("/v1/preview?k=3", content=encoded(), headers=RAW), 400, "invalid_argument", "'k'")
    two = [("file", encoded()), ("file", encoded())]
    problem(http.post("/v1/preview", files=two), 400, "invalid_argument", "more than one")
    problem(post({"uri": f"{site({})}/nothing.png"}), 422, "not_found", "404")
    problem(post({"uri": str(folders / "nothing.png")}), 422, "not_found", "nothing.png")
    problem(post({"uri": "/etc/passwd"}), 400, "invalid_argument", "/etc/passwd")
    problem(post({"uri": "file:///etc/passwd"}), 400, "invalid_argument", "/etc/passwd")
    problem(post({"collection": "shapes", "id": "nothing"}), 422, "not_found", "nothing")
    problem(post({"collection": "nothing", "id": "x"}), 422, "not_found", "nothing")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "x"},
        {"collection": "shapes"},
        {"collection": "", "id": "x"},
        {"collection": "shapes", "id": 3},
        {"collection": "shapes", "id": "x", "uri": "https://example.org/a.jpg"},
        {"uri": "a", "base64": "AAAA"},
        {"text": "red shoes"},
    ],
    ids=str,
)
def test_no_request_for_a_preview(http, shapes, body):
    problem(http.post("/v1/preview", json=body), 400, "invalid_argument")


def test_too_large(http):
    problem(http.post("/v1/preview", content=b"x" * 4_000_001, headers=RAW), 413, "too_large")
    file = io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(file, "TIFF", compression="group4")
    problem(http.post("/v1/preview", content=file.getvalue(), headers=RAW), 413, "too_large", "pixels")


def test_readers_may(server):
    with client_of(server.url, TOKENS["read"]) as reader:
        shown(reader.post("/v1/preview", content=encoded(), headers=RAW))
    assert httpx.post(f"{server.url}/v1/preview", content=encoded(), headers=RAW).status_code == 401


def test_guards_of_addresses_hold(tmp_path, site):
    with Server(tmp_path, tokens=False) as server, client_of(server.url) as http:
        address = f"{site({'/a.png': encoded()})}/a.png"
        said = http.post("/v1/preview", json={"uri": address})
        searched = http.post("/v1/models/default/embed", json={"uri": address})
        problem(said, searched.status_code, searched.json()["code"])
        assert said.json()["detail"] == searched.json()["detail"]
