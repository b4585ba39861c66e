"""The real servers answer what the tests that need them take for granted."""

import json
import os

import httpx
import numpy
import pytest
from nodes import cluster
from started import needed
from stores import Store

COUNT, DIMENSIONS, K = 300, 16, 10


def vectors():
    points = numpy.random.default_rng(7).normal(size=(COUNT, DIMENSIONS)).astype("float32")
    return points / numpy.linalg.norm(points, axis=1, keepdims=True)


def nearest(points, query, passing):
    ranked = numpy.argsort(-(points @ query), kind="stable")
    return [str(i) for i in ranked if passing(i)][:K]


def fill(url, points, mapping):
    with httpx.Client(base_url=url, timeout=60) as client:
        client.put("/shoes", json=mapping).raise_for_status()
        lines = []
        for i, point in enumerate(points):
            lines += [
                {"index": {"_id": str(i)}},
                {"f": {"colour": "red" if i % 3 else "blue"}, "n": {"price": i}, "v": point.tolist()},
            ]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        answer = client.post(
            "/shoes/_bulk?refresh=true", content=body, headers={"Content-Type": "application/x-ndjson"}
        )
        assert answer.json()["errors"] is False, answer.text


def search(url, body):
    answer = httpx.post(f"{url}/shoes/_search", json=body, timeout=60)
    answer.raise_for_status()
    return [hit["_id"] for hit in answer.json()["hits"]["hits"]]


FILTER = {"bool": {"filter": [{"term": {"f.colour": "red"}}, {"range": {"n.price": {"lt": 200}}}]}}
OPENSEARCH = {
    "settings": {"index": {"knn": True, "number_of_shards": 1, "number_of_replicas": 0}},
    "mappings": {
        "properties": {
            "f": {"properties": {"colour": {"type": "keyword"}}},
            "n": {"properties": {"price": {"type": "double"}}},
            "v": {
                "type": "knn_vector",
                "dimension": DIMENSIONS,
                "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
            },
        }
    },
}


def test_opensearch():
    url, points = needed("OPENSEARCH"), vectors()
    assert httpx.get(url).json()["version"]["distribution"] == "opensearch"
    fill(url, points, OPENSEARCH)
    try:
        knn = {"vector": points[5].tolist(), "k": K, "filter": FILTER}
        found = search(url, {"size": K, "query": {"knn": {"v": knn}}})
        assert found == nearest(points, points[5], lambda i: i % 3 and i < 200)
        score = {"source": "cosineSimilarity(params.query, doc['v']) + 1.0", "params": {"query": points[5].tolist()}}
        scripted = {"script_score": {"query": FILTER, "script": score}}
        assert search(url, {"size": K, "query": scripted}) == found
        deleted = httpx.post(f"{url}/shoes/_delete_by_query?refresh=true", json={"query": FILTER}, timeout=60).json()
        assert deleted["deleted"] == sum(1 for i in range(200) if i % 3)
    finally:
        httpx.delete(f"{url}/shoes")


def test_elasticsearch():
    url, points = needed("ELASTICSEARCH"), vectors()
    mapping = {"mappings": {"properties": dict(OPENSEARCH["mappings"]["properties"])}}
    mapping["mappings"]["properties"]["v"] = {"type": "dense_vector", "dims": DIMENSIONS, "similarity": "cosine"}
    fill(url, points, mapping)
    try:
        knn = {"field": "v", "query_vector": points[5].tolist(), "k": K, "num_candidates": 100, "filter": FILTER}
        assert search(url, {"size": K, "knn": knn}) == nearest(points, points[5], lambda i: i % 3 and i < 200)
    finally:
        httpx.delete(f"{url}/shoes")


def test_a_node_that_is_killed():
    needed("OPENSEARCH")
    with cluster(2) as (first, second):
        points = vectors()
        fill(first.url, points, OPENSEARCH | {"settings": {"index": {"knn": True, "number_of_replicas": 1}}})
        first.await_health(wait_for_status="green")
        second.kill()
        body = {"size": K, "query": {"knn": {"v": {"vector": points[5].tolist(), "k": K}}}}
        first.await_health(wait_for_nodes=1, wait_for_status="yellow")
        assert search(first.url, body) == nearest(points, points[5], lambda _: True)
        second.start()
        first.await_health(wait_for_nodes=2, wait_for_status="green")
        assert search(second.url, body) == nearest(points, points[5], lambda _: True)


@pytest.mark.parametrize("name", ["MINIO", "VERSITYGW"])
def test_store(name):
    url = needed(name)
    key, secret = needed("S3_KEY"), needed("S3_SECRET")
    store = Store(url, key, secret)
    bucket = f"servers-{os.getpid()}"
    assert store("PUT", bucket).status_code == 200
    try:
        assert store("PUT", f"{bucket}/red shoe+ü.txt", b"abc").status_code == 200
        assert store("GET", f"{bucket}/red shoe+ü.txt").content == b"abc"
        assert store("GET", f"{bucket}/red shoe+ü.txt", headers={"Range": "bytes=1-"}).content == b"bc"
        assert "<Key>red shoe+ü.txt</Key>" in store("GET", bucket, query={"list-type": 2}).text
        assert Store(url, key, "another")("GET", f"{bucket}/red shoe+ü.txt").status_code == 403
        assert store("DELETE", f"{bucket}/red shoe+ü.txt").status_code == 204
        assert store("GET", f"{bucket}/red shoe+ü.txt").status_code == 404
    finally:
        store("DELETE", bucket)
