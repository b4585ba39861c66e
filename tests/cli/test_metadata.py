"""Metadata of files, sidecars and EXIF, here and through a server, which has to do just the same."""

import json
import shutil

import pytest
from conftest import Cli, Served
from pictures import draw, exif_of
from test_errors import one_line


@pytest.fixture(params=["local", "server"])
def anywhere(request, tmp_path):
    if request.param == "local":
        yield Cli(tmp_path / "data")
    else:
        with Served(tmp_path / "server") as server:
            yield server


@pytest.fixture
def photos(tmp_path):
    """cats/1.jpg and 2.jpg with EXIF, and plain.png without."""
    folder = tmp_path / "photos"
    (folder / "cats").mkdir(parents=True)
    draw("circle", 1).save(folder / "cats/1.jpg", exif=exif_of("2023:12:31 23:59:59", place=(50.5, 7.25)))
    draw("cross", 2).save(folder / "cats/2.jpg", exif=exif_of())
    draw("square", 3).save(folder / "plain.png")
    return folder


def metadata(cli, id, collection="c"):
    return cli.json("items", "show", id, "-c", collection)["metadata"]


def index(cli, photos, *options, **more):
    return cli.json("index", photos, "-c", "c", *options, **more)


def test_json_lines(anywhere, photos, tmp_path):
    facts = tmp_path / "facts.jsonl"
    lines = [
        {"file": "cats\\1.jpg", "tags": ["red", "old"], "place": {"city": "Köln"}, "id": 7},
        {"id": "./cats/2.jpg", "stars": 5, "note": None},
        {"file": "nowhere.jpg"},
    ]
    facts.write_text("\n".join(map(json.dumps, lines)) + "\n{broken\n")
    report = index(anywhere, photos, "--metadata", facts)
    assert (report["indexed"], report["failed"]) == (3, 0)
    assert [sum(word in error["message"] for error in report["errors"]) for word in ("line 3", "line 4")] == [1, 1]
    assert metadata(anywhere, "cats/1.jpg") == {"id": 7, "place": {"city": "Köln"}, "tags": ["red", "old"]}
    assert metadata(anywhere, "cats/2.jpg") == {"stars": 5}
    found = anywhere.json("items", "list", "-c", "c", "--filter", "place.city = 'Köln' and tags = 'old'")
    assert [item["id"] for item in found["items"]] == ["cats/1.jpg"]
    # Nested objects change as a whole, and nothing is embedded for it.
    facts.write_text(json.dumps({"file": "cats/1.jpg", "place": {"country": "DE"}}))
    again = index(anywhere, photos, "--metadata", facts)
    assert (again["indexed"], again["updated"]) == (0, 1)
    assert metadata(anywhere, "cats/1.jpg") == {"place": {"country": "DE"}}
    assert index(anywhere, photos, "--metadata", facts)["updated"] == 0


def test_exif(anywhere, photos):
    index(anywhere, photos)
    report = index(anywhere, photos, "--exif", "camera")
    assert (report["indexed"], report["updated"], report["failed"]) == (0, 3, 0)
    assert metadata(anywhere, "cats/1.jpg")["exif"] == {
        "make": "Maker",
        "model": "One",
        "lens": "50mm",
        "taken": "2023-12-31T23:59:59",
        "exposure_s": 0.004,
        "f_number": 2.8,
        "iso": 400,
        "width": 96,
        "height": 80,
    }
    assert metadata(anywhere, "plain.png") == {"exif": {"width": 96, "height": 80}}
    assert index(anywhere, photos, "--exif", "camera")["updated"] == 0
    hits = anywhere.json("search", "id:plain.png", "-c", "c", "--filter", 'exif.taken >= "2024-"')["hits"]
    assert [hit["id"] for hit in hits] == ["cats/2.jpg"]

    # Where a picture was taken is read when it is asked for, and goes when it is not.
    assert index(anywhere, photos, "--exif", "gps")["updated"] == 3
    assert metadata(anywhere, "cats/1.jpg")["exif"]["gps"] == {"latitude": 50.5, "longitude": 7.25}
    assert metadata(anywhere, "cats/2.jpg")["exif"]["gps"] is None
    assert index(anywhere, photos, "--exif", "gps")["updated"] == 0
    found = anywhere.json("items", "list", "-c", "c", "--filter", "exists exif.gps and exif.gps.latitude > 50")["items"]
    assert [item["id"] for item in found] == ["cats/1.jpg"]
    index(anywhere, photos, "--exif", "camera")
    assert "gps" not in metadata(anywhere, "cats/1.jpg")["exif"]


def test_what_comes_before_what(anywhere, photos, tmp_path):
    (photos / "cats/1.jpg.json").write_text(json.dumps({"title": "sidecar", "stars": 3}))
    (photos / "cats/2.json").write_text(json.dumps({"exif": {"lens": "mine"}}))
    (photos / "plain.json").write_text("[]")
    (tmp_path / "facts.csv").write_text("file,title\ncats/1.jpg,row\n")
    options = ("--metadata", tmp_path / "facts.csv", "--sidecars", "--exif", "camera")
    report = index(anywhere, photos, *options)
    assert (report["indexed"], report["failed"]) == (3, 0)
    (error,) = report["errors"]
    assert "plain.json" in error["message"] and error["uri"].endswith("plain.png")
    first = metadata(anywhere, "cats/1.jpg")
    assert (first["title"], first["stars"], first["exif"]["iso"]) == ("row", 3, 400)
    assert metadata(anywhere, "cats/2.jpg") == {"exif": {"lens": "mine"}}
    assert index(anywhere, photos, *options)["updated"] == 0

    (photos / "cats/1.jpg.json").write_text(json.dumps({"stars": 4}))
    again = index(anywhere, photos, *options)
    assert (again["indexed"], again["updated"]) == (0, 1)
    assert metadata(anywhere, "cats/1.jpg")["stars"] == 4
    # A picture that changed keeps what it has beside EXIF, which is read anew.
    draw("stripes", 9, size=(60, 50)).save(photos / "cats/1.jpg", exif=exif_of("2020:01:01 00:00:00"))
    assert index(anywhere, photos, *options)["indexed"] == 1
    first = metadata(anywhere, "cats/1.jpg")
    assert (first["title"], first["exif"]["taken"], first["exif"]["width"]) == ("row", "2020-01-01T00:00:00", 60)


def test_metadata_too_long_for_an_address(anywhere, photos, tmp_path):
    long = {"file": "plain.png", "note": "ä" * 6000, "list": list(range(500))}
    (tmp_path / "facts.jsonl").write_text(json.dumps(long))
    index(anywhere, photos, "--metadata", tmp_path / "facts.jsonl", "--exif", "gps")
    found = metadata(anywhere, "plain.png")
    assert found == {"note": long["note"], "list": long["list"], "exif": {"width": 96, "height": 80, "gps": None}}


@pytest.mark.parametrize(
    "options, words",
    [
        (("--metadata", "nowhere.csv"), ["nowhere.csv"]),
        (("--metadata", "list.json"), ["list.json", "jq"]),
        (("--metadata", "none.csv"), ["none.csv", "`file`", "name, kind"]),
        (("--metadata", "quote.csv"), ["quote.csv", "line 2", "never ends"]),
        (("--exif", "all"), ["'all'", "camera", "gps"]),
        (("--exif", "--sidecars"), ["'--sidecars'", "EXIF"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_inputs(cli, photos, tmp_path, options, words):
    (tmp_path / "list.json").write_text('[{"file": "plain.png"}]')
    (tmp_path / "none.csv").write_text("name,kind\nplain.png,x\n")
    (tmp_path / "quote.csv").write_text('file,kind\n"plain.png,x\n')
    status = 1 if options[1] == "nowhere.csv" else 2
    one_line(cli("index", photos, "-c", "c", *options, cwd=tmp_path, status=status), *words)
    assert cli.json("collections", "list") == {"collections": []}


def test_row_numbers_empty_cells_and_further_columns(cli, photos, tmp_path):
    """The file of an older system: a column without a name first, quoted cells, empty ones, backslashes."""
    rows = [",file,class,label,note", '0,cats\\1.jpg,cat,3,"red, ""old"""', "1,plain.png,,0,", "2,,cat,1,x", "3,plain.png,a,b,c,d"]
    (tmp_path / "meta.csv").write_text("\r\n".join(rows) + "\r\n")
    report = index(cli, photos, "--metadata", tmp_path / "meta.csv")
    assert (report["indexed"], report["failed"], len(report["errors"])) == (3, 0, 2)
    assert metadata(cli, "cats/1.jpg") == {"class": "cat", "label": 3, "note": 'red, "old"'}
    assert metadata(cli, "plain.png") == {"class": "", "label": 0, "note": ""}


def test_a_sidecar_that_is_gone_changes_nothing(cli, photos):
    (photos / "plain.json").write_text('{"title": "x"}')
    index(cli, photos, "--sidecars")
    (photos / "plain.json").unlink()
    assert index(cli, photos, "--sidecars")["updated"] == 0
    assert metadata(cli, "plain.png") == {"title": "x"}


def test_a_moved_folder_keeps_its_metadata(cli, photos, tmp_path):
    index(cli, photos, "--exif", "camera")
    moved = shutil.move(photos, tmp_path / "moved")
    report = index(cli, moved, "--exif", "camera")
    assert (report["indexed"], report["updated"]) == (0, 3)
    assert metadata(cli, "cats/2.jpg")["exif"]["iso"] == 400
