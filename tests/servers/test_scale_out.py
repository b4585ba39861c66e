"""Several `eidetic serve` before one search engine: any of them may go, and nodes of the engine too."""

import json
import os
import random
import subprocess
import threading
import time

import httpx
import pytest
from live import EIDETIC, TOKENS, Server
from nodes import cluster

DIMENSIONS = 16
PATIENCE_S = 120


def vector(seed):
    drawn = random.Random(seed)
    return [drawn.gauss(0, 1) for _ in range(DIMENSIONS)]


def client_of(server):
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKENS['admin']}"}, timeout=PATIENCE_S)


def serve(folder, url, **options):
    folder.mkdir()
    return Server(folder, backend={"url": url, "wait_s": 60, **options})


def make(http, name="shoes", **more):
    answer = http.put(f"/v1/collections/{name}", json={"dimensions": DIMENSIONS, **more})
    assert answer.status_code == 201, answer.text


def put(http, *numbers, name="shoes"):
    items = [{"id": str(n), "vector": vector(n), "metadata": {"n": n}} for n in numbers]
    answer = http.post(f"/v1/collections/{name}/items", json={"items": items})
    assert answer.status_code == 200, answer.text
    assert answer.json()["failed"] == 0, answer.text


def found(http, seed, limit=10, **more):
    answer = http.post("/v1/collections/shoes/search", json={"vector": vector(seed), "k": limit, **more})
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def command(folder, *words, status=0):
    done = subprocess.run([EIDETIC, "--data", folder, "--json", *words], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout or done.stderr)


def test_any_number_of_servers_answer_alike(engine, tmp_path):
    with serve(tmp_path / "a", engine) as a, client_of(a) as one:
        make(one)
        put(one, *range(200))
        with serve(tmp_path / "b", engine) as b, client_of(b) as other:
            assert other.get("/v1/collections/shoes").json()["items"] == 200
            assert other.get("/v1/collections/shoes").json()["backend"] == engine
            for seed in range(20):
                assert found(one, seed) == found(other, seed)
                assert found(other, seed)[0] == str(seed)
            assert found(other, 7, filter="n >= 100")[0] != "7"
            facets = [http.post("/v1/collections/shoes/facets", json={"fields": ["n"]}).json() for http in (one, other)]
            assert facets[0] == facets[1]
            # Killed, with all that it had on its disk: nothing of the collections is lost.
            b.process.kill()
        put(one, 200)
    with serve(tmp_path / "c", engine) as c, client_of(c) as third:
        assert third.get("/v1/collections/shoes").json()["items"] == 201
        assert found(third, 200)[0] == "200"
        assert third.delete("/v1/collections/shoes").status_code == 204


def test_the_command_line_makes_finds_and_copies(engine, tmp_path):
    folder = tmp_path / "data"
    made = command(folder, "collections", "create", "far", "--dimensions", "3", "--backend", engine)
    assert (made["backend"], made["items"]) == (engine, 0)
    assert [one["backend"] for one in command(folder, "collections", "list")["collections"]] == [engine], "it is remembered"
    vectors = tmp_path / "v.csv"
    vectors.write_text("filename,0,1,2,category\n" + "".join(f"{i},{','.join(map(str, vector(i)[:3]))},x\n" for i in range(100)))
    command(folder, "collections", "import", str(vectors), "--name", "near")
    there = command(folder, "collections", "copy", "near", "--to", engine, "--index", "Flat")
    assert (there["copied"], there["searches"], there["agreement"]) == (100, 100, 1)
    back = command(folder, "collections", "copy", f"near@{engine}", "--to", "embedded", "--as", "back")
    assert (back["copied"], back["agreement"]) == (100, 1)
    names = ["near", f"near@{engine}", "back"]
    for query in ("0", "31", "99"):
        answers = [command(folder, "search", f"id:{query}", "-c", name, "-k", "10")["hits"] for name in names]
        assert [hit["id"] for hit in answers[1]] == [hit["id"] for hit in answers[0]]
        assert [hit["id"] for hit in answers[2]] == [hit["id"] for hit in answers[0]]
    told = command(folder, "collections", "copy", "near", "--to", engine, status=1)
    assert told["error"]["code"] == "already_exists"


def test_an_engine_that_does_not_answer_is_a_clear_503(tmp_path):
    with serve(tmp_path / "a", "opensearch://127.0.0.1:9", wait_s=0) as server, client_of(server) as http:
        for answer in (
            http.put("/v1/collections/x", json={"dimensions": 3}),
            http.post("/v1/collections/x/search", json={"vector": [1, 2, 3]}),
        ):
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["code"] == "unreachable"
            assert "OpenSearch at http://127.0.0.1:9" in answer.json()["detail"]


class Client(threading.Thread):
    """Calls until told to stop; counts what was done, and keeps every error that is none of the documented ones."""

    def __init__(self, server):
        super().__init__()
        self.server, self.ending = server, threading.Event()
        self.done, self.errors, self.refused = 0, [], 0

    def run(self):
        with client_of(self.server) as http:
            while not self.ending.is_set():
                try:
                    answer = self.call(http)
                except httpx.TransportError as lost:
                    self.errors.append(repr(lost))
                    return
                if answer.status_code == 200:
                    self.done += 1
                elif answer.status_code == 503 and answer.json()["code"] == "unreachable":
                    self.refused += 1
                else:
                    self.errors.append(answer.text)


class Writer(Client):
    def __init__(self, server, first):
        super().__init__(server)
        self.next, self.acknowledged = first, []

    def call(self, http):
        numbers = range(self.next, self.next + 5)
        items = [{"id": str(n), "vector": vector(n)} for n in numbers]
        answer = http.post("/v1/collections/shoes/items", json={"items": items})
        if answer.status_code == 200 and answer.json()["failed"] == 0:
            self.acknowledged += numbers
            self.next += 5
        return answer


class Searcher(Client):
    def call(self, http):
        return http.post("/v1/collections/shoes/search", json={"vector": vector(self.done), "k": 5})


def wait_until(clients, condition):
    until = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until:
        assert not any(client.errors for client in clients), [client.errors for client in clients]
        time.sleep(0.05)
    assert condition()


def test_a_node_may_die_while_servers_index_and_search(tmp_path):
    if not os.environ.get("EIDETIC_TEST_OPENSEARCH"):
        pytest.skip("EIDETIC_TEST_OPENSEARCH is not set: run by `make test-servers`")
    with cluster(2) as (first, second):
        url = first.url.replace("http", "opensearch", 1)
        with serve(tmp_path / "a", url, replicas=1) as a, serve(tmp_path / "b", url, replicas=1) as b:
            with client_of(a) as http:
                make(http)
            first.await_health(wait_for_status="green", wait_for_nodes=2)
            writers = [Writer(a, 0), Writer(b, 1_000_000)]
            searchers = [Searcher(a), Searcher(b)]
            clients = [*writers, *searchers]
            for client in clients:
                client.start()
            try:
                wait_until(clients, lambda: all(client.done >= 20 for client in clients))
                second.kill()
                before = [client.done for client in clients]
                wait_until(clients, lambda: all(c.done >= n + 20 for c, n in zip(clients, before, strict=True)))
            finally:
                for client in clients:
                    client.ending.set()
                for client in clients:
                    client.join()
            assert [client.errors for client in clients] == [[], [], [], []]
            acknowledged = [n for writer in writers for n in writer.acknowledged]
            for server in (a, b):
                with client_of(server) as http:
                    for n in acknowledged:
                        answer = http.get(f"/v1/collections/shoes/items/{n}")
                        assert answer.status_code == 200, f"{n} was acknowledged and is lost: {answer.text}"
                    assert http.get("/v1/collections/shoes").json()["items"] >= len(acknowledged)
