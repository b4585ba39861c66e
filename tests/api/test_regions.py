"""Parts of pictures: collections that are searched by them, queries that are taken apart; and copies in an answer."""

import io

import pytest
from conftest import await_job, client_of, problem
from live import TOKENS
from PIL import Image
from pictures import textured

RAW = {"Content-Type": "application/octet-stream"}
LOWER_RIGHT = {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}
THING = textured(1, (200, 150))


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def scene():
    """The thing, and nothing else, in the lower right of a grey picture."""
    picture = Image.new("RGB", (400, 300), (128, 128, 128))
    picture.paste(THING, (200, 150))
    return picture


def put(http, path, **pictures):
    for name, picture in pictures.items():
        http.put(f"{path}/items/{name}", content=png(picture), headers=RAW).raise_for_status()


def set_regions(http, path, plan):
    """The job, when it is done."""
    answer = http.post(f"{path}/regions", json={"plan": plan})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    job = await_job(http, answer.json()["id"])
    assert (job["kind"], job["subject"]) == ("regions", path.rpartition("/")[2])
    return job


def search(http, path, picture, **options):
    answer = http.post(f"{path}/search", params=options, content=png(picture), headers=RAW)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def scenes(http):
    """The path of a collection with regions: the scene, and another picture; no test changes it."""
    path = "/v1/collections/scenes"
    assert http.put(path, json={"regions": "multi"}).status_code == 201
    put(http, path, scene=scene(), other=textured(5))
    yield path
    http.delete(path)


def test_a_part_finds_the_whole_and_says_where(http, scenes):
    assert search(http, scenes, THING)["hits"][0]["id"] == "other"
    options = {"regions": True, "k": 1}
    queries = {
        "query string": {"params": options, "content": png(THING), "headers": RAW},
        "form": {"files": {"file": png(THING)}, "data": {"regions": "true", "k": "1"}},
        "item": {"json": {"id": "scene", "crop": LOWER_RIGHT, **options}},
    }
    for name, form in queries.items():
        answer = http.post(f"{scenes}/search", **form)
        assert answer.status_code == 200, f"{name}: {answer.text}"
        (hit,) = answer.json()["hits"]
        assert (hit["id"], hit["region"]) == ("scene", LOWER_RIGHT), name
        assert hit["similarity"] == pytest.approx(1, abs=1e-3)
        assert not {"query_region", "copies"} & set(hit)
    (whole,) = search(http, scenes, scene(), **options)["hits"]
    assert whole["id"] == "scene" and "region" not in whole, "all of it was nearest"
    batch = {"queries": [{"id": "other", **options}, {"id": "scene", "crop": LOWER_RIGHT, **options}]}
    first, second = http.post(f"{scenes}/search/batch", json=batch).json()["results"]
    assert (first["hits"][0]["id"], second["hits"][0].get("region")) == ("other", LOWER_RIGHT)


def test_a_crop_of_an_item_is_that_of_its_picture(http, scenes):
    cropped = http.post(f"{scenes}/search", json={"id": "scene", "crop": LOWER_RIGHT}).json()["hits"]
    wanted = search(http, scenes, THING)["hits"]
    assert [hit["id"] for hit in cropped] == [hit["id"] for hit in wanted]
    assert [hit["similarity"] for hit in cropped] == pytest.approx([hit["similarity"] for hit in wanted], abs=1e-4)
    wide = {"id": "scene", "crop": {**LOWER_RIGHT, "x": 2000}}
    problem(http.post(f"{scenes}/search", json=wide), 400, "invalid_argument")


def test_a_scene_finds_what_is_in_it(http, fresh):
    put(http, fresh, thing=THING, other=textured(5))
    assert "query_region" not in search(http, fresh, scene())["hits"][0]
    best = search(http, fresh, scene(), augment="parts")["hits"][0]
    assert (best["id"], best["query_region"]) == ("thing", LOWER_RIGHT)
    assert "region" not in best
    assert best["similarity"] == pytest.approx(1, abs=1e-3)


def test_regions_are_chosen_kept_and_taken_away(http, fresh):
    put(http, fresh, scene=scene(), other=textured(5))
    shown = http.get(fresh).json()
    assert (shown["regions"], shown["region_vectors"]) == ("none", 0)
    asked = {"params": {"regions": True}, "content": png(THING), "headers": RAW}
    problem(http.post(f"{fresh}/search", **asked), 400, "invalid_argument", "no regions")

    progress = set_regions(http, fresh, "multi")["progress"]
    assert (progress["total"], progress["indexed"], progress["skipped"], progress["failed"]) == (2, 2, 0, 0)
    assert http.get(fresh).json()["region_vectors"] == 36
    again = set_regions(http, fresh, "multi")["progress"]
    assert (again["indexed"], again["skipped"]) == (0, 2)

    put(http, fresh, later=scene())
    assert http.get(fresh).json()["region_vectors"] == 54, "what comes later gets them too"
    assert {hit["id"] for hit in search(http, fresh, THING, regions=True, k=2)["hits"]} == {"scene", "later"}
    http.delete(f"{fresh}/items/scene")
    assert http.get(fresh).json()["region_vectors"] == 36

    set_regions(http, fresh, "1x2")
    shown = http.get(fresh).json()
    assert (shown["regions"], shown["region_vectors"]) == ("1x2", 4)
    found = search(http, fresh, scene().crop((200, 0, 400, 300)), regions=True)["hits"][0]
    assert (found["id"], found["region"]) == ("later", {"x": 0.5, "y": 0, "width": 0.5, "height": 1})
    set_regions(http, fresh, "none")
    shown = http.get(fresh).json()
    assert (shown["regions"], shown["region_vectors"]) == ("none", 0)
    problem(http.post(f"{fresh}/search", **asked), 400, "invalid_argument", "no regions")


def test_filters_pass_regions_as_they_pass_items(http, fresh):
    assert set_regions(http, fresh, "2x2")["progress"]["total"] == 0
    put(http, fresh, first=scene(), second=scene(), other=textured(5))
    http.patch(f"{fresh}/items/second", json={"kind": "scene"}).raise_for_status()
    http.patch(f"{fresh}/items/other", json={"kind": "other"}).raise_for_status()
    hits = search(http, fresh, THING, regions=True, filter='kind = "scene"')["hits"]
    assert [(hit["id"], hit["region"]) for hit in hits] == [("second", LOWER_RIGHT)]


def test_what_a_job_cannot_read_fails_alone(http, fresh, folders):
    photos = folders / "of-regions"
    photos.mkdir()
    for name in ("kept.png", "gone.png"):
        scene().save(photos / name)
    job = http.post(f"{fresh}/index", json={"paths": [str(photos)]}).json()
    await_job(http, job["id"])
    (photos / "gone.png").unlink()
    http.put(f"{fresh}/items/bare", json={"vector": [1] * 256}).raise_for_status()
    job = set_regions(http, fresh, "2x2")
    progress = job["progress"]
    assert (progress["indexed"], progress["skipped"], progress["failed"]) == (1, 1, 1)
    (failure,) = http.get(f"/v1/jobs/{job['id']}/failures").json()["failures"]
    assert failure["uri"].endswith("gone.png")
    assert http.get(fresh).json()["region_vectors"] == 4


def test_copies_are_told_with_the_best_of_them(http, fresh):
    put(http, fresh, whole=THING, same=THING, small=THING.resize((120, 90)), other=textured(5), third=textured(6))
    every = search(http, fresh, THING, k=3)
    assert {hit["id"] for hit in every["hits"]} == {"whole", "same", "small"}
    assert every["explain"]["copies"] == 0
    for form in (
        {"params": {"collapse": True, "k": 3}, "content": png(THING), "headers": RAW},
        {"files": {"file": png(THING)}, "data": {"collapse": "true", "k": "3"}},
        {"json": {"id": "whole", "collapse": True, "k": 3}},
    ):
        answer = http.post(f"{fresh}/search", **form).json()
        best, *others = answer["hits"]
        assert {hit["id"] for hit in others} == {"other", "third"}, "others come in their place"
        assert {best["id"], *(copy["id"] for copy in best["copies"])} == {"whole", "same", "small"}
        assert [copy["judged_by"] for copy in best["copies"]] == ["content", "hash"]
        assert all(copy["copy_score"] >= 0.5 for copy in best["copies"])
        assert not any("copies" in hit for hit in others)
        assert answer["explain"]["copies"] == 2


@pytest.mark.parametrize("plan", ["3", "0x2", "1x1", "20x20", "2x", "-2x2", "2X2", "multi ", "tiles"])
def test_no_plan(http, fresh, plan):
    problem(http.post(f"{fresh}/regions", json={"plan": plan}), 400, "invalid_argument", f"'{plan}'", "2x3")
    problem(http.put("/v1/collections/never-made", json={"regions": plan}), 400, "invalid_argument", f"'{plan}'")
    assert http.get("/v1/collections/never-made").status_code == 404


@pytest.mark.parametrize("body", [{}, {"plan": None}, {"plan": 2}, {"plan": ["multi"]}, {"plans": "multi"}], ids=str)
def test_no_request_for_regions(http, fresh, body):
    problem(http.post(f"{fresh}/regions", json=body), 400, "invalid_argument", "plan")


def test_where_there_can_be_none(http):
    problem(http.post("/v1/collections/nothing/regions", json={"plan": "multi"}), 404, "not_found", "nothing")
    path = "/v1/collections/bare-vectors"
    bare = {"dimensions": 3, "regions": "2x2"}
    problem(http.put(path, json=bare), 400, "invalid_argument", "bare vectors")
    assert http.put(path, json={"dimensions": 3}).status_code == 201
    problem(http.post(f"{path}/regions", json={"plan": "multi"}), 422, "unsupported", "bare vectors")
    http.delete(path)


def test_another_plan_is_another_collection(http, scenes):
    assert http.put(scenes, json={"regions": "multi"}).status_code == 200
    for other in ({}, {"regions": "2x2"}, {"regions": "none"}):
        problem(http.put(scenes, json=other), 409, "already_exists", "multi")
    assert http.get(scenes).json()["region_vectors"] == 36


def test_roles(server, scenes):
    with client_of(server.url, TOKENS["read"]) as reader, client_of(server.url, TOKENS["write"]) as writer:
        problem(reader.post(f"{scenes}/regions", json={"plan": "multi"}), 403, "forbidden")
        assert set_regions(writer, scenes, "multi")["progress"]["skipped"] == 2
        assert search(reader, scenes, THING, regions=True)["hits"][0]["id"] == "scene"


def test_what_does_not_go_together(http, scenes):
    for option in ({"regions": True}, {"augment": "parts"}, {"augment": "pool"}):
        for least in (0.5, "auto"):
            asked = {"id": "scene", "min_confidence": least, **option}
            problem(http.post(f"{scenes}/search", json=asked), 400, "invalid_argument", "regions")
    for option in ({"regions": True}, {"augment": "parts"}):
        problem(http.post(f"{scenes}/walk", json={"id": "scene", **option}), 400, "invalid_argument", "parts")
    for wrong in ({"regions": "multi"}, {"regions": 1}, {"collapse": "yes"}, {"augment": "regions"}):
        problem(http.post(f"{scenes}/search", json={"id": "scene", **wrong}), 400, "invalid_argument")
    for wrong in ("regions=multi", "collapse=", "augment=part"):
        problem(http.post(f"{scenes}/search?{wrong}", content=png(THING), headers=RAW), 400, "invalid_argument")


def test_only_pictures_are_cropped(http, fresh):
    http.put(f"{fresh}/items/bare", json={"vector": [1] * 256}).raise_for_status()
    for term, word in (({"id": "bare"}, "'bare'"), ({"vector": [1] * 256}, "cropped"), ({"text": "a"}, "cropped")):
        problem(http.post(f"{fresh}/search", json={**term, "crop": LOWER_RIGHT}), 400, "invalid_argument", word)
