"""A live server, and the blocking and the awaited client of it: most tests run with both."""

import io
import itertools

import pytest
from both import WaitingClient
from eidetic import Client
from live import TOKENS, Server
from pictures import draw, draw_folder

NUMBERS = itertools.count(1)
KINDS_OF_CLIENT = {"blocking": Client, "awaited": WaitingClient}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders that the server may read and write."""
    root = tmp_path_factory.mktemp("folders")
    draw_folder(root / "pictures", 40)
    (root / "backups").mkdir()
    return root


@pytest.fixture(scope="session")
def pictures(folders):
    """40 pictures: circle/0000.jpg, square/0001.jpg, cross/0002.jpg, stripes/0003.jpg …"""
    return folders / "pictures"


@pytest.fixture(scope="session")
def server(tmp_path_factory, folders):
    options = {"paths": {"allowed": [folders], "backup": folders / "backups"}, "fetch": {"allow_private": True}}
    with Server(tmp_path_factory.mktemp("server"), **options) as server:
        yield server


@pytest.fixture(params=KINDS_OF_CLIENT)
def make_client(request):
    """The class of clients to test."""
    return KINDS_OF_CLIENT[request.param]


@pytest.fixture
def client(server, make_client):
    with make_client(server.url, TOKENS["admin"]) as client:
        yield client


@pytest.fixture(scope="session")
def shapes_name(server, pictures):
    """A collection with the 40 pictures, which no test changes."""
    with Client(server.url, TOKENS["admin"]) as client:
        shapes = client.create_collection("shapes")
        shapes.upload_folder(
            pictures, metadata=lambda path: {"kind": path.parent.name, "number": int(path.stem)}, progress=False
        )
    return "shapes"


@pytest.fixture
def shapes(client, shapes_name):
    return client.collection(shapes_name)


@pytest.fixture
def fresh(client):
    """An empty collection for one test."""
    collection = client.create_collection(f"fresh-{next(NUMBERS)}")
    yield collection
    collection.drop()


def encoded(kind="circle", seed=1000, format="PNG"):
    """The bytes of a picture that is in no collection."""
    file = io.BytesIO()
    draw(kind, seed).save(file, format)
    return file.getvalue()
