"""kill -9 while clients write: what was answered with success is there after the restart, and jobs go on or say why not."""

import hashlib
import json
import random
import signal
import threading
import time

import httpx
from conftest import client_of, encoded
from live import PATIENCE_S, TOKENS, Server

KILLS = 50
WRITERS = 4
ITEMS_EACH = 6
PICTURES = [encoded(seed=seed) for seed in range(12)]
PNG = {"Content-Type": "image/png"}


class Writer(threading.Thread):
    """Writes to items of its own. `known` holds what each must be: (picture, n) or None; a set of two while in doubt."""

    def __init__(self, url, number, known):
        super().__init__()
        self.url, self.number, self.known = url, number, known
        self.random = random.Random(time.monotonic())
        self.jobs = []
        self.acknowledged = 0

    def run(self):
        headers = {"Authorization": f"Bearer {TOKENS['write']}"}
        with httpx.Client(base_url=f"{self.url}/v1/collections/a", headers=headers, timeout=PATIENCE_S) as http:
            try:
                while True:
                    self.write(http)
            except (httpx.TransportError, httpx.RemoteProtocolError):
                pass  # the server is gone

    def write(self, http):
        item = f"{self.number}-{self.random.randrange(ITEMS_EACH)}"
        before = self.known.get(item, {None})
        there = None not in before
        choice = self.random.choice(["put", "put", "patch", "delete", "job"])
        if choice == "put":
            after = (self.random.randrange(len(PICTURES)), self.random.randrange(1000))
            self.known[item] = before | {after}
            answer = http.put(
                f"/items/{item}", params={"metadata": json.dumps({"n": after[1]})}, content=PICTURES[after[0]], headers=PNG
            )
        elif choice == "patch" and there and len(before) == 1:
            (old,) = before
            after = (old[0], self.random.randrange(1000))
            self.known[item] = before | {after}
            answer = http.patch(f"/items/{item}", json={"n": after[1]})
        elif choice == "delete":
            after = None
            self.known[item] = before | {after}
            answer = http.delete(f"/items/{item}")
            assert answer.status_code in (204, 404), answer.text
            self.known[item] = {None}
            self.acknowledged += 1
            return
        elif choice == "job":
            number = f"job-{self.number}-{self.random.randrange(10**9)}"
            answer = http.post("/items", params={"job": True, "id": number}, content=PICTURES[0], headers=PNG)
            assert answer.status_code == 202, answer.text
            self.jobs.append((answer.json()["id"], number))
            return
        else:
            return
        assert answer.status_code in (200, 201), answer.text
        self.known[item] = {after}
        self.acknowledged += 1


def check(http, known, hashes):
    for item, may_be in known.items():
        answer = http.get(f"/v1/collections/a/items/{item}")
        if answer.status_code == 404:
            is_now = None
        else:
            found = answer.json()
            is_now = (hashes[found["content_hash"]], found["metadata"]["n"])
            picture = http.get(f"/v1/collections/a/items/{item}/picture")
            assert picture.content == PICTURES[is_now[0]]
        assert is_now in may_be, f"{item} is {is_now}, not one of {may_be}"
        known[item] = {is_now}


def test_fifty_kills(tmp_path):
    hashes = {hashlib.sha256(picture).hexdigest(): number for number, picture in enumerate(PICTURES)}
    server = Server(tmp_path)
    known, jobs, acknowledged = {}, [], 0
    with server, client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
    server = Server(tmp_path, engine={"preload": ["a"]})  # so that writing begins with the first request
    for _ in range(KILLS):
        server.start()
        with client_of(server.url, TOKENS["admin"]) as http:
            check(http, known, hashes)
        writers = [Writer(server.url, number, known) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.05, 0.4))
        until = time.monotonic() + PATIENCE_S
        while sum(writer.acknowledged for writer in writers) <= 5 and time.monotonic() < until:
            time.sleep(0.01)  # a slow build is not killed before there is something to lose
        server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
            jobs += writer.jobs
            acknowledged += writer.acknowledged
    with server, client_of(server.url, TOKENS["admin"]) as http:
        check(http, known, hashes)
        until = time.monotonic() + PATIENCE_S
        while (counts := http.get("/v1/jobs").json()["counts"])["queued"] + counts["running"] > 0:
            assert time.monotonic() < until, counts
            time.sleep(0.05)
        assert counts["failed"] == counts["cancelled"] == 0
        for job, item in jobs[-900:]:  # as many as are remembered for sure
            assert http.get(f"/v1/jobs/{job}").json()["state"] == "done"
            assert http.get(f"/v1/collections/a/items/{item}").status_code == 200
    assert acknowledged > 5 * KILLS
    assert len(jobs) > KILLS
