"""Places that collections are kept in: copies between them, and search engines that are down or of another version."""

import json

import pytest
from conftest import await_job, client_of, problem
from live import TOKENS, Server

DOWN = "opensearch://127.0.0.1:9"


def server_with(folder, url):
    return Server(folder, backend={"url": url, "wait_s": 0, "timeout_s": 2})


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """An admin of a server that makes collections in a search engine which is down."""
    with server_with(tmp_path_factory.mktemp("far"), DOWN) as server:
        with client_of(server.url, TOKENS["admin"]) as http:
            yield http


def test_what_places_there_are(http, far):
    assert http.get("/v1/server").json()["backends"] == [{"name": "embedded", "preferred": True}]
    assert far.get("/v1/server").json()["backends"] == [
        {"name": "embedded", "preferred": False},
        {"name": DOWN, "preferred": True},
    ]


def test_a_copy_is_the_same(http, shapes, jpeg):
    job = http.post(f"{shapes}/copy", json={"to": "embedded", "as": "shapes-copied"}).json()
    done = await_job(http, job["id"])
    assert (job["kind"], done["progress"]["indexed"]) == ("copy", 40)
    copied = "/v1/collections/shapes-copied"
    there, here = http.get(copied).json(), http.get(shapes).json()
    assert {key: there[key] for key in ("items", "model", "space", "backend", "index_note")} == {
        key: here[key] for key in ("items", "model", "space", "backend", "index_note")
    }
    hits = [http.post(f"{path}/search", content=jpeg, headers={"Content-Type": "image/jpeg"}).json()["hits"] for path in (shapes, copied)]
    assert [(hit["id"], hit["similarity"], hit["metadata"]) for hit in hits[0]] == [
        (hit["id"], hit["similarity"], hit["metadata"]) for hit in hits[1]
    ]
    problem(http.post(f"{shapes}/copy", json={"to": "embedded", "as": "shapes-copied"}), 409, "already_exists", "shapes-copied")
    http.delete(copied)


def test_copies_that_cannot_be(http, shapes):
    problem(http.post(f"{shapes}/copy", json={"to": "embedded"}), 400, "invalid_argument", "'shapes'", "data folder")
    problem(http.post(f"{shapes}/copy", json={"to": DOWN}), 400, "invalid_argument", DOWN, "'embedded'")
    problem(http.post(f"{shapes}/copy", json={"to": "a place"}), 400, "invalid_argument", "a place")
    problem(http.post("/v1/collections/nowhere/copy", json={"to": "embedded", "as": "x"}), 404, "not_found", "'nowhere'")


def test_a_search_engine_that_is_down(far):
    problem(far.put("/v1/collections/birds"), 503, "unreachable", "127.0.0.1:9", "OpenSearch")
    assert far.put("/v1/collections/near", json={"backend": "embedded", "dimensions": 2}).status_code == 201
    assert [one["name"] for one in far.get("/v1/collections").json()["collections"]] == ["near"]
    assert far.put("/v1/collections/near/items/a", json={"vector": [1, 0]}).status_code == 201
    refused = far.post("/v1/collections/near/copy", json={"to": DOWN})
    problem(refused, 503, "unreachable", "127.0.0.1:9")
    assert int(refused.headers["retry-after"]) > 0
    problem(far.get("/v1/collections/birds"), 503, "unreachable", "127.0.0.1:9")
    problem(far.put("/v1/collections/x", json={"backend": "qdrant://elsewhere"}), 400, "invalid_argument", "qdrant://elsewhere", DOWN)


@pytest.mark.parametrize(
    ("engine", "says", "words"),
    [
        ("opensearch", {"number": "1.3.20", "distribution": "opensearch"}, ["1.3.20", "2.19 or newer is needed"]),
        ("opensearch", {"number": "8.15.0"}, ["Elasticsearch 8.15.0", "elasticsearch://"]),
        ("elasticsearch", {"number": "7.17.0"}, ["7.17.0", "8.15 or newer is needed"]),
        ("opensearch", None, ["not as OpenSearch does"]),
    ],
)
def test_a_search_engine_of_another_kind(tmp_path, site, engine, says, words):
    address = site({"/": json.dumps({"version": says} if says else {"hello": "there"}).encode()})
    with server_with(tmp_path, address.replace("http", engine, 1)) as server:
        with client_of(server.url, TOKENS["admin"]) as http:
            problem(http.put("/v1/collections/birds", json={"dimensions": 2}), 409, "conflict", *words)
            assert http.get("/healthz").status_code == 200
