"""One live server a file, and clients that hold every answer against docs/openapi.yaml."""

import hashlib
import io
import itertools
import json
import time

import contract
import httpx
import pytest
from live import TOKENS, Server
from pictures import draw, draw_folder
from sites import Site

NUMBERS = itertools.count(1)


def client_of(url, token=None, **options):
    def check(response):
        if "text/event-stream" not in response.headers.get("content-type", ""):
            response.read()
            contract.check(response)

    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=60, event_hooks={"response": [check]}, **options)


def await_job(http, job, state="done"):
    """The job, when it has come to that state; fails when it ends in another."""
    until = time.monotonic() + 60
    while True:
        said = http.get(f"/v1/jobs/{job}").json()
        if said["state"] == state:
            return said
        assert said["state"] in ("queued", "running"), said
        assert time.monotonic() < until, said
        time.sleep(0.02)


def problem(response, status, code, *words):
    """The answer is this problem, and its detail says so in these words."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    said = response.json()
    assert said["status"] == status
    assert said["code"] == code, said
    assert said["request_id"] == response.headers["x-request-id"]
    for word in words:
        assert word in said["detail"], said
    return said


def in_zoo(name):
    """An entry of a zoo, whose file only a mirror can have."""
    steps = [{"resize": {"width": 112, "height": 112}}, {"normalize": {"sub": [0, 0, 0], "div": [255, 255, 255]}}]
    files = [{"file": "model.onnx", "url": f"https://models.example/{name}.onnx"}]
    return {"name": name, "dimensions": 256, "files": files, "bundle": {"preprocess": steps}}


@pytest.fixture
def site():
    """A function that serves pages and gives the address."""
    sites = []

    def serve(pages, seconds=0):
        sites.append(Site(pages, seconds))
        return sites[-1].url

    yield serve
    for each in sites:
        each.close()


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders that the server may read and write: pictures (40: circle/0000.jpg, square/0001.jpg …), backups."""
    root = tmp_path_factory.mktemp("folders")
    draw_folder(root / "pictures", 40)
    (root / "backups").mkdir()
    return root


@pytest.fixture(scope="session")
def server(tmp_path_factory, folders):
    server = Server(
        tmp_path_factory.mktemp("server"),
        fetch={"allow_private": True, "timeout_s": 5},
        paths={"allowed": [folders], "backup": folders / "backups"},
        cors={"origins": ["https://shop.example"]},
        limits={"body_bytes": 4_000_000, "json_body_bytes": 8_000_000, "picture_bytes": 3_000_000},
    )
    (server.data / "models").mkdir(parents=True)
    (server.data / "models/zoo.json").write_text(json.dumps({"models": [in_zoo("tiny"), in_zoo("far")]}))
    with server:
        yield server


@pytest.fixture(scope="session")
def http(server):
    """An admin."""
    with client_of(server.url, TOKENS["admin"]) as client:
        yield client


@pytest.fixture(scope="session")
def shapes(http, folders):
    """The path of a collection with the 40 pictures and their metadata, which no test changes."""
    path = "/v1/collections/shapes"
    assert http.put(path).status_code == 201
    pictures = folders / "pictures"
    wanted = {"paths": [str(pictures)], "metadata_csv": str(pictures / "metadata.csv")}
    job = http.post(f"{path}/index", json=wanted).json()
    assert await_job(http, job["id"])["progress"]["indexed"] == 40
    return path


@pytest.fixture
def fresh(http):
    """The path of an empty collection for one test."""
    path = f"/v1/collections/fresh-{next(NUMBERS)}"
    assert http.put(path).status_code == 201
    yield path
    http.delete(path)


@pytest.fixture(scope="session")
def jpeg(folders):
    """The bytes of a picture in `shapes`."""
    return (folders / "pictures/circle/0000.jpg").read_bytes()


def encoded(kind="circle", seed=1000, format="PNG", **options):
    """The bytes of a picture that is in no collection."""
    file = io.BytesIO()
    draw(kind, seed, **options).save(file, format)
    return file.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def metadata_of(**fields):
    return json.dumps(fields)
