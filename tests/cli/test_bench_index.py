"""`eidetic bench index`: what it says of indexes is so, on vectors whose neighbours are counted here."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy
import pytest
from conftest import EIDETIC, Cli

ROWS, DIMENSIONS, QUERIES = 3000, 32, 60
FACTS = {"index", "library", "train_seconds", "build_seconds", "memory_bytes", "disk_bytes", "open_seconds", "points"}
POINT = {"parameters", "recall_at", "nearest_found", "queries_per_s", "queries_per_s_all_threads", "p50_ms", "p99_ms"}


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """base.npy, and queries.npy around the same centres."""
    folder = tmp_path_factory.mktemp("vectors")
    random = numpy.random.default_rng(1)
    centers = random.normal(size=(40, DIMENSIONS))
    for name, rows in (("base", ROWS), ("queries", QUERIES)):
        vectors = centers[random.integers(0, 40, rows)] + random.normal(size=(rows, DIMENSIONS))
        numpy.save(folder / f"{name}.npy", vectors.astype(numpy.float32))
    return folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory, vectors):
    cli = Cli(tmp_path_factory.mktemp("bench") / "data")
    return lambda *words, **options: cli("bench", "index", "--vectors", vectors / "base.npy", "--rounds", 1, *words, **options)


def test_every_kind_side_by_side(bench, tmp_path):
    report = bench("--target", "recall=0.95", "--plot", tmp_path / "plot.svg", "--json").json
    assert (report["vectors"], report["queries"], report["dimensions"]) == (2700, 300, DIMENSIONS)
    assert (report["metric"], report["k"], report["rounds"], report["left_out"]) == ("cosine", 10, 1, [])
    assert report["store"]["bytes"] >= 2700 * DIMENSIONS * 4 and report["resident_bytes"] > 0
    assert [index["index"] for index in report["indexes"]] == [
        "Flat", "HNSW16", "IVF52,Flat", "IVF52,SQ8", "IVF52,PQ8", "PQ8", "PCA8,Flat", "PCA8,HNSW16", "OPQ8,IVF52,PQ8",
    ]  # fmt: skip
    for index in report["indexes"]:
        assert set(index) == FACTS | {"target"} and index["library"] == "eidetic"
        assert index["memory_bytes"] > 0 and index["disk_bytes"] > 0
        for point in index["points"]:
            assert set(point) == POINT and set(point["recall_at"]) == {"1", "10"}
            assert 0 <= min(point["recall_at"].values()) and max(point["recall_at"].values()) <= 1
            assert point["queries_per_s"] > 0 and 0 < point["p50_ms"] <= point["p99_ms"]
        reaching = [point for point in index["points"] if point["recall_at"]["10"] >= 0.95]
        assert index["target"]["reached"] is bool(reaching)
        assert index["target"]["point"] in index["points"]
        if reaching:
            assert index["target"]["point"] == max(reaching, key=lambda point: point["queries_per_s"])
    assert [point["recall_at"]["10"] for point in report["indexes"][0]["points"]] == [1.0]
    assert report["indexes"][2]["points"][-1]["recall_at"] == {"1": 1.0, "10": 1.0}  # all cells, nothing blurred
    picked = [index["target"]["point"] for index in report["indexes"] if index["target"]["reached"]]
    best = max(picked, key=lambda point: point["queries_per_s"])
    assert report["target"] == {"recall_at": 10, "recall": 0.95}
    assert report["recommendation"]["parameters"] == best["parameters"]

    svg = ElementTree.parse(tmp_path / "plot.svg").getroot()
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"recall@10", "target 0.95", "OPQ8,IVF52,PQ8"} <= set(texts)
    assert not list(svg.iter("{http://www.w3.org/2000/svg}script"))


def test_recall_is_that_of_brute_force(bench, vectors):
    """One cell of eight misses some, all cells nothing; every share is one of whole hits."""
    report = bench("--queries", vectors / "queries.npy", "--metric", "euclidean", "--index", "IVF8,Flat", "-k", 5, "--json").json
    assert (report["vectors"], report["queries"], report["metric"]) == (ROWS, QUERIES, "euclidean")
    shares = [point["recall_at"]["5"] for point in report["indexes"][0]["points"]]
    assert shares == sorted(shares) and shares[0] < 1 and shares[-1] == 1
    assert [point["parameters"] for point in report["indexes"][0]["points"]][:2] == [{"nprobe": 1}, {"nprobe": 2}]
    assert all(abs(share * 5 * QUERIES - round(share * 5 * QUERIES)) < 1e-6 for share in shares)


def test_members_find_the_others(bench, vectors):
    """By brute force here: each query's nearest other, and whether one cell of eight has it."""
    base = numpy.load(vectors / "base.npy").astype(float)
    words = ["--members", "--query-count", ROWS, "--metric", "euclidean", "-k", 5, "--nprobe", 1, "--nprobe", 0]
    report = bench(*words, "--index", "Flat", "--index", "IVF8,Flat", "--json").json
    assert (report["vectors"], report["queries"]) == (ROWS, ROWS) and len(base) == ROWS
    flat, cells = report["indexes"]
    assert [point["nearest_found"] for point in flat["points"]] == [1]
    assert [point["parameters"] for point in cells["points"]] == [{"nprobe": 1}, {}]
    assert cells["points"][0]["recall_at"]["5"] < cells["points"][0]["nearest_found"] < 1
    assert cells["points"][1]["nearest_found"] == 1


def test_table(bench):
    lines = bench("--index", "Flat", "--index", "IVF8,Flat", "--query-count", 50).out.splitlines()
    assert lines[0].startswith("2950 vectors of 32 dimensions, cosine; 50 queries, 1 rounds")
    assert lines[1].startswith("the store opens in ") and "memory" in lines[1]
    assert re.split(r"  +", lines[2])[:4] == ["index", "searched with", "recall@1", "recall@10"]
    assert lines[3].split()[:3] == ["Flat", "1.0000", "1.0000"]
    assert lines[4].startswith("IVF8,Flat  nprobe ")
    assert "1.0000     1.0000" in lines[-1]


def test_target_picks_and_says_what_is_not_reached(bench):
    lines = bench("--index", "Flat", "--index", "PQ2x4", "--target", "recall=1").out.splitlines()
    assert len(lines) == 6 and lines[-1] == "fastest with recall@10 of 1: --index Flat"
    lines = bench("--index", "IVF8,Flat", "--target", "recall@1=0.5").out.splitlines()
    assert re.fullmatch(r"fastest with recall@1 of 0.5: --index IVF8,Flat, searched with nprobe \d", lines[-1])


def test_what_there_are_too_few_vectors_for_is_left_out(tmp_path):
    cli = Cli(tmp_path / "data")
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(1).normal(size=(100, 13)).astype(numpy.float32))
    answer = cli("bench", "index", "--vectors", tmp_path / "few.npy", "--rounds", 1)
    assert "left out: PQ" in answer.out and "13 dimensions" in answer.out
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(1).normal(size=(100, 16)).astype(numpy.float32))
    answer = cli("bench", "index", "--vectors", tmp_path / "few.npy", "--rounds", 1)
    assert "left out: IVF9,PQ4 and PQ4 and OPQ4,IVF9,PQ4: learnt from at least 256 vectors, and there are 90" in answer.out
    assert list((tmp_path / "data").iterdir()) == []


def test_collections_and_generated_vectors(indexed):
    report = indexed.json("bench", "index", "-c", "shapes", "--query-count", 5, "--rounds", 1, "--index", "HNSW16")
    assert report["vectors"] == 35 and report["indexes"][0]["points"][-1]["recall_at"]["10"] == 1
    report = indexed.json("bench", "index", "--generate", "500x8", "--rounds", 1, "--index", "Flat", "--metric", "dot")
    assert (report["vectors"], report["dimensions"], report["queries"]) == (500, 8, 1000)
    assert report["indexes"][0]["points"][0]["recall_at"] == {"1": 1.0, "10": 1.0}


def test_wrong_vectors(bench, vectors, tmp_path):
    def line(*words):
        answer = bench(*words, status=2)
        assert answer.err.count("\n") == 1 and answer.out == ""
        return answer.err

    numpy.save(tmp_path / "wide.npy", numpy.ones((5, 33), numpy.float32))
    assert "wide.npy' holds vectors of 33 dimensions, but those to search in have 32" in line("--queries", tmp_path / "wide.npy")
    numpy.save(tmp_path / "zero.npy", numpy.zeros((5, 32), numpy.float32))
    assert "query 0: " in line("--queries", tmp_path / "zero.npy")
    numpy.save(tmp_path / "flat.npy", numpy.ones(32, numpy.float32))
    assert "flat.npy' holds no matrix" in line("--queries", tmp_path / "flat.npy")
    assert "--queries goes with neither" in line("--queries", vectors / "queries.npy", "--query-count", 5)
    assert "NumPy" in line("--peers", fake_python(tmp_path, '{"error": "NumPy is not installed"}'))
    assert "pip install" in line("--peers", fake_python(tmp_path, '{"contenders": [], "left_out": [{"index": "faiss", "reason": "x"}]}'))


def fake_python(folder, answer):
    """A program that answers its first question."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\nread question\necho '{answer}'\nread question\n")
    program.chmod(0o755)
    return program


def test_peers_answer_through_the_program(bench, tmp_path):
    """Packages of the names that are looked for: hnswlib here is brute force, so its recall must be 1; FAISS fails."""
    (tmp_path / "faiss.py").write_text("METRIC_INNER_PRODUCT, METRIC_L2 = 0, 1\ndef index_factory(*_): raise RuntimeError('not today')\n")
    (tmp_path / "hnswlib.py").write_text(
        "import numpy\n"
        "class Index:\n"
        "    def __init__(self, space, dim): assert space == 'ip'\n"
        "    def init_index(self, count, M, ef_construction): assert (M, ef_construction) == (8, 40)\n"
        "    def add_items(self, base, num_threads): self.base = base; print('noise on standard output')\n"
        "    def set_ef(self, ef): assert ef == 10\n"
        "    def knn_query(self, queries, k, num_threads): return numpy.argsort(-queries @ self.base.T, axis=1)[:, :k], None\n"
        "    def save_index(self, file): open(file, 'wb').write(bytes(1000))\n"
    )
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    program.chmod(0o755)
    report = bench("--index", "Flat", "--index", "HNSW8:40", "--peers", program, "--target", "recall=1", "--json").json
    peer = next(index for index in report["indexes"] if index["library"] == "hnswlib")
    assert set(peer) == FACTS | {"target"} and peer["index"] == "HNSW8:40" and peer["disk_bytes"] == 1000
    assert [(point["parameters"], point["recall_at"]["10"]) for point in peer["points"]] == [({"ef": 10}, 1.0)]
    reasons = {entry["index"]: entry["reason"] for entry in report["left_out"]}
    assert reasons["FAISS Flat"] == reasons["FAISS HNSW8:40"] == "not today"
    assert "not installed" in reasons["usearch"]
    assert report["recommendation"]["index"] in ("Flat", "HNSW8:40")


def test_ctrl_c_leaves_nothing(vectors, tmp_path):
    command = [EIDETIC, "bench", "index", "--vectors", vectors / "base.npy", "--rounds", "1000", "--data", tmp_path / "data"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (143, "", "eidetic: stopped; nothing is kept\n")
    assert list((tmp_path / "data").iterdir()) == []
