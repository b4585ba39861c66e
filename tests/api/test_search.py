"""Searching: every kind of term, every setting, in every form of request."""

import base64
import io
import struct

import numpy
import pytest
from conftest import encoded, metadata_of, problem
from PIL import Image
from pictures import textured

RAW = {"Content-Type": "application/octet-stream"}
VECTOR = {"Content-Type": "application/vnd.eidetic.vector"}


@pytest.fixture(scope="module")
def vector(http, shapes):
    """Of circle/0000.jpg."""
    return http.get(f"{shapes}/items/circle%2F0000.jpg?vectors=true").json()["vector"]


def ids(response):
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_every_form_of_a_query_finds_the_same(http, shapes, jpeg, vector, folders):
    plain = base64.b64encode(jpeg).decode()
    packed = struct.pack(f"<{len(vector)}f", *vector)
    path = str(folders / "pictures/circle/0000.jpg")
    forms = {
        "octets": {"content": jpeg, "headers": RAW},
        "image": {"content": jpeg, "headers": {"Content-Type": "image/jpeg"}},
        "form": {"files": {"file": ("a.jpg", jpeg)}},
        "base64": {"json": {"base64": plain}},
        "bytes": {"json": {"bytes": list(jpeg)}},
        "data": {"json": {"uri": f"data:image/jpeg;base64,{plain}"}},
        "path": {"json": {"uri": path}},
        "id": {"json": {"id": "circle/0000.jpg"}},
        "vector": {"json": {"vector": vector}},
        "packed": {"content": packed, "headers": VECTOR},
        "terms": {"json": {"terms": [{"base64": plain}]}},
    }
    found = {}
    for name, form in forms.items():
        answer = http.post(f"{shapes}/search", **form)
        assert answer.status_code == 200, f"{name}: {answer.text}"
        found[name] = answer.json()["hits"]
    first = found["octets"]
    assert len(first) == 10
    assert first[0]["id"] == "circle/0000.jpg"
    assert first[0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert first[0]["distance"] == pytest.approx(0, abs=1e-5)
    assert first[0]["metadata"]["kind"] == "circle"
    assert first[0]["uri"].endswith(path)
    similarities = [hit["similarity"] for hit in first]
    assert similarities == sorted(similarities, reverse=True)
    for name, hits in found.items():
        assert [hit["id"] for hit in hits] == [hit["id"] for hit in first], name
        assert [hit["similarity"] for hit in hits] == pytest.approx(similarities, abs=1e-5), name


@pytest.mark.parametrize("k, count", [(1, 1), (3, 3), (40, 40), (50, 40), (10000, 40)])
def test_as_many_as_there_are(http, shapes, jpeg, k, count):
    assert len(ids(http.post(f"{shapes}/search?k={k}", content=jpeg, headers=RAW))) == count
    assert len(ids(http.post(f"{shapes}/search", files={"file": jpeg}, data={"k": str(k)}))) == count
    assert len(ids(http.post(f"{shapes}/search", json={"id": "cross/0002.jpg", "k": k}))) == count


@pytest.mark.parametrize("count", range(8))
def test_small_collections(http, fresh, jpeg, count):
    for number in range(count):
        http.put(f"{fresh}/items/{number}", content=encoded(seed=number), headers=RAW)
    for k in (1, 3, 50):
        assert len(ids(http.post(f"{fresh}/search?k={k}", content=jpeg, headers=RAW))) == min(k, count)


def test_minimal_similarity(http, shapes, jpeg):
    every = http.post(f"{shapes}/search?k=50", content=jpeg, headers=RAW).json()["hits"]
    border = 100 * round(every[5]["similarity"], 4)
    kept = [hit["id"] for hit in every if round(hit["similarity"], 4) >= border / 100]
    asked = {"k": 50, "min_similarity": border}
    assert ids(http.post(f"{shapes}/search", params=asked, content=jpeg, headers=RAW)) == kept
    assert ids(http.post(f"{shapes}/search", json={"id": "circle/0000.jpg", **asked})) == kept
    assert ids(http.post(f"{shapes}/search", files={"file": jpeg}, data={k: str(v) for k, v in asked.items()})) == kept
    assert ids(http.post(f"{shapes}/search?min_similarity=0", content=jpeg, headers=RAW))
    nothing = http.post(f"{shapes}/search?min_similarity=100", content=encoded(seed=9999), headers=RAW)
    assert ids(nothing) == []


def test_crop(http, shapes, jpeg):
    picture = Image.open(io.BytesIO(jpeg))
    width, height = picture.size
    file = io.BytesIO()
    picture.crop((0, 0, width // 2, height // 2)).save(file, "PNG")
    wanted = http.post(f"{shapes}/search", content=file.getvalue(), headers=RAW).json()["hits"]
    pixels = {"x": 0, "y": 0, "width": width // 2, "height": height // 2}
    shares = {"x": 0, "y": 0, "width": 0.5, "height": 0.5}
    plain = base64.b64encode(jpeg).decode()
    for crop in (pixels, shares):
        text = ",".join(str(number) for number in crop.values())
        for form in (
            {"params": {"crop": text}, "content": jpeg, "headers": RAW},
            {"files": {"file": jpeg}, "data": {"crop": text}},
            {"json": {"base64": plain, "crop": crop}},
            {"json": {"terms": [{"base64": plain, "crop": crop}]}},
        ):
            hits = http.post(f"{shapes}/search", **form).json()["hits"]
            assert [hit["id"] for hit in hits] == [hit["id"] for hit in wanted]
            assert [h["similarity"] for h in hits] == pytest.approx([h["similarity"] for h in wanted], abs=1e-4)


@pytest.mark.parametrize("crop", ["1,2,3", "a,b,c,d", "0,0,0,0", "-1,0,5,5", "0,0,1.5,0.5,3", "nan,0,1,1"])
def test_wrong_crops(http, shapes, jpeg, crop):
    problem(
        http.post(f"{shapes}/search", params={"crop": crop}, content=jpeg, headers=RAW), 400, "invalid_argument", "crop"
    )


def test_leave_out_what_is_searched_with(http, shapes, jpeg):
    every = ids(http.post(f"{shapes}/search?k=50", content=jpeg, headers=RAW))
    assert ids(http.post(f"{shapes}/search?k=50&exclude_self=true", content=jpeg, headers=RAW)) == every[1:]
    assert ids(http.post(f"{shapes}/search", json={"id": every[0], "k": 39, "exclude_self": True})) == every[1:]
    assert (
        ids(http.post(f"{shapes}/search", files={"file": jpeg}, data={"k": "39", "exclude_self": "true"})) == every[1:]
    )
    foreign = http.post(f"{shapes}/search?k=50&exclude_self=true", content=encoded(seed=9999), headers=RAW)
    assert len(ids(foreign)) == 40, "a foreign picture loses nothing"


def test_sums(http, shapes, vector):
    terms = [
        {"id": "circle/0000.jpg", "weight": 2},
        {"id": "cross/0002.jpg"},
        {"id": "square/0001.jpg", "weight": -0.5},
    ]
    found = ids(http.post(f"{shapes}/search", json={"terms": terms, "k": 40}))
    assert len(found) == 40
    assert found.index("circle/0000.jpg") < found.index("square/0001.jpg")
    same = [{"vector": vector, "weight": 0.5}, {"id": "circle/0000.jpg", "weight": 0.5}]
    first = http.post(f"{shapes}/search", json={"terms": same}).json()["hits"][0]
    assert first["id"] == "circle/0000.jpg"
    assert first["similarity"] == pytest.approx(1, abs=1e-5)


def test_several_files_are_averaged(http, shapes, folders):
    names = ["circle/0000.jpg", "cross/0002.jpg"]
    files = [("file", (name, (folders / "pictures" / name).read_bytes())) for name in names]
    averaged = http.post(f"{shapes}/search", files=files).json()["hits"]
    summed = http.post(f"{shapes}/search", json={"terms": [{"id": name} for name in names]}).json()["hits"]
    assert [hit["id"] for hit in averaged] == [hit["id"] for hit in summed]
    assert set(names) <= {hit["id"] for hit in averaged[:4]}


def test_batch(http, shapes, jpeg):
    queries = [
        {"id": "circle/0000.jpg", "k": 3},
        {"id": "nothing"},
        {"base64": base64.b64encode(jpeg).decode(), "k": 1},
        {"text": "a circle"},
    ]
    results = http.post(f"{shapes}/search/batch", json={"queries": queries}).json()["results"]
    assert [len(each.get("hits", [])) for each in results] == [3, 0, 1, 0]
    assert results[0]["hits"][0] == http.post(f"{shapes}/search", json=queries[0]).json()["hits"][0]
    assert results[1]["error"]["code"] == "not_found"
    assert "nothing" in results[1]["error"]["message"]
    assert results[3]["error"]["code"] == "unsupported"
    problem(http.post(f"{shapes}/search/batch", json={"queries": []}), 400, "invalid_argument", "queries")
    problem(http.post(f"{shapes}/search/batch", json={"queries": [{}] * 1001}), 400, "invalid_argument", "queries")


def test_filter(http, shapes):
    asked = {"id": "circle/0000.jpg", "filter": 'kind = "cross"', "k": 50}
    answer = http.post(f"{shapes}/search", json=asked)
    every = http.post(f"{shapes}/search", json={"id": "circle/0000.jpg", "k": 50}).json()["hits"]
    wanted = [hit for hit in every if hit["metadata"]["kind"] == "cross"]
    assert answer.json()["hits"] == wanted
    problem(http.post(f"{shapes}/search", json={**asked, "filter": "kind ="}), 400, "invalid_argument", "position 7")
    problem(http.post(f"{shapes}/search", json={**asked, "filter": "knd = 1"}), 400, "invalid_argument", "'knd'")
    batch = {"queries": [asked, {**asked, "filter": 'number < 8 and kind != "cross"'}, {**asked, "filter": "knd"}]}
    first, second, third = http.post(f"{shapes}/search/batch", json=batch).json()["results"]
    assert first["hits"] == wanted
    assert {(hit["metadata"]["kind"] != "cross", hit["metadata"]["number"] < 8) for hit in second["hits"]} == {(True, True)}
    assert third["error"]["code"] == "invalid_argument"


def test_verify(http, fresh):
    """A part of a picture, laid over another one, finds the picture and says where."""
    def png(picture):
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()

    whole, other, scene = (textured(seed) for seed in (1, 2, 3))
    scene.paste(whole.crop((100, 60, 300, 210)), (40, 30))
    for name, picture in (("whole", whole), ("other", other)):
        http.post(f"{fresh}/items?id={name}", content=png(picture), headers=RAW).raise_for_status()
    answer = http.post(f"{fresh}/search?verify=50&k=50", content=png(scene), headers=RAW).json()
    best, second = answer["hits"][:2]
    assert best["id"] == "whole"
    found = best["verification"]
    assert found["verified"] and not found["whole_query"] and found["inliers"] > 20
    xs, ys = ([point[axis] for point in found["quad"]] for axis in "xy")
    assert numpy.allclose([min(xs) * 400, min(ys) * 300, max(xs) * 400, max(ys) * 300], [100, 60, 300, 210], atol=12)
    assert found["hit_overlap_pct"] == pytest.approx(25, abs=4)
    assert not second["verification"]["verified"]
    assert answer["explain"]["verified"] == 1
    assert answer["explain"]["terms"] == [{"kind": "bytes", "value": "", "weight": 1, "vectors": 1}]
    assert answer["items_per_s"]["verify"] > 0
    drawn = http.post(f"{fresh}/items/whole/alignment", content=png(scene), headers=RAW)
    assert drawn.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(drawn.content)).size[0] > 700
    problem(http.post(f"{fresh}/items/none/alignment", content=png(scene), headers=RAW), 422, "not_found", "none")
    problem(http.post(f"{fresh}/search?verify=1001", content=png(scene), headers=RAW), 400, "invalid_argument", "1000")
    bare = {"vector": [1] * 256, "verify": 5}
    problem(http.post(f"{fresh}/search", json=bare), 400, "invalid_argument", "keypoints")


def test_variants(http, shapes, jpeg):
    plain = http.post(f"{shapes}/search", content=jpeg, headers=RAW).json()["hits"]
    answer = http.post(f"{shapes}/search?augment=pool&seed=3", content=jpeg, headers=RAW).json()
    assert answer["hits"][0] == plain[0]
    assert all(pooled["similarity"] >= hit["similarity"] for pooled, hit in zip(answer["hits"], plain))
    assert answer["timings_ms"]["augment"] > 0
    mean = http.post(f"{shapes}/search?augment=mean", content=jpeg, headers=RAW).json()["hits"]
    assert mean[0]["similarity"] < plain[0]["similarity"]
    sheet = http.post("/v1/contact-sheet", content=jpeg, headers=RAW)
    assert sheet.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(sheet.content)).size[1] % 300 == 0
    problem(http.post(f"{shapes}/search?augment=some", content=jpeg, headers=RAW), 400, "invalid_argument", "pool")
    problem(http.post("/v1/contact-sheet", json={"id": "circle/0000.jpg"}), 400, "invalid_argument", "varied")


def test_facets(http, shapes):
    asked = {"fields": ["kind", "number"], "filter": "number < 20", "limit": 3}
    answer = http.post(f"{shapes}/facets", json=asked).json()
    kinds, numbers = answer["facets"]
    assert answer["items"] == 20
    assert kinds["distinct"] == 4
    assert kinds["without"] == 0
    assert [value["items"] for value in kinds["values"]] == [5, 5, 5]
    assert (numbers["least"], numbers["largest"], numbers["distinct"]) == (0, 19, 20)
    for wrong in ({"fields": []}, {"fields": ["a b"]}, {"fields": ["kind"], "limit": 0}, {"fields": ["knd"]}, {}):
        problem(http.post(f"{shapes}/facets", json=wrong), 400, "invalid_argument")


@pytest.mark.parametrize(
    "wanted, status, code, word",
    [
        ({}, 400, "invalid_argument", ""),
        ({"terms": []}, 400, "invalid_argument", "terms"),
        ({"id": "a", "base64": "AAAA"}, 400, "invalid_argument", ""),
        ({"id": "a", "terms": [{"id": "a"}]}, 400, "invalid_argument", "terms"),
        ({"terms": [{"id": "circle/0000.jpg"}] * 101}, 400, "invalid_argument", "terms"),
        ({"terms": [{"id": "circle/0000.jpg", "weight": "a"}]}, 400, "invalid_argument", "weight"),
        ({"terms": [{"id": "circle/0000.jpg", "wieght": 1}]}, 400, "invalid_argument", "wieght"),
        ({"id": "circle/0000.jpg", "k": 0}, 400, "invalid_argument", "k"),
        ({"id": "circle/0000.jpg", "k": 10001}, 400, "invalid_argument", "k"),
        ({"id": "circle/0000.jpg", "k": "3"}, 400, "invalid_argument", "k"),
        ({"id": "circle/0000.jpg", "k": 1.5}, 400, "invalid_argument", "k"),
        ({"id": "circle/0000.jpg", "min_similarity": 101}, 400, "invalid_argument", "101"),
        ({"id": "circle/0000.jpg", "ef": -1}, 400, "invalid_argument", "ef"),
        ({"id": "circle/0000.jpeg"}, 422, "not_found", "circle/0000.jpeg"),
        ({"vector": [1, 2, 3]}, 400, "invalid_argument", "dimensions"),
        ({"vector": []}, 400, "invalid_argument", ""),
        ({"text": "a red boot"}, 422, "unsupported", "text"),
        ({"uri": "/etc/passwd"}, 400, "invalid_argument", "/etc/passwd"),
        ({"base64": base64.b64encode(b"no picture").decode()}, 400, "invalid_argument", ""),
        ({"id": "circle/0000.jpg", "model": "nothing"}, 422, "not_found", "nothing"),
        ({"id": 5}, 400, "invalid_argument", "id"),
        ([], 400, "invalid_argument", "object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_queries(http, shapes, wanted, status, code, word):
    answer = http.post(f"{shapes}/search", json=wanted)
    problem(answer, status, code or answer.json()["code"], word)


@pytest.mark.parametrize("query", ["k=0", "k=x", "k=", "min_similarity=-1", "exclude_self=perhaps", "ef=-1", "limit=3"])
def test_wrong_query_strings(http, shapes, jpeg, query):
    problem(
        http.post(f"{shapes}/search?{query}", content=jpeg, headers=RAW), 400, "invalid_argument", query.split("=")[0]
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"abc", struct.pack("<2f", 1, 2), struct.pack("<f", float("nan")) * 2000],
    ids=["none", "3", "8", "nan"],
)
def test_wrong_packed_vectors(http, shapes, body):
    problem(http.post(f"{shapes}/search", content=body, headers=VECTOR), 400, "invalid_argument")


def test_vectors_that_are_no_direction(http, shapes, vector):
    for wrong in (0.0, float("nan"), float("inf")):
        packed = struct.pack("<f", wrong) * len(vector)
        problem(http.post(f"{shapes}/search", content=packed, headers=VECTOR), 400, "invalid_argument")


def test_timings(http, shapes, jpeg):
    timings = http.post(f"{shapes}/search", content=jpeg, headers=RAW).json()["timings_ms"]
    assert timings["total"] > 0
    assert {"inference", "search"} <= set(timings)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_metrics(http, jpeg, vector, metric):
    path = f"/v1/collections/by-{metric}"
    http.put(path, json={"metric": metric})
    http.put(f"{path}/items/same", json={"vector": vector, "metadata": {"a": 1}})
    http.put(f"{path}/items/other", json={"vector": vector[::-1]})
    hits = http.post(f"{path}/search", json={"vector": vector}).json()["hits"]
    assert [hit["id"] for hit in hits] == ["same", "other"]
    assert hits[0]["distance"] <= hits[1]["distance"]
    if metric != "dot":
        assert hits[0]["similarity"] == pytest.approx(1, abs=1e-5)
    http.delete(path)


def test_a_mistake_in_metadata_of_one_leaves_the_rest(http, fresh, jpeg):
    http.put(f"{fresh}/items/x", content=jpeg, headers=RAW, params={"metadata": metadata_of(text="<b>ä\u0001</b>")})
    hit = http.post(f"{fresh}/search", content=jpeg, headers=RAW).json()["hits"][0]
    assert hit["metadata"] == {"text": "<b>ä\u0001</b>"}
