"""A folder of this machine, kept in a collection."""

import shutil

import pytest
from conftest import encoded
from eidetic import Forbidden, NotFound, Unauthorized
from live import TOKENS
from pictures import draw, exif_of


@pytest.fixture
def folder(pictures, tmp_path):
    """Pictures, one of them bad, a file of another kind and hidden ones."""
    copy = shutil.copytree(pictures, tmp_path / "copy")
    (copy / "cross/bad.jpg").write_bytes(b"no picture")
    (copy / ".hidden").mkdir()
    (copy / ".hidden/a.png").write_bytes(encoded())
    (copy / "circle/.b.png").write_bytes(encoded())
    return copy


def metadata(path):
    return {"kind": path.parent.name, "number": path.stem}


def test_upload_again_and_prune(fresh, folder):
    seen = []
    report = fresh.upload_folder(folder, metadata=lambda path: seen.append(path) or metadata(path))
    assert (report.created, len(report.failures), report.unchanged) == (40, 1, 0)
    assert len(seen) == 41
    (failure,) = report.failures
    assert failure.uri == "cross/bad.jpg"
    assert "picture" in failure.message
    assert "40 created, 1 failed" in str(report)
    assert fresh.get("cross/0002.jpg").metadata == {"kind": "cross", "number": "0002"}

    (folder / "cross/bad.jpg").unlink()
    (folder / "circle/0000.jpg").write_bytes(encoded())
    (folder / "square/0001.jpg").unlink()
    again = fresh.upload_folder(folder, prune=True, progress=False)
    assert (again.created, again.replaced, again.unchanged, again.pruned) == (0, 1, 38, 1)
    assert fresh.info().items == 39
    assert fresh.picture("circle/0000.jpg") == encoded()


def test_exif_is_read_once(fresh, tmp_path):
    draw("circle", 1).save(tmp_path / "a.jpg", exif=exif_of(place=(50.5, 7.25)))
    facts = {"a.jpg": {"title": "A"}}
    assert fresh.upload_folder(tmp_path, metadata=facts, progress=False).created == 1
    for exif, has_place in (("camera", False), ("gps", True)):
        assert fresh.upload_folder(tmp_path, metadata=facts, exif=exif, progress=False).replaced == 1
        assert fresh.upload_folder(tmp_path, metadata=facts, exif=exif, progress=False).unchanged == 1
        found = fresh.get("a.jpg").metadata
        assert (found["title"], found["exif"]["iso"], "gps" in found["exif"]) == ("A", 400, has_place)
    assert fresh.upload_folder(tmp_path, exif="gps", progress=False).unchanged == 1


def test_unchanged_pictures_get_new_metadata(fresh, folder):
    fresh.upload_folder(folder, pattern="0002.*", progress=False)
    report = fresh.upload_folder(folder, pattern="0002.*", metadata={"cross/0002.jpg": {"new": 1}}, progress=False)
    assert report.replaced == 1
    assert fresh.get("cross/0002.jpg").metadata == {"new": 1}


def test_choosing_files(fresh, folder):
    assert fresh.upload_folder(folder, recursive=False, progress=False).results == []
    report = fresh.upload_folder(folder / "cross", recursive=False, pattern="*2.JPG", prefix="x/", progress=False)
    assert [result.id for result in report.results] == ["x/0002.jpg", "x/0022.jpg"]
    fresh.add(encoded(), id="y/other")
    pruned = fresh.upload_folder(folder / "cross", pattern="0002.jpg", prefix="x/", prune=True, progress=False)
    assert pruned.pruned == 1
    assert [item.id for item in fresh.items()] == ["x/0002.jpg", "y/other"]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_bounded(fresh, folder, concurrency):
    report = fresh.upload_folder(folder, concurrency=concurrency, progress=False)
    assert report.created == 40


def test_what_ends_it_all(make_client, server, folder, shapes_name):
    with make_client(server.url, TOKENS["admin"]) as client, pytest.raises(NotFound):
        client.collection("nothing").upload_folder(folder, progress=False)
    with make_client(server.url, TOKENS["read"]) as client, pytest.raises(Forbidden):
        client.collection(shapes_name).upload_folder(folder, progress=False)
    with make_client(server.url, "wrong") as client, pytest.raises(Unauthorized):
        client.collection(shapes_name).upload_folder(folder, progress=False)
    with make_client(server.url, TOKENS["admin"]) as client, pytest.raises(NotADirectoryError, match="nowhere"):
        client.collection(shapes_name).upload_folder(folder / "nowhere", progress=False)


def test_folder_of_any_name(client, folder):
    """A collection may be named as the routes are."""
    for name in ("items", "delete"):
        collection = client.create_collection(name)
        collection.upload_folder(folder, pattern="000*.jpg", progress=False)
        (folder / "circle/0000.jpg").unlink(missing_ok=True)
        assert collection.upload_folder(folder, pattern="000*.jpg", prune=True, progress=False).pruned in (0, 1)
        collection.drop()
