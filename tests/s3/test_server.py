"""A server whose pictures are in S3, and several that share what they keep there."""

import json
import random

import httpx
import pytest
from conftest import Line, png
from live import TOKENS, Server

ADMIN = {"Authorization": f"Bearer {TOKENS['admin']}"}


def settings(place):
    return {"endpoint": place.url, "access_key": place.key, "secret_key": place.secret, "allowed": [place.uri("open")]}


@pytest.fixture
def serve(tmp_path, store, monkeypatch):
    """Servers that are told of the store by their configuration alone."""
    for name, value in {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    started = []

    def start(name="one", **changed):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        started.append(Server(folder, s3=settings(store) | changed).start())
        return httpx.Client(base_url=started[-1].url, headers=ADMIN, timeout=120), started[-1]

    yield start
    for server in started:
        server.stop()


def wait_for(client, job):
    while (now := client.get(f"/v1/jobs/{job}").json())["state"] in ("queued", "running"):
        pass
    return now


def put_uri(client, uri, collection="c", **more):
    return client.post(f"/v1/collections/{collection}/items", json={"items": [{"uri": uri, **more}]})


def test_pictures_go_through_the_server_or_are_signed_for(store, serve):
    store.put("open/a b.png", png(1))
    client, server = serve()
    client.put("/v1/collections/c")
    job = client.post("/v1/collections/c/index", json={"paths": [store.uri("open")]}).json()
    done = wait_for(client, job["id"])
    assert (done["state"], done["progress"]["indexed"]) == ("done", 1)
    picture = client.get("/v1/collections/c/items/a%20b.png/picture")
    assert (picture.status_code, picture.content) == (200, png(1))
    assert client.get("/v1/collections/c/items/a%20b.png/thumbnail").status_code == 200
    server.stop()

    client, _ = serve(presign=True)
    elsewhere = client.get("/v1/collections/c/items/a%20b.png/picture")
    assert elsewhere.status_code == 302 and store.secret not in elsewhere.headers["location"]
    assert httpx.get(elsewhere.headers["location"]).content == png(1)
    assert client.get("/v1/collections/c/items/a%20b.png/thumbnail").status_code == 200


def test_callers_name_only_what_is_allowed(store, serve):
    store.put("open/a.png", png(1))
    store.put("opened/a.png", png(2))
    client, _ = serve()
    client.put("/v1/collections/c")
    for place in ("opened/a.png", "open/../opened/a.png", ""):
        uri = store.uri(place)
        told = client.post("/v1/collections/c/search", json={"terms": [{"uri": uri}]})
        assert told.status_code in (400, 422) and "outside" in told.text or "names a bucket" in told.text, told.text
        index = client.post("/v1/collections/c/index", json={"paths": [uri]})
        assert index.status_code in (400, 422) and "outside" in index.text, index.text
    pulled = client.post(f"/v1/models/{'s3%3A%2F%2F' + store.bucket + '%2Fmodels%2Fm'}/pull", json={})
    job = wait_for(client, pulled.json()["id"])
    assert job["state"] == "failed" and "outside" in json.dumps(job)


def test_a_line_that_stalls_is_taken_up_again(store, serve):
    noise = random.Random(3).randbytes(3_000_000)
    picture = b"P6\n1000 1000\n255\n" + noise
    store.put("open/large.ppm", picture)
    with Line(store.url, ["stall"], after=1 << 20) as line:
        client, _ = serve(endpoint=line.url, timeout_s=1)
        client.put("/v1/collections/c")
        told = client.post("/v1/collections/c/search", json={"terms": [{"uri": store.uri("open/large.ppm")}]})
        assert told.status_code == 200, told.text
        assert not line.faults


def test_servers_share_what_they_keep(store, serve):
    """Pictures that came as bytes are read by another server, and no tidying of one takes what the other names."""
    first, one = serve("one", store=store.uri("kept"))
    second, _ = serve("two", store=store.uri("kept"))
    first.put("/v1/collections/c")
    headers = {"Content-Type": "image/png"}
    added = first.post("/v1/collections/c/items?id=x", content=png(7), headers=headers)
    assert added.status_code in (200, 201), added.text
    uri = first.get("/v1/collections/c/items/x").json()["uri"]
    assert store.get(f"kept/pictures/{uri.split(':')[1][:2]}/{uri.split(':')[1]}") == png(7)
    assert first.get("/v1/collections/c/items/x/picture").content == png(7)
    assert first.get("/v1/collections/c/items/x/thumbnail").status_code == 200
    assert len(store.keys("kept/thumbnails/")) == 1

    second.put("/v1/collections/c")
    told = second.post("/v1/collections/c/search", json={"terms": [{"uri": uri}]})
    assert told.status_code == 200, told.text
    assert put_uri(second, uri, id="y").status_code in (200, 201, 202)
    assert second.get("/v1/collections/c/items/y/picture").content == png(7)

    one.stop()
    serve("one", store=store.uri("kept"))
    names = {(server / "data/store-name").read_text() for server in one.folder.parent.iterdir()}
    assert {key.split("/")[-1] for key in store.keys("kept/wanted/")} <= names and len(names) == 2
    assert second.get("/v1/collections/c/items/y/picture").content == png(7)
