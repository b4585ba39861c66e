"""`kill -9` at random moments, and damaged files under collections/: nothing acknowledged is lost, nothing is twice, and the
end is the same as without."""

import random
import re
import shutil
import struct

import pytest
from conftest import Cli, in_terminal

KILLS = 50
SEED = 20240607


def exported(cli, tmp_path):
    """Everything in the collection `a`, by id: hash, time, metadata, vector (the format is in src/engine/transfer.h)."""
    file = tmp_path / "export"
    cli("collections", "export", "a", file)
    data = file.read_bytes()
    magic = b"EIDETIC COLLECTION 2\n"
    assert data.startswith(magic)
    place = len(magic)

    def text():
        nonlocal place
        (length,) = struct.unpack_from("<I", data, place)
        place += 4 + length
        return data[place - length : place]

    text()
    items = {}
    while data[place]:
        place += 1
        name, uri, content_hash, metadata = text(), text(), text(), text()
        facts = data[place : place + 16 + 4 * 256]
        place += len(facts)
        assert name not in items, f"{name} is there twice"
        items[name] = (uri, content_hash, metadata, facts)
    return items


def hits(cli):
    return [cli.json("search", f"id:{name}", "-c", "a", "-k", 50)["hits"] for name in ("circle/0000.jpg", "cross/0402.jpg")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, many_pictures):
    folder = tmp_path_factory.mktemp("undisturbed")
    cli = Cli(folder / "data")
    report = cli.json("index", many_pictures, "-c", "a", "--batch", "20", "--metadata", many_pictures / "metadata.csv")
    seconds = report["seconds"]
    return cli, exported(cli, folder), hits(cli), seconds


def test_kill_at_random_moments(tmp_path, many_pictures, undisturbed):
    _, items, found, seconds = undisturbed
    moments = random.Random(SEED)
    cli = Cli(tmp_path / "data")
    command = cli.command("index", many_pictures, "-c", "a", "--batch", "20", "--metadata", many_pictures / "metadata.csv")
    stored, kills, in_the_middle = 0, 0, 0
    while kills < KILLS:
        # On a terminal, because the progress bar is what acknowledges: a picture that it counts is stored.
        status, text = in_terminal(command, kill_after=moments.uniform(0, 0.7 * seconds), kill_from="/1000 ")
        if status == 0:
            # This run came to its end: begin anew.
            assert exported(cli, tmp_path) == items
            shutil.rmtree(cli.data)
            stored = 0
            continue
        assert status == -9
        kills += 1
        acknowledged = max([stored, *(int(done) for done in re.findall(r"(\d+)/1000 ", text))])
        listed = cli.json("collections", "list")["collections"]
        now = exported(cli, tmp_path) if listed else {}
        assert len(now) >= acknowledged
        assert now.items() <= items.items(), "what is stored is not what an undisturbed run stores"
        in_the_middle += 0 < len(now) < 1000
        stored = len(now)
    assert in_the_middle >= KILLS / 4, "the kills came at the wrong moments to prove anything"
    cli("index", many_pictures, "-c", "a", "--metadata", many_pictures / "metadata.csv")
    assert exported(cli, tmp_path) == items
    assert hits(cli) == found


@pytest.mark.parametrize("plan", ["2x2", "1x3"])
def test_kill_while_regions_are_made(tmp_path, many_pictures, plan):
    """Under the plan of its creation while it is indexed, or under another one later: no item keeps regions of the wrong
    plan, and the same command ends where an undisturbed one does."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    # Regions are stored 256 items at a time: several portions, for kills to come between.
    for file in sorted(many_pictures.glob("*/*.jpg"))[:: 5 if plan == "2x2" else 1]:
        shutil.copy(file, pictures / f"{file.parent.name}-{file.name}")
    count = len(list(pictures.iterdir()))

    def prepared(data):
        cli = Cli(data)
        cli("collections", "create", "a", "--regions", "2x2")
        if plan != "2x2":
            cli("index", pictures, "-c", "a")
        return cli, ["index", pictures, "-c", "a", "--batch", "5"] if plan == "2x2" else ["regions", plan, "-c", "a"]

    def found(cli):
        return [
            [(hit["id"], hit["similarity"], hit.get("region")) for hit in answer["hits"]]
            for crop in ("0,0,0.5,0.5", "0.3,0,0.4,1")
            for answer in [cli.json("search", pictures / "circle-0000.jpg", "-c", "a", "--crop", crop, "--regions")]
        ]

    undisturbed, command = prepared(tmp_path / "undisturbed")
    seconds = undisturbed.json(*command)["seconds"]
    vectors = undisturbed.json("collections", "show", "a")["region_vectors"]
    assert vectors == count * (4 if plan == "2x2" else 3)

    moments = random.Random(SEED)
    cli, command = prepared(tmp_path / "data")
    in_the_middle = 0
    for _ in range(12):
        status, _ = in_terminal(cli.command(*command), kill_after=moments.uniform(0, seconds), kill_from=f"/{count} ")
        assert status in (0, -9)
        shown = cli.json("collections", "show", "a")
        parts = shown["region_vectors"]
        assert parts % (4 if shown["regions"] == "2x2" else 3) == 0 and shown["regions"] in ("2x2", plan)
        in_the_middle += 0 < parts < vectors
        if status == 0:
            shutil.rmtree(cli.data)
            cli, command = prepared(tmp_path / "data")
    assert in_the_middle >= 2, "the kills came at the wrong moments to prove anything"
    cli(*command)
    assert cli.json("collections", "show", "a")["region_vectors"] == vectors
    assert found(cli) == found(undisturbed)


@pytest.fixture
def copy(tmp_path, undisturbed):
    """A copy of the undisturbed data folder, with its derived files."""
    cli, _, found, _ = undisturbed
    shutil.copytree(cli.data, tmp_path / "data")
    (generation,) = (tmp_path / "data/collections").glob("*/*")
    return Cli(tmp_path / "data"), generation, found


FILES = ["vectors.f32", "vectors.f32.rows", "index.snapshot"]


def flip(data, place):
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "first bit flipped": lambda data: flip(data, 0),
    "middle bit flipped": lambda data: flip(data, len(data) // 2),
    "last bit flipped": lambda data: flip(data, len(data) - 1),
    "of another format": lambda data: b"EIDETIC SNAPSHOT 0" + data[18:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_damaged_files_are_rebuilt(copy, file, damage):
    cli, generation, found = copy
    data = (generation / file).read_bytes()
    (generation / file).write_bytes(DAMAGES[damage](data))
    answer = cli("search", "id:circle/0000.jpg", "-c", "a")
    assert len(answer.err.strip().splitlines()) == 1 and "'a'" in answer.err or "rebuil" in answer.err, answer.err
    assert hits(cli) == found
    assert cli("search", "id:circle/0000.jpg", "-c", "a").err == "", "rebuilt once, not every time"


@pytest.mark.parametrize("file", FILES)
def test_missing_files_are_rebuilt(copy, file):
    cli, generation, found = copy
    (generation / file).unlink()
    assert hits(cli) == found


def test_older_snapshots_are_brought_up_to_date(copy, many_pictures, tmp_path):
    cli, generation, _ = copy
    old = tmp_path / "old"
    folder = shutil.copytree(many_pictures, tmp_path / "pictures")
    cli("index", folder, "-c", "a")
    shutil.copytree(cli.data / "collections", old)
    shutil.copy(folder / "circle/0000.jpg", folder / "circle/again.jpg")
    (folder / "circle/0004.jpg").unlink()
    # Removed and added since the snapshot was written.
    cli("index", folder, "-c", "a", "--prune")
    now = cli.json("search", "id:circle/0000.jpg", "-c", "a", "-k", 1000)["hits"]
    shutil.rmtree(cli.data / "collections")
    shutil.copytree(old, cli.data / "collections")
    after = cli.json("search", "id:circle/0000.jpg", "-c", "a", "-k", 1000)["hits"]
    assert after == now
    assert {"circle/0000.jpg", "circle/again.jpg"} == {hit["id"] for hit in after[:2]}
    assert "circle/0004.jpg" not in {hit["id"] for hit in after}


def test_all_derived_files_may_go(copy):
    cli, _, found = copy
    shutil.rmtree(cli.data / "collections")
    assert hits(cli) == found
