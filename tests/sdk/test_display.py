"""What is shown in notebooks and on terminals."""

import sys

import pytest
from conftest import encoded
from eidetic import Client
from live import TOKENS
from pictures import draw


def test_hits_as_a_grid(fresh):
    fresh.add(encoded(), id='<script>alert("x")</script>')
    fresh.add(encoded(seed=1), id="second")
    text = fresh.search(encoded())._repr_html_()
    assert text.count("data:image/jpeg;base64,/9j/") == 2
    assert "100.0%" in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "nothing found" in fresh.search(encoded(seed=5), min_similarity=100)._repr_html_()


def test_copies_and_regions_are_shown(fresh):
    fresh.add(encoded(), id="first")
    fresh.add(encoded(), id="second")
    fresh.set_regions("2x2", progress=False)
    found = fresh.search(encoded(), collapse=True)
    assert "</b> + 1 copy<br>first" in found._repr_html_()
    pandas = pytest.importorskip("pandas")
    assert isinstance(found.to_pandas(), pandas.DataFrame)
    assert list(found.to_pandas().columns) == ["id", "similarity", "distance", "uri", "copies"]
    part = draw("circle", 1000).crop((0, 0, 48, 40))
    frame = fresh.search(part, regions=True).to_pandas()
    assert list(frame.columns) == ["id", "similarity", "distance", "uri", "region"]
    assert tuple(frame["region"][0]) == (0, 0, 0.5, 0.5)


def test_hits_whose_pictures_are_gone(client, fresh):
    fresh.add(encoded(), id="x")
    found = fresh.search(encoded())
    fresh.delete("x")
    assert "<img" not in found._repr_html_()


def test_many_hits_are_not_all_fetched(shapes):
    found = shapes.search(encoded(), k=40)
    object.__setattr__(found, "hits", found.hits * 2)
    assert "and 30 more" in found._repr_html_()


def test_pandas(shapes):
    pandas = pytest.importorskip("pandas")
    frame = shapes.search(encoded(), k=3).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["id", "similarity", "distance", "uri", "kind", "number"]
    assert len(frame) == 3
    empty = shapes.search(encoded(), min_similarity=100).to_pandas()
    assert (list(empty.columns), len(empty)) == (["id", "similarity", "distance", "uri"], 0)


def test_progress(fresh, pictures, capsys):
    fresh.upload_folder(pictures, progress=True)
    assert "40/40" in capsys.readouterr().err
    fresh.upload_folder(pictures, progress=False)
    assert capsys.readouterr().err == ""


def test_without_tqdm_and_pillow(server, pictures, shapes_name, monkeypatch):
    """Only httpx is needed."""
    for name in ("tqdm", "tqdm.auto", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    with Client(server.url, TOKENS["admin"]) as client:
        shapes = client.collection(shapes_name)
        assert shapes.upload_folder(pictures, progress=True).unchanged == 40
        with pytest.raises(ImportError):
            shapes.search(encoded()).to_pandas()
