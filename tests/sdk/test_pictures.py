"""Everything that is a picture, and everything that can be searched with."""

import base64
import http.server
import io
import threading

import numpy
import pytest
from conftest import encoded
from eidetic import EideticError, InvalidArgument, ItemRef, NewItem, Picture, Query, ServerFile, Text, Unsupported, Vector
from pictures import draw
from PIL import Image


@pytest.fixture(scope="module")
def site():
    """A web server with one picture."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(encoded("cross", 7))

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/picture"
    served.shutdown()
    served.server_close()


@pytest.fixture
def kinds(tmp_path, folders, site):
    """The same picture in all ways."""
    data = encoded("cross", 7)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    (folders / "there.png").write_bytes(data)
    return {
        "path": path,
        "text path": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file": io.BytesIO(data),
        "PIL": draw("cross", 7),
        "PIL with alpha": draw("cross", 7).convert("RGBA"),
        "array": numpy.asarray(draw("cross", 7)),
        "url": site,
        "data": f"data:image/png;base64,{base64.b64encode(data).decode()}",
        "server": ServerFile(str(folders / "there.png")),
    }


def test_every_kind_gives_the_same_vector(client, fresh, kinds):
    wanted = client.embed("default", encoded("cross", 7))
    for name, picture in kinds.items():
        assert client.embed("default", _again(picture)) == wanted, name
        assert fresh.add(_again(picture), id=name).outcome == "created"
        assert fresh.get(name, vector=True).vector == wanted, name
        hits = fresh.search(_again(picture), k=1)
        assert hits[0].similarity == pytest.approx(1, abs=1e-5), name
        assert fresh.search([_again(picture)], k=1)[0].similarity == pytest.approx(1, abs=1e-5), name


def test_every_kind_can_be_shown(client, kinds):
    for name, picture in kinds.items():
        shown = Image.open(io.BytesIO(client.preview(_again(picture), size=48)))
        assert (shown.format, shown.size) == ("JPEG", (48, 40)), name
    assert Image.open(io.BytesIO(client.preview(encoded("cross", 7)))).size == (96, 80), "never enlarged"
    with pytest.raises(InvalidArgument, match="size"):
        client.preview(encoded(), size=4)


def _again(picture):
    if isinstance(picture, io.BytesIO):
        picture.seek(0)
    return picture


def test_grey_arrays(client):
    grey = draw("circle", 3).convert("L")
    assert client.embed("default", numpy.asarray(grey)) == client.embed("default", grey)


def test_orientation_is_kept(client, tmp_path):
    """A picture as PIL has it is the picture as its file shows it."""
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    draw("cross", 7).save(path, exif=exif)
    assert client.embed("default", Image.open(path)) == client.embed("default", path)


@pytest.mark.parametrize("wrong", [3, None, numpy.zeros((4, 4, 2), numpy.uint8), numpy.zeros((4, 4)), io.StringIO("a")])
def test_no_pictures(shapes, wrong):
    with pytest.raises(TypeError):
        shapes.search(wrong)


def test_a_file_that_is_not_there(shapes):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        shapes.search("nowhere.jpg")


def test_terms(shapes, pictures):
    path = pictures / "circle/0000.jpg"
    assert shapes.search(ItemRef("circle/0000.jpg"))[0].id == "circle/0000.jpg"
    vector = shapes.get("circle/0000.jpg", vector=True).vector
    for same in (Vector(vector), Vector(numpy.array(vector, numpy.float32)), Vector(vector, weight=2), Picture(path)):
        hit = shapes.search(same)[0]
        assert (hit.id, round(hit.similarity, 4)) == ("circle/0000.jpg", 1)
    mixed = [Picture(path, weight=2), ItemRef("cross/0002.jpg"), Picture(path, weight=-0.5, crop=(0, 0, 0.5, 0.5))]
    assert len(shapes.search(mixed, k=40)) == 40
    with pytest.raises(Unsupported):
        shapes.search(Text("a red boot"))


def test_settings(shapes, pictures):
    path = pictures / "circle/0000.jpg"
    every = shapes.search(path, k=50)
    assert len(every) == 40
    assert len(shapes.search(path)) == 10
    assert shapes.search(path, k=50, exclude_self=True).ids == every.ids[1:]
    border = 100 * round(every[5].similarity, 4)
    assert 1 < len(shapes.search(path, k=50, min_similarity=border)) < 40
    cropped = shapes.search(path, k=3, crop=(0, 0, 0.5, 0.5))
    assert cropped.ids == shapes.search(Picture(path, crop=(0, 0, 48, 40)), k=3).ids
    assert cropped.ids == shapes.search([path], k=3, crop=(0, 0, 0.5, 0.5)).ids
    assert shapes.search(path, ef=100, model="default").ids == every.ids[:10]
    assert shapes.search(ItemRef("circle/0000.jpg"), k=2, exclude_self=True).ids == every.ids[1:3]


def test_search_with_a_filter(shapes, pictures):
    found = shapes.search(pictures / "circle/0000.jpg", filter='kind = "cross"')
    assert {hit.metadata["kind"] for hit in found} == {"cross"}
    with pytest.raises(InvalidArgument, match="knd"):
        shapes.search(pictures / "circle/0000.jpg", filter="knd = 1")


def test_batch(shapes, pictures):
    path = pictures / "circle/0000.jpg"
    queries = [path, ItemRef("nothing"), Query(ItemRef("cross/0002.jpg"), k=1), [path, ItemRef("cross/0002.jpg")]]
    first, second, third, fourth = shapes.search_batch(queries, k=3)
    assert first.ids == shapes.search(path, k=3).ids
    assert isinstance(second, EideticError)
    assert second.code == "not_found"
    assert third.ids == ["cross/0002.jpg"]
    assert len(fourth) == 3


def test_vectors_in_place_of_pictures(client, fresh):
    vector = client.embed("default", encoded())
    assert fresh.add(Vector(vector), id="bare").outcome == "created"
    assert fresh.add(encoded(seed=1), id="both", vector=vector, metadata={"a": 1}).outcome == "created"
    assert fresh.get("both", vector=True).vector == fresh.get("bare", vector=True).vector
    assert {hit.id for hit in fresh.search(encoded())} == {"bare", "both"}


def test_add_many(fresh, tmp_path):
    (tmp_path / "good.png").write_bytes(encoded())
    given = [
        NewItem(encoded(seed=1), id="a", metadata={"n": 1}),
        b"no picture",
        tmp_path / "good.png",
        tmp_path / "gone.png",
        NewItem(Vector([1.0] * 256), id="v"),
        NewItem(encoded(seed=2), id="b"),
    ]
    report = fresh.add_many(iter(given), batch=2)
    outcomes = [getattr(result, "outcome", None) for result in report.results]
    assert outcomes == ["created", None, "created", None, "created", "created"]
    assert [failure.uri for failure in report.failures] == ["#1", str(tmp_path / "gone.png")]
    assert (report.created, fresh.info().items) == (4, 4)
    assert fresh.get("a").metadata == {"n": 1}
    again = fresh.add_many([NewItem(encoded(seed=1), id="a"), NewItem(encoded(seed=3), id="b")])
    assert (again.unchanged, again.replaced) == (1, 1)
    assert "1 replaced" in str(again)
