"""Items: adding pictures in every form, listing, showing, changing, removing."""

import base64
import io
import json
from urllib.parse import quote

import pytest
from conftest import await_job, encoded, metadata_of, problem, sha256
from PIL import Image
from pictures import draw, exif_of
from sites import Site

PNG = {"Content-Type": "image/png"}
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def picture():
    return encoded("cross", 77)


@pytest.fixture(scope="module")
def site(picture):
    """The address of a web server with a picture, a page and a redirection."""
    pages = {"/picture.png": picture, "/moved": "/picture.png", "/page.html": b"<h1>no picture</h1>"}
    served = Site({**pages, "/large": b"x" * 3_100_000, "/round": "/round"})
    yield served.url
    served.close()


def only(response, outcome="created"):
    """The one result of a good answer."""
    assert response.status_code == 200, response.text
    said = response.json()
    assert said["failed"] == 0, said
    assert [each["outcome"] for each in said["results"]] == [outcome], said
    return said["results"][0]


def test_copies_are_reported_or_skipped(http, fresh):
    def png(size, kind="circle", seed=5):
        file = io.BytesIO()
        draw(kind, seed).resize((240, 200)).resize(size).save(file, "PNG")
        return file.getvalue()

    assert "copy_of" not in only(http.post(f"{fresh}/items?id=a&on_duplicate=skip", content=png((240, 200)), headers=PNG))
    said = http.post(f"{fresh}/items?id=b&on_duplicate=skip", content=png((180, 150)), headers=PNG).json()
    assert (said["stored"], said["skipped"], said["failed"]) == (0, 1, 0)
    assert said["results"][0]["outcome"] == "skipped" and said["results"][0]["copy_of"]["id"] == "a"
    assert said["results"][0]["copy_of"]["judged_by"] in ("pixels", "hash")
    assert http.get(f"{fresh}/items/b").status_code == 404
    put = http.put(f"{fresh}/items/c?on_duplicate=skip", content=png((180, 150)), headers=PNG)
    assert (put.status_code, put.json()["outcome"]) == (200, "skipped")
    put = http.put(f"{fresh}/items/c?on_duplicate=report", content=png((180, 150)), headers=PNG)
    assert (put.status_code, put.json()["outcome"], put.json()["copy_of"]["id"]) == (201, "created", "a")
    form = http.put(f"{fresh}/items/d", files={"file": ("d.png", png((200, 160)))}, data={"on_duplicate": "skip"})
    assert form.json()["outcome"] == "skipped"
    item = {"base64": base64.b64encode(png((240, 200))).decode()}
    same = http.put(f"{fresh}/items/e?on_duplicate=report", json=item).json()
    assert same["copy_of"] == {"id": "a", "copy_score": 1.0, "judged_by": "content"}
    problem(http.put(f"{fresh}/items/f?on_duplicate=drop", content=png((9, 9)), headers=PNG), 400, "invalid_argument", "drop")
    many = http.post(f"{fresh}/items?job=true&on_duplicate=report", json={"items": [{"id": "g", **item}]})
    problem(many, 400, "invalid_argument", "job")
    job = http.post(f"{fresh}/items?job=true&on_duplicate=skip", json={"items": [{"id": "g", **item}]}).json()
    assert await_job(http, job["id"])["progress"]["skipped"] == 1
    problem(http.post(f"{fresh}/index", json={"paths": ["x"], "on_duplicate": "report"}), 400, "invalid_argument", "report")


def test_every_form_of_a_picture_gives_the_identical_vector(http, fresh, picture, site, folders):
    file = folders / "a picture.png"
    file.write_bytes(picture)
    plain = base64.b64encode(picture).decode()
    forms = {
        "image": {"content": picture, "headers": PNG},
        "octets": {"content": picture, "headers": RAW},
        "form": {"files": {"file": ("a.png", picture)}},
        "base64": {"json": {"base64": plain}},
        "bytes": {"json": {"bytes": list(picture)}},
        "data": {"json": {"uri": f"data:image/png;base64,{plain}"}},
        "path": {"json": {"uri": str(file)}},
        "file": {"json": {"uri": f"file://{quote(str(file))}"}},
        "url": {"json": {"uri": f"{site}/picture.png"}},
        "moved": {"json": {"uri": f"{site}/moved"}},
        "wrong type": {"content": picture, "headers": {"Content-Type": "image/jpeg"}},
    }
    vectors = {}
    for name, form in forms.items():
        made = http.put(f"{fresh}/items/{name}", **form)
        assert made.status_code == 201, f"{name}: {made.text}"
        assert made.json() == {"id": name, "outcome": "created"}
        item = http.get(f"{fresh}/items/{name}?vectors=true").json()
        assert item["content_hash"] == sha256(picture), name
        assert item["size_bytes"] == len(picture), name
        vectors[name] = item["vector"]
        assert http.get(f"{fresh}/items/{name}/picture").content == picture, name
    assert all(vector == vectors["image"] for vector in vectors.values())
    embedded = http.post("/v1/models/default/embed", content=picture, headers=RAW).json()
    assert embedded["vector"] == vectors["image"]
    assert len(embedded["vector"]) == embedded["dimensions"]


@pytest.mark.parametrize(
    "form",
    [
        lambda picture: {"content": picture, "headers": PNG, "params": {"id": "x", "metadata": metadata_of(a=1)}},
        lambda picture: {
            "files": {"file": ("a.png", picture)},
            "data": {"id": "x", "metadata": metadata_of(a=1)},
        },
        lambda picture: {"json": {"id": "x", "metadata": {"a": 1}, "base64": base64.b64encode(picture).decode()}},
    ],
    ids=["query", "form", "json"],
)
def test_add_with_id_and_metadata(http, fresh, picture, form):
    assert only(http.post(f"{fresh}/items", **form(picture)))["id"] == "x"
    assert http.get(f"{fresh}/items/x").json()["metadata"] == {"a": 1}
    assert only(http.post(f"{fresh}/items", **form(picture)), "unchanged")["id"] == "x"
    other = encoded("square", 5)
    assert only(http.post(f"{fresh}/items", **form(other)), "replaced")["id"] == "x"
    assert http.get(fresh).json()["items"] == 1
    assert http.get(f"{fresh}/items/x").json()["content_hash"] == sha256(other)


def test_without_an_id_the_hash_is_it(http, fresh, picture):
    assert only(http.post(f"{fresh}/items", content=picture, headers=PNG))["id"] == sha256(picture)
    assert only(http.post(f"{fresh}/items", files={"file": ("a.png", picture)}), "unchanged")["id"] == sha256(picture)


def test_metadata_stays_where_none_is_given(http, fresh, picture):
    http.put(f"{fresh}/items/x", content=picture, headers=PNG, params={"metadata": metadata_of(a=1)})
    assert http.put(f"{fresh}/items/x", content=encoded(), headers=PNG).json()["outcome"] == "replaced"
    assert http.get(f"{fresh}/items/x").json()["metadata"] == {"a": 1}


def test_bare_vectors(http, fresh, picture):
    vector = http.post("/v1/models/default/embed", content=picture, headers=RAW).json()["vector"]
    made = only(http.post(f"{fresh}/items", json={"id": "bare", "vector": vector}))
    assert made["id"] == "bare"
    hit = http.post(f"{fresh}/search", content=picture, headers=RAW).json()["hits"][0]
    assert hit["id"] == "bare"
    assert hit["similarity"] == pytest.approx(1, abs=1e-5)
    problem(http.get(f"{fresh}/items/bare/picture"), 404, "not_found", "bare")
    problem(http.post(f"{fresh}/items", json={"vector": vector}), 400, "invalid_argument", "id")
    problem(http.post(f"{fresh}/items", json={"id": "short", "vector": vector[:-1]}), 400, "invalid_argument")
    problem(http.post(f"{fresh}/items", json={"id": "zero", "vector": [0.0] * len(vector)}), 400, "invalid_argument")


def test_of_many_each_fails_alone(http, fresh, picture):
    plain = base64.b64encode(picture).decode()
    wanted = [
        {"id": "a", "base64": plain},
        {"id": "b", "base64": base64.b64encode(b"no picture").decode()},
        {"id": "c", "uri": "/etc/passwd"},
        {"id": "d", "base64": plain, "metadata": {"n": 1}},
    ]
    lines = "\n".join(json.dumps(each) for each in wanted) + "\n"
    for form in (
        {"json": {"items": wanted}},
        {"content": lines, "headers": {"Content-Type": "application/x-ndjson"}},
    ):
        said = http.post(f"{fresh}/items", **form).json()
        assert (said["stored"], said["failed"]) == (2, 2), said
        assert [each.get("id") or each["error"]["code"] for each in said["results"]][0::3] == ["a", "d"]
        assert all(each["error"]["code"] and each["error"]["message"] for each in said["results"][1:3])
    assert http.get(fresh).json()["items"] == 2


def test_files_of_a_form(http, fresh, picture):
    files = [("file", ("one.png", picture)), ("file", ("two.png", encoded())), ("file", ("bad.png", b"bad"))]
    said = http.post(f"{fresh}/items", files=files).json()
    assert [each.get("id") for each in said["results"]] == ["one.png", "two.png", None]
    assert http.get(f"{fresh}/items/two.png").status_code == 200


def test_as_a_job(http, fresh, picture):
    answer = http.post(f"{fresh}/items?job=true&id=x", content=picture, headers=PNG)
    assert answer.status_code == 202
    job = answer.json()
    assert job["kind"] == "put"
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert await_job(http, job["id"])["progress"]["indexed"] == 1
    assert http.get(f"{fresh}/items/x").status_code == 200


@pytest.mark.parametrize(
    "form, status, code",
    [
        (lambda site: {"content": b"no picture", "headers": PNG}, 400, ("invalid_argument",)),
        (lambda site: {"content": encoded()[:20], "headers": PNG}, 422, ("corrupt",)),
        (lambda site: {"content": b"", "headers": PNG}, (400, 422), ("corrupt", "unsupported", "invalid_argument")),
        (lambda site: {"json": {"uri": "/etc/passwd"}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"uri": "relative.png"}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"uri": "ftp://127.0.0.1/x.png"}}, (400, 422), ("unsupported", "invalid_argument")),
        (lambda site: {"json": {"uri": f"{site}/gone.png"}}, (404, 422), None),
        (lambda site: {"json": {"uri": f"{site}/page.html"}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"uri": f"{site}/large"}}, (413, 422), None),
        (lambda site: {"json": {"uri": f"{site}/round"}}, 422, None),
        (lambda site: {"json": {"uri": "http://127.0.0.1:1/x.png"}}, (422, 503), None),
        (lambda site: {"json": {"base64": "a$b"}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"bytes": [1, 256]}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"bytes": [], "base64": ""}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {}}, 400, ("invalid_argument",)),
        (lambda site: {"json": {"base64": "AAAA", "metadata": []}}, 400, ("invalid_argument",)),
        (lambda site: {"content": b"x", "headers": PNG, "params": {"metadata": "[]"}}, 400, ("invalid_argument",)),
        (lambda site: {"content": b"x", "headers": PNG, "params": {"metadata": "{"}}, 400, ("invalid_argument",)),
        (lambda site: {"files": {"picture": ("a.png", b"x")}}, 400, ("invalid_argument",)),
        (lambda site: {"content": b"{", "headers": {"Content-Type": "text/plain"}}, 415, ("unsupported_media_type",)),
    ],
)
def test_what_cannot_be_added(http, fresh, site, form, status, code):
    for send in (
        lambda **form: http.post(f"{fresh}/items", **form),
        lambda **form: http.put(f"{fresh}/items/x", **form),
    ):
        answer = send(**form(site))
        assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
        assert code is None or answer.json()["code"] in code, answer.text
    assert http.get(fresh).json()["items"] == 0


def test_pages(http, shapes):
    seen, cursor = [], None
    while True:
        page = http.get(f"{shapes}/items", params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        assert len(page["items"]) <= 7
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(set(seen)) == 40
    assert "vector" not in page["items"][0]
    assert len(http.get(f"{shapes}/items?limit=1&vectors=true").json()["items"][0]["vector"]) > 0


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=x", "cursor=%00", "vectors=maybe", "filter=kind%20%3D", "filter=knd", "sort=-", "sort=kind&cursor=x", "limt=1"]
)
def test_wrong_pages(http, shapes, query):
    problem(http.get(f"{shapes}/items?{query}"), 400, "invalid_argument")


@pytest.mark.parametrize(
    "filter, count",
    [
        ('kind = "circle"', 10),
        ('kind in ("circle", "cross") and number < "05"', None),
        ('not kind = "circle"', 30),
        ('kind = "circle" or kind = "cross"', 20),
    ],
)
def test_filtered_pages(http, shapes, filter, count):
    page = http.get(f"{shapes}/items", params={"filter": filter, "limit": 1000}).json()
    assert count is None or len(page["items"]) == count, page["items"]
    assert page["next"] is None


def test_sorted_pages(http, shapes):
    found, cursor = [], {}
    while cursor is not None:
        asked = {"sort": "-number", "filter": 'kind != "circle"', "limit": 7, **cursor}
        page = http.get(f"{shapes}/items", params=asked).json()
        found += [item["metadata"]["number"] for item in page["items"]]
        cursor = page["next"] and {"cursor": page["next"]}
    assert len(found) == 30
    assert found == sorted(found, reverse=True)


def test_random_pages(http, shapes):
    def drawn(seed, **more):
        page = http.get(f"{shapes}/items", params={"sort": f"@random:{seed}", "limit": 12, **more}).json()
        return [item["id"] for item in page["items"]], page["next"]

    some, cursor = drawn(7)
    assert len(set(some)) == 12 and some != sorted(some)
    assert drawn(7)[0] == some and drawn(8)[0] != some
    assert not set(drawn(7, cursor=cursor)[0]) & set(some)
    assert all(id.startswith("circle/") for id in drawn(7, filter="kind = 'circle'")[0])
    problem(http.get(f"{shapes}/items", params={"sort": "@random:x"}), 400, "invalid_argument", "@random:7")


def test_show_one(http, shapes, jpeg):
    item = http.get(f"{shapes}/items/circle%2F0000.jpg").json()
    assert item["id"] == "circle/0000.jpg"
    assert item["metadata"]["kind"] == "circle"
    assert item["content_hash"] == sha256(jpeg)
    assert item["uri"].endswith("/pictures/circle/0000.jpg")
    problem(http.get(f"{shapes}/items/circle%2F0000.jpeg"), 404, "not_found", "circle/0000.jpeg")


@pytest.mark.parametrize("name", ["a b", "ä/ö", "100%", "..", ".", "a+b&c=d?e#f", '"quoted"', "x" * 1024])
def test_any_id(http, fresh, picture, name):
    path = f"{fresh}/items/{quote(name, safe='').replace('.', '%2E')}"
    assert http.put(path, content=picture, headers=PNG).json()["id"] == name
    assert http.get(path).json()["id"] == name
    assert http.delete(path).status_code == 204
    problem(http.get(path), 404, "not_found")


@pytest.mark.parametrize("name", ["x" * 1025, "%00", "%FF"], ids=["long", "zero", "no text"])
def test_no_id(http, fresh, picture, name):
    problem(http.put(f"{fresh}/items/{name}", content=picture, headers=PNG), 400, "invalid_argument")


def test_change_metadata(http, fresh, picture):
    http.put(f"{fresh}/items/x", content=picture, headers=PNG, params={"metadata": metadata_of(a=1, b={"c": 2})})
    before = http.get(f"{fresh}/items/x?vectors=true").json()
    item = http.patch(f"{fresh}/items/x", json={"a": None, "b": {"d": 3}, "e": ["f"]}).json()
    assert item["metadata"] == {"b": {"c": 2, "d": 3}, "e": ["f"]}
    merge = {"Content-Type": "application/merge-patch+json"}
    assert http.patch(f"{fresh}/items/x", content=b"{}", headers=merge).json()["metadata"] == item["metadata"]
    after = http.get(f"{fresh}/items/x?vectors=true").json()
    assert after["vector"] == before["vector"]
    assert after["metadata"] == item["metadata"]
    problem(http.patch(f"{fresh}/items/x", json=["a"]), 400, "invalid_argument")
    problem(http.patch(f"{fresh}/items/y", json={}), 404, "not_found", "y")


def test_picture_and_thumbnail(http, shapes, jpeg):
    picture = http.get(f"{shapes}/items/circle%2F0000.jpg/picture")
    assert picture.content == jpeg
    assert picture.headers["content-type"] == "image/jpeg"
    same = {"If-None-Match": picture.headers["etag"]}
    assert http.get(f"{shapes}/items/circle%2F0000.jpg/picture", headers=same).status_code == 304

    path = f"{shapes}/items/circle%2F0000.jpg/thumbnail"
    small = http.get(f"{path}?size=32")
    assert small.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(small.content)).size) == 32
    assert max(Image.open(io.BytesIO(http.get(path).content)).size) == 96, "never enlarged"
    assert http.get(f"{path}?size=32", headers={"If-None-Match": small.headers["etag"]}).status_code == 304
    problem(http.get(f"{path}?size=15"), 400, "invalid_argument", "size")
    problem(http.get(f"{path}?size=2049"), 400, "invalid_argument", "size")


def test_picture_whose_file_is_gone(http, fresh, folders, picture):
    file = folders / "going.png"
    file.write_bytes(picture)
    http.put(f"{fresh}/items/x", json={"uri": str(file)})
    file.unlink()
    problem(http.get(f"{fresh}/items/x/picture"), 404, "not_found")


def test_remove(http, fresh):
    for number in range(6):
        picture = encoded("square", number)
        http.put(f"{fresh}/items/{number}", content=picture, headers=PNG, params={"metadata": metadata_of(n=number)})
    assert http.delete(f"{fresh}/items/0").status_code == 204
    problem(http.delete(f"{fresh}/items/0"), 404, "not_found", "0")
    assert http.post(f"{fresh}/delete", json={"ids": ["1", "nothing"]}).json() == {"deleted": 1}
    assert http.post(f"{fresh}/delete", json={"filter": "n >= 4"}).json() == {"deleted": 2}
    assert [item["id"] for item in http.get(f"{fresh}/items").json()["items"]] == ["2", "3"]
    found = http.post(f"{fresh}/search?k=50", content=encoded("square", 0), headers=PNG).json()["hits"]
    assert {hit["id"] for hit in found} == {"2", "3"}
    http.put(f"{fresh}/items/0", content=encoded("square", 0), headers=PNG)
    hits = http.post(f"{fresh}/search", content=encoded("square", 0), headers=PNG).json()["hits"]
    assert hits[0]["id"] == "0", "what is added again is found again"


@pytest.mark.parametrize(
    "wanted",
    [{}, {"ids": []}, {"filter": ""}, {"filter": "n >"}, {"ids": ["a"], "filter": "n"}, {"ids": "a"}],
    ids=str,
)
def test_wrong_removals(http, shapes, wanted):
    problem(http.post(f"{shapes}/delete", json=wanted), 400, "invalid_argument")
    assert http.get(shapes).json()["items"] == 40


@pytest.fixture(scope="module")
def photo():
    """A picture with EXIF."""
    file = io.BytesIO()
    draw("circle", 5).save(file, "JPEG", exif=exif_of(place=(50.5, 7.25)))
    return file.getvalue()


def test_exif_is_read_on_request(http, fresh, photo):
    plain = base64.b64encode(photo).decode()
    forms = {
        "raw": {"content": photo, "headers": RAW, "params": {"exif": "camera", "metadata": '{"a": 1}'}},
        "form": {"files": {"file": ("a.jpg", photo)}, "data": {"exif": "camera", "metadata": '{"a": 1}'}},
        "json": {"json": {"base64": plain, "exif": "camera", "metadata": {"a": 1}}},
    }
    for name, form in forms.items():
        assert http.put(f"{fresh}/items/{name}", **form).status_code == 201
        found = http.get(f"{fresh}/items/{name}").json()["metadata"]
        assert (found["a"], found["exif"]["taken"]) == (1, "2024-05-17T14:03:22")
        assert "gps" not in found["exif"]
    # The picture is the same, and what was asked for is not.
    again = http.put(f"{fresh}/items/raw", content=photo, headers=RAW, params={"exif": "gps"})
    assert (again.status_code, again.json()["outcome"]) == (200, "replaced")
    found = http.get(f"{fresh}/items/raw").json()["metadata"]
    assert (found["a"], found["exif"]["gps"]) == (1, {"latitude": 50.5, "longitude": 7.25})
    many = http.post(f"{fresh}/items", json={"items": [{"id": "x", "base64": plain, "exif": "gps"}]}, params={"job": "true"})
    await_job(http, many.json()["id"])
    assert http.get(f"{fresh}/items/x").json()["metadata"]["exif"]["gps"]["latitude"] == 50.5


def test_exif_that_cannot_be(http, fresh, photo):
    problem(http.put(f"{fresh}/items/a", content=photo, headers=RAW, params={"exif": "all"}), 400, "invalid_argument", "camera")
    bad = {"base64": base64.b64encode(photo).decode(), "exif": "all"}
    problem(http.put(f"{fresh}/items/a", json=bad), 400, "invalid_argument", "camera")
    assert http.get(fresh).json()["items"] == 0
