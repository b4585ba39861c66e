"""Collections: making, showing, watching, measuring, taking elsewhere, removing."""

import io
import math
import shutil
import time
from pathlib import Path

import pytest
from conftest import encoded, problem
from pictures import draw


def test_create_is_the_same_when_repeated(http):
    path = "/v1/collections/made"
    first = http.put(path, json={"index": "Flat", "metric": "dot"})
    assert first.status_code == 201
    said = first.json()
    assert (said["name"], said["items"], said["index"], said["metric"]) == ("made", 0, "Flat", "dot")
    again = http.put(path, json={"index": "Flat", "metric": "dot"})
    assert again.status_code == 200
    assert again.json()["space"] == said["space"]
    assert http.get(path).json()["created"] == said["created"]
    assert http.delete(path).status_code == 204
    problem(http.get(path), 404, "not_found", "made")


def test_create_without_a_body_takes_the_defaults(http):
    said = http.put("/v1/collections/plain").json()
    assert (said["model"], said["index"], said["metric"], said["watch"]) == ("default", "auto", "cosine", [])
    http.delete("/v1/collections/plain")


def test_what_is_said_of_a_collection(http):
    path = "/v1/collections/told"
    said = http.put(path, json={"description": "Shoes <b>ä</b>", "source": "the shop"}).json()
    assert (said["description"], said["source"]) == ("Shoes <b>ä</b>", "the shop")
    changed = http.patch(path, json={"source": ""}).json()
    assert (changed["description"], changed["source"]) == ("Shoes <b>ä</b>", "")
    assert http.patch(path, json={"search": {"ef": 99}}).json()["description"] == "Shoes <b>ä</b>"
    problem(http.patch(path, json={"description": "x" * 10_001}), 400, "invalid_argument", "description", "10000")
    problem(http.put("/v1/collections/long", json={"source": "ä" * 5_001}), 400, "invalid_argument", "source", "10002")
    assert http.get(path).json() == http.patch(path, json={"source": ""}).json()
    http.delete(path)


def test_bare_vectors(http):
    path = "/v1/collections/bare"
    made = http.put(path, json={"dimensions": 3, "metric": "euclidean"})
    assert (made.status_code, made.json()["dimensions"]) == (201, 3)
    assert http.put(path, json={"dimensions": 3, "metric": "euclidean"}).status_code == 200
    problem(http.put(path, json={"dimensions": 4, "metric": "euclidean"}), 409, "already_exists", "bare")
    http.put(f"{path}/items/x", json={"vector": [1, 2, 3]})
    hit = http.post(f"{path}/search", json={"vector": [1, 2, 4]}).json()["hits"][0]
    assert (hit["id"], hit["distance"]) == ("x", pytest.approx(1))
    picture = {"content": encoded(), "headers": {"Content-Type": "image/png"}}
    for answer in (http.put(f"{path}/items/y", **picture), http.post(f"{path}/search", **picture)):
        assert answer.status_code in (400, 422), answer.text
    for wrong in ({"dimensions": 0}, {"dimensions": 3, "model": "default"}, {"dimensions": "3"}):
        problem(http.put("/v1/collections/wrong", json=wrong), 400, "invalid_argument")
    http.delete(path)


def test_create_after_drop_is_empty(http):
    for _ in range(2):
        assert http.put("/v1/collections/again").status_code == 201
        http.post("/v1/collections/again/items", content=encoded(), headers={"Content-Type": "image/png"})
        assert http.get("/v1/collections/again").json()["items"] == 1
        assert http.delete("/v1/collections/again").status_code == 204


@pytest.mark.parametrize("other", [{"metric": "euclidean"}, {"index": "HNSW16"}], ids=str)
def test_another_one_of_the_name_is_a_conflict(http, shapes, other):
    before = http.get(shapes).json()
    problem(http.put(shapes, json=other), 409, "already_exists", "shapes", *other.values())
    assert http.get(shapes).json() == before


@pytest.mark.parametrize(
    "wanted, status, code, word",
    [
        ({"model": "defualt"}, 422, "not_found", "default"),
        ({"index": "HNSW1000"}, 400, "invalid_argument", "HNSW1000"),
        ({"metric": "cosin"}, 400, "invalid_argument", "cosine"),
        ({"modle": "default"}, 400, "invalid_argument", "modle"),
        ({"watch": "/"}, 400, "invalid_argument", "watch"),
        ([], 400, "invalid_argument", "object"),
    ],
    ids=str,
)
def test_wrong_wishes(http, wanted, status, code, word):
    problem(http.put("/v1/collections/wrong", json=wanted), status, code, word)
    problem(http.get("/v1/collections/wrong"), 404, "not_found")


@pytest.mark.parametrize("name", ["..", ".hidden", "a%2Fb", "a%20b", "x" * 65, "%E2%82%AC"])
def test_wrong_names(http, name):
    raw = name.replace("..", "%2E%2E")
    problem(http.put(f"/v1/collections/{raw}"), 400, "invalid_argument")


def test_list(http, shapes):
    found = {each["name"]: each for each in http.get("/v1/collections").json()["collections"]}
    assert list(found) == sorted(found)
    shown = http.get(shapes).json()
    assert found["shapes"]["items"] == shown["items"] == 40
    assert shown["dimensions"] > 0
    assert shown["disk_bytes"] > 0


def test_watched_folder(http, fresh, folders):
    watched = folders / "watched"
    watched.mkdir()
    assert http.patch(fresh, json={"watch": [str(watched)]}).json()["watch"] == [str(watched)]
    shutil.copy(folders / "pictures/cross/0002.jpg", watched / "new.jpg")
    until = time.monotonic() + 20
    while http.get(fresh).json()["items"] == 0:
        assert time.monotonic() < until, "a new file is not noticed"
        time.sleep(0.05)
    assert http.get(f"{fresh}/items/new.jpg").status_code == 200
    assert http.patch(fresh, json={"watch": []}).json()["watch"] == []
    problem(http.patch(fresh, json={"watch": ["/etc"]}), 400, "invalid_argument", "/etc")
    problem(http.patch(fresh, json={"watch": [str(folders / "nowhere")]}), 422, "not_found", "nowhere")
    problem(http.patch(fresh, json={}), 400, "invalid_argument", "watch")


def test_change_of_index(http, fresh):
    items = [{"id": str(i), "vector": [math.sin((i + 1) * (j + 1)) for j in range(8)]} for i in range(300)]
    fresh = f"{fresh}-vectors"
    said = http.put(fresh, json={"dimensions": 8, "index": "IVF8,PQ4x6"}).json()
    assert (said["index"], said["index_kind"], said["index_training"]) == ("IVF8,PQ4x6", "Flat", None)
    assert "at least 64 items" in said["index_note"]
    assert http.post(f"{fresh}/items", json={"items": items}).status_code == 200
    built(http, fresh, "IVF8,PQ4x6")

    def ids(**query):
        answer = http.post(f"{fresh}/search", json={"vector": items[7]["vector"], "k": 5, **query})
        assert answer.status_code == 200, answer.text
        return [hit["id"] for hit in answer.json()["hits"]]

    exact = ids(nprobe=8, rescore=300)
    assert exact[0] == "7" and ids(nprobe=1)[0] == "7"
    for index in ("PCA4,HNSW16", "OPQ4,PQ4x6", "SQ8", "Flat"):
        assert http.patch(fresh, json={"index": index}).json()["index"] == index
        shown = built(http, fresh, index)
        assert ids(ef=300, rescore=300) == exact
        assert (shown["index_training"] is None) == (index in ("SQ8", "Flat"))
    shown = http.patch(fresh, json={"index": "PCA4,Flat"}).json()
    shown = built(http, fresh, "PCA4,Flat")
    assert 0 < shown["index_training"]["explained_variance"] < 1 and shown["index_training"]["items"] == 300

    search = {"ef": 0, "nprobe": 3, "rescore": 50}
    assert http.patch(fresh, json={"search": search}).json()["search"] == search
    assert http.get(fresh).json()["search"] == search
    assert http.patch(fresh, json={"rebuild": True}).status_code == 200
    built(http, fresh, "PCA4,Flat")

    for body, words in (
        ({"index": "IVF8,QP4"}, ["QP4", "PQ<segments>"]),
        ({"index": "PQ3"}, ["8 dimensions", "the nearest number is"]),
        ({"search": {"nprobe": -1}}, ["search.nprobe"]),
        ({"search": {"probes": 1}}, ["probes", "nprobe"]),
        ({"rebuild": "yes"}, ["rebuild"]),
    ):
        problem(http.patch(fresh, json=body), 400, "invalid_argument", *words)
    problem(http.patch("/v1/collections/nowhere", json={"rebuild": True}), 404, "not_found", "nowhere")
    http.delete(fresh)


def built(http, collection, kind):
    until = time.monotonic() + 60
    while (said := http.get(collection).json())["index_building"] or said["index_kind"] != kind:
        assert time.monotonic() < until, said
        time.sleep(0.02)
    return said


def test_export_and_import(http, shapes, server):
    exported = http.get(f"{shapes}/export")
    assert exported.headers["content-type"] == "application/octet-stream"
    kind = {"Content-Type": "application/octet-stream"}
    made = http.post("/v1/import?name=copy", content=exported.content, headers=kind)
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["items"]) == ("copy", 40)
    there = {"id": "circle/0000.jpg", "k": 40}
    hits = [http.post(f"{path}/search", json=there).json()["hits"] for path in (shapes, "/v1/collections/copy")]
    assert hits[0] == hits[1]
    problem(http.post("/v1/import?name=copy", content=exported.content, headers=kind), 409, "already_exists", "copy")
    problem(http.post("/v1/import?name=a/b", content=exported.content, headers=kind), 400, "invalid_argument")
    broken = bytearray(exported.content)
    broken[len(broken) // 2] ^= 1
    problem(http.post("/v1/import?name=bad", content=bytes(broken), headers=kind), 422, "corrupt")
    problem(http.post("/v1/import?name=bad", content=b"", headers=kind), 400, "invalid_argument", "empty")
    faiss = (Path(__file__).parents[1] / "data/faiss/flat.index").read_bytes()
    problem(http.post("/v1/import?name=bad", content=faiss, headers=kind), 422, "unsupported", "collections import")
    problem(http.get("/v1/collections/bad"), 404, "not_found")
    http.delete("/v1/collections/copy")


def test_evaluate(http, shapes):
    said = http.post(f"{shapes}/evaluate", json={"label": "kind", "recall_at": [1, 9]}).json()
    assert (said["queries"], said["classes"], said["unlabelled"]) == (40, 4, 0)
    assert set(said["recall_at"]) == {"1", "9"}
    measures = {"p_at_1", "p_at_10", "r_precision", "map", "map_at_r", "mrr"}
    assert all(0 <= said[name] <= 1 for name in (*measures, "nmi")) and set(said["margin"]) == measures
    assert said["map_at_r"] <= said["r_precision"] and said["p_at_1"] <= said["mrr"] and said["ami"] <= said["nmi"]
    worst = [one["map_at_r"] for one in said["by_class"]]
    assert {one["class"] for one in said["by_class"]} == {"circle", "square", "cross", "stripes"}
    assert worst == sorted(worst) and sum(worst) / 4 == pytest.approx(said["map_at_r"])
    by_folder = http.post(f"{shapes}/evaluate", json={"label": "@folder"}).json()
    assert by_folder["map"] == said["map"]
    assert set(by_folder["recall_at"]) == {"1", "5", "10"}
    problem(http.post(f"{shapes}/evaluate", json={"label": "knd"}), 422, "not_found", "kind")
    problem(http.post(f"{shapes}/evaluate", json={"label": ""}), 400, "invalid_argument", "label")
    problem(http.post(f"{shapes}/evaluate", json={"label": "kind", "recall_at": [0]}), 400, "invalid_argument")


def test_duplicates(http, fresh):
    """A picture, a smaller one of it, its middle, and another."""
    image = draw("circle", 5).resize((240, 200))
    pictures = {"whole": image, "small": image.resize((120, 100)), "part": image.crop((20, 20, 220, 180))}
    pictures["other"] = draw("cross", 6).resize((240, 200))
    for name, picture in pictures.items():
        file = io.BytesIO()
        picture.save(file, "PNG")
        assert http.put(f"{fresh}/items/{name}", content=file.getvalue(), headers={"Content-Type": "image/png"}).status_code == 201
    said = http.post(f"{fresh}/duplicates", json={}).json()
    assert (said["items"], said["groups"], said["duplicates"], said["exact"]) == (4, 1, 2, 0)
    group = said["found"][0]
    assert (group["keep"], group["centre"]) == ("whole", "whole")
    members = {each["id"]: each for each in group["members"]}
    assert set(members) == {"whole", "small", "part"}
    assert (members["whole"]["width"], members["whole"]["height"]) == (240, 200)
    assert members["part"]["judged_by"] == "pixels"
    assert members["small"]["hash_distance"] <= 8 and members["small"]["copy_score"] > 0.9
    assert http.post(f"{fresh}/duplicates", json={"verify": "never"}).json()["verified"] == 0
    assert http.post(f"{fresh}/duplicates", json={"limit": 1, "neighbors": 3, "min_copy_score": 0.1}).json()["groups"] == 1
    problem(http.post(f"{fresh}/duplicates", json={"verify": "often"}), 400, "invalid_argument", "often")
    problem(http.post(f"{fresh}/duplicates", json={"neighbors": 0}), 400, "invalid_argument", "neighbors")
    problem(http.post(f"{fresh}/duplicates", json={"min_copy_score": 2}), 400, "invalid_argument", "copy score")
    problem(http.post(f"{fresh}/duplicates", json={"filter": "nmae = 1"}), 400, "invalid_argument", "nmae")
    problem(http.post("/v1/collections/nowhere/duplicates", json={}), 404, "not_found", "nowhere")


def test_unknown_collections_are_named_with_the_nearest(http, shapes):
    for response in (
        http.get("/v1/collections/shapse"),
        http.delete("/v1/collections/shapse"),
        http.get("/v1/collections/shapse/items"),
        http.get("/v1/collections/shapse/items/x"),
        http.get("/v1/collections/shapse/export"),
        http.post("/v1/collections/shapse/search", json={"id": "x"}),
        http.post("/v1/collections/shapse/items", json={"id": "x", "vector": [1]}),
        http.post("/v1/collections/shapse/delete", json={"ids": ["x"]}),
        http.post("/v1/collections/shapse/evaluate", json={"label": "kind"}),
    ):
        problem(response, 404, "not_found", "shapse", "shapes")


def test_backup(http, shapes, folders, server):
    assert http.post("/v1/backup", json={"name": "monday"}).status_code == 201
    assert (folders / "backups/monday/catalog.db").stat().st_size > 0
    problem(http.post("/v1/backup", json={"name": "monday"}), 409, "already_exists", "monday")
    problem(http.post("/v1/backup", json={"name": "../x"}), 400, "invalid_argument")
    problem(http.post("/v1/backup", json={}), 400, "invalid_argument", "name")
