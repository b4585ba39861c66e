"""Looking inside an index over HTTP: its parts, the walk of a search, the map of a collection."""

import pytest
from conftest import problem

RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def kinds(http, shapes):
    """The vectors of `shapes` under other indexes, by kind."""
    items = http.get(f"{shapes}/items?limit=1000&vectors=true").json()["items"]
    made = {}
    for kind in ("HNSW8", "IVF4,SQ8"):
        path = f"/v1/collections/inspect-{kind[:3].lower()}"
        http.put(path, json={"dimensions": len(items[0]["vector"]), "index": kind}).raise_for_status()
        new = [{"id": item["id"], "vector": item["vector"], "metadata": item["metadata"]} for item in items]
        http.post(f"{path}/items", json={"items": new}).raise_for_status()
        made[kind] = path
    yield made
    for path in made.values():
        http.delete(path)


def built(http, path, kind):
    """The index is made in the background."""
    for _ in range(200):
        info = http.get(path).json()
        if info["index_kind"] == kind and not info["index_building"]:
            return info
    raise AssertionError(info)


def test_an_index_shows_its_parts(http, kinds):
    graph = http.get(f"{kinds['HNSW8']}/inspect").json()
    count = built(http, kinds["HNSW8"], "HNSW8")["items"]
    assert graph["kind"] == "HNSW8"
    assert graph["layers"][0]["items"] == graph["items"] == count
    assert {node["id"] for node in graph["nodes"]} == {
        item["id"] for item in http.get(f"{kinds['HNSW8']}/items?limit=1000").json()["items"]
    }
    assert all(link["from"] < count and link["to"] < count for link in graph["links"])
    assert not graph["cells"]

    built(http, kinds["IVF4,SQ8"], "IVF4,SQ8")
    cells = http.get(f"{kinds['IVF4,SQ8']}/inspect").json()
    assert len(cells["cells"]) == 4
    assert sum(cell["items"] for cell in cells["cells"]) == count
    assert all(cell["radius"] >= cell["mean_distance"] >= 0 for cell in cells["cells"])
    assert not cells["layers"] and not cells["nodes"]


def test_a_walk_is_the_search_and_what_it_did(http, shapes, kinds, jpeg):
    found = http.post(f"{shapes}/search?k=3", content=jpeg, headers=RAW).json()
    walk = http.post(f"{shapes}/walk?k=3", content=jpeg, headers=RAW).json()
    assert walk["hits"] == found["hits"]
    ranked = {candidate["rank"]: walk["nodes"][candidate["node"]]["id"] for candidate in walk["candidates"]}
    assert [ranked[rank] for rank in (1, 2, 3)] == [hit["id"] for hit in found["hits"]]

    query = {"id": "circle/0000.jpg", "k": 5, "exclude_self": True, "nprobe": 2}
    built(http, kinds["IVF4,SQ8"], "IVF4,SQ8")
    cells = http.post(f"{kinds['IVF4,SQ8']}/walk", json=query).json()
    assert len(cells["hits"]) == 5 and "circle/0000.jpg" not in [hit["id"] for hit in cells["hits"]]
    assert len(cells["visits"]) >= 2 and not cells["steps"]
    distances = [visit["distance"] for visit in cells["visits"]]
    assert distances == sorted(distances)
    built(http, kinds["HNSW8"], "HNSW8")
    graph = http.post(f"{kinds['HNSW8']}/walk", json=query).json()
    assert graph["steps"][0]["node"] == graph["steps"][0]["from"]
    assert [hit["id"] for hit in graph["hits"]] == [hit["id"] for hit in cells["hits"]]


def test_a_map_keeps_look_alikes_together(http, shapes):
    flat = http.get(f"{shapes}/map").json()
    assert flat["method"] == "pca" and 0 < flat["explained_variance"] <= 1
    assert len(flat["points"]) == flat["items"]
    labelled = http.get(f"{shapes}/map?method=umap&label=kind&neighbors=5").json()
    assert labelled["explained_variance"] is None
    assert [point["id"] for point in labelled["points"]] == [point["id"] for point in flat["points"]]
    for point in labelled["points"]:
        assert point["label"] == point["id"].split("/")[0]
    assert len(http.get(f"{shapes}/map?limit=7").json()["points"]) == 7


def test_wrong_requests_say_what_is_wrong(http, shapes):
    problem(http.get(f"{shapes}/map?method=tsne"), 400, "invalid_argument", "umap")
    problem(http.get(f"{shapes}/map?limit=0"), 400, "invalid_argument", "limit")
    problem(http.get(f"{shapes}/map?neighbours=5"), 400, "invalid_argument", "neighbors")
    problem(http.get(f"{shapes}/map?label=knd"), 422, "not_found", "kind")
    problem(http.get("/v1/collections/shapse/map"), 404, "not_found", "shapes")
    problem(http.get("/v1/collections/shapse/inspect"), 404, "not_found", "shapes")
    problem(http.post(f"{shapes}/walk", json={"id": "nobody"}), 422, "not_found", "nobody")
    problem(http.post(f"{shapes}/walk", json={"k": 3}), 400, "invalid_argument")
