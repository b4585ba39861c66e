"""Errors and retries, against the server and against ones that misbehave."""

import http.server
import json
import threading
import time

import pytest
from conftest import encoded
from eidetic import (
    Corrupt,
    EideticError,
    Forbidden,
    Health,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from live import TOKENS, Server

JOB = {
    "id": "1",
    "kind": "index",
    "subject": "a",
    "state": "running",
    "created": "2026-01-01T00:00:00Z",
    "started": None,
    "finished": None,
    "progress": {"total": 2, "done": 1, "indexed": 1, "skipped": 0, "failed": 0, "seconds": 0.1},
    "error": None,
    "starts": 1,
}


class Misbehaving:
    """A server whose answers are functions of the handler and the number of the request."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.command, self.path, body))
                answer(self, len(outer.requests))

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_request

            def give(self, status, said, **headers):
                body = json.dumps(said).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def hang_up(self):
                self.close_connection = True
                self.connection.close()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("eidetic.exchange.FIRST_PAUSE_S", 0.01)


def problem(code, status):
    return {"type": "about:blank", "title": "t", "status": status, "detail": "why", "code": code, "request_id": "r1"}


def test_busy_at_first(make_client):
    def answer(handler, number):
        if number < 3:
            handler.give(503, problem("overloaded", 503), Retry_After="0")
        else:
            handler.give(200, {"deleted": 1})

    with Misbehaving(answer) as site, make_client(site.url) as client:
        assert client.collection("a").delete(["x"]) == 1
        assert len(site.requests) == 3
        assert site.requests[0] == site.requests[2]


def test_waits_as_long_as_it_is_told(make_client):
    def answer(handler, number):
        if number == 1:
            handler.give(429, problem("too_many_requests", 429), Retry_After="1")
        else:
            handler.give(200, {"models": []})

    with Misbehaving(answer) as site, make_client(site.url) as client:
        begun = time.monotonic()
        assert client.models() == []
        assert time.monotonic() - begun >= 1


def test_busy_for_too_long(make_client):
    with (
        Misbehaving(lambda handler, _: handler.give(503, problem("overloaded", 503))) as site,
        make_client(site.url, retries=2) as client,
    ):
        with pytest.raises(Overloaded, match="why") as raised:
            client.models()
        assert len(site.requests) == 3
        assert (raised.value.status, raised.value.request_id) == (503, "r1")


def test_broken_connections_of_what_can_be_repeated(make_client):
    def answer(handler, number):
        handler.hang_up() if number < 3 else handler.give(200, {"models": []})

    with Misbehaving(answer) as site, make_client(site.url) as client:
        assert client.models() == []
        assert len(site.requests) == 3


def test_broken_connections_of_what_cannot(make_client):
    with Misbehaving(lambda handler, _: handler.hang_up()) as site, make_client(site.url) as client:
        for call in (
            lambda: client.backup("x"),
            lambda: client.pull_model("x"),
            lambda: client.collection("a").index_folder("/x"),
        ):
            site.requests.clear()
            with pytest.raises(Unreachable):
                call()
            assert len(site.requests) == 1


def test_no_answer_in_time(make_client):
    with (
        Misbehaving(lambda handler, _: time.sleep(1)) as site,
        make_client(site.url, timeout=0.1, retries=1) as client,
        pytest.raises(Unreachable, match="GET /v1/models"),
    ):
        client.models()


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (400, "invalid_argument", InvalidArgument),
        (404, "not_found", NotFound),
        (413, "too_large", TooLarge),
        (415, "unsupported_media_type", Unsupported),
        (422, "corrupt", Corrupt),
        (500, "internal", EideticError),
        (405, "method_not_allowed", EideticError),
        (418, "something_new", EideticError),
    ],
)
def test_problems(make_client, status, code, kind):
    with (
        Misbehaving(lambda handler, _: handler.give(status, problem(code, status))) as site,
        make_client(site.url) as client,
    ):
        with pytest.raises(EideticError) as raised:
            client.models()
        assert type(raised.value) is kind
        assert (raised.value.code, raised.value.detail) == (code, "why")
        assert len(site.requests) == 1


def test_something_that_is_no_eidetic(make_client):
    with (
        Misbehaving(lambda handler, _: handler.give(502, "bad gateway")) as site,
        make_client(site.url) as client,
        pytest.raises(EideticError, match="bad gateway"),
    ):
        client.models()

    def page(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"<br>")

    with (
        Misbehaving(page) as site,
        make_client(site.url) as client,
        pytest.raises(EideticError, match="not a JSON document"),
    ):
        client.models()


def test_events_that_break_off_go_on(make_client):
    def answer(handler, number):
        if not handler.path.endswith("/events"):
            return handler.give(200, JOB)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        state = "running" if number < 3 else "done"
        text = f": hello\r\n\r\nevent: job\r\ndata: {json.dumps({**JOB, 'state': state})}\r\n\r\nevent: job\r\nda"
        for start in range(0, len(text), 50):  # in pieces, as networks have it
            handler.wfile.write(text[start : start + 50].encode())
            handler.wfile.flush()
        handler.hang_up()

    with Misbehaving(answer) as site, make_client(site.url) as client:
        job = client.job("1")
        assert [event.state for event in job.events()] == ["running", "done"]
        assert job.state == "done"


def test_export_that_breaks_off_leaves_nothing(make_client, tmp_path):
    def answer(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"x" * 10)
        handler.hang_up()

    with Misbehaving(answer) as site, make_client(site.url) as client, pytest.raises(Unreachable):
        client.collection("a").export(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(make_client):
    with make_client("http://127.0.0.1:1", retries=1) as client:
        with pytest.raises(Unreachable, match="GET /v1/collections") as raised:
            client.collections()
        assert raised.value.status is None
        assert client.health() == Health(False, False, False)


def test_wrong_tokens(make_client, server):
    for token in (None, "wrong"):
        with make_client(server.url, token) as client:
            with pytest.raises(Unauthorized):
                client.collections()
            assert client.health().ready
    with make_client(server.url, TOKENS["read"]) as client, pytest.raises(Forbidden):
        client.create_collection("x")


def test_bad_pictures(fresh):
    for wrong in (b"no picture", encoded()[:20], b""):
        with pytest.raises((Corrupt, Unsupported, InvalidArgument)):
            fresh.add(wrong)
    assert fresh.info().items == 0


def test_a_server_that_comes_back(make_client, tmp_path):
    """Requests go on over a restart."""
    server = Server(tmp_path).start()
    port = int(server.url.rpartition(":")[2])
    with make_client(server.url, TOKENS["admin"], retries=8) as client:
        collection = client.create_collection("a")
        server.stop()
        server.config.write_text(server.config.read_text().replace("port = 0", f"port = {port}"))
        again = threading.Timer(0.3, lambda: server.start(wait=False))
        again.start()
        assert collection.add(encoded(), id="x").outcome == "created"
        again.join()
    server.stop()
