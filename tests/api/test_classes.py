"""What a collection learns of itself: classes that are asked first, and how likely a hit is a real match."""

import base64

import numpy
import pytest
from conftest import encoded, metadata_of, problem

RAW = {"Content-Type": "application/octet-stream"}
KINDS = {"circle", "square", "cross", "stripes"}


def merged(http, path):
    http.post(f"{path}/merge", json={"from": "shapes"}).raise_for_status()
    return path


def trained(http, path, **wanted):
    answer = http.post(f"{path}/classifiers", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def labelled(http, shapes):
    """The path of a copy of the 40 pictures that has learnt their kinds, which no test changes."""
    path = "/v1/collections/labelled"
    assert http.put(path).status_code == 201
    trained(http, merged(http, path), kind="labels", label="kind")
    return path


@pytest.fixture
def copy(http, shapes, fresh):
    """The path of a copy of the 40 pictures for one test."""
    return merged(http, fresh)


def search(http, path, **wanted):
    """The answer, and what the query was taken for."""
    answer = http.post(f"{path}/search", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.json()["explain"].get("classification")


def ids(said):
    return [hit["id"] for hit in said["hits"]]


def classes_of(said, field="class"):
    return [hit["metadata"][field] for hit in said["hits"]]


def counted(http, path, field):
    """Items by class, as the facets have them."""
    (facet,) = http.post(f"{path}/facets", json={"fields": [field]}).json()["facets"]
    return {value["value"]: value["items"] for value in facet["values"]}


# --- learning ---


def test_classes_of_labels(http, labelled):
    (learnt,) = http.get(f"{labelled}/classifiers").json()["classifiers"]
    assert (learnt["name"], learnt["kind"], learnt["label"]) == ("class", "labels", "kind")
    assert learnt["classes"] == sorted(KINDS)
    assert (learnt["items"], learnt["held_out"], learnt["min_confidence"]) == (40, 8, 0.5)
    assert learnt["accuracy"] > 0.5
    assert counted(http, labelled, "class") == dict.fromkeys(KINDS, 10)
    every = http.get(f"{labelled}/items").json()["items"]
    assert all(item["metadata"]["class"] == item["metadata"]["kind"] for item in every)
    listed = http.get(f"{labelled}/items", params={"filter": 'class = "cross"'}).json()["items"]
    assert [item["id"].split("/")[0] for item in listed] == ["cross"] * 10


def test_labels_of_folders(http, copy):
    learnt = trained(http, copy, kind="labels", label="@folder", name="folder", hidden=8, min_confidence=0, seed=3)
    assert (learnt["name"], learnt["label"], learnt["min_confidence"]) == ("folder", "@folder", 0)
    assert counted(http, copy, "folder") == dict.fromkeys(KINDS, 10)


def test_clusters(http, copy):
    learnt = trained(http, copy, kind="clusters", clusters=4, name="group")
    assert (learnt["kind"], learnt["label"], learnt["items"]) == ("clusters", "", 40)
    assert 2 <= len(learnt["classes"]) <= 4
    groups = counted(http, copy, "group")
    assert set(groups) <= set(learnt["classes"])
    assert sum(groups.values()) == 40
    said, told = search(http, copy, id="circle/0000.jpg", classify="group", class_confidence=0)
    assert (told["class"], told["fallback"]) == (classes_of(said, "group")[0], "")
    assert set(classes_of(said, "group")) == {told["class"]}
    assert trained(http, copy, kind="clusters", clusters=4, name="group") == learnt, "the same seed"


def test_classes_of_vectors_from_elsewhere(http, copy):
    """Which words have which vectors is told in a CSV, in place of a text tower."""
    rows = [",".join([*map(str, range(256)), "category"])]
    for name, id in (("round", "circle%2F0000.jpg"), ("crossed", "cross%2F0002.jpg")):
        vector = http.get(f"{copy}/items/{id}?vectors=true").json()["vector"]
        rows.append(",".join([*map(repr, vector), name]))
    learnt = trained(http, copy, kind="text", csv="\n".join(rows) + "\n", name="word")
    assert (learnt["kind"], learnt["classes"]) == ("text", ["round", "crossed"])
    assert (learnt["items"], learnt["held_out"]) == (0, 0)
    assert http.get(f"{copy}/items/circle%2F0000.jpg").json()["metadata"]["word"] == "round"
    assert http.get(f"{copy}/items/cross%2F0002.jpg").json()["metadata"]["word"] == "crossed"
    assert sum(counted(http, copy, "word").values()) == 40


def test_new_items_get_their_class(http, copy):
    trained(http, copy, kind="labels", label="kind")
    for id, metadata in (("new", {}), ("labelled", {"kind": "cross"})):
        asked = {"metadata": metadata_of(**metadata)}
        http.put(f"{copy}/items/{id}", content=encoded("circle"), headers=RAW, params=asked).raise_for_status()
    assert http.get(f"{copy}/items/new").json()["metadata"] == {"class": "circle"}
    assert http.get(f"{copy}/items/labelled").json()["metadata"]["class"] == "cross", "a label wins"


def test_learning_again(http, copy):
    """A classifier of the same name is replaced, and may write over the field that is its own."""
    trained(http, copy, kind="clusters", clusters=3)
    trained(http, copy, kind="labels", label="kind", name="other")
    learnt = trained(http, copy, kind="labels", label="kind")
    assert counted(http, copy, "class") == dict.fromkeys(KINDS, 10)
    said = http.get(f"{copy}/classifiers").json()
    assert said["collection"] == copy.rpartition("/")[2]
    assert {each["name"] for each in said["classifiers"]} == {"class", "other"}
    assert learnt in said["classifiers"]


def test_removing_a_classifier(http, copy):
    before = http.get(f"{copy}/items").json()["items"]
    assert http.get(f"{copy}/classifiers").json()["classifiers"] == []
    trained(http, copy, kind="labels", label="kind")
    assert http.delete(f"{copy}/classifiers/class").status_code == 204
    assert [item["metadata"] for item in http.get(f"{copy}/items").json()["items"]] == [
        item["metadata"] for item in before
    ]
    assert http.get(f"{copy}/classifiers").json()["classifiers"] == []
    problem(http.delete(f"{copy}/classifiers/class"), 404, "not_found", "class")
    problem(
        http.post(f"{copy}/search", json={"id": "circle/0000.jpg", "classify": "class"}), 422, "not_found", "class"
    )


@pytest.mark.parametrize(
    "wanted, status, code, word",
    [
        ({}, 400, "invalid_argument", "kind"),
        ({"kind": "magic"}, 400, "invalid_argument", "magic"),
        ({"kind": 3}, 400, "invalid_argument", "kind"),
        ({"kind": "labels"}, 400, "invalid_argument", "label"),
        ({"kind": "labels", "label": 3}, 400, "invalid_argument", "label"),
        ({"kind": "labels", "label": "knd"}, 422, "not_found", "kind"),
        ({"kind": "labels", "label": "kind", "name": "a b"}, 400, "invalid_argument", "a b"),
        ({"kind": "labels", "label": "kind", "name": ""}, 400, "invalid_argument", "name"),
        ({"kind": "labels", "label": "kind", "name": "kind"}, 400, "invalid_argument", "another name"),
        ({"kind": "labels", "label": "kind", "min_confidence": 2}, 400, "invalid_argument", "confidence"),
        ({"kind": "labels", "label": "kind", "hidden": 5000}, 400, "invalid_argument", ""),
        ({"kind": "labels", "label": "kind", "hidden": -1}, 400, "invalid_argument", "hidden"),
        ({"kind": "labels", "label": "kind", "seed": -1}, 400, "invalid_argument", "seed"),
        ({"kind": "clusters", "name": "number"}, 409, "already_exists", "number"),
        ({"kind": "clusters", "clusters": 1}, 400, "invalid_argument", "clusters"),
        ({"kind": "clusters", "clusters": 30}, 400, "invalid_argument", "30"),  # fewer than two items each
        ({"kind": "text"}, 422, "unsupported", "words"),
        ({"kind": "text", "classes": ["shoe", "boot"]}, 422, "unsupported", "words"),
        ({"kind": "text", "classes": "shoe"}, 400, "invalid_argument", "classes"),
        ({"kind": "text", "csv": "a,b\n1,2\n"}, 400, "invalid_argument", "line 1"),
        ({"kind": "text", "csv": "0,1,category\n1,0,a\n0,1,b\n"}, 400, "invalid_argument", "dimensions"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_learnt(http, shapes, wanted, status, code, word):
    problem(http.post(f"{shapes}/classifiers", json=wanted), status, code, word)
    assert "class" not in http.get(f"{shapes}/items/circle%2F0000.jpg").json()["metadata"]


def test_too_little_to_learn_from(http, fresh):
    problem(http.post(f"{fresh}/classifiers", json={"kind": "clusters"}), 400, "invalid_argument")
    for number in range(3):
        asked = {"metadata": metadata_of(kind="circle")}
        http.put(f"{fresh}/items/{number}", content=encoded(seed=number), headers=RAW, params=asked)
    problem(http.post(f"{fresh}/classifiers", json={"kind": "labels", "label": "kind"}), 400, "invalid_argument")


def test_collections_that_are_not_there(http, shapes):
    path = "/v1/collections/shapse"
    for answer in (
        http.get(f"{path}/classifiers"),
        http.post(f"{path}/classifiers", json={"kind": "clusters"}),
        http.delete(f"{path}/classifiers/class"),
        http.get(f"{path}/calibration"),
        http.post(f"{path}/calibration", json={}),
    ):
        problem(answer, 404, "not_found", "shapse", "shapes")


# --- searching in a class ---


def test_only_the_class_is_searched(http, labelled):
    for kind, number in (("circle", "0000"), ("square", "0001"), ("cross", "0002"), ("stripes", "0003")):
        said, told = search(http, labelled, id=f"{kind}/{number}.jpg", classify="class", class_confidence=0, k=10)
        assert (told["classifier"], told["class"], told["given"], told["fallback"]) == ("class", kind, False, "")
        assert classes_of(said) == [kind] * 10
        assert ids(said)[0] == f"{kind}/{number}.jpg"
        assert told["classes"][0] == {"class": kind, "probability": pytest.approx(told["confidence"])}
        probabilities = [each["probability"] for each in told["classes"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)
        assert "classify" in said["timings_ms"]
    filtered = search(http, labelled, id="stripes/0003.jpg", filter='class = "stripes"', k=10)[0]
    assert ids(said) == ids(filtered)


def test_every_form_of_a_query(http, labelled, jpeg):
    asked = {"classify": "class", "class": "circle", "class_confidence": 0.25, "k": 4}
    wanted, told = search(http, labelled, id="circle/0000.jpg", **asked)
    assert (told["given"], told["class"]) == (True, "circle")
    assert classes_of(wanted) == ["circle"] * 4
    plain = base64.b64encode(jpeg).decode()
    texts = {name: str(value) for name, value in asked.items()}
    for form in (
        {"params": asked, "content": jpeg, "headers": RAW},
        {"files": {"file": jpeg}, "data": texts},
        {"json": {"base64": plain, **asked}},
        {"json": {"terms": [{"base64": plain}], **asked}},
    ):
        said = http.post(f"{labelled}/search", **form).json()
        assert ids(said) == ids(wanted)
        assert said["explain"]["classification"]["class"] == "circle"
    queries = [{"id": "circle/0000.jpg", **more} for more in (asked, {"k": 4}, {"classify": "clss"})]
    first, second, third = http.post(f"{labelled}/search/batch", json={"queries": queries}).json()["results"]
    assert ids(first) == ids(wanted)
    assert "classification" not in second["explain"]
    assert third["error"]["code"] == "not_found"


def test_a_class_that_is_a_mistake(http, labelled, jpeg):
    """The very picture is there, under another class: it comes first all the same."""
    said = http.post(f"{labelled}/search?classify=class&class=cross&k=5", content=jpeg, headers=RAW).json()
    told = said["explain"]["classification"]
    assert (told["class"], told["given"], told["fallback"]) == ("cross", True, "nearer")
    assert ids(said)[0] == "circle/0000.jpg"
    assert ids(said) == ids(search(http, labelled, id="circle/0000.jpg", k=5)[0])


def test_a_class_that_is_unsure(http, labelled):
    said, told = search(http, labelled, id="circle/0000.jpg", classify="class", class_confidence=1, k=40)
    assert (told["class"], told["fallback"]) == ("circle", "unsure")
    assert told["confidence"] < 1
    assert len(ids(said)) == 40


def test_a_class_of_which_the_filter_lets_nothing_pass(http, labelled):
    asked = {"classify": "class", "class": "circle", "filter": 'kind = "cross"', "k": 40}
    said, told = search(http, labelled, id="circle/0000.jpg", **asked)
    assert (told["class"], told["fallback"]) == ("circle", "empty")
    assert classes_of(said) == ["cross"] * 10


@pytest.mark.parametrize(
    "asked, status, code, words",
    [
        ({"classify": "clss"}, 422, "not_found", ["clss", "class"]),
        ({"classify": "class", "class": "circel"}, 400, "invalid_argument", ["circel", "circle"]),
        ({"class": "circle"}, 400, "invalid_argument", ["classifier"]),
        ({"class_confidence": 0.5}, 400, "invalid_argument", ["classifier"]),
        ({"classify": "class", "class_confidence": 1.5}, 400, "invalid_argument", ["1.5"]),
        ({"classify": 3}, 400, "invalid_argument", ["classify"]),
        ({"min_confidence": 0.5}, 400, "invalid_argument", ["calibrate"]),
        ({"min_confidence": "auto"}, 400, "invalid_argument", ["calibrate"]),
        ({"min_confidence": -1}, 400, "invalid_argument", ["confidence"]),
        ({"min_confidence": 1.5}, 400, "invalid_argument", ["confidence"]),
        ({"min_confidence": "often"}, 400, "invalid_argument", ["confidence"]),
    ],
    ids=str,
)
def test_wrong_queries(http, labelled, jpeg, asked, status, code, words):
    problem(http.post(f"{labelled}/search", json={"id": "circle/0000.jpg", **asked}), status, code, *words)
    if asked != {"classify": 3}:  # a name, in a query string
        problem(http.post(f"{labelled}/search", params=asked, content=jpeg, headers=RAW), status, code, *words)


def test_a_walk_is_of_one_search(http, labelled):
    asked = {"id": "circle/0000.jpg", "classify": "class"}
    problem(http.post(f"{labelled}/walk", json=asked), 400, "invalid_argument", "filter")


# --- how likely a hit is a real match ---

GROUPS, SIZE, DIMENSIONS = 12, 10, 16
RANDOM = numpy.random.default_rng(1)
CENTRES = RANDOM.normal(size=(GROUPS, DIMENSIONS))
FOREIGN = RANDOM.normal(size=DIMENSIONS).tolist()  # a direction of its own
NEAR = (CENTRES[0] + RANDOM.normal(size=DIMENSIONS) * 0.45).tolist()  # one more of the first group


@pytest.fixture
def groups(http, fresh):
    """The path of a collection of 120 vectors around 12 centres, with their groups."""
    path = f"{fresh}-groups"
    assert http.put(path, json={"dimensions": DIMENSIONS}).status_code == 201
    random = numpy.random.default_rng(2)
    vectors = numpy.repeat(CENTRES, SIZE, axis=0) + random.normal(size=(GROUPS * SIZE, DIMENSIONS)) * 0.45
    items = [
        {"id": f"{row:03}", "vector": vector.tolist(), "metadata": {"group": f"g{row // SIZE}"}}
        for row, vector in enumerate(vectors)
    ]
    http.post(f"{path}/items", json={"items": items}).raise_for_status()
    yield path
    http.delete(path)


def confidences(said):
    return [hit["confidence"] for hit in said["hits"]]


def test_confidences(http, groups):
    problem(http.get(f"{groups}/calibration"), 404, "not_found", "calibrate")
    assert "confidence" not in search(http, groups, vector=NEAR)[0]["hits"][0]
    answer = http.post(f"{groups}/calibration", json={"label": "group"})
    assert answer.status_code == 200, answer.text
    learnt = answer.json()
    assert http.get(f"{groups}/calibration").json() == learnt
    assert learnt["collection"] == groups.rpartition("/")[2]
    assert (learnt["label"], learnt["items"], learnt["searches"], learnt["labels"]) == ("group", 120, 120, GROUPS)
    assert len(learnt["bins"]) == 10 and learnt["calibration_error"] < 0.5

    near, foreign = (search(http, groups, vector=vector, k=30)[0] for vector in (NEAR, FOREIGN))
    for said in (near, foreign):
        assert len(said["hits"]) == 30 and not said["nothing_similar"]
        assert confidences(said) == sorted(confidences(said), reverse=True)
    assert confidences(near)[0] > confidences(foreign)[0]
    assert confidences(near)[0] > confidences(near)[-1]
    itself = search(http, groups, id="000")[0]
    assert (ids(itself)[0], confidences(itself)[0]) == ("000", 1)
    two = {"terms": [{"id": "000"}, {"vector": NEAR}]}
    assert "confidence" not in search(http, groups, **two)[0]["hits"][0]
    problem(http.post(f"{groups}/search", json={**two, "min_confidence": 0.5}), 400, "invalid_argument", "terms")


def test_minimal_confidence(http, groups):
    recommended = http.post(f"{groups}/calibration", json={"label": "group"}).json()["recommended"]
    every = search(http, groups, vector=NEAR, k=30)[0]
    border = confidences(every)[5]
    for asked, least in ((border, border), ("auto", recommended), (0, 0)):
        kept = [hit["id"] for hit in every["hits"] if hit["confidence"] >= least]
        said = search(http, groups, vector=NEAR, k=30, min_confidence=asked)[0]
        assert ids(said) == kept
        assert said["explain"]["below_confidence"] == 30 - len(kept)
        packed = numpy.array(NEAR, dtype="<f4").tobytes()
        headers = {"Content-Type": "application/vnd.eidetic.vector"}
        raw = http.post(f"{groups}/search", params={"k": 30, "min_confidence": asked}, content=packed, headers=headers)
        assert ids(raw.json()) == kept
    nothing = search(http, groups, vector=FOREIGN, min_confidence=1)[0]
    assert (nothing["hits"], nothing["nothing_similar"]) == ([], True)
    assert nothing["explain"]["candidates"] == nothing["explain"]["below_confidence"] == 10
    nothing = search(http, groups, vector=FOREIGN, min_similarity=100)[0]
    assert (nothing["hits"], nothing["nothing_similar"]) == ([], True)
    empty = search(http, groups, vector=FOREIGN, filter='group = "g0" and group = "g1"')[0]
    assert (empty["hits"], empty["nothing_similar"]) == ([], False), "nothing was found that could be left out"


def test_calibration_without_labels(http, groups):
    """What it says is assumed and not measured, so there is no reliability in it."""
    answer = http.post(f"{groups}/calibration", json={"seed": 3})
    assert answer.status_code == 200, answer.text
    learnt = answer.json()
    assert (learnt["label"], learnt["labels"], learnt["items"]) == ("", 0, 120)
    assert (learnt["calibration_error"], learnt["bins"]) == (None, [])
    near, foreign = (search(http, groups, vector=vector)[0] for vector in (NEAR, FOREIGN))
    assert confidences(near)[0] > confidences(foreign)[0]


def test_what_cannot_be_calibrated(http, shapes, fresh, groups):
    problem(http.post(f"{shapes}/calibration", json={"label": "kind"}), 400, "invalid_argument", "40", "100")
    problem(http.post(f"{shapes}/calibration", json={}), 400, "invalid_argument", "100")
    problem(http.post(f"{fresh}/calibration", json={}), 400, "invalid_argument", "100")
    problem(http.post(f"{groups}/calibration", json={"label": "grup"}), 422, "not_found", "group")
    for wrong in ({"label": 3}, {"seed": -1}, {"seed": "x"}):
        problem(http.post(f"{groups}/calibration", json=wrong), 400, "invalid_argument", *wrong)
    problem(http.get(f"{groups}/calibration"), 404, "not_found")
