"""Who may do what."""

import httpx
import pytest
from conftest import client_of, encoded, problem
from contract import operations
from live import TOKENS, Server

OPEN = {"/livez", "/readyz", "/healthz", "/openapi.json", "/openapi.yaml", "/docs"}
# The page itself is for everybody; what it shows is asked with a token.
PAGE = {"/collections/{collection}", "/collections/{collection}/{view}", "/assets/{file}"}


def call(http, method, path):
    names = dict.fromkeys(("collection", "classifier", "model", "training", "view", "file"), "nothing")
    return http.request(method, path.format(id="x", job="1", **names))


@pytest.mark.parametrize("token", [None, "wrong", "read-token-of-the-test", "x" * 5000], ids=str)
def test_without_the_right_token(server, token):
    with client_of(server.url, token) as http:
        for method, path, _ in operations():
            if path in OPEN | PAGE:
                continue
            answer = call(http, method, path)
            problem(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        problem(http.get("/nowhere"), 401, "unauthorized")


@pytest.mark.parametrize("header", ["Basic cmVhZA==", "Bearer", f"Token {TOKENS['admin']}", f"Bearer{TOKENS['admin']}"])
def test_other_ways_to_authenticate(server, header):
    answer = httpx.get(f"{server.url}/v1/collections", headers={"Authorization": header})
    assert answer.status_code == 401


def test_the_scheme_has_no_case(server):
    answer = httpx.get(f"{server.url}/v1/collections", headers={"Authorization": f"bearer {TOKENS['read']}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", sorted(OPEN))
def test_open_routes(server, path):
    with client_of(server.url) as http:
        assert http.get(path).status_code == 200


WRITE = [
    ("POST", "/v1/collections/shapes/index"),
    ("POST", "/v1/collections/shapes/items"),
    ("PUT", "/v1/collections/shapes/items/x"),
    ("PATCH", "/v1/collections/shapes/items/x"),
    ("DELETE", "/v1/collections/shapes/items/x"),
    ("POST", "/v1/collections/shapes/delete"),
    ("POST", "/v1/collections/shapes/classifiers"),
    ("DELETE", "/v1/collections/shapes/classifiers/x"),
    ("POST", "/v1/collections/shapes/calibration"),
    ("POST", "/v1/jobs/1/cancel"),
    ("POST", "/add_image"),
    ("POST", "/remove_image"),
]
ADMIN = [
    ("PUT", "/v1/collections/x"),
    ("PATCH", "/v1/collections/shapes"),
    ("DELETE", "/v1/collections/shapes"),
    ("GET", "/v1/collections/shapes/export"),
    ("POST", "/v1/import"),
    ("PUT", "/v1/models/x"),
    ("POST", "/v1/models/default/check"),
    ("POST", "/v1/models/x/pull"),
    ("POST", "/v1/backup"),
    ("POST", "/upsert_collection"),
    ("POST", "/remove_collection"),
]


@pytest.mark.parametrize("role, routes", [("read", WRITE + ADMIN), ("write", ADMIN)], ids=["read", "write"])
def test_what_a_role_may_not(server, http, shapes, role, routes):
    with client_of(server.url, TOKENS[role]) as limited:
        for method, path in routes:
            problem(limited.request(method, path), 403, "forbidden", role)
    assert http.get(shapes).json()["items"] == 40


def test_what_a_role_may(server, http, shapes, fresh):
    with client_of(server.url, TOKENS["read"]) as reader:
        for path in (
            "/v1/collections",
            shapes,
            f"{shapes}/items",
            "/v1/jobs",
            "/v1/models",
            "/v1/server",
            "/metrics",
            "/",
        ):
            assert reader.get(path).status_code == 200, path
        assert reader.post(f"{shapes}/search", json={"id": "circle/0000.jpg"}).status_code == 200
        assert reader.post(f"{shapes}/evaluate", json={"label": "kind"}).status_code == 200
        assert reader.post(f"{shapes}/duplicates", json={"verify": "never"}).status_code == 200
        picture = {"content": encoded(), "headers": {"Content-Type": "image/png"}}
        assert reader.post("/v1/models/default/embed", **picture).status_code == 200
    with client_of(server.url, TOKENS["write"]) as writer:
        assert writer.put(f"{fresh}/items/x", **picture).status_code == 201
        assert writer.delete(f"{fresh}/items/x").status_code == 204


def test_roles_come_before_what_is_there(server):
    """Nobody learns from the answer what exists, beyond what the role may see."""
    with client_of(server.url, TOKENS["read"]) as reader:
        for name in ("shapes", "nothing"):
            problem(reader.delete(f"/v1/collections/{name}"), 403, "forbidden")


def test_without_tokens_everybody_may(tmp_path):
    with Server(tmp_path, tokens=False) as server, client_of(server.url) as http:
        assert http.put("/v1/collections/x").status_code == 201
        assert http.get("/v1/collections").status_code == 200


def test_tokens_by_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("EIDETIC_TOKEN", "a-token-from-outside")
    monkeypatch.setenv("SHOP_TOKEN", "a-token-of-the-shop")
    server = Server(tmp_path, tokens=False)
    with server.config.open("a") as config:
        config.write('[auth]\nopen_metrics = true\ntokens = [{token_env = "SHOP_TOKEN", role = "read"}]\n')
    with server:
        statuses = {}
        for token in ("a-token-from-outside", "a-token-of-the-shop", "another"):
            with client_of(server.url, token) as http:
                statuses[token] = [http.get("/v1/models").status_code, http.put("/v1/collections/x").status_code]
        assert list(statuses.values()) == [[200, 201], [200, 403], [401, 401]]
        assert httpx.get(f"{server.url}/metrics").status_code == 200
