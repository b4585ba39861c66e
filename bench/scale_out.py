"""A collection in OpenSearch beside the same one embedded: recall, latency, queries a second, and what Eidetic adds.

    tools/servers run --only opensearch -- .deps/bench/bin/python bench/scale_out.py BUILD_FOLDER

100,000 x 512 unit vectors in 1,000 clusters (unit noise), imported into the data folder and copied from there with `eidetic
collections copy`; index auto, which is HNSW16 in both. 500 other vectors are searched for, 10 hits, all ways in turn, forwards and backwards:
embedded and in OpenSearch through one `eidetic serve`, and in OpenSearch directly, by the request that Eidetic sends. Medians; recall@10 beside
exact search. Queries a second: four clients without a pause. $ROWS: fewer vectors.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy

EIDETIC = Path(sys.argv[1]) / "eidetic"
OPENSEARCH = os.environ["EIDETIC_TEST_OPENSEARCH"]
ROWS, DIMENSIONS, CENTRES, QUERIES, K = int(os.environ.get("ROWS", 100_000)), 512, 1_000, 500, 10
CLIENTS, LOAD_S = 4, 10


def vectors():
    random = numpy.random.default_rng(1)
    centres = random.normal(size=(CENTRES, DIMENSIONS))
    points = centres[random.integers(0, CENTRES, ROWS + QUERIES)] + random.normal(size=(ROWS + QUERIES, DIMENSIONS))
    points /= numpy.linalg.norm(points, axis=1, keepdims=True)
    return points[:ROWS].astype("float32"), points[ROWS:].astype("float32")


def command(folder, *words):
    done = subprocess.run([EIDETIC, "--data", folder, "--json", *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


class Way:
    """One way of searching: what is sent where, and how the ids of the answer are found in it."""

    def __init__(self, name, address, path, body, ids):
        self.name, self.address, self.path, self.body, self.ids = name, address, path, body, ids
        self.times, self.found = [], []

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=60)

    def ask(self, connection, query):
        connection.request("POST", self.path, self.body(query), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{self.name}: {text.decode()}")
        return text

    def measure(self, connection, query):
        begun = time.perf_counter()
        text = self.ask(connection, query)
        self.times.append(time.perf_counter() - begun)
        self.found.append(self.ids(json.loads(text)))

    def load(self, queries):
        until, counts = time.perf_counter() + LOAD_S, [0] * CLIENTS

        def run(client):
            connection = self.connect()
            while time.perf_counter() < until:
                self.ask(connection, queries[(client + counts[client] * CLIENTS) % QUERIES])
                counts[client] += 1

        clients = [threading.Thread(target=run, args=(client,)) for client in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return sum(counts) / LOAD_S


def eidetic_way(name, url, collection):
    def body(query):
        return json.dumps({"vector": query.tolist(), "k": K})

    path = f"/v1/collections/{collection}/search"
    return Way(name, url.removeprefix("http://"), path, body, lambda answer: [hit["id"] for hit in answer["hits"]])


def direct_way():
    host = OPENSEARCH.removeprefix("http://")
    indexes = json.load(urllib.request.urlopen(f"{OPENSEARCH}/_cat/indices/eidetic-near*?format=json"))

    def body(query):
        # As ClusterBackend has it sent for 10 hits: one more, and as deep a walk as our own graphs take.
        nearest = {"query": {"knn": {"v0": {"vector": query.tolist(), "k": 64}}}, "size": K + 1}
        return json.dumps({**nearest, "_source": ["id", "uri", "metadata"]})

    path = f"/{indexes[0]['index']}/_search"
    return Way("OpenSearch directly", host, path, body, lambda a: [hit["_source"]["id"] for hit in a["hits"]["hits"]][:K])


def serve(folder, backend):
    log = open(folder / "log", "w+")
    words = [EIDETIC, "--data", folder / "data", "--backend", backend, "serve", "--port", "0"]
    process = subprocess.Popen(words, stdout=log, stderr=log)
    while "listening on " not in (text := (folder / "log").read_text()):
        if process.poll() is not None:
            sys.exit(text)
        time.sleep(0.05)
    return process, text.split("listening on ")[1].split()[0].rstrip("/")


def settled(url, collection):
    """Until its index stands."""
    while json.load(urllib.request.urlopen(f"{url}/v1/collections/{collection}"))["index_building"]:
        time.sleep(0.5)


def main():
    points, queries = vectors()
    exact = [set(map(str, numpy.argpartition(-(points @ query), K)[:K])) for query in queries]
    backend = OPENSEARCH.replace("http", "opensearch", 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numpy.save(folder / "near.npy", points)
        (folder / "names.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(ROWS)))
        command(folder / "data", "collections", "import", folder / "near.npy", "--names", folder / "names.csv")
        begun = time.perf_counter()
        copied = command(folder / "data", "collections", "copy", "near", "--to", backend)
        seconds = time.perf_counter() - begun
        print(f"copied: {copied['copied']} items in {seconds:.0f} s ({copied['copied'] / seconds:.0f} a second), "
              f"{copied['searches']} searches agree to {100 * copied['agreement']:.1f} %")
        urllib.request.urlopen(urllib.request.Request(f"{OPENSEARCH}/eidetic-near*/_forcemerge?max_num_segments=1", method="POST"))
        process, url = serve(folder, backend)
        try:
            settled(url, "near")
            far = "near%40" + backend.replace(":", "%3A").replace("/", "%2F")
            ways = [eidetic_way("embedded", url, "near"), eidetic_way("in OpenSearch", url, far), direct_way()]
            connections = [way.connect() for way in ways]
            for query in queries[:50]:  # to warm up
                for way, connection in zip(ways, connections, strict=True):
                    way.ask(connection, query)
            # Whoever asks first for a query brings it into the caches of the others: each is first as often as last.
            for number, query in enumerate(queries):
                for way, connection in list(zip(ways, connections, strict=True))[:: 1 - 2 * (number % 2)]:
                    way.measure(connection, query)
            print(f"\n{'':22} {'recall@10':>10} {'median ms':>10} {'p95 ms':>8} {'queries/s':>10}")
            for way in ways:
                recall = statistics.mean(len(truth & set(ids)) / K for truth, ids in zip(exact, way.found, strict=True))
                times = sorted(1000 * t for t in way.times)
                print(f"{way.name:22} {recall:10.4f} {statistics.median(times):10.2f} {times[int(0.95 * QUERIES)]:8.2f} "
                      f"{way.load(queries):10.0f}", flush=True)
            added = statistics.median(1000 * (a - b) for a, b in zip(ways[1].times, ways[2].times, strict=True))
            print(f"\nwhat Eidetic adds to a search in OpenSearch: {added:.2f} ms (median of the differences)")
        finally:
            process.terminate()
            process.wait()


main()
