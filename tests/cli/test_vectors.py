"""Vectors in open formats, through `eidetic collections import` and `export`: what NumPy and the csv module read and write."""

import csv
import json

import numpy
import pytest
from conftest import Cli, Served
from test_errors import one_line

COUNT, DIMENSIONS = 30, 16


@pytest.fixture(params=["local", "server"])
def anywhere(request, tmp_path):
    if request.param == "local":
        yield Cli(tmp_path / "data")
    else:
        with Served(tmp_path / "server") as server:
            yield server


@pytest.fixture
def vectors():
    return numpy.random.default_rng(5).normal(size=(COUNT, DIMENSIONS)).astype("float32")


def notebook_csv(file, vectors, header=True, separator=", "):
    """As a notebook of system Z writes its base."""
    lines = [separator.join(["filename", *map(str, range(DIMENSIONS)), "category"])] if header else []
    for row, vector in enumerate(vectors):
        lines.append(separator.join([f"images/{row}.jpg", *map(repr, vector.tolist()), f"kind {row % 3}"]))
    file.write_text("\n".join(lines) + "\n")
    return file


def stored(cli, collection):
    items = cli.json("items", "list", "-c", collection, "--vectors", "--limit", 1000)["items"]
    return {item["id"]: item for item in items}


@pytest.mark.parametrize("header", [True, False], ids=["header", "no header"])
def test_a_base_of_a_notebook(anywhere, vectors, tmp_path, header):
    file = notebook_csv(tmp_path / "image_emb_padding_ViT.csv", vectors, header)
    made = anywhere.json("collections", "import", file, "--root", "/photos")
    assert (made["name"], made["items"], made["dimensions"], made["metric"]) == (file.stem, COUNT, DIMENSIONS, "cosine")
    assert (made["imported"], made["failed"], made["errors"]) == (COUNT, 0, [])
    items = stored(anywhere, file.stem)
    for row, vector in enumerate(vectors):
        item = items[f"images/{row}.jpg"]
        assert item["vector"] == vector.tolist()
        assert (item["uri"], item["metadata"]) == (f"file:///photos/images/{row}.jpg", {"category": f"kind {row % 3}"})
    hits = anywhere.json("search", "id:images/4.jpg", "-c", file.stem, "--filter", "category = 'kind 2'", "-k", 3)["hits"]
    assert len(hits) == 3 and {int(hit["id"][7:-4]) % 3 for hit in hits} == {2}


def test_out_as_csv_and_back(anywhere, vectors, tmp_path):
    anywhere("collections", "import", notebook_csv(tmp_path / "a.csv", vectors), "--metric", "euclidean", "--index", "Flat")
    out = tmp_path / "out.csv"
    assert anywhere.json("collections", "export", "a", out) == {"collection": "a", "items": COUNT, "file": str(out)}
    header, *rows = csv.reader(out.open(newline=""))
    assert header == ["filename", *map(str, range(DIMENSIONS)), "category"]
    assert [row[0] for row in rows] == sorted(f"images/{row}.jpg" for row in range(COUNT))
    for name, *numbers, category in rows:
        row = int(name[7:-4])
        assert numpy.array(numbers, "float32").tolist() == vectors[row].tolist() and category == f"kind {row % 3}"
    back = anywhere.json("collections", "import", out, "--name", "b")
    assert back["imported"] == COUNT
    assert {id: item["vector"] for id, item in stored(anywhere, "b").items()} == {
        id: item["vector"] for id, item in stored(anywhere, "a").items()
    }


def test_out_as_npy_and_back(anywhere, vectors, tmp_path):
    anywhere("collections", "import", notebook_csv(tmp_path / "a.csv", vectors), "--root", "/x")
    out = tmp_path / "out.npy"
    anywhere("collections", "export", "a", "-o", out)
    matrix = numpy.load(out)
    lines = [json.loads(line) for line in (tmp_path / "out.npy.jsonl").read_text().splitlines()]
    assert (matrix.shape, matrix.dtype) == ((COUNT, DIMENSIONS), numpy.float32)
    assert [line["id"] for line in lines] == sorted(f"images/{row}.jpg" for row in range(COUNT))
    for line, vector in zip(lines, matrix):
        row = int(line["id"][7:-4])
        assert vector.tolist() == vectors[row].tolist()
        assert line == {"id": line["id"], "uri": "file:///x/" + line["id"], "metadata": {"category": f"kind {row % 3}"}}
    anywhere("collections", "import", out, "--name", "b")
    before, after = stored(anywhere, "a"), stored(anywhere, "b")
    for id, item in before.items():
        assert [after[id][field] for field in ("uri", "metadata", "vector")] == [item[field] for field in ("uri", "metadata", "vector")]


def test_features_names_and_class_ids(cli, tmp_path):
    """What notebooks keep as three pickles: a matrix, the sorted names, the class ids."""
    features = numpy.random.default_rng(1).normal(size=(6, 5))
    numpy.save(tmp_path / "features.npy", features)
    (tmp_path / "names.csv").write_text("file,class_id\n" + "".join(f"c{i // 2}/{i}.jpg,{i // 2}\n" for i in range(6)))
    cli("collections", "import", tmp_path / "features.npy", "--names", tmp_path / "names.csv", "--metric", "euclidean")
    items = stored(cli, "features")
    for row in range(6):
        item = items[f"c{row // 2}/{row}.jpg"]
        assert item["vector"] == features[row].astype("float32").tolist() and item["metadata"] == {"class_id": row // 2}
    assert cli.json("eval", "-c", "features", "--label", "class_id")["classes"] == 3
    cli("collections", "export", "features", tmp_path / "o.csv", "--label", "class_id")
    assert [row[-1] for row in csv.reader((tmp_path / "o.csv").open())][1:] == ["0", "0", "1", "1", "2", "2"]


def test_what_embed_writes(cli, pictures, tmp_path):
    for ending in ("npy", "csv"):
        cli("embed", pictures / "circle", "-o", tmp_path / f"e.{ending}")
        cli("collections", "import", tmp_path / f"e.{ending}", "--model", "default", "--name", ending, "--root", pictures / "circle")
        found = cli.json("search", pictures / "circle/0004.jpg", "-c", ending, "-k", 1)["hits"][0]
        assert found["id"] == "0004.jpg" and found["similarity"] > 0.999
        assert found["uri"] == (pictures / "circle/0004.jpg").as_uri()


def test_classes_of_texts(cli, tmp_path):
    (tmp_path / "text.csv").write_text("0, 1, 2, category\n1, 0, 0, Person\n0, 1, 0, City\n")
    cli("collections", "import", tmp_path / "text.csv")
    found = {id: item["metadata"] for id, item in stored(cli, "text").items()}
    assert found == {"0": {"category": "Person"}, "1": {"category": "City"}}


def test_bad_rows_fail_alone(anywhere, vectors, tmp_path):
    lines = notebook_csv(tmp_path / "a.csv", vectors).read_text().splitlines()
    lines[3] = lines[3].replace("images/2.jpg", "")
    lines[5] = lines[5] + ", more"
    lines[7] = lines[7].replace("kind", "x, kind", 1)
    lines[9] = "images/8.jpg, " + ", ".join(["0"] * DIMENSIONS) + ", zero"
    lines[11] = lines[2]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    report = anywhere.json("collections", "import", tmp_path / "a.csv", status=3)
    assert (report["imported"], report["failed"]) == (COUNT - 5, 5)
    for line, error in zip((4, 6, 8, 10, 12), report["errors"]):
        assert f"a.csv', line {line}:" in error["message"]
    text = anywhere("collections", "import", tmp_path / "a.csv", "--name", "again", status=3)
    assert "line 4" in text.err and "imported" in text.out


def test_into_a_collection_that_is_there(anywhere, vectors, tmp_path):
    file = notebook_csv(tmp_path / "a.csv", vectors)
    anywhere("collections", "create", "there", "--dimensions", DIMENSIONS, "--metric", "dot")
    anywhere("collections", "import", file, "--name", "there")
    assert anywhere.json("collections", "import", file, "--name", "there")["items"] == COUNT
    assert [each["name"] for each in anywhere.json("collections", "list")["collections"]] == ["there"]
    answer = anywhere("collections", "import", file, "--name", "there", "--metric", "cosine", status=2)
    one_line(answer, "'there'", "dot", "cosine")


@pytest.mark.parametrize(
    "words, status, said",
    [
        (("import", "none.csv"), 1, ["none.csv"]),
        (("import", "empty.csv"), 2, ["empty.csv", "no row"]),
        (("import", "facts.csv"), 2, ["facts.csv", "filename,0,1"]),
        (("import", "junk.npy"), 1, ["junk.npy"]),
        (("import", "flat.npy"), 2, ["flat.npy", "(4)"]),
        (("import", "ints.npy"), 1, ["ints.npy", "float32"]),
        (("import", "good.csv", "--names", "good.csv"), 2, ["good.csv", "itself"]),
        (("import", "good.csv", "--model", "default"), 2, ["good.csv", "2 dimensions", "256"]),
        (("import", "good.csv", "--metric", "l2"), 2, ["'l2'", "cosine"]),
        (("import", "good.csv", "--index", "IVF4"), 2, ["IVF4"]),
        (("import", "good.csv", "--name", "a/b"), 2, ["a/b"]),
        (("import", "good.txt", "--model", "default"), 2, ["good.txt", ".csv", ".npy"]),
        (("export", "nothing", "x.csv"), 1, ["nothing"]),
        (("export", "nothing", "x.npy", "--label", "kind"), 2, ["--label", ".csv"]),
        (("export", "nothing"), 2, ["--output"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_inputs(cli, tmp_path, words, status, said):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "facts.csv").write_text("file,kind\na.jpg,x\n")
    (tmp_path / "junk.npy").write_bytes(b"junk")
    numpy.save(tmp_path / "flat.npy", numpy.ones(4, "float32"))
    numpy.save(tmp_path / "ints.npy", numpy.ones((2, 2), "int64"))
    for name in ("good.csv", "good.txt"):
        (tmp_path / name).write_text("filename,0,1\na,1,2\n")
    one_line(cli("collections", *words, cwd=tmp_path, status=status), *said)
    assert cli.json("collections", "list") == {"collections": []}
    assert not (tmp_path / "x.csv").exists() and not (tmp_path / "x.npy").exists()


def test_a_label_that_no_item_has(cli, tmp_path):
    (tmp_path / "a.csv").write_text("filename,0,1,kind\na,1,2,x\n")
    cli("collections", "import", tmp_path / "a.csv")
    answer = cli("collections", "export", "a", tmp_path / "o.csv", "--label", "knd", status=1)
    one_line(answer, "knd", "kind")
    assert not (tmp_path / "o.csv").exists()
