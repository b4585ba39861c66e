"""Where collections are kept, through either client."""

import pytest
from eidetic import AlreadyExists, InvalidArgument


def test_a_collection_is_copied(client, shapes):
    name = "shapes-copied"
    job = shapes.copy("embedded", name=name, progress=False)
    assert (job.info.kind, job.info.progress.indexed) == ("copy", 40)
    copied = client.collection(name)
    assert (copied.info().items, copied.info().backend) == (40, "embedded")
    assert client.server()["backends"] == [{"name": "embedded", "preferred": True}]
    with pytest.raises(AlreadyExists, match=name):
        shapes.copy("embedded", name=name)
    copied.drop()


def test_places_that_are_none(client, shapes):
    with pytest.raises(InvalidArgument, match="qdrant://elsewhere"):
        shapes.copy("qdrant://elsewhere")
    with pytest.raises(InvalidArgument, match="qdrant://elsewhere"):
        client.create_collection("far", backend="qdrant://elsewhere")
