"""Models: listing, showing, checking, embedding, adding, pulling."""

import pytest
from conftest import await_job, encoded, problem
from live import SOURCE

RAW = {"Content-Type": "application/octet-stream"}
# The bundled model's file with steps of its own, so that it is another model.
MODEL = (SOURCE / "models/default/model.onnx").read_bytes()
STEPS = [
    {"resize": {"width": 112, "height": 112}},
    {"normalize": {"sub": [127.5, 127.5, 127.5], "div": [127.5, 127.5, 127.5]}},
]


def test_list_and_show(http):
    models = http.get("/v1/models").json()["models"]
    names = [model["name"] for model in models]
    assert "default" in names
    assert names == sorted(names)
    assert http.get("/v1/models/default").json()["bundle"]["name"] == "default"
    problem(http.get("/v1/models/defualt"), 404, "not_found", "defualt", "default")


def test_layers(http):
    said = http.get("/v1/models/default/layers").json()
    assert said["model"] == "default"
    assert any(layer["output"] for layer in said["layers"])
    problem(http.get("/v1/models/nothing/layers"), 404, "not_found", "nothing")


def test_check(http):
    said = http.post("/v1/models/default/check").json()
    assert said["dimensions"] == 256
    assert said["images_per_s"] > 0
    problem(http.post("/v1/models/nothing/check"), 404, "not_found", "nothing")


def test_embed(http):
    picture = encoded()
    forms = [
        {"content": picture, "headers": RAW},
        {"files": {"file": ("a.png", picture)}},
        {"json": {"bytes": list(picture)}},
    ]
    answers = [http.post("/v1/models/default/embed", **form).json() for form in forms]
    assert answers[0]["dimensions"] == len(answers[0]["vector"]) == 256
    assert answers[0] == answers[1] == answers[2]
    problem(http.post("/v1/models/nothing/embed", content=picture, headers=RAW), 404, "not_found", "nothing")
    problem(http.post("/v1/models/default/embed", json={"text": "x"}), 400, "invalid_argument", "text")
    problem(http.post("/v1/models/default/embed", json={"uri": "/etc/passwd"}), 400, "invalid_argument")
    assert http.post("/v1/models/default/embed", content=b"no picture", headers=RAW).status_code == 400


def test_a_model_file(http):
    added = http.put("/v1/models/bare", content=MODEL, headers=RAW)
    assert added.status_code == 201, added.text
    assert added.json()["name"] == "bare"
    embedded = http.post("/v1/models/bare/embed", content=encoded(), headers=RAW)
    assert embedded.json()["dimensions"] == 256
    assert http.put("/v1/collections/of-bare", json={"model": "bare"}).json()["model"] == "bare"
    problem(http.put("/v1/models/bare", content=MODEL + b"\0", headers=RAW), 409, "already_exists", "bare")
    answer = http.post("/v1/collections/of-bare/search", json={"vector": [1] * 256, "model": "default"})
    problem(answer, 400, "invalid_argument", "default")
    http.delete("/v1/collections/of-bare")


@pytest.mark.parametrize("body", [b"no model", b"", MODEL[:5000]], ids=["text", "empty", "cut off"])
def test_broken_model_files(http, body):
    answer = http.put("/v1/models/broken", content=body, headers=RAW)
    assert answer.status_code in (400, 422), answer.text
    problem(http.get("/v1/models/broken"), 404, "not_found")


@pytest.mark.parametrize("name", ["%2E%2E", "a%2Fb", "%2Eb", "x" * 65])
def test_wrong_names(http, name):
    problem(http.put(f"/v1/models/{name}", content=MODEL, headers=RAW), 400, "invalid_argument")


def test_a_description_and_a_url(http, site):
    bundle = {"name": "described", "model": "model.onnx", "preprocess": STEPS}
    wanted = {"bundle": bundle, "url": site({"/m.onnx": MODEL}) + "/m.onnx"}
    added = http.put("/v1/models/described", json=wanted)
    assert added.status_code == 201, added.text
    assert http.post("/v1/models/described/check").json()["dimensions"] == 256
    other = {"bundle": {**bundle, "pooling": "avg"}, "url": wanted["url"]}
    problem(http.put("/v1/models/described", json=other), 409, "already_exists", "described")


@pytest.mark.parametrize(
    "change, word",
    [
        ({"preprocess": [{"blur": {}}]}, "blur"),
        ({"preprocess": [{"resize": {"width": 112}}]}, "height"),
        ({"preprocess": [{"normalize": {"sub": [1, 1, 1], "div": [1, 1, 1]}}, STEPS[0]]}, "resize"),
        ({"poolign": "avg"}, "poolign"),
        ({"layer": "nothing-of-the-kind"}, "nothing-of-the-kind"),
        ({"preprocess": None}, "preprocess"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_descriptions(http, site, change, word):
    name = f"wrong-{word}"
    bundle = {"name": name, "model": "model.onnx", "preprocess": STEPS, **change}
    bundle = {key: value for key, value in bundle.items() if value is not None}
    answer = http.put(f"/v1/models/{name}", json={"bundle": bundle, "url": site({"/m.onnx": MODEL}) + "/m.onnx"})
    assert answer.status_code in (400, 422), answer.text
    assert word in answer.json()["detail"], answer.text
    problem(http.get(f"/v1/models/{name}"), 404, "not_found")


def test_a_url_that_fails(http, site):
    bundle = {"name": "failing", "model": "model.onnx", "preprocess": STEPS}
    for url in (site({}) + "/m.onnx", "http://127.0.0.1:1/m.onnx", "file:///etc/passwd"):
        answer = http.put("/v1/models/failing", json={"bundle": bundle, "url": url})
        assert 400 <= answer.status_code < 504, answer.text
        problem(http.get("/v1/models/failing"), 404, "not_found")


def test_pull(http, site):
    """`tiny` is of the zoo that the tests put into the data folder."""
    answer = http.post("/v1/models/tiny/pull", json={"mirror": site({"/tiny.onnx": MODEL})})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["kind"], answer.json()["subject"]) == ("pull", "tiny")
    done = await_job(http, answer.json()["id"])
    assert done["progress"]["done"] == len(MODEL), "progress is in bytes"
    assert http.post("/v1/models/tiny/check").json()["dimensions"] == 256


def test_pull_that_fails(http):
    down = http.post("/v1/models/far/pull", json={"mirror": "http://127.0.0.1:1"})
    failed = await_job(http, down.json()["id"], "failed")
    assert failed["error"]["code"] == "unavailable", failed
    problem(http.get("/v1/models/far"), 404, "not_found")
    unknown = http.post("/v1/models/nothing/pull")
    assert await_job(http, unknown.json()["id"], "failed")["error"]["code"] == "not_found"
