"""What each command does and prints when all is well."""

import csv
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest
from conftest import EIDETIC, SANITIZERS, Cli
from PIL import Image
from pictures import KINDS, draw, textured

SPECIAL = {"collection", "indexed", "skipped", "updated", "failed", "removed", "duplicates", "copies", "errors", "seconds", "images_per_s", "stages", "interrupted"}


def ids(answer):
    return [hit["id"] for hit in answer["hits"]]


def test_index_then_search(cli, pictures):
    report = cli.json("index", pictures, "-c", "shapes", "--metadata", pictures / "metadata.csv")
    assert set(report) == SPECIAL
    assert (report["collection"], report["indexed"], report["skipped"], report["failed"]) == ("shapes", 40, 0, 0)
    assert report["errors"] == [] and report["seconds"] > 0 and report["images_per_s"] > 0
    assert {"read", "decode", "preprocess", "inference", "commit"} <= {stage["stage"] for stage in report["stages"]}

    answer = cli.json("search", pictures / "cross/0002.jpg", "-c", "shapes", "-k", 5)
    assert set(answer) == {"collection", "model", "hits", "timings_ms", "items_per_s", "nothing_similar", "explain"}
    assert answer["collection"] == "shapes" and len(answer["hits"]) == 5
    first = answer["hits"][0]
    assert set(first) == {"id", "similarity", "distance", "uri", "metadata"}
    assert first["id"] == "cross/0002.jpg"
    assert abs(first["similarity"] - 1) < 1e-5 and abs(first["distance"]) < 1e-5
    assert first["metadata"] == {"kind": "cross", "number": 2}
    assert first["uri"].endswith("/cross/0002.jpg")
    assert all(a["similarity"] >= b["similarity"] for a, b in zip(answer["hits"], answer["hits"][1:]))
    assert all(isinstance(ms, (int, float)) for ms in answer["timings_ms"].values()) and "total" in answer["timings_ms"]


def test_second_index_embeds_nothing(cli, pictures):
    cli("index", pictures, "-c", "shapes")
    again = cli.json("index", pictures, "-c", "shapes")
    assert (again["indexed"], again["skipped"], again["failed"]) == (0, 40, 0)
    assert not any(stage["items"] for stage in again["stages"] if stage["stage"] in ("decode", "inference"))


def test_changed_new_and_removed_files(cli, pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path / "copy")
    cli("index", folder, "-c", "shapes")
    draw("circle", 777).save(folder / "cross/0002.jpg", quality=90)
    draw("circle", 778).save(folder / "circle/new.jpg", quality=90)
    (folder / "square/0001.jpg").unlink()
    report = cli.json("index", folder, "-c", "shapes", "--prune")
    assert (report["indexed"], report["skipped"], report["removed"]) == (2, 38, 1)
    assert cli.json("collections", "show", "shapes")["items"] == 40
    assert "square/0001.jpg" not in ids(cli.json("search", "id:circle/new.jpg", "-c", "shapes", "-k", 100))


@pytest.mark.parametrize("k", [1, 3, 40, 50])
def test_as_many_hits_as_asked_for_or_there_are(indexed, k):
    assert len(indexed.json("search", "id:circle/0000.jpg", "-c", "shapes", "-k", k)["hits"]) == min(k, 40)


def test_files_ids_and_weights_mean_what_they_say(indexed, pictures):
    by_file = indexed.json("search", pictures / "circle/0000.jpg", "-c", "shapes", "-k", 40)
    by_id = indexed.json("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 40)
    assert ids(by_file) == ids(by_id)
    a, b = "id:circle/0000.jpg", "id:stripes/0003.jpg"
    mostly_a = indexed.json("search", f"9:{a}", "+", b, "-c", "shapes")
    mostly_b = indexed.json("search", a, "+", f"9:{b}", "-c", "shapes")
    assert ids(mostly_a)[0] == "circle/0000.jpg" and ids(mostly_b)[0] == "stripes/0003.jpg"
    # The pair of a sum is nearer to both of its terms than the difference is to the one taken away.
    both = indexed.json("search", a, "+", b, "-c", "shapes", "-k", 40)["hits"]
    without = indexed.json("search", a, "-", b, "-c", "shapes", "-k", 40)["hits"]
    similarity = lambda hits: next(hit["similarity"] for hit in hits if hit["id"] == "stripes/0003.jpg")
    assert similarity(both) > similarity(without)


def test_what_is_said_of_a_collection(cli):
    made = cli.json("collections", "create", "told", "--description", "Shoes", "--source", "the shop")
    assert (made["description"], made["source"]) == ("Shoes", "the shop")
    assert cli.json("collections", "update", "told", "--description", "Boots")["description"] == "Boots"
    assert "source          the shop" in cli("collections", "show", "told").out
    wrong = cli("collections", "update", "told", status=2)
    assert "--description" in wrong.err


def test_exclude_self(indexed, pictures):
    hits = ids(indexed.json("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 40, "--exclude-self"))
    assert len(hits) == 39 and "circle/0000.jpg" not in hits
    hits = ids(indexed.json("search", pictures / "circle/0000.jpg", "-c", "shapes", "-k", 40, "--exclude-self"))
    assert len(hits) == 39 and "circle/0000.jpg" not in hits


def test_min_similarity(indexed):
    everything = indexed.json("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 40)["hits"]
    threshold = round(everything[10]["similarity"], 4) * 100
    kept = indexed.json("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 40, "--min-similarity", f"{threshold:.2f}")
    assert ids(kept) == [hit["id"] for hit in everything if round(hit["similarity"], 4) >= threshold / 100 - 1e-9]
    nothing = indexed("search", "id:circle/0000.jpg", "-c", "shapes", "--exclude-self", "--min-similarity", 100)
    assert nothing.out == "" and "at least 100 % similar" in nothing.err


def test_crop(indexed, pictures):
    whole = indexed.json("search", pictures / "circle/0000.jpg", "-c", "shapes", "--crop", "0,0,1,1")
    assert abs(whole["hits"][0]["similarity"] - 1) < 1e-5
    part = indexed.json("search", pictures / "circle/0000.jpg", "-c", "shapes", "--crop", "0,0,20,20")
    assert part["hits"][0]["similarity"] < 0.9999


def test_files_only_is_for_pipes(indexed, pictures):
    answer = indexed("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 3, "--files-only")
    lines = answer.out.splitlines()
    assert len(lines) == 3 and lines[0] == str(pictures / "circle/0000.jpg")
    assert all(Path(line).is_file() for line in lines)


def test_table_names_metadata(indexed):
    lines = indexed("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 3).out.splitlines()
    assert lines[0].split() == ["#", "similarity", "distance", "id", "kind", "number"]
    assert lines[1].split() == ["1", "1.0000", "0.0000", "circle/0000.jpg", "circle", "0"]
    assert len(lines) == 4


def test_bad_pictures_fail_alone(cli, pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path / "mixed")
    for number in range(12):
        (folder / f"bad{number:02}.jpg").write_bytes(b"no picture at all")
    report = cli.json("index", folder, "-c", "mixed", status=3)
    assert (report["indexed"], report["failed"]) == (40, 12) and len(report["errors"]) == 12
    assert set(report["errors"][0]) == {"uri", "code", "message"}
    answer = cli("index", folder, "-c", "mixed", status=3)
    assert "bad00.jpg" in answer.err and "and 2 more" in answer.err and "bad11.jpg" not in answer.err


def test_collections(cli, pictures, tmp_path):
    assert cli.json("collections", "list") == {"collections": []}
    made = cli.json("collections", "create", "a", "--index", "Flat", "--metric", "euclidean")
    assert (made["name"], made["items"], made["index"], made["metric"], made["model"]) == ("a", 0, "Flat", "euclidean", "default")
    cli("index", pictures, "-c", "a")
    shown = cli.json("collections", "show", "a")
    assert shown["items"] == 40 and shown["dimensions"] == 256
    assert [c["name"] for c in cli.json("collections", "list")["collections"]] == ["a"]

    file = tmp_path / "a.eidetic"
    assert cli.json("collections", "export", "a", file) == {"collection": "a", "items": 40, "file": str(file)}
    assert cli.json("collections", "import", file, "--name", "b")["items"] == 40
    one, two = (cli.json("search", "id:cross/0002.jpg", "-c", name, "-k", 40)["hits"] for name in "ab")
    assert one == two
    assert cli.json("collections", "drop", "a") == {"collection": "a", "dropped": True}
    assert [c["name"] for c in cli.json("collections", "list")["collections"]] == ["b"]
    assert len(cli.json("search", "id:cross/0002.jpg", "-c", "b")["hits"]) == 10


def test_models(cli, tmp_path):
    listed = cli.json("models", "list")["models"]
    default = next(model for model in listed if model["name"] == "default")
    assert cli.json("models", "show", "default") == default
    layers = cli.json("models", "layers", "default")["layers"]
    assert all(set(layer) == {"name", "op", "shape", "type", "output"} for layer in layers)
    assert any(layer["output"] for layer in layers)
    checked = cli.json("models", "check", "default")
    assert checked["dimensions"] == 256 and checked["images_per_s"] > 0

    model = Path(default["folder"]) / default["bundle"]["model"]
    imported = cli.json("models", "import", model, "--name", "mine")
    assert imported["name"] == "mine" and Path(imported["folder"]) == cli.data / "models/mine"
    assert "mine" in [m["name"] for m in cli.json("models", "list")["models"]]


def test_embed_writes_both_formats(cli, pictures, tmp_path):
    names = sorted(str(path.relative_to(pictures)) for path in pictures.glob("*/*.jpg"))
    report = cli.json("embed", pictures, "-o", tmp_path / "v.npy")
    assert (report["images"], report["dimensions"], report["failed"]) == (40, 256, 0)
    matrix = numpy.load(tmp_path / "v.npy")
    assert matrix.shape == (40, 256) and matrix.dtype == numpy.float32
    assert (tmp_path / "v.npy.files").read_text().splitlines() == names
    cli("embed", pictures, "-o", tmp_path / "v.csv", "--batch", 1)
    with open(tmp_path / "v.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["filename", *map(str, range(256))] and [row[0] for row in rows] == names
    assert (numpy.array([row[1:] for row in rows], dtype=numpy.float32) == matrix).all()


def test_stored_vectors_are_those_of_embed(indexed, pictures, tmp_path):
    indexed("embed", pictures, "-o", tmp_path / "v.npy")
    matrix = numpy.load(tmp_path / "v.npy").astype(numpy.float64)
    names = (tmp_path / "v.npy.files").read_text().splitlines()
    matrix /= numpy.linalg.norm(matrix, axis=1, keepdims=True)
    hits = indexed.json("search", "id:square/0001.jpg", "-c", "shapes", "-k", 40)["hits"]
    expected = matrix @ matrix[names.index("square/0001.jpg")]
    for hit in hits:
        assert abs(hit["similarity"] - expected[names.index(hit["id"])]) < 1e-5


def test_merge(cli, pictures):
    cli("index", pictures / "circle", "-c", "a")
    cli("index", pictures / "circle", pictures / "cross", "-c", "b")
    merged = cli.json("collections", "merge", "a", "--from", "b")
    circles = len(list((pictures / "circle").iterdir()))
    assert merged["added"] + merged["kept"] == cli.json("collections", "show", "b")["items"]
    assert merged["replaced"] == 0
    words = ("search", pictures / "cross/0002.jpg", "-k", 5, "-c")
    assert [hit["id"] for hit in cli.json(*words, "a")["hits"]] == [hit["id"] for hit in cli.json(*words, "b")["hits"]]
    again = cli.json("collections", "merge", "a", "--from", "b", "--replace")
    assert (again["added"], again["kept"]) == (0, 0) and again["replaced"] >= circles
    assert "itself" in cli("collections", "merge", "a", "--from", "a", status=2).err


def test_eval(indexed):
    report = indexed.json("eval", "-c", "shapes", "--label", "kind", "--recall", "1,9")
    assert (report["queries"], report["classes"], report["unlabelled"]) == (40, 4, 0)
    assert set(report["recall_at"]) == {"1", "9"}
    assert 0 < report["map"] <= 1 and report["recall_at"]["1"] <= report["recall_at"]["9"]
    assert indexed.json("eval", "-c", "shapes", "--label", "@folder")["p_at_1"] == report["p_at_1"]
    file = indexed.data.parent / "classes.csv"
    table = indexed("eval", "-c", "shapes", "--label", "kind", "--csv", file).out
    rows = list(csv.DictReader(file.open()))
    assert [row["class"] for row in rows[1:]] == [one["class"] for one in report["by_class"]]
    assert (rows[0]["queries"], float(rows[0]["map_at_r"])) == ("40", report["map_at_r"])
    assert "P@1" in table and "mAP" in table and "recall@10" in table


@pytest.fixture
def copies(tmp_path):
    """whole.png, smaller copies of it, its middle, the same file again, and another picture."""
    folder = tmp_path / "copies"
    folder.mkdir()
    image = draw("circle", 5).resize((240, 200))
    image.save(folder / "whole.png")
    (folder / "again.png").write_bytes((folder / "whole.png").read_bytes())
    image.resize((120, 100)).save(folder / "small.png")
    image.crop((20, 20, 220, 180)).save(folder / "part.png")
    draw("cross", 6).resize((240, 200)).save(folder / "other.png")
    return folder


def test_duplicates(cli, copies):
    cli("index", copies, "-c", "c")
    report = cli.json("duplicates", "-c", "c")
    assert (report["items"], report["groups"], report["duplicates"], report["exact"]) == (5, 1, 3, 1)
    group = report["found"][0]
    assert {each["id"] for each in group["members"]} == {"whole.png", "again.png", "small.png", "part.png"}
    assert group["keep"] == group["members"][0]["id"]
    assert [each["judged_by"] for each in group["members"] if each["id"] == "part.png"] == ["pixels"]
    table = cli("duplicates", "-c", "c").out
    assert "small.png" in table and "other.png" not in table and "3 duplicates in 1 groups among 5 items" in table
    assert "part.png" not in cli("duplicates", "-c", "c", "--verify", "never").out
    extra = cli("duplicates", "-c", "c", "--extra").out.splitlines()
    assert len(extra) == 3 and group["keep"] not in extra
    cli("items", "delete", "-c", "c", *extra)
    assert cli("duplicates", "-c", "c", "--extra").out == ""
    assert "not say when to verify" in cli("duplicates", "-c", "c", "--verify", "often", status=2).err


def test_index_skips_or_reports_copies(cli, copies):
    report = cli.json("index", copies, "-c", "c", "--skip-duplicates", "--batch", 1)
    assert (report["indexed"], report["skipped"], report["duplicates"]) == (2, 3, 3)
    assert {each["copy_of"]["judged_by"] for each in report["copies"]} <= {"content", "pixels", "hash"}
    assert cli.json("collections", "show", "c")["items"] == 2
    again = cli("index", copies, "-c", "c", "--skip-duplicates")
    assert "2 unchanged" in again.out and "3 copies skipped" in again.out and "is a copy of" in again.err
    stored = cli("index", copies, "-c", "c", "--report-duplicates")
    assert "3 copies stored" in stored.out
    assert cli.json("collections", "show", "c")["items"] == 5
    assert "not both" in cli("index", copies, "-c", "c", "--skip-duplicates", "--report-duplicates", status=2).err


def test_search_collapses_copies(cli, copies):
    cli("index", copies, "-c", "c")
    words = ("search", copies / "whole.png", "-c", "c", "-k", 3)
    assert "other.png" not in ids(cli.json(*words))
    answer = cli.json(*words, "--collapse")
    # As of `duplicates --verify never`, a crop is no copy.
    assert set(ids(answer)[1:]) == {"part.png", "other.png"}
    best = answer["hits"][0]
    assert {best["id"], *(copy["id"] for copy in best["copies"])} == {"whole.png", "again.png", "small.png"}
    assert answer["explain"]["copies"] == 2
    table = cli(*words, "--collapse").out.splitlines()
    assert table[0].split()[-1] == "copies" and table[1].split()[-1] == "2"


@pytest.fixture
def scenes(tmp_path):
    """thing.png; and pictures/scene.png, which has it in its lower right, and pictures/other.png."""
    thing = textured(1, (200, 150))
    thing.save(tmp_path / "thing.png")
    scene = Image.new("RGB", (400, 300), (128, 128, 128))
    scene.paste(thing, (200, 150))
    (tmp_path / "pictures").mkdir()
    scene.save(tmp_path / "pictures/scene.png")
    textured(5).save(tmp_path / "pictures/other.png")
    return tmp_path


def test_regions(cli, scenes):
    cli("index", scenes / "pictures", "-c", "c")
    words = ("search", scenes / "thing.png", "-c", "c")
    assert ids(cli.json(*words))[0] == "other.png"
    report = cli.json("regions", "multi", "-c", "c")
    assert set(report) == {"collection", "plan", "indexed", "skipped", "failed", "errors", "seconds", "images_per_s", "interrupted"}
    assert (report["plan"], report["indexed"], report["skipped"], report["errors"]) == ("multi", 2, 0, [])
    assert "0 items got regions, 2 as they were" in cli("regions", "multi", "-c", "c").out
    shown = cli.json("collections", "show", "c")
    assert (shown["regions"], shown["region_vectors"]) == ("multi", 36)

    found = {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}
    for asked in (words, ("search", "id:scene.png", "--crop", "0.5,0.5,0.5,0.5", "-c", "c")):
        best = cli.json(*asked, "--regions")["hits"][0]
        assert (best["id"], best["region"]) == ("scene.png", found)
        assert ids(cli.json(*asked))[0] == "other.png"
    table = cli(*words, "--regions").out.splitlines()
    assert table[0].endswith("region") and table[1].endswith("scene.png  25 % at 50,50")

    (scenes / "thing.png").rename(scenes / "pictures/thing.png")
    assert cli.json("index", scenes / "pictures", "-c", "c")["indexed"] == 1
    assert cli.json("collections", "show", "c")["region_vectors"] == 54
    hits = cli.json("search", scenes / "pictures/scene.png", "--augment", "parts", "-c", "c", "--exclude-self")["hits"]
    assert (hits[0]["id"], hits[0]["query_region"]) == ("thing.png", found)

    cli("collections", "export", "c", scenes / "c.eidetic")
    cli("collections", "import", scenes / "c.eidetic", "--name", "again")
    again = cli.json("collections", "show", "again")
    assert (again["regions"], again["region_vectors"]) == ("multi", 54)
    assert cli("regions", "none", "-c", "c").out == "c: no regions\n"
    assert cli.json("collections", "show", "c")["region_vectors"] == 0
    assert [each["name"] for each in cli.json("collections", "list")["collections"]] == ["again", "c"]


def test_regions_of_pictures_that_are_gone(cli, scenes):
    assert cli.json("collections", "create", "c", "--regions", "2x2")["regions"] == "2x2"
    cli("index", scenes / "pictures", "-c", "c")
    (scenes / "pictures/scene.png").unlink()
    textured(6).save(scenes / "pictures/other.png")
    assert cli.json("regions", "2x2", "-c", "c")["skipped"] == 2
    report = cli.json("regions", "1x2", "-c", "c", status=3)
    assert (report["indexed"], report["failed"]) == (0, 2)
    assert [error["uri"].rpartition("/")[2] for error in report["errors"]] == ["other.png", "scene.png"]
    answer = cli("regions", "1x2", "-c", "c", status=3)
    assert "scene.png" in answer.err and "other.png" in answer.err and "index it again" in answer.err
    cli("index", scenes / "pictures", "-c", "c", "--prune")
    assert cli.json("collections", "show", "c")["region_vectors"] == 2


def test_bench_pipeline_names_the_narrowest(cli, pictures):
    report = cli.json("bench", "pipeline", pictures)
    rates = {stage["stage"]: stage["images_per_s"] for stage in report["stages"]}
    assert set(rates) == {"read", "decode", "preprocess", "inference", "commit"} and min(rates.values()) > 0
    assert rates[report["narrowest"]] == min(rates.values())
    assert report["images"] == 40 and report["share_of_bound"] > 0
    assert list(cli.data.glob("bench-*")) == []
    assert "narrowest: " in cli("bench", "pipeline", pictures).out


def test_bench_embed(indexed, pictures):
    runs = indexed.json("bench", "embed", pictures, "--seconds", 0.2, "--sample", 8)["runs"]
    assert runs[0]["threads"] == 1 and all(run["images_per_s"] > 0 for run in runs)


def test_doctor(cli):
    report = cli.json("doctor")
    assert report["healthy"] is True
    checks = {check["check"] for check in report["checks"]}
    assert {"processor", "cores", "memory", "library", "data folder", "disk", "models", "default model"} <= checks
    assert {check["status"] for check in report["checks"]} <= {"ok", "warn"}
    details = " ".join(check["detail"] for check in report["checks"])
    for library in ("OpenVINO", "libvips", "libjpeg-turbo", "SQLite", "libcurl"):
        assert library in details
    assert not cli.data.exists(), "doctor only looks"


def test_help_and_version():
    run = lambda *words: subprocess.run([EIDETIC, *words], capture_output=True, text=True)
    assert run("--help").returncode == 0 and "index" in run("--help").stdout
    assert run("--version").stdout.startswith("eidetic ")
    assert run().returncode == 2


def test_default_data_folder(tmp_path):
    environment = {"HOME": str(tmp_path / "home"), **SANITIZERS}
    subprocess.run([EIDETIC, "collections", "create", "a"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "home/.local/share/eidetic").is_dir()
    environment["XDG_DATA_HOME"] = str(tmp_path / "xdg")
    subprocess.run([EIDETIC, "collections", "create", "a"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "xdg/eidetic").is_dir()
