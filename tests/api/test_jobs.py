"""Jobs: states, progress, failures, cancelling, events, restarts."""

import json
import shutil
import signal
import time

import pytest
from conftest import await_job, client_of, encoded, problem
from live import TOKENS, Server
from pictures import draw, draw_folder, exif_of


@pytest.fixture(scope="module")
def many(folders):
    """300 pictures: enough for a job to be seen at work."""
    return draw_folder(folders / "many", 300)


def start(http, path, *paths, **options):
    answer = http.post(f"{path}/index", json={"paths": list(map(str, paths)), **options})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.json()


def test_from_queue_to_done(http, fresh, folders):
    job = start(http, fresh, folders / "pictures")
    assert job["state"] in ("queued", "running")
    assert (job["kind"], job["subject"], job["error"]) == ("index", fresh.rpartition("/")[2], None)
    done = await_job(http, job["id"])
    assert done["created"] <= done["started"] <= done["finished"]
    progress = done["progress"]
    assert (progress["total"], progress["done"], progress["indexed"], progress["failed"]) == (40, 40, 40, 0)
    assert done["starts"] == 1
    again = await_job(http, start(http, fresh, folders / "pictures")["id"])
    assert (again["progress"]["indexed"], again["progress"]["skipped"]) == (0, 40)


def test_prune_and_metadata(http, fresh, folders):
    copy = shutil.copytree(folders / "pictures", folders / "pruned")
    await_job(http, start(http, fresh, copy, metadata_csv=str(copy / "metadata.csv"))["id"])
    assert http.get(f"{fresh}/items/cross%2F0002.jpg").json()["metadata"]["kind"] == "cross"
    shutil.rmtree(copy / "cross")
    await_job(http, start(http, fresh, copy)["id"])
    assert http.get(fresh).json()["items"] == 40
    await_job(http, start(http, fresh, copy, prune=True)["id"])
    assert http.get(fresh).json()["items"] == 30


def test_metadata_files_sidecars_and_exif(http, fresh, folders):
    photos = folders / "with-exif"
    photos.mkdir()
    draw("circle", 1).save(photos / "a.jpg", exif=exif_of(place=(50.5, 7.25)))
    (photos / "a.json").write_text('{"title": "A"}')
    (photos / "facts.jsonl").write_text('{"file": ".\\\\a.jpg", "stars": 5}\n{oops\n')
    wanted = {"metadata_file": str(photos / "facts.jsonl"), "sidecars": True, "exif": "gps"}
    job = await_job(http, start(http, fresh, photos, **wanted)["id"])
    assert (job["progress"]["indexed"], job["progress"]["failed"]) == (1, 0)
    (failure,) = http.get(f"/v1/jobs/{job['id']}/failures").json()["failures"]
    assert "line 2" in failure["message"]
    found = http.get(f"{fresh}/items/a.jpg").json()["metadata"]
    assert (found["title"], found["stars"], found["exif"]["iso"]) == ("A", 5, 400)
    assert found["exif"]["gps"] == {"latitude": 50.5, "longitude": 7.25}


def test_failures(http, fresh, folders):
    bad = folders / "bad"
    bad.mkdir()
    for number in range(5):
        (bad / f"{number}.jpg").write_bytes(b"no picture")
    shutil.copy(folders / "pictures/cross/0002.jpg", bad / "good.jpg")
    job = await_job(http, start(http, fresh, bad)["id"])
    assert (job["progress"]["failed"], job["progress"]["indexed"]) == (5, 1)
    path = f"/v1/jobs/{job['id']}/failures"
    failures = http.get(path).json()["failures"]
    assert {failure["uri"].rpartition("/")[2] for failure in failures} == {f"{number}.jpg" for number in range(5)}
    assert all(failure["code"] and failure["message"] for failure in failures)
    assert http.get(f"{path}?offset=3&limit=1").json()["failures"] == failures[3:4]
    assert http.get(f"{path}?offset=5").json()["failures"] == []
    problem(http.get(f"{path}?limit=0"), 400, "invalid_argument", "limit")


def test_a_job_that_fails(http, fresh, folders):
    job = start(http, fresh, folders / "nowhere")
    failed = await_job(http, job["id"], "failed")
    assert failed["error"]["code"] == "not_found"
    assert "nowhere" in failed["error"]["message"]


@pytest.mark.parametrize(
    "wanted, status, code",
    [
        ({"paths": ["/etc"]}, 400, "invalid_argument"),
        ({"paths": ["../.."]}, 400, "invalid_argument"),
        ({"paths": []}, 400, "invalid_argument"),
        ({}, 400, "invalid_argument"),
        ({"paths": ["x"], "batch": 0}, 400, "invalid_argument"),
        ({"paths": ["x"], "prnue": True}, 400, "invalid_argument"),
        ({"paths": ["x"], "exif": "all"}, 400, "invalid_argument"),
        ({"paths": ["x"], "exif": True}, 400, "invalid_argument"),
        ({"paths": ["x"], "sidecars": "yes"}, 400, "invalid_argument"),
        ({"paths": ["x"], "metadata_file": "/etc/passwd"}, 400, "invalid_argument"),
        ({"paths": ["x"], "metadata_file": "a.csv", "metadata_csv": "b.csv"}, 400, "invalid_argument"),
    ],
    ids=str,
)
def test_what_cannot_be_started(http, fresh, folders, wanted, status, code):
    problem(http.post(f"{fresh}/index", json=wanted), status, code)


def test_no_way_out_of_the_allowed_folders(http, fresh, folders):
    (folders / "way-out").symlink_to("/etc")
    for path in (f"{folders}/../..", f"{folders}/way-out"):
        problem(http.post(f"{fresh}/index", json={"paths": [path]}), 400, "invalid_argument")


def events_of(response):
    """The jobs of a stream of events."""
    name, found = "", []
    for line in response.iter_lines():
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            assert name == "job"
            found.append(json.loads(line[5:]))
    return found


def test_events(http, fresh, site):
    # From a site that takes its time, so that there is something to tell however fast the machine is.
    pages = {f"/{seed}.png": encoded("cross", seed) for seed in range(12)}
    url = site(pages, seconds=0.3)
    job = start(http, fresh, *(url + page for page in pages), batch=1)
    with http.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        seen = events_of(stream)
    assert len(seen) >= 3, "progress is told"
    assert [event["progress"]["done"] for event in seen] == sorted(event["progress"]["done"] for event in seen)
    assert [event["state"] for event in seen[:-1]].count("done") == 0
    assert seen[-1]["state"] == "done"
    assert seen[-1]["progress"]["indexed"] == 12
    with http.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert [event["state"] for event in events_of(stream)] == ["done"], "of one that has ended: the end"


def test_cancel(http, fresh, many):
    running = start(http, fresh, many, batch=10)
    while http.get(f"/v1/jobs/{running['id']}").json()["progress"]["indexed"] == 0:
        time.sleep(0.005)
    assert http.post(f"/v1/jobs/{running['id']}/cancel").json()["id"] == running["id"]
    stopped = await_job(http, running["id"], "cancelled")
    kept = http.get(fresh).json()["items"]
    assert 0 < stopped["progress"]["indexed"] <= kept < 300
    assert http.post(f"/v1/jobs/{running['id']}/cancel").json()["state"] == "cancelled"
    done = await_job(http, start(http, fresh, many)["id"])
    assert done["progress"]["skipped"] == kept
    assert http.post(f"/v1/jobs/{done['id']}/cancel").json()["state"] == "done", "what has ended stays"


def test_list(http, fresh, folders):
    name = fresh.rpartition("/")[2]
    ids = [await_job(http, start(http, fresh, folders / "pictures")["id"])["id"] for _ in range(3)]
    said = http.get("/v1/jobs", params={"subject": name}).json()
    assert [job["id"] for job in said["jobs"]] == ids[::-1], "newest first"
    assert said["counts"]["done"] >= 3
    older = http.get("/v1/jobs", params={"subject": name, "before": ids[2], "limit": 1}).json()["jobs"]
    assert [job["id"] for job in older] == [ids[1]]
    assert http.get("/v1/jobs", params={"subject": name, "state": "failed"}).json()["jobs"] == []
    problem(http.get("/v1/jobs?state=sleeping"), 400, "invalid_argument", "sleeping")
    problem(http.get("/v1/jobs?limit=1001"), 400, "invalid_argument", "limit")
    problem(http.get("/v1/jobs?before=x"), 400, "invalid_argument")


@pytest.mark.parametrize("route", ["", "/failures", "/events", "/cancel"])
def test_unknown(http, route):
    method = "POST" if route == "/cancel" else "GET"
    for id in ("999999", "x", "-1", "99999999999999999999999"):
        problem(http.request(method, f"/v1/jobs/{id}{route}"), 404, "not_found", id)


def test_equal_jobs_that_wait_are_one(http, fresh, many):
    ids = {start(http, fresh, many, batch=10)["id"] for _ in range(6)}
    assert len(ids) <= 3, "two run, one waits"
    for id in ids:
        http.post(f"/v1/jobs/{id}/cancel")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_restart_goes_on(tmp_path, folders, many, how):
    server = Server(tmp_path, paths={"allowed": [folders]}, limits={"jobs_parallel": 1})
    with server, client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
        job = start(http, "/v1/collections/a", many, batch=10)
        waiting = start(http, "/v1/collections/a", folders / "pictures")
        http.post("/v1/collections/a/items?id=mine", content=encoded(), headers={"Content-Type": "image/png"})
        while http.get(f"/v1/jobs/{job['id']}").json()["progress"]["indexed"] == 0:
            time.sleep(0.005)
        status = server.stop(how)
        assert status == (0 if how == signal.SIGTERM else -signal.SIGKILL)
    with server, client_of(server.url, TOKENS["admin"]) as http:
        done = await_job(http, job["id"])
        assert done["starts"] == 2
        assert await_job(http, waiting["id"])["starts"] == 1
        assert done["progress"]["skipped"] > 0, "what was stored is not embedded again"
        assert http.get("/v1/collections/a").json()["items"] == 301
        assert http.get("/v1/collections/a/items/mine").status_code == 200
