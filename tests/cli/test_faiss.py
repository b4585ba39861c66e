"""`eidetic collections import` of FAISS indexes: tests/data/faiss/make.py made those here with FAISS. Where FAISS itself is
at hand (.deps/bench, made by `make bench`), it says what has to be found."""

import json
import subprocess

import numpy
import pytest
from conftest import SOURCE, Cli, Served
from test_errors import one_line

SAMPLES = SOURCE / "tests/data/faiss"
FAISS = SOURCE / ".deps/bench/bin/python"
COUNT = 20


@pytest.fixture
def names(tmp_path):
    """The names of as many vectors as make.py puts into an index."""
    file = tmp_path / "names.json"
    file.write_text(json.dumps([f"kind/{i}.jpg" for i in range(COUNT)]))
    return file


@pytest.fixture(params=["local", "server"])
def anywhere(request, tmp_path):
    if request.param == "local":
        yield Cli(tmp_path / "data")
    else:
        with Served(tmp_path / "server") as server:
            yield server


def test_import_with_names(anywhere, names, tmp_path):
    words = ("collections", "import", SAMPLES / "ivf_pq.index", "--names", names, "--name", "old", "--root", tmp_path)
    made = anywhere.json(*words)
    assert (made["name"], made["items"], made["dimensions"], made["metric"]) == ("old", COUNT, 8, "dot")
    items = anywhere.json("items", "list", "-c", "old", "--vectors")["items"]
    expected = numpy.load(SAMPLES / "ivf_pq.npy")
    for item in items:
        number = int(item["id"].removeprefix("kind/").removesuffix(".jpg"))
        assert item["uri"] == (tmp_path / item["id"]).as_uri()
        assert item["vector"] == expected[number].tolist()
    one_line(anywhere(*words, status=1), "'old' already")


def test_import_without_names(anywhere):
    made = anywhere.json("collections", "import", SAMPLES / "sparse.index", "--metric", "cosine", "--index", "Flat")
    assert (made["name"], made["items"], made["metric"], made["index"]) == ("sparse", 3, "cosine", "Flat")
    hits = anywhere.json("search", "id:90", "-c", "sparse")["hits"]
    assert [hits[0]["id"], hits[0]["uri"]] == ["90", ""] and {hit["id"] for hit in hits} == {"2", "7", "90"}


def test_columns_become_metadata(cli, tmp_path):
    (tmp_path / "names.csv").write_text("kind,file\n" + "".join(f"k{i % 2},{i}.jpg\n" for i in range(COUNT)))
    cli("collections", "import", SAMPLES / "flat.index", "--names", tmp_path / "names.csv")
    odd = cli.json("items", "list", "-c", "flat", "--filter", 'kind = "k1"', "--limit", 100)["items"]
    assert {item["id"] for item in odd} == {f"{i}.jpg" for i in range(1, COUNT, 2)}
    assert cli.json("eval", "-c", "flat", "--label", "kind")["queries"] == COUNT


def test_a_kill_leaves_no_half_collection(cli, tmp_path):
    """Of an index that is large enough to be killed within."""
    vectors = numpy.random.default_rng(1).normal(size=(60_000, 64)).astype("<f4")
    header = b"IxF2" + numpy.int32(64).tobytes() + numpy.array([len(vectors), 0, 0], "<i8").tobytes()
    content = header + b"\1" + numpy.int32(1).tobytes() + numpy.int64(vectors.size).tobytes() + vectors.tobytes()
    (tmp_path / "large.index").write_bytes(content)
    process = cli.popen("collections", "import", tmp_path / "large.index")
    # It grows once the vectors are being stored.
    log = cli.data / "catalog.db-wal"
    while not log.exists() or log.stat().st_size < vectors.nbytes / 8:
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    assert cli.json("collections", "list") == {"collections": []}
    assert cli.json("collections", "import", tmp_path / "large.index")["items"] == len(vectors)


@pytest.mark.parametrize(
    "file, options, status, words",
    [
        ("cut.index", (), 1, ["cut.index", "damaged or cut off"]),
        ("hnsw.index", (), 1, ["hnsw.index", "HNSW", "IVF", "IndexFlat"]),
        ("binary.index", (), 1, ["binary.index", "binary"]),
        ("pcaw.index", (), 1, ["pcaw.index", "orthonormal"]),
        ("twice.index", (), 2, ["twice.index", "two vectors of the id 5"]),
        ("negative.index", (), 2, ["negative.index", "-1"]),
        ("cityblock.index", (), 1, ["cityblock.index", "cosine, dot or euclidean"]),
        ("flat.index", ("--names", "few.txt"), 2, ["few.txt", "2 names", "flat.index", "20 vectors"]),
        ("flat.index", ("--names", "twice.txt"), 2, ["twice.txt", "names 1 and 3", "'a'"]),
        ("flat.index", ("--names", "filenames.pickle"), 1, ["filenames.pickle", "json.dump", "names.json"]),
        ("flat.index", ("--names", "nowhere.txt"), 1, ["nowhere.txt"]),
        ("flat.index", ("--metric", "l2"), 2, ["'l2'", "cosine", "dot", "euclidean"]),
        ("flat.index", ("--index", "IVF4"), 2, ["IVF4", "Flat"]),
        ("flat.index", ("--model", "default"), 2, ["flat.index", "8 dimensions", "'default'", "256"]),
        ("flat.index", ("--model", "defualt"), 1, ["defualt", "default"]),
        ("flat.index", ("--name", "a/b"), 2, ["a/b"]),
        ("few.txt", ("--root", "x"), 2, ["few.txt", "--root"]),
        ("nowhere.index", ("--root", "x"), 1, ["nowhere.index"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_wrong_inputs(cli, tmp_path, file, options, status, words):
    (tmp_path / "cut.index").write_bytes((SAMPLES / "ivf_flat.index").read_bytes()[:-7])
    (tmp_path / "few.txt").write_text("a\nb\n")
    (tmp_path / "twice.txt").write_text("a\nb\na\n")
    (tmp_path / "filenames.pickle").write_bytes(b"\x80\x04]\x94.")
    path = SAMPLES / file if (SAMPLES / file).exists() else tmp_path / file
    one_line(cli("collections", "import", path, *options, cwd=tmp_path, status=status), *words)
    assert cli.json("collections", "list") == {"collections": []}


def test_what_only_a_server_refuses(tmp_path, names):
    with Served(tmp_path / "server") as server:
        answer = server("collections", "import", SAMPLES / "flat.index", "--names", names, "--root", "x", status=2)
        one_line(answer, "--root", "'x'")


# Run by the Python that has FAISS: an index of each kind in a folder, the vectors it reconstructs, and the scores of what
# it finds for the first of them when it looks at everything.
MAKE = """
import sys, faiss, numpy
random = numpy.random.RandomState(3)
vectors = random.normal(size=(300, 16)).astype("float32")
for metric in (faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT):
    for factory in ("Flat", "IVF8,Flat", "IVF8,PQ4np", "PQ4x6np", "SQ8", "IVF8,SQ8", "OPQ4,PQ4x4np", "PCAR8,IVF8,Flat"):
        index = faiss.index_factory(16, factory, metric)
        index.train(vectors)
        index.add(vectors)
        if "IVF" in factory:
            ivf = faiss.extract_index_ivf(index)
            ivf.make_direct_map()
            ivf.nprobe = ivf.nlist
        stored = faiss.downcast_index(index.index) if "," in factory and factory[0] in "OP" else index
        rows = numpy.stack([stored.reconstruct(i) for i in range(300)])
        if stored is not index:
            rows = index.chain.at(0).reverse_transform(rows)
        scores, _ = index.search(rows[:1], 10)
        name = f"{sys.argv[1]}/{factory.replace(',', '_')}-{metric}"
        faiss.write_index(index, name + ".index")
        numpy.savez(name + ".npz", rows=rows, scores=scores)
"""


def test_finds_what_faiss_finds(cli, tmp_path):
    if not FAISS.exists() or subprocess.run([FAISS, "-c", "import faiss"], capture_output=True).returncode != 0:
        pytest.skip(f"needs {FAISS} with FAISS, which `make bench` makes")
    subprocess.run([FAISS, "-c", MAKE, tmp_path], check=True, capture_output=True)
    files = sorted(tmp_path.glob("*.index"))
    assert len(files) == 16
    for file in files:
        cli("collections", "import", file, "--name", "c")
        expected = numpy.load(file.with_suffix(".npz"))
        items = cli.json("items", "list", "-c", "c", "--vectors", "--limit", 1000)["items"]
        rows = numpy.array([item["vector"] for item in sorted(items, key=lambda item: int(item["id"]))])
        numpy.testing.assert_allclose(rows, expected["rows"], atol=1e-5, err_msg=file.name)
        euclidean = file.stem.endswith("-1")
        # PCA moves vectors to their mean, and FAISS takes the inner products there.
        if euclidean or not file.stem.startswith("PCA"):
            hits = cli.json("search", "id:0", "-c", "c", "-k", 10)["hits"]
            # Compressed vectors may be the same ones: the scores tell, whichever of them comes first.
            got = [hit["distance"] ** 2 if euclidean else hit["similarity"] for hit in hits]
            numpy.testing.assert_allclose(got, expected["scores"][0], rtol=1e-3, atol=1e-4, err_msg=file.name)
        cli("collections", "drop", "c")
