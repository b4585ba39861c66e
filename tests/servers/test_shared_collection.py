"""A collection of pictures in a search engine, and two servers that learn of it, change it and search it at the same time."""

import threading
import time

import httpx
import pytest
from bundles import add_model
from live import TOKENS, Server
from pictures import draw_folder

PATIENCE_S = 120
COUNT = 120
PATH = "/v1/collections/shapes"


def client_of(server):
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKENS['admin']}"}, timeout=PATIENCE_S)


@pytest.fixture
def pictures(tmp_path):
    return draw_folder(tmp_path / "pictures", COUNT)


@pytest.fixture
def two(engine, tmp_path, pictures):
    """Clients of two servers before one engine, in which the first has indexed the pictures."""
    servers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        servers.append(Server(tmp_path / name, paths={"allowed": [pictures]}, backend={"url": engine}))
        add_model(servers[-1].data / "models", "other")
    with servers[0] as a, servers[1] as b, client_of(a) as here, client_of(b) as there:
        assert here.put(PATH).status_code == 201
        metadata = str(pictures / "metadata.csv")
        assert done(here, here.post(f"{PATH}/index", json={"paths": [str(pictures)], "metadata_file": metadata}))["indexed"] == COUNT
        yield here, there


def done(http, started):
    """The progress of the job, when it is done."""
    assert started.status_code == 202, started.text
    until = time.monotonic() + PATIENCE_S
    while (job := http.get(f"/v1/jobs/{started.json()['id']}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < until, job
        time.sleep(0.05)
    assert job["state"] == "done", job
    return job["progress"]


def searched(http, **wanted):
    answer = http.post(f"{PATH}/search", json={"k": 10, **wanted})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(said):
    return [hit["id"] for hit in said["hits"]]


def soon(condition):
    """Servers hear of each other within a second or two."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_what_one_learns_the_other_knows(two):
    here, there = two
    answers = []

    def learn(http, **wanted):
        answers.append(http.post(f"{PATH}/classifiers", json=wanted))

    both = [
        threading.Thread(target=learn, args=(here,), kwargs={"kind": "labels", "label": "kind"}),
        threading.Thread(target=learn, args=(there,), kwargs={"kind": "clusters", "clusters": 4, "name": "group"}),
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    for http in two:
        soon(lambda http=http: {one["name"] for one in http.get(f"{PATH}/classifiers").json()["classifiers"]} == {"class", "group"})
        said = searched(http, id="circle/0000.jpg", classify="class", class_confidence=0)
        assert said["explain"]["classification"]["class"] == "circle"
        assert {hit["metadata"]["class"] for hit in said["hits"]} == {"circle"}

    calibrated = there.post(f"{PATH}/calibration", json={})
    assert calibrated.status_code == 200, calibrated.text
    soon(lambda: here.get(f"{PATH}/calibration").status_code == 200)
    assert here.get(f"{PATH}/calibration").json() == there.get(f"{PATH}/calibration").json()
    first, second = (searched(http, id="cross/0002.jpg") for http in two)
    assert ids(first) == ids(second)
    assert [hit["confidence"] for hit in first["hits"]] == [hit["confidence"] for hit in second["hits"]]


def test_parts_are_found_through_both(two):
    here, there = two
    assert done(here, here.post(f"{PATH}/regions", json={"plan": "2x2"}))["indexed"] == COUNT
    soon(lambda: there.get(PATH).json()["regions"] == "2x2")
    quarter = {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}
    for http in two:
        assert http.get(PATH).json()["region_vectors"] == 4 * COUNT
        said = searched(http, id="square/0001.jpg", crop=quarter, regions=True, exclude_self=False, k=1)
        assert (ids(said), said["hits"][0]["region"]) == (["square/0001.jpg"], quarter)
    assert there.delete(f"{PATH}/items/square/0001.jpg".replace("square/", "square%2F")).status_code == 204
    soon(lambda: here.get(PATH).json()["region_vectors"] == 4 * COUNT - 4)


@pytest.mark.parametrize("grace_s", [0, 3600])
def test_another_model_while_the_other_server_searches(two, grace_s):
    here, there = two
    models, wrong, ended = [], [], threading.Event()

    def search():
        while not ended.is_set():
            answer = there.post(f"{PATH}/search", json={"id": "circle/0000.jpg", "k": 1, "exclude_self": False})
            hits = answer.json().get("hits", [])
            if answer.status_code != 200 or [hit["id"] for hit in hits] != ["circle/0000.jpg"] or abs(hits[0]["similarity"] - 1) > 1e-3:
                wrong.append(answer.text)
            else:
                models.append(answer.json()["model"])

    searcher = threading.Thread(target=search)
    searcher.start()
    try:
        soon(lambda: len(models) > 3)
        done(here, here.post(f"{PATH}/migrate", json={"model": "other", "grace_s": grace_s}))
        soon(lambda: models[-1:] == ["other"] or wrong)
    finally:
        ended.set()
        searcher.join()
    assert not wrong, wrong[:3]
    changes = [model for model, before in zip(models, [None, *models]) if model != before]
    assert changes == ["default", "other"]
    for http in two:
        info = http.get(PATH).json()
        assert (info["model"], info["items"], (info["migration"] or {}).get("model")) == ("other", COUNT, "default" if grace_s else None)
    if grace_s:
        done(there, there.post(f"{PATH}/migrate", json={"step": "rollback"}))
        soon(lambda: here.get(PATH).json()["model"] == "default")


def test_out_by_one_and_in_by_the_other(two):
    here, there = two
    exported = there.get(f"{PATH}/export")
    assert exported.status_code == 200
    headers = {"Content-Type": "application/octet-stream"}
    taken = here.post("/v1/import", params={"name": "again"}, content=exported.content, headers=headers)
    assert taken.status_code == 201, taken.text
    again = there.get("/v1/collections/again").json()
    assert (again["items"], again["backend"]) == (COUNT, there.get(PATH).json()["backend"])
    wanted = ids(searched(here, id="stripes/0003.jpg"))
    assert ids(there.post("/v1/collections/again/search", json={"id": "stripes/0003.jpg", "k": 10}).json()) == wanted
