"""Wrong requests: each is answered with a problem document that says what is wrong, and harms nothing."""

import json
import socket

import httpx
import pytest
from conftest import encoded, problem
from contract import METHODS, operations
from live import TOKENS

JSON = {"Content-Type": "application/json"}


def head_of(collection, length):
    """Of a request that adds a picture so long."""
    lines = [f"POST {collection}/items HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKENS['admin']}"]
    lines += ["Content-Type: image/png", f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines).encode()


def takes_json(operation):
    body = operation.get("requestBody", {})
    return "application/json" in body.get("content", {}) and body.get("required")


JSON_ROUTES = [
    pytest.param(method, path, id=f"{method} {path}")
    for method, path, operation in operations()
    if takes_json(operation)
]
# The older clients may send what they like, and metadata may have any field.
STRICT_ROUTES = [
    route
    for route in JSON_ROUTES
    if route.values[1].startswith("/v1") and route.values != ("PATCH", "/v1/collections/{collection}/items/{id}")
]


# Bodies that lack nothing, by the last part of the path.
COMPLETE = {
    "{collection}": {"watch": []},
    "evaluate": {"label": "kind"},
    "merge": {"from": "others"},
    "facets": {"fields": ["kind"]},
    "index": {"paths": ["x"]},
    "regions": {"plan": "multi"},
    "copy": {"to": "embedded", "as": "other"},
    "migrate": {"model": "default"},
    "compare": {},
    "delete": {"ids": ["x"]},
    "{model}": {"bundle": {}, "url": "http://127.0.0.1:1/"},
    "backup": {"name": "x"},
    "batch": {"queries": [{"id": "x"}]},
    "classifiers": {"kind": "clusters"},
    "calibration": {},
}


def filled(path):
    names = {"collection": "shapes", "model": "default", "classifier": "class", "training": "x", "view": "map", "file": "x.js"}
    return path.format(id="circle%2F0000.jpg", job="1", **names)


@pytest.mark.parametrize("method, path", JSON_ROUTES)
def test_broken_json(http, shapes, method, path):
    for body in (
        b"",
        b"{",
        b'{"a": }',
        b"\xff\xfe",
        b"{} {}",
        b"[" * 100_000,
        b'{"a": "\\ud800"}',
        b"NaN",
        b'{"a": NaN}',
    ):
        answer = http.request(method, filled(path), content=body, headers=JSON)
        problem(answer, 400, "invalid_argument")
    for body in (b"[]", b"null", b"3", b'"text"', b"true"):
        problem(http.request(method, filled(path), content=body, headers=JSON), 400, "invalid_argument")


@pytest.mark.parametrize("method, path", STRICT_ROUTES)
def test_unknown_fields(http, shapes, method, path):
    wanted = {**COMPLETE.get(path.rpartition("/")[2], {}), "no_such_field": 1}
    answer = http.request(method, filled(path), json=wanted)
    problem(answer, 400, "invalid_argument", "no_such_field")


@pytest.mark.parametrize("method, path", JSON_ROUTES)
def test_wrong_content_type(http, shapes, method, path):
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"):
        answer = http.request(method, filled(path), content=b"{}", headers={"Content-Type": kind})
        status = 415 if path.startswith("/v1") else 400  # what the older clients know
        problem(answer, status, "unsupported_media_type", "application/")


def test_json_with_a_charset(http, shapes):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert http.post(f"{shapes}/search", content=b'{"id": "circle/0000.jpg"}', headers=kind).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v1", "/v1/", "/v2/collections", "/v1/collections/shapes/nowhere", "/v1/collections/"],
)
def test_unknown_routes(http, path):
    problem(http.get(path), 404, "not_found")


def test_other_methods(http):
    for path in {path for _, path, _ in operations()}:
        known = {method for method, other, _ in operations() if other == path}
        for method in {*map(str.upper, METHODS), "PROPFIND"} - known:
            answer = http.request(method, filled(path))
            problem(answer, 405, "method_not_allowed")
            allowed = {each.strip() for each in answer.headers["allow"].split(",")}
            assert known <= allowed, path
            assert method not in allowed, path


def test_too_large_as_declared(http, fresh, server):
    """Refused by its length, before it is sent."""
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as wire:
        wire.settimeout(10)
        wire.sendall(head_of(fresh, 4_000_001))
        answer = wire.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413 "), answer
    assert "too_large" in answer


@pytest.mark.parametrize("size", [4_000_001, 40_000_000])
def test_too_large_as_sent(http, fresh, size):
    answer = http.post(f"{fresh}/items", content=b"x" * size, headers={"Content-Type": "image/png"})
    problem(answer, 413, "too_large", "4000000")
    pieces = (b"x" * 1_000_000 for _ in range(size // 1_000_000 + 1))
    try:
        answer = http.post(f"{fresh}/items", content=pieces, headers={"Content-Type": "image/png"})
    except (httpx.WriteError, httpx.ReadError):
        pass  # the connection is closed on one who goes on sending
    else:
        problem(answer, 413, "too_large")
    assert http.get("/livez").status_code == 200


def test_too_large_a_picture(http, fresh):
    problem(
        http.post(f"{fresh}/items", content=b"x" * 3_000_001, headers={"Content-Type": "image/png"}), 413, "too_large"
    )
    assert (
        http.post(f"{fresh}/items", content=b"x" * 3_000_000, headers={"Content-Type": "image/png"}).status_code == 400
    )


def test_too_many_pixels(http, fresh):
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    answer = http.post(f"{fresh}/items", content=bomb, headers={"Content-Type": "image/png"})
    assert answer.status_code in (413, 422), answer.text


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\nHost: x\r\nX: " + "a" * 20_000 + "\r\n\r\n",
        "GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /v1/import HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02",
    ],
    ids=["long header", "long target", "nonsense", "version", "length", "two lengths", "chunk", "TLS"],
)
def test_what_is_no_http(server, http, request_text):
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as wire:
        wire.settimeout(15)
        wire.sendall(request_text.encode("latin-1"))
        wire.shutdown(socket.SHUT_WR)
        said = wire.recv(65536).decode("latin-1")
    assert said == "" or said.startswith("HTTP/1.1 4"), said
    assert http.get("/livez").status_code == 200


def test_a_client_that_leaves(server, http, fresh):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as wire:
            wire.sendall(head_of(fresh, 100_000) + b"abc")
    assert http.get(fresh).json()["items"] == 0


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"]
)
def test_broken_forms(http, fresh, kind):
    for body in (b"", b"--x", b"--x\r\n\r\n", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc'):
        answer = http.post(f"{fresh}/items", content=body, headers={"Content-Type": kind})
        problem(answer, 400, "invalid_argument")


def test_twice_the_same(http, shapes):
    picture = {"content": encoded(), "headers": {"Content-Type": "image/png"}}
    problem(http.post(f"{shapes}/search?k=1&k=2", **picture), 400, "invalid_argument", "k")
    said = http.post(f"{shapes}/search", content=b'{"id": "circle/0000.jpg", "k": 1, "k": 2}', headers=JSON)
    assert said.status_code in (200, 400)


def test_numbers_out_of_range(http, shapes):
    for number in ("1e999", "99999999999999999999", "-1", "1e-400"):
        body = b'{"id": "circle/0000.jpg", "k": %s}' % number.encode()
        problem(http.post(f"{shapes}/search", content=body, headers=JSON), 400, "invalid_argument")


def test_a_problem_is_complete(http):
    answer = http.get("/v1/collections/nothing", headers={"X-Request-Id": "from-the-test"})
    assert answer.headers["content-type"].startswith("application/problem+json")
    said = problem(answer, 404, "not_found", "nothing")
    assert said["request_id"] == "from-the-test"
    assert said["title"]
    assert json.dumps(said)
