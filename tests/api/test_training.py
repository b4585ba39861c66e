"""Trainings: from a request to a model, live figures, refusals, stopping and going on, restarts, and searches beside."""

import csv
import signal
import time

import pytest
from conftest import await_job, client_of, problem
from live import TOKENS, Server

SMALL = {"embedder_layers": [8], "epochs": 3, "batch_size": 8, "sampler_m": 4, "lr": 0.001}
ENDLESS = {**SMALL, "epochs": 100_000}  # more than a test waits for


def start(http, path, **wanted):
    answer = http.post(f"{path}/train", json=wanted)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.json()


def await_epochs(http, job, count, starts=1):
    """The job, when it runs for the time `starts` and has told so many epochs."""
    until = time.monotonic() + 60
    while True:
        said = http.get(f"/v1/jobs/{job}").json()
        if said["state"] == "running" and said["starts"] == starts and len(said.get("epochs", [])) >= count:
            return said
        assert said["state"] in ("queued", "running"), said
        assert time.monotonic() < until, said
        time.sleep(0.02)


def stop(http, job):
    http.post(f"/v1/jobs/{job}/cancel")
    return await_job(http, job, "cancelled")


def test_from_labels_to_a_model(http, shapes, folders):
    job = start(http, shapes, name="shapely", label="kind", **SMALL)
    assert (job["kind"], job["subject"]) == ("train", "shapes")
    done = await_job(http, job["id"])
    assert [epoch["epoch"] for epoch in done["epochs"]] == [1, 2, 3]
    assert (done["progress"]["done"], done["progress"]["total"]) == (3, 3)

    (told,) = [each for each in http.get("/v1/trainings").json()["trainings"] if each["name"] == "shapely"]
    assert told["job"]["id"] == job["id"]
    assert "epochs" not in told["report"]
    said = http.get("/v1/trainings/shapely").json()
    assert (said["request"]["collection"], said["request"]["label"], said["request"]["loss"]) == ("shapes", "kind", "circle")
    report = said["report"]
    assert (report["items"], report["classes"], report["learnt"], report["held_out"]) == (40, 4, 28, 12)
    assert report["epochs"] == done["epochs"]
    assert report["model"] and not report["interrupted"]
    assert http.get("/v1/trainings/shapely/report.json").json() == report
    lines = list(csv.DictReader(http.get("/v1/trainings/shapely/epochs.csv").text.splitlines()))
    assert [line["epoch"] for line in lines] == ["1", "2", "3"]
    page = http.get("/v1/trainings/shapely/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<h1>shapely</h1>" in page.text

    assert "shapely" in [model["name"] for model in http.get("/v1/models").json()["models"]]
    assert http.put("/v1/collections/learnt", json={"model": "shapely"}).json()["dimensions"] == 8
    index = http.post("/v1/collections/learnt/index", json={"paths": [str(folders / "pictures")]}).json()
    assert await_job(http, index["id"])["progress"]["indexed"] == 40
    hits = http.post("/v1/collections/learnt/search", json={"terms": [{"id": "circle/0000.jpg"}], "k": 1}).json()["hits"]
    assert (hits[0]["id"], round(hits[0]["similarity"], 4)) == ("circle/0000.jpg", 1)
    http.delete("/v1/collections/learnt")

    problem(http.post(f"{shapes}/train", json={"name": "shapely", **SMALL}), 409, "already_exists", "shapely")
    assert http.delete("/v1/trainings/shapely").status_code == 204
    problem(http.get("/v1/trainings/shapely"), 404, "not_found", "shapely")
    assert http.get("/v1/models/shapely").status_code == 200, "the model stays"


@pytest.mark.parametrize(
    "wanted, status, code, words",
    [
        ({"label": "knd"}, 422, "not_found", ["knd", "kind"]),
        ({"label": "number", "split_by": "classes"}, 400, "invalid_argument", ["two of them"]),
        ({"split": 0.99}, 400, "invalid_argument", ["held out"]),
        ({"split": 1}, 400, "invalid_argument", ["below 1"]),
        ({"loss": "circel"}, 400, "invalid_argument", ["circel", "circle, triplet"]),
        ({"miner": "soft"}, 400, "invalid_argument", ["soft", "semi_hard"]),
        ({"split_by": "halves"}, 400, "invalid_argument", ["halves", "classes"]),
        ({"batch_size": 9}, 400, "invalid_argument", ["multiple"]),
        ({"batch_size": -8}, 400, "invalid_argument", ["batch_size"]),
        ({"embedder_layers": [0.5]}, 400, "invalid_argument", ["embedder_layers"]),
        ({"embedder_layers": []}, 400, "invalid_argument", ["layers"]),
        ({"epochs": 0}, 400, "invalid_argument", ["epochs"]),
        ({"lr": "fast"}, 400, "invalid_argument", ["lr"]),
        ({"views": 65}, 400, "invalid_argument", ["64"]),
        ({"name": "../up"}, 400, "invalid_argument", ["../up"]),
        ({"name": "default"}, 409, "already_exists", ["default"]),
        ({"trunk_model": "defualt"}, 422, "not_found", ["default"]),
        ({"trunk_model": "/etc/passwd"}, 400, "invalid_argument", ["/etc/passwd"]),
        ({"output": "/tmp/x"}, 400, "invalid_argument", ["output"]),
        ({"epoch": 3}, 400, "invalid_argument", ["epochs"]),
        ({"collection": "another"}, 400, "invalid_argument", ["another"]),
    ],
    ids=str,
)
def test_what_cannot_be_learnt(http, shapes, wanted, status, code, words):
    problem(http.post(f"{shapes}/train", json={"name": "refused", **SMALL, **wanted}), status, code, *words)
    problem(http.get("/v1/trainings/refused"), 404, "not_found")


def test_one_class(http, fresh, folders):
    index = http.post(f"{fresh}/index", json={"paths": [str(folders / "pictures/circle")]}).json()
    await_job(http, index["id"])
    problem(http.post(f"{fresh}/train", json={"name": "one"}), 422, "not_found", "@folder")
    for number, id in enumerate(item["id"] for item in http.get(f"{fresh}/items").json()["items"]):
        http.patch(f"{fresh}/items/{id}", json={"kind": "circle", "alone": number})
    problem(http.post(f"{fresh}/train", json={"name": "one", "label": "kind"}), 400, "invalid_argument", "two")
    problem(http.post(f"{fresh}/train", json={"name": "one", "label": "alone"}), 400, "invalid_argument", "two")
    problem(http.post("/v1/collections/nowhere/train", json={}), 404, "not_found", "nowhere")


def test_bare_vectors(http):
    http.put("/v1/collections/bare-training", json={"dimensions": 3})
    problem(http.post("/v1/collections/bare-training/train", json={}), 422, "unsupported", "bare vectors")
    http.delete("/v1/collections/bare-training")


def test_only_admins_make_models(server, shapes):
    for role in ("read", "write"):
        with client_of(server.url, TOKENS[role]) as http:
            problem(http.post(f"{shapes}/train", json={"name": "forbidden", **SMALL}), 403, "forbidden", "admin")
            assert http.get("/v1/trainings").status_code == 200


def test_files_that_are_not(http, shapes):
    job = start(http, shapes, name="fileless", **ENDLESS)
    await_epochs(http, job["id"], 1)
    problem(http.get("/v1/trainings/fileless/report.html"), 404, "not_found", "yet")
    for name in ("report.htm", "checkpoint", "..%2F..%2Fcatalog.db", "%2Fetc%2Fpasswd"):
        problem(http.get(f"/v1/trainings/fileless/{name}"), 404, "not_found", "report.html")
    for name in ("nothing", "..%2Ftrainings%2Ffileless", "%2E%2E%2Fmodels"):
        assert http.get(f"/v1/trainings/{name}").status_code == 404
    problem(http.delete("/v1/trainings/fileless"), 400, "invalid_argument", job["id"])
    stop(http, job["id"])
    assert http.delete("/v1/trainings/fileless").status_code == 204


def test_stopped_it_goes_on_and_searches_go_on_beside(http, shapes):
    job = start(http, shapes, name="stopped", **ENDLESS)
    running = await_epochs(http, job["id"], 2)
    assert running["stage"] == "epochs"
    assert http.get("/v1/trainings/stopped").json()["report"]["before"]["map_at_r"] > 0, "of the trunk alone, from the start"
    assert start(http, shapes, name="stopped", **ENDLESS)["id"] == job["id"], "the same one"
    problem(http.post(f"{shapes}/train", json={"name": "stopped", **SMALL}), 409, "already_exists", job["id"])
    for _ in range(20):
        hits = http.post(f"{shapes}/search", json={"terms": [{"id": "cross/0002.jpg"}], "k": 5}).json()["hits"]
        assert hits[0]["id"] == "cross/0002.jpg"
    kept = len(stop(http, job["id"])["epochs"])
    assert kept >= 2
    report = http.get("/v1/trainings/stopped").json()["report"]
    assert report["interrupted"] and report["model"] == ""
    again = start(http, shapes, name="stopped", **ENDLESS)
    assert again["id"] != job["id"]
    told = await_epochs(http, again["id"], kept + 1)["epochs"]
    assert [epoch["epoch"] for epoch in told] == list(range(1, len(told) + 1))
    assert told[:kept] == report["epochs"][:kept]
    stop(http, again["id"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_restart_goes_on(tmp_path, folders, how):
    server = Server(tmp_path, paths={"allowed": [folders]})
    with server, client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
        index = http.post("/v1/collections/a/index", json={"paths": [str(folders / "pictures")]}).json()
        await_job(http, index["id"])
        job = start(http, "/v1/collections/a", name="again", **ENDLESS)
        kept = await_epochs(http, job["id"], 3)["epochs"]
        server.stop(how)
    with server, client_of(server.url, TOKENS["admin"]) as http:
        told = await_epochs(http, job["id"], len(kept) + 1, starts=2)["epochs"]
        assert told[: len(kept)] == kept
        assert [epoch["epoch"] for epoch in told] == list(range(1, len(told) + 1))
        stop(http, job["id"])
