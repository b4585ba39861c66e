"""Clients that mean harm, or do not know what they do: each is told so, and the server goes on with its data whole."""

import concurrent.futures
import os
import socket
import time
import zlib

import httpx
import pytest
from conftest import await_job, client_of, encoded, problem
from live import PATIENCE_S, TOKENS, Server

SLOW_S = 1


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server with tight limits that fetches from the public internet only."""
    limits = {
        "request_timeout_s": SLOW_S,
        "header_timeout_s": SLOW_S,
        "body_bytes": 100_000,
        "json_body_bytes": 100_000,
        "jobs_queued": 300,
        "connections_per_client": 40,
    }
    with Server(tmp_path_factory.mktemp("strict"), limits=limits) as server:
        with client_of(server.url, TOKENS["admin"]) as http:
            http.put("/v1/collections/kept")
            http.put("/v1/collections/kept/items/one", content=encoded(), headers={"Content-Type": "image/png"})
        yield server


@pytest.fixture
def admin(strict):
    """Its admin; afterwards what was stored before is there still, and can be searched."""
    with client_of(strict.url, TOKENS["admin"]) as http:
        yield http
        hits = http.post("/v1/collections/kept/search", json={"id": "one"}).json()["hits"]
        assert hits[0]["id"] == "one"
        assert hits[0]["similarity"] == pytest.approx(1, abs=1e-5)


def connect(server):
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port), timeout=PATIENCE_S)
    return connection


def head(path="/v1/collections/kept/items", **headers):
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKENS['admin']}", "Content-Type: image/png"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_all(connection):
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer.decode()


def test_two_gigabytes_as_declared(strict, admin):
    with connect(strict) as connection:
        connection.sendall(head(Content_Length=2 << 30))
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 413")
    assert '"code":"too_large"' in answer


def test_an_endless_body_without_a_length(strict, admin):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with connect(strict) as connection:
        connection.sendall(head(Transfer_Encoding="chunked"))
        sent = 0
        try:
            while sent < 2 << 30:
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # the server has had enough
    assert sent < 100 << 20


def test_a_body_that_never_ends(strict, admin):
    with connect(strict) as connection:
        connection.sendall(head(Content_Length=1000) + b"x")
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"timeout"' in answer


def test_a_head_that_never_ends(strict, admin):
    with connect(strict) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 408")


def test_clients_that_trickle_do_not_stop_the_others(strict, admin):
    connections = [connect(strict) for _ in range(20)]
    for connection in connections:
        connection.sendall(head(Content_Length=1000))
    assert admin.get("/readyz").status_code == 200
    assert admin.post("/v1/collections/kept/search", json={"id": "one"}).status_code == 200
    for connection in connections:
        assert read_all(connection).startswith("HTTP/1.1 408")
        connection.close()


def test_more_connections_than_one_client_may_have(strict, admin):
    connections = [connect(strict) for _ in range(60)]
    refused = 0
    for connection in connections:
        connection.settimeout(0.2)
        try:
            refused += connection.recv(65536).startswith(b"HTTP/1.1 429")
        except TimeoutError:
            pass  # one that may stay
    for connection in connections:
        connection.close()
    assert refused >= 15
    until = time.monotonic() + PATIENCE_S
    while admin.get("/livez").status_code != 200:
        assert time.monotonic() < until


def test_waiting_for_leave_to_send(strict, admin):
    """Expect: 100-continue is answered at once: yes, or why not."""
    picture = encoded()
    with connect(strict) as connection:
        connection.sendall(head("/v1/collections/kept/items?id=two", Content_Length=len(picture), Expect="100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(picture)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    with connect(strict) as connection:
        connection.sendall(head(Content_Length=2 << 30, Expect="100-continue"))
        assert read_all(connection).startswith("HTTP/1.1 413")


def bomb():
    """A PNG of 50,000 x 50,000 white pixels in a few kilobytes."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = 50_000
    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(side // 8 + 1) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_that_grows(admin):
    answer = admin.post("/v1/collections/kept/search", content=bomb(), headers={"Content-Type": "image/png"})
    problem(answer, 413, "too_large", "pixels")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/livez",
        "http://localhost:{port}/livez",
        "http://[::1]:{port}/livez",
        "http://0.0.0.0:{port}/livez",
        "http://2130706433:{port}/livez",
        "http://0x7f.1:{port}/livez",
        "http://[::ffff:127.0.0.1]:{port}/livez",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/x.png",
    ],
)
def test_addresses_that_are_not_public(strict, admin, url):
    wanted = {"uri": url.format(port=httpx.URL(strict.url).port)}
    for path in ("search", "items"):
        problem(admin.post(f"/v1/collections/kept/{path}", json=wanted), 400, "invalid_argument", "no public address")


@pytest.mark.parametrize("uri", ["/etc/passwd", "file:///etc/passwd", "../../../etc/passwd", "gopher://x/", "stored:../x"])
def test_files_of_the_server(admin, uri):
    for path in ("search", "items"):
        answer = admin.post(f"/v1/collections/kept/{path}", json={"uri": uri})
        assert answer.status_code in (400, 404, 422), answer.text
        assert "root:" not in answer.text


def test_paths_in_urls(admin):
    for path in ("/v1/collections/../../etc/passwd", "/v1/models/..%2F..%2Fetc", "/v1/models/%2Fetc%2Fpasswd/layers",
                 "/v1/collections/kept/items/%2e%2e%2fone/picture"):  # fmt: skip
        assert admin.get(path).status_code in (400, 404)


def test_deep_json(admin):
    deep = "[" * 40_000 + "]" * 40_000
    for path in ("search", "items", "delete"):
        answer = admin.post(
            f"/v1/collections/kept/{path}", content=deep, headers={"Content-Type": "application/json"}
        )
        problem(answer, 400, "invalid_argument")


def test_many_jobs_at_once(strict, admin):
    """More than the queue holds: each is taken, or told to come again; what is taken is done."""
    admin.put("/v1/collections/busy")
    pictures = [encoded(seed=seed) for seed in range(8)]
    taken, refused = [], 0

    def start(number):
        with httpx.Client(base_url=strict.url, headers={"Authorization": f"Bearer {TOKENS['write']}"}, timeout=60) as http:
            answers = []
            for i in range(50):
                path = f"/v1/collections/busy/items?job=true&id={number}-{i}"
                answers.append(
                    http.post(path, content=pictures[i % 8], headers={"Content-Type": "image/png"})
                )
            return answers

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for answers in pool.map(start, range(20)):
            for answer in answers:
                if answer.status_code == 202:
                    taken.append(answer.json()["id"])
                else:
                    problem(answer, 503, "overloaded")
                    assert int(answer.headers["Retry-After"]) >= 1
                    refused += 1
    assert len(taken) >= 300
    assert len(taken) + refused == 1000
    until = time.monotonic() + PATIENCE_S
    while (counts := admin.get("/v1/jobs").json()["counts"])["queued"] + counts["running"] > 0:
        assert time.monotonic() < until, counts
        time.sleep(0.05)
    for job in taken[-20:]:
        assert await_job(admin, job)["progress"]["failed"] == 0
    assert admin.get("/v1/collections/busy").json()["items"] == len(taken)


def test_noise(strict, admin):
    """Bytes of no meaning at every route that takes a body."""
    noise = os.urandom(5000)
    for path in ("items", "search", "search/batch", "delete", "index", "evaluate", "duplicates", "merge", "walk"):
        for kind in ("application/json", "multipart/form-data; boundary=x", "image/png", "text/x-nothing",
                     "application/vnd.eidetic.vector"):  # fmt: skip
            answer = admin.post(f"/v1/collections/kept/{path}", content=noise, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (path, kind, answer.text)
    lines = admin.post("/v1/collections/kept/items", content=noise, headers={"Content-Type": "application/x-ndjson"})
    assert lines.json()["stored"] == 0  # each line fails alone
