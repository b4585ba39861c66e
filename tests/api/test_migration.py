"""A change of model while clients search and write: no error, no answer of two spaces, and kill -9 loses nothing."""

import random
import signal
import threading
import time

import pytest
from bundles import add_model
from conftest import await_job, client_of, encoded, problem
from live import PATIENCE_S, TOKENS, Server
from pictures import draw_folder

PNG = {"Content-Type": "image/png"}
COUNT = 240  # several portions of 64, so that kills come between them
KILLS = 20
SEED = 20250114


def until(condition):
    """What it gives, once that is true."""
    end = time.monotonic() + PATIENCE_S
    while not (met := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return met


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("many"), COUNT)


@pytest.fixture
def ready(tmp_path, many):
    """A server that is not started, with a second model."""
    server = Server(tmp_path, paths={"allowed": [many]})
    add_model(server.data / "models", "other")
    return server


def index(http, many):
    http.put("/v1/collections/a").raise_for_status()
    job = http.post("/v1/collections/a/index", json={"paths": [str(many)]}).json()
    assert await_job(http, job["id"])["progress"]["indexed"] == COUNT


def migrate(http, path="/v1/collections/a", **wanted):
    """The job, when it is done."""
    answer = http.post(f"{path}/migrate", json=wanted)
    assert answer.status_code == 202, answer.text
    return await_job(http, answer.json()["id"])


def shown(http, path="/v1/collections/a"):
    return http.get(path).json()


def is_idle(http):
    counts = http.get("/v1/jobs").json()["counts"]
    assert counts["failed"] == 0, http.get("/v1/jobs").text
    return counts["queued"] + counts["running"] == 0


class Searcher(threading.Thread):
    """Searches every 10 ms, in turn by picture, by id and by both, alone and in a batch, with stored pictures: each finds
    itself, as nearly as only vectors of one space can. `models` are those of the answers."""

    def __init__(self, server, many):
        super().__init__()
        self.server = server
        self.files = sorted(file.relative_to(many) for file in many.glob("*/*.jpg"))[::7]
        self.pictures = [(many / file).read_bytes() for file in self.files]
        self.models, self.wrong, self.ended = [], [], threading.Event()

    def run(self):
        with client_of(self.server.url, TOKENS["read"]) as http:
            turn = 0
            while not self.ended.wait(0.01):
                try:
                    self.search(http, turn)
                except Exception as error:
                    self.wrong.append(repr(error))
                turn += 1

    def search(self, http, turn):
        place = turn // 3 % len(self.files)
        name = self.files[place].as_posix()
        options = {"k": 1, "exclude_self": False}
        path = "/v1/collections/a/search"
        if turn % 3 == 0:
            answer = http.post(path, params=options, content=self.pictures[place], headers={"Content-Type": "image/jpeg"})
            found = [answer.json()]
        elif turn % 3 == 1:
            answer = http.post(path, json={"id": name, **options})
            found = [answer.json()]
        else:
            answer = http.post(f"{path}/batch", json={"queries": [{"id": name, **options}] * 3})
            found = answer.json()["results"]
        for one in found:
            best = one["hits"][0]
            if answer.status_code != 200 or best["id"] != name or abs(best["similarity"] - 1) > 1e-4:
                self.wrong.append((turn, name, answer.status_code, one))
            self.models.append(one["model"])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def test_searches_go_on(ready, many):
    with ready as server, client_of(server.url, TOKENS["admin"]) as http:
        index(http, many)
        with Searcher(server, many) as searcher:
            until(lambda: len(searcher.models) > 5)
            started = http.post("/v1/collections/a/migrate", json={"model": "other"}).json()["id"]
            number = 0
            while http.get(f"/v1/jobs/{started}").json()["state"] in ("queued", "running"):
                put = http.put(f"/v1/collections/a/items/new-{number}", content=encoded(seed=5000 + number), headers=PNG)
                assert put.status_code == 201, put.text
                if number % 3 == 0:
                    assert http.delete(f"/v1/collections/a/items/new-{number}").status_code == 204
                number += 1
            assert http.get(f"/v1/jobs/{started}").json()["state"] == "done"
            after = len(searcher.models)
            until(lambda: len(searcher.models) > after + 10)
            info = shown(http)
            assert (info["model"], info["migration"]["model"], info["migration"]["state"]) == ("other", "default", "switched")
            assert info["items"] == COUNT + number - (number + 2) // 3
            assert migrate(http, step="rollback")["progress"]["failed"] == 0
            until(lambda: searcher.models[-1] == "default")
        assert not searcher.wrong, searcher.wrong[:5]
        # Each search begins after the one before has ended: the model changes twice, and nothing flickers.
        changes = [model for model, before in zip(searcher.models, [None, *searcher.models]) if model != before]
        assert changes == ["default", "other", "default"]
        assert shown(http)["migration"] is None


def test_twenty_kills(ready, many):
    moments = random.Random(SEED)
    with ready as server, client_of(server.url, TOKENS["admin"]) as http:
        index(http, many)
    models, target, done, in_the_middle = {"default", "other"}, "other", 0, 0
    in_vain = 0  # kills in a row before anything new was stored; after five of them a job is given up
    # More than that where a fast machine is through before the kill comes.
    for kill in range(3 * KILLS + 1):
        last = kill == 3 * KILLS or (kill >= KILLS and in_the_middle >= KILLS / 4)
        ready.start()
        with client_of(ready.url, TOKENS["admin"]) as http:
            info = shown(http)
            assert info["items"] == COUNT and info["model"] in models
            if info["migration"] and info["migration"]["state"] != "switched":
                assert info["migration"]["done"] >= done, "what was embedded is lost"
            with Searcher(ready, many) as searcher:
                until(lambda: len(searcher.models) >= 6)
            assert not searcher.wrong, searcher.wrong[:5]
            if is_idle(http):
                if shown(http)["model"] == target:
                    # This one is through: another one, back.
                    assert http.post("/v1/collections/a/migrate/finish").status_code == 200
                    (target,) = models - {target}
                    done = in_vain = 0
                begun = http.post("/v1/collections/a/migrate", json={"model": target})
                assert begun.status_code == 202, begun.text
            if last:
                until(lambda: shown(http)["model"] == target and is_idle(http))
                with Searcher(ready, many) as searcher:
                    until(lambda: len(searcher.models) >= 30)
                assert not searcher.wrong and set(searcher.models) == {target}
                ready.stop()
                break
            # From this much of it on, or at the switch.
            moment = min(moments.randrange(COUNT + 60), COUNT) if in_vain < 3 else done + 1

            def come():
                now = shown(http)
                migration = now["migration"] or {"state": "", "done": 0}
                return now["model"] == target or (migration["state"] and migration["done"] >= moment) and now

            now = until(come)
            before = done
            done = now["migration"]["done"] if now is not True and now["model"] != target else 0
            in_vain = in_vain + 1 if done == before else 0
            in_the_middle += now is not True and 0 < done < COUNT
        ready.stop(signal.SIGKILL)
    assert in_the_middle >= KILLS / 4, "the kills came at the wrong moments to prove anything"


@pytest.fixture(scope="module")
def second(server):
    add_model(server.data / "models", "second")
    return "second"


def test_prepared_compared_and_cancelled(http, fresh, second):
    for seed in range(12):
        http.put(f"{fresh}/items/{seed}", content=encoded(seed=seed), headers=PNG, params={"metadata": f'{{"n": {seed % 2}}}'})
    problem(http.post(f"{fresh}/migrate/compare", json={}), 404, "not_found", "--prepare")
    job = migrate(http, fresh, model=second, step="prepare")
    assert (job["kind"], job["progress"]["indexed"]) == ("migrate", 12)
    info = shown(http, fresh)
    assert info["model"] == "default"
    assert info["migration"].items() >= {"model": second, "state": "ready", "total": 12, "done": 12, "until": None}.items()
    said = http.post(f"{fresh}/migrate/compare", json={"sample": 5, "label": "n"}).json()
    assert (said["model"], said["other_model"], said["compared"], len(said["searches"])) == ("default", second, 12, 5)
    assert 0 <= said["overlap"] <= 1 and said["report"]["queries"] == said["other_report"]["queries"] == 12
    for wrong in ({"sample": 0}, {"sample": 20_000}, {"label": 3}):
        problem(http.post(f"{fresh}/migrate/compare", json=wrong), 400, "invalid_argument")
    problem(http.post(f"{fresh}/migrate/finish"), 400, "invalid_argument", "--cancel")
    assert http.post(f"{fresh}/migrate/cancel").json()["migration"] is None
    problem(http.post(f"{fresh}/migrate/cancel"), 400, "invalid_argument")


def test_what_fails_is_named(http, fresh, second):
    assert http.put(f"{fresh}/items/picture", content=encoded(), headers=PNG).status_code == 201
    assert http.post(f"{fresh}/items", json={"id": "bare", "vector": [1.0] * 256}).status_code in (200, 201)
    job = migrate(http, fresh, model=second)
    assert job["progress"]["failed"] == 1
    (failure,) = http.get(f"/v1/jobs/{job['id']}/failures").json()["failures"]
    assert failure["uri"] == "bare" and "bare vector" in failure["message"]
    assert shown(http, fresh)["migration"].items() >= {"state": "ready", "done": 1, "failed": 1}.items()
    migrate(http, fresh, step="switch", drop_failed=True)
    info = shown(http, fresh)
    assert (info["model"], info["items"]) == (second, 1)
    assert http.post(f"{fresh}/migrate/finish").json()["migration"] is None
    problem(http.post(f"{fresh}/migrate", json={"step": "rollback"}), 400, "invalid_argument", "roll back")


def test_wrong_requests(http, server, fresh, second):
    post = lambda body: http.post(f"{fresh}/migrate", json=body)
    for body in ({}, {"model": "default"}, {"model": "../x"}, {"step": "jump"}, {"step": "switch"}, {"step": "rollback"}):
        problem(post(body), 400, "invalid_argument")
    for body in ({"model": second, "grace_s": -1}, {"model": second, "grace_s": 10**10}, {"step": "switch", "model": second}):
        problem(post(body), 400, "invalid_argument")
    problem(post({"model": "nothing"}), 422, "not_found", "nothing")
    problem(http.post("/v1/collections/nothing/migrate", json={"model": second}), 404, "not_found", "nothing")
    migrate(http, fresh, model=second, step="prepare")
    add_model(server.data / "models", "third", grey=90)
    problem(post({"model": "third"}), 409, "already_exists", second)
    with client_of(server.url, TOKENS["write"]) as writer:
        problem(writer.post(f"{fresh}/migrate", json={"model": second}), 403, "forbidden")
