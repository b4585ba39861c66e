"""The stand-in for Qdrant behaves as Qdrant's documentation says; with $QDRANT_URL, that server is asked the same."""

import os
import subprocess

import httpx
import numpy
import pytest
from live import SOURCE
from started import needed

COUNT, DIMENSIONS, K = 300, 16, 10
NAME = f"face-{os.getpid()}"
UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def unit_vectors():
    points = numpy.random.default_rng(3).normal(size=(COUNT, DIMENSIONS)).astype("float32")
    return points / numpy.linalg.norm(points, axis=1, keepdims=True)


VECTORS = unit_vectors()
RED = {"must": [{"key": "colour", "match": {"value": "red"}}, {"key": "price", "range": {"lt": 200}}]}


def is_red(i):
    return bool(i % 3) and i < 200


@pytest.fixture(scope="module")
def api():
    with httpx.Client(base_url=needed("QDRANT"), timeout=60) as client:

        def ask(method, path, body=None, status=200):
            answer = client.request(method, path.replace("NAME", NAME), json=body)
            assert answer.status_code == status, answer.text
            said = answer.json()
            assert "time" in said
            return said["result"] if status == 200 else said["status"]["error"]

        yield ask


@pytest.fixture
def collection(api):
    api("DELETE", "/collections/NAME")
    vectors = {"v1": {"size": DIMENSIONS, "distance": "Cosine"}}
    assert api("PUT", "/collections/NAME", {"vectors": vectors, "metadata": {"model": "default"}}) is True
    for field, schema in (("colour", "keyword"), ("price", "float"), ("copies", "integer")):
        api("PUT", "/collections/NAME/index?wait=true", {"field_name": field, "field_schema": schema})
    points = [
        {
            "id": i,
            "vector": {"v1": VECTORS[i].tolist()},
            "payload": {"colour": "red" if i % 3 else "blue", "price": i + 0.5, "copies": i % 5, "text": None},
        }
        for i in range(COUNT)
    ]
    said = api("PUT", "/collections/NAME/points?wait=true&ordering=strong", {"points": points})
    assert said["status"] == "completed"
    yield "/collections/NAME"
    api("DELETE", "/collections/NAME")


def ranked(query, passing=lambda _: True):
    scores = VECTORS @ query
    return [int(i) for i in numpy.argsort(-scores, kind="stable") if passing(i)], scores


@pytest.mark.parametrize(
    "params", [{}, {"exact": True}, {"hnsw_ef": 64, "quantization": {"rescore": True, "oversampling": 2.0}}]
)
def test_nearest(api, collection, params):
    query = VECTORS[7] + 0.01
    body = {
        "query": query.tolist(),
        "using": "v1",
        "filter": RED,
        "limit": K,
        "params": params,
        "with_payload": ["price"],
    }
    points = api("POST", f"{collection}/points/query", body)["points"]
    best, scores = ranked(query / numpy.linalg.norm(query), is_red)
    assert [point["id"] for point in points] == best[:K]
    assert [point["score"] for point in points] == pytest.approx([scores[i] for i in best[:K]], abs=1e-5)
    assert points[0]["payload"] == {"price": best[0] + 0.5}
    assert "vector" not in points[0]
    threshold = api("POST", f"{collection}/points/query", body | {"score_threshold": points[3]["score"]})["points"]
    assert [point["id"] for point in threshold] == best[:3]  # what is greater, not what is equal


def test_batches_offsets_and_own_points(api, collection):
    searches = [{"query": VECTORS[i].tolist(), "using": "v1", "limit": 3, "offset": i} for i in range(2)]
    answers = api("POST", f"{collection}/points/query/batch", {"searches": searches})
    for i, answer in enumerate(answers):
        assert [point["id"] for point in answer["points"]] == ranked(VECTORS[i])[0][i : i + 3]
    alike = api("POST", f"{collection}/points/query", {"query": 5, "using": "v1", "limit": 3})["points"]
    assert [point["id"] for point in alike] == ranked(VECTORS[5])[0][1:4]


def test_scroll_count_facet(api, collection):
    seen, offset = [], None
    while True:
        body = {"limit": 40, "filter": RED, "with_vector": False, **({} if offset is None else {"offset": offset})}
        page = api("POST", f"{collection}/points/scroll", body)
        seen += [point["id"] for point in page["points"]]
        offset = page["next_page_offset"]
        if offset is None:
            break
    wanted = [i for i in range(COUNT) if is_red(i) and i < 200]
    assert seen == wanted
    assert api("POST", f"{collection}/points/count", {"filter": RED, "exact": True}) == {"count": len(wanted)}
    body = {"limit": 3, "order_by": {"key": "price", "direction": "desc"}, "with_payload": False}
    page = api("POST", f"{collection}/points/scroll", body)
    assert [point["id"] for point in page["points"]] == [299, 298, 297]
    assert page["next_page_offset"] is None
    hits = api("POST", f"{collection}/facet", {"key": "colour", "exact": True})["hits"]
    assert hits == [{"value": "red", "count": 200}, {"value": "blue", "count": 100}]
    hits = api("POST", f"{collection}/facet", {"key": "copies", "filter": RED, "limit": 2, "exact": True})["hits"]
    assert len(hits) == 2
    assert isinstance(hits[0]["value"], int)


def test_filters(api, collection):
    def count(filters):
        return api("POST", f"{collection}/points/count", {"filter": filters})["count"]

    colour = {"key": "colour", "match": {"value": "red"}}
    assert count({"must_not": [colour]}) == 100
    assert count({"should": [{"has_id": [1, 2, 1000]}, {"key": "copies", "match": {"any": [4]}}]}) == 62
    assert count({"must": [{"key": "copies", "match": {"except": [0, 1]}}]}) == 180
    assert count({"min_should": {"conditions": [colour, {"has_id": [1, 3]}], "min_count": 2}}) == 1
    assert count({"must": [{"is_null": {"key": "text"}}]}) == COUNT
    assert count({"must": [{"is_empty": {"key": "colour"}}]}) == 0
    assert count({"must": {"must": [colour], "must_not": [{"key": "copies", "range": {"gte": 1}}]}}) == 40
    assert count({"must": [{"has_vector": "v1"}]}) == COUNT


def test_payloads_and_vectors(api, collection):
    def payload(point):
        return api("POST", f"{collection}/points", {"ids": [point]})[0]["payload"]

    api("POST", f"{collection}/points/payload?wait=true", {"payload": {"new": [1, "ü"]}, "points": [1, 2]})
    assert payload(2)["new"] == [1, "ü"]
    assert payload(2)["price"] == 2.5
    api("PUT", f"{collection}/points/payload?wait=true", {"payload": {"only": {"deep": None}}, "points": [1]})
    assert payload(1) == {"only": {"deep": None}}
    api("POST", f"{collection}/points/payload/delete?wait=true", {"keys": ["new"], "points": [2]})
    assert "new" not in payload(2)
    api("POST", f"{collection}/points/payload?wait=true", {"payload": {"colour": "green"}, "filter": RED})
    assert api("POST", f"{collection}/points/count", {"filter": RED}) == {"count": 0}
    moved = {"points": [{"id": 2, "vector": {"v1": VECTORS[9].tolist()}}]}
    api("PUT", f"{collection}/points/vectors?wait=true", moved)
    found = api("POST", f"{collection}/points", {"ids": [2], "with_vector": True, "with_payload": False})
    assert found[0]["vector"]["v1"] == pytest.approx(VECTORS[9].tolist(), abs=1e-6)
    assert "payload" not in found[0]
    api("POST", f"{collection}/points/vectors/delete?wait=true", {"points": [2], "vector": ["v1"]})
    assert api("POST", f"{collection}/points", {"ids": [2], "with_vector": True})[0]["vector"] == {}


def test_vectors_that_come_later(api, collection):
    late = f"{collection}/vectors/late?wait=true"
    api("PUT", late, {"dense": {"size": 2, "distance": "Dot"}})
    assert api("GET", collection)["config"]["params"]["vectors"]["late"] == {"size": 2, "distance": "Dot"}
    moved = {"points": [{"id": 1, "vector": {"late": [1.0, 2.0]}}]}
    api("PUT", f"{collection}/points/vectors?wait=true", moved)
    has = {"filter": {"must": [{"has_vector": "late"}]}}
    assert api("POST", f"{collection}/points/count", has) == {"count": 1}
    api("DELETE", late)
    assert "late" not in api("GET", collection)["config"]["params"]["vectors"]
    api("DELETE", late, status=400)


def test_conditional_upserts_and_deletes(api, collection):
    def upsert(point, version, **more):
        points = [{"id": point, "vector": {"v1": VECTORS[0].tolist()}, "payload": {"version": version}}]
        api("PUT", f"{collection}/points?wait=true", {"points": points, **more})
        return api("POST", f"{collection}/points", {"ids": [point]})[0]["payload"].get("version")

    assert upsert(UUID, 1) == 1
    newer = {"must": [{"key": "version", "range": {"lt": 3}}]}
    assert upsert(UUID, 2, update_filter=newer) == 2
    assert upsert(UUID, 2, update_filter={"must": [{"key": "version", "range": {"lt": 2}}]}) == 2
    assert upsert(UUID, 9, update_mode="insert_only") == 2
    api("POST", f"{collection}/points/delete?wait=true", {"points": [UUID, 0]})
    api("POST", f"{collection}/points/delete?wait=true", {"filter": RED})
    left = api("POST", f"{collection}/points/count", {})["count"]
    assert left == COUNT - 1 - sum(map(is_red, range(COUNT)))
    assert api("POST", f"{collection}/points", {"ids": [0, UUID]}) == []


def test_collections_and_aliases(api, collection):
    info = api("GET", collection)
    assert info["points_count"] == COUNT
    assert info["status"] == "green"
    assert info["config"]["params"]["vectors"] == {"v1": {"size": DIMENSIONS, "distance": "Cosine"}}
    assert info["payload_schema"]["price"]["data_type"] == "float"
    api("PATCH", collection, {"metadata": {"owner": "x"}, "quantization_config": {"scalar": {"type": "int8"}}})
    config = api("GET", collection)["config"]
    assert config["metadata"] == {"model": "default", "owner": "x"}
    assert config["quantization_config"] == {"scalar": {"type": "int8"}}
    assert {"name": NAME} in api("GET", "/collections")["collections"]
    alias = {"create_alias": {"collection_name": NAME, "alias_name": f"{NAME}-now"}}
    assert api("POST", "/collections/aliases", {"actions": [alias]}) is True
    assert api("POST", "/collections/NAME-now/points/count", {})["count"] == COUNT
    pair = {"alias_name": f"{NAME}-now", "collection_name": NAME}
    assert api("GET", "/collections/NAME/aliases") == {"aliases": [pair]}
    assert pair in api("GET", "/aliases")["aliases"]
    assert api("GET", "/collections/NAME-now/exists") == {"exists": True}
    swap = [{"delete_alias": {"alias_name": f"{NAME}-now"}}]
    api("POST", "/collections/aliases", {"actions": swap})
    api("POST", "/collections/NAME-now/points/count", {}, status=404)


def test_refusals(api, collection):
    taken = api("PUT", "/collections/NAME", {"vectors": {"size": 3, "distance": "Dot"}}, status=409)
    assert taken == f"Wrong input: Collection `{NAME}` already exists!"
    assert "doesn't exist!" in api("GET", "/collections/NAME-not", status=404)
    assert api("DELETE", "/collections/NAME-not") is False
    short = {"points": [{"id": 1, "vector": {"v1": [1.0, 2.0]}}]}
    assert f"expected dim: {DIMENSIONS}, got 2" in api("PUT", f"{collection}/points?wait=true", short, status=400)
    other = {"points": [{"id": 1, "vector": {"w": [1.0, 2.0]}}]}
    assert "Not existing vector name" in api("PUT", f"{collection}/points?wait=true", other, status=400)
    bad = {"points": [{"id": "not-a-uuid", "vector": {"v1": [1.0]}}]}
    api("PUT", f"{collection}/points?wait=true", bad, status=400)
    api("POST", f"{collection}/points/query", {"query": "x", "limit": "ten"}, status=400)
    api("POST", f"{collection}/points/count", {"filter": {"must": [{"key": "a", "match": {"like": "b"}}]}}, status=400)
    assert "index" in api("POST", f"{collection}/facet", {"key": "text"}, status=400).lower()
    assert "order_by" in api("POST", f"{collection}/points/scroll", {"order_by": "colour"}, status=400)


CLIENT = """
import sys
from qdrant_client import QdrantClient, models
client = QdrantClient(url=sys.argv[1], timeout=60)
name = sys.argv[2]
client.create_collection(name, models.VectorParams(size=2, distance=models.Distance.COSINE))
try:
    client.upsert(name, [models.PointStruct(id=i, vector=[1.0, i], payload={"n": i}) for i in range(5)], wait=True)
    assert [p.id for p in client.query_points(name, [1.0, 0.0], limit=2).points] == [0, 1]
    assert client.count(name).count == 5 and client.get_collection(name).points_count == 5
    assert len(client.scroll(name, limit=3)[0]) == 3
    client.set_payload(name, {"a": 1}, points=[1])
    assert client.retrieve(name, [1])[0].payload == {"n": 1, "a": 1}
finally:
    client.delete_collection(name)
"""


def test_the_official_client(api):
    python = SOURCE / ".deps/servers/qdrant/bin/python"
    if not python.exists():
        pytest.skip("needs what tools/servers install qdrant installs")
    command = [python, "-c", CLIENT, needed("QDRANT"), f"{NAME}-client"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_keeps_what_it_has(tmp_path):
    needed("QDRANT")
    python = SOURCE / ".deps/servers/qdrant/bin/python"
    if not python.exists():
        pytest.skip("needs what tools/servers install qdrant installs")
    command = [python, "-B", SOURCE / "tests/servers/qdrant_face.py", "--data", tmp_path]
    for start in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            url = process.stdout.readline().split()[-1]
            if start == 0:
                httpx.put(f"{url}/collections/a", json={"vectors": {"size": 2, "distance": "Dot"}})
                points = {"points": [{"id": 1, "vector": [1.0, 2.0]}]}
                httpx.put(f"{url}/collections/a/points?wait=true", json=points).raise_for_status()
                process.kill()
            else:
                assert httpx.post(f"{url}/collections/a/points/count", json={}).json()["result"] == {"count": 1}
                process.terminate()
