"""The routes of the two older systems answer their clients as these expect, without their faults."""

import time

import pytest
from conftest import await_job, encoded, problem


def source(picture):
    return {"ImageBytes": {"bytes": list(picture)}}


@pytest.fixture
def old(http):
    """A collection made the old way, and removed so."""
    made = http.post("/upsert_collection", json={"name": "old", "config": {"ModelArchitecture": "default"}})
    assert (made.status_code, made.text) == (200, "ok")
    yield "old"
    http.post("/remove_collection", json={"name": "old"})


def add(http, id, picture):
    answer = http.post("/add_image", json={"collection_name": "old", "id": id, "source": source(picture)})
    assert (answer.status_code, answer.text) == (200, "ok")
    return answer.headers["x-job-id"]


def search(http, n, picture):
    wanted = {"collection_name": "old", "n_results": n, "source": source(picture)}
    said = http.post("/search_image", json=wanted).json()
    assert said["collection_name"] == "old"
    return said["results"]


def test_home_and_ping(http):
    assert "eidetic" in http.get("/").text.lower()
    assert http.get("/api/ping").json() == {"msg": "pong"}


def test_the_whole_way(http, old):
    pictures = {id: encoded("circle", int(id)) for id in ("1", "2", "3")}
    for job in [add(http, int(id), picture) for id, picture in pictures.items()]:
        await_job(http, job)
    assert http.get("/v1/collections/old").json()["metric"] == "euclidean"
    for n, count in ((1, 1), (3, 3), (50, 3)):
        results = search(http, n, pictures["2"])
        assert len(results) == count
        assert results[0]["id"] == "2"
        assert results[0]["distance"] == pytest.approx(0, abs=1e-4)
        assert results[0]["similarity"] == pytest.approx(1, abs=1e-4)
        assert [each["distance"] for each in results] == sorted(each["distance"] for each in results)
    assert http.post("/remove_image", json={"collection_name": "old", "id": 2}).text == "ok"
    assert [each["id"] for each in search(http, 50, pictures["2"])] == [
        each["id"] for each in search(http, 2, pictures["2"])
    ]
    assert "2" not in [each["id"] for each in search(http, 50, pictures["2"])]
    await_job(http, add(http, "2", pictures["2"]))
    assert search(http, 1, pictures["2"])[0]["id"] == "2", "what is added again is found again"


def test_an_id_again_replaces(http, old):
    await_job(http, add(http, 1, encoded(seed=1)))
    await_job(http, add(http, 1, encoded(seed=2)))
    results = search(http, 50, encoded(seed=2))
    assert [each["id"] for each in results] == ["1"]
    assert results[0]["distance"] == pytest.approx(0, abs=1e-4)


def test_empty_collection(http, old):
    assert search(http, 8, encoded()) == []


def test_a_bad_picture_stops_nothing(http, old):
    bad = add(http, "bad", b"no picture")
    good = [add(http, number, encoded(seed=number)) for number in range(10)]
    for job in good:
        await_job(http, job)
    until = time.monotonic() + 20
    while (said := http.get(f"/v1/jobs/{bad}").json())["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.02)
    assert said["state"] == "failed" or said["progress"]["failed"] == 1
    assert len(search(http, 50, encoded())) == 10


def test_many_removals(http, old):
    """The 101st stopped the old server."""
    for job in [add(http, number, encoded(seed=number, size=(24, 24))) for number in range(110)]:
        await_job(http, job)
    for number in range(105):
        assert http.post("/remove_image", json={"collection_name": "old", "id": number}).text == "ok"
    assert len(search(http, 50, encoded())) == 5


def test_upsert_again(http, old):
    same = {"name": "old", "config": {"ModelArchitecture": "default"}}
    assert http.post("/upsert_collection", json=same).text == "ok"
    problem(http.post("/upsert_collection", json={**same, "config": {"ModelArchitecture": "x"}}), 422, "not_found", "x")
    http.put("/v1/collections/other", json={"metric": "dot"})
    problem(http.post("/upsert_collection", json={**same, "name": "other"}), 409, "already_exists", "other")
    http.delete("/v1/collections/other")


def test_model_by_description(http, site):
    from test_models import MODEL

    steps = [
        {"ResizeRGBImage": {"image_size": {"width": 112, "height": 112}, "filter": "Triangle"}},
        {"ToArray": {}},
        {"Normalization": {"sub": [0.5, 0.5, 0.5], "div": [0.5, 0.5, 0.5], "zeroone": True}},
        {"ToTensor": {}},
    ]
    config = {
        "model_name": "Old Model",
        "model_url": site({"/m.onnx": MODEL}) + "/m.onnx",
        "image_transformation": {"steps": steps},
        "image_size": {"width": 112, "height": 112},
        "layer_name": None,
        "channels": "CWH",
    }
    wanted = {"name": "described", "config": {"ModelConfig": config}}
    assert http.post("/upsert_collection", json=wanted).text == "ok"
    assert http.post("/upsert_collection", json=wanted).text == "ok"
    assert http.get("/v1/collections/described").json()["dimensions"] == 256
    wrong = {**config, "model_name": "other", "image_transformation": {"steps": [{"Blur": {}}]}}
    answer = http.post("/upsert_collection", json={"name": "wrong", "config": {"ModelConfig": wrong}})
    problem(answer, 400, "invalid_argument", "Blur")
    http.post("/remove_collection", json={"name": "described"})


def test_unknown_collections(http):
    picture = source(encoded())
    for path, wanted in (
        ("/add_image", {"collection_name": "nothing", "id": 1, "source": picture}),
        ("/search_image", {"collection_name": "nothing", "n_results": 1, "source": picture}),
    ):
        problem(http.post(path, json=wanted), 404, "not_found", "nothing")
    for path, wanted in (
        ("/remove_image", {"collection_name": "nothing", "id": 1}),
        ("/remove_collection", {"name": "nothing"}),
    ):
        answer = http.post(path, json=wanted)
        assert answer.status_code == 404 or answer.text == "ok", answer.text


@pytest.mark.parametrize(
    "path, wanted",
    [
        ("/search_image", {"collection_name": "old", "n_results": 0, "source": {"Url": "http://127.0.0.1:1/"}}),
        ("/search_image", {"collection_name": "old", "source": {"Url": "http://127.0.0.1:1/"}}),
        ("/search_image", {"collection_name": "old", "n_results": 1, "source": {}}),
        (
            "/search_image",
            {"collection_name": "old", "n_results": 1, "source": {"Url": "a", "ImageBytes": {"bytes": []}}},
        ),
        ("/search_image", {"collection_name": "old", "n_results": 1, "source": {"ImageBytes": {"bytes": [300]}}}),
        ("/add_image", {"collection_name": "old", "id": None, "source": {"Url": "http://127.0.0.1:1/"}}),
        ("/add_image", {"collection_name": "old", "id": 1.5, "source": {"Url": "http://127.0.0.1:1/"}}),
        ("/upsert_collection", {"name": "x", "config": {}}),
        ("/upsert_collection", {"name": "../x", "config": {"ModelArchitecture": "default"}}),
        ("/upsert_collection", {"config": {"ModelArchitecture": "default"}}),
        ("/remove_collection", {}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_requests(http, old, path, wanted):
    problem(http.post(path, json=wanted), 400, "invalid_argument")


def test_by_url(http, old, site):
    picture = encoded(seed=3)
    where = {"Url": site({"/a.png": picture}) + "/a.png"}
    answer = http.post("/add_image", json={"collection_name": "old", "id": "u", "source": where})
    await_job(http, answer.headers["x-job-id"])
    found = http.post("/search_image", json={"collection_name": "old", "n_results": 1, "source": where}).json()
    assert found["results"][0]["id"] == "u"


def test_search_with_a_form(http, shapes, jpeg):
    found = http.post("/api/search/shapes", files={"file": ("a.jpg", jpeg)}).json()
    assert len(found) == 20
    assert found[0]["id"] == "circle/0000.jpg"
    assert found[0]["score"] == pytest.approx(1, abs=1e-5)
    assert found[0]["payload"]["kind"] == "circle"
    assert isinstance(found[0]["version"], int)
    assert len(http.post("/api/search/shapes?limit=3", files={"file": jpeg}).json()) == 3
    assert http.post("/api/search/nothing", files={"file": jpeg}).status_code == 422
    assert http.post("/api/search/shapes", files={"other": jpeg}).status_code == 422
    assert http.post("/api/search/shapes", files={"file": b"no picture"}).status_code == 400
    problem(http.post("/api/search/shapes", json={}), 415, "unsupported_media_type")
