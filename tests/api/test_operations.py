"""What operators look at: health, figures, descriptions, request ids, other origins, load."""

import json
import re
import threading

import httpx
import yaml
from conftest import client_of, encoded
from contract import DOCUMENT
from live import TOKENS, Server

LINE = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="(?:[^"\\]|\\.)*",?)*\})? (\+Inf|-Inf|NaN|[-+0-9.eE]+)')


def test_health(server):
    with client_of(server.url) as http:
        for path in ("/livez", "/readyz", "/healthz"):
            assert http.get(path).json()["status"]


def metrics(http):
    """Name with labels -> value."""
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found, types = {}, {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, line
            types[name] = kind
        elif line and not line.startswith("#"):
            assert LINE.fullmatch(line), line
            name, value = line.rsplit(" ", 1)
            assert name not in found, line
            found[name] = float(value)
    for name in found:
        family = name.partition("{")[0]
        assert any(
            family in (kind, f"{kind}_bucket", f"{kind}_sum", f"{kind}_count", f"{kind}_total") for kind in types
        )
    return found


def test_metrics(http, shapes):
    before = metrics(http)
    for _ in range(3):
        http.post(f"{shapes}/search", json={"id": "circle/0000.jpg"})
    after = metrics(http)
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert any("search" in name for name in grown), grown
    for name, value in before.items():
        if name.partition("{")[0].endswith(("_total", "_count", "_bucket")):
            assert after[name] >= value, f"{name} is a counter"
    text = http.get("/metrics").text
    assert "circle/0000.jpg" not in text, "no ids in labels"
    http.get("/nowhere/at/all")
    assert "nowhere" not in http.get("/metrics").text, "no invented paths in labels"


def test_request_ids(http, shapes):
    assert http.get(shapes, headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = [http.get(shapes).headers["x-request-id"] for _ in range(3)]
    assert len(set(made)) == 3
    for wrong in ("a b", "x" * 1000, "é".encode("latin-1"), "<script>"):
        given = http.get(shapes, headers={"X-Request-Id": wrong}).headers["x-request-id"]
        assert re.fullmatch(r"[!-~]{1,200}", given), "what is no id is not repeated"


def test_the_log_names_requests(http, shapes, server):
    http.get(shapes, headers={"X-Request-Id": "find-me-in-the-log"})
    line = server.await_line(r".*find-me-in-the-log.*")[0]
    assert "200" in line
    assert "GET" in line
    assert TOKENS["admin"] not in server.log.read_text()


def test_the_document_is_served(server):
    with client_of(server.url) as http:
        assert http.get("/openapi.json").json() == json.loads(json.dumps(DOCUMENT, default=str))
        assert yaml.safe_load(http.get("/openapi.yaml").text) == DOCUMENT
        page = http.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text), "nothing from elsewhere"


def test_server(http):
    said = http.get("/v1/server").json()
    assert re.match(r"\d+\.\d+\.\d+", said["version"])


def preflight(url, origin, method="POST"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return httpx.options(f"{url}/v1/collections/shapes/search", headers=headers)


def test_other_origins(server, http, shapes):
    allowed = preflight(server.url, "https://shop.example")
    assert allowed.status_code in (200, 204), "a browser asks without a token"
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "POST" in allowed.headers["access-control-allow-methods"]
    wanted = {each.strip().lower() for each in allowed.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type"} <= wanted
    assert "origin" in allowed.headers["vary"].lower()
    for other in ("https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"):
        assert "access-control-allow-origin" not in preflight(server.url, other).headers
    asked = http.get(shapes, headers={"Origin": "https://shop.example"})
    assert asked.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in http.get(shapes, headers={"Origin": "https://evil.example"}).headers
    refused = httpx.get(f"{server.url}{shapes}", headers={"Origin": "https://shop.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://shop.example", "a page may read why"


def test_no_origins_unless_configured(tmp_path):
    with Server(tmp_path) as server:
        assert "access-control-allow-origin" not in preflight(server.url, "https://shop.example").headers


def test_too_many_requests(tmp_path):
    with (
        Server(tmp_path, limits={"requests_per_s": 5, "burst": 5}) as server,
        client_of(server.url, TOKENS["read"]) as http,
    ):
        answers = [http.get("/v1/collections") for _ in range(20)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert refused[0].json()["code"] == "too_many_requests"


def test_searches_while_indexing(http, shapes, fresh, server, folders):
    """16 clients search while pictures come in: no error, and the same answers throughout."""
    wanted = http.post(f"{shapes}/search", json={"id": "cross/0002.jpg"}).json()["hits"]
    wrong = []

    def look():
        with client_of(server.url, TOKENS["read"]) as reader:
            for _ in range(10):
                hits = reader.post(f"{shapes}/search", json={"id": "cross/0002.jpg"}).json().get("hits")
                if hits != wanted:
                    wrong.append(hits)

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for number in range(30):
        picture = {"content": encoded(seed=number), "headers": {"Content-Type": "image/png"}}
        assert http.put(f"{fresh}/items/{number}", **picture).status_code == 201
    for thread in threads:
        thread.join()
    assert not wrong
