#!/usr/bin/env python3
"""Exact search and HNSW beside FAISS and USearch: synthetic clustered vectors, one thread, one query at a time, rounds in turn.

    indexes_vs_peers.py INDEX_BENCH [--rows 100000] [--dimensions 512] [--queries 1000] [--rounds 5]

Every library gets the same vectors of unit length, under the inner product. Prints a line a library and setting: median ms a
query over the rounds, recall@10 against exact search, seconds to build, and what it holds in memory (MB).
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import faiss
import numpy as np
from usearch.index import Index

LINKS = 16
BUILD_EF = 128
TOP = 10


def clustered(rows, dimensions, queries, seed=1):
    """Around 1,000 centres, with noise as wide as the centres are apart; of unit length."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((1000, dimensions), dtype=np.float32)

    def draw(count):
        vectors = random.standard_normal((count, dimensions), dtype=np.float32)
        vectors += centers[random.integers(0, len(centers), count)]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return draw(rows), draw(queries)


class Eidetic:
    """The index_bench program, which answers rounds on standard input."""

    def __init__(self, program, folder):
        files = [f"{folder}/{name}.npy" for name in ("base", "queries", "truth")]
        arguments = ["--base", files[0], "--queries", files[1], "--truth", files[2], "Flat", f"HNSW{LINKS}"]
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.built = {built["index"]: built for built in (json.loads(self.process.stdout.readline()) for _ in range(2))}

    def round(self, index, ef):
        print(index, ef, 0, 0, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer["ms"], answer["recall_10"]


def recall(found, truth):
    return float(np.mean([len(set(a[:TOP]) & set(b)) / TOP for a, b in zip(found, truth)]))


def timed(search, queries, truth):
    found = []
    start = time.perf_counter()
    for query in queries:
        found.append(search(query))
    ms = (time.perf_counter() - start) * 1e3 / len(queries)
    return ms, recall(found, truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    base, queries = clustered(options.rows, options.dimensions, options.queries)

    faiss.omp_set_num_threads(cores)
    flat = faiss.IndexFlatIP(options.dimensions)
    flat.add(base)
    truth = flat.search(queries, TOP)[1]
    built = {}

    graph = faiss.IndexHNSWFlat(options.dimensions, LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD_EF
    start = time.perf_counter()
    graph.add(base)
    built["FAISS HNSW"] = time.perf_counter() - start

    usearch = {}
    for dtype in ("bf16", "f32", "i8"):
        index = Index(ndim=options.dimensions, metric="cos", dtype=dtype, connectivity=LINKS, expansion_add=BUILD_EF)
        start = time.perf_counter()
        index.add(np.arange(len(base)), base, threads=cores)
        built[f"USearch HNSW {dtype}"] = time.perf_counter() - start
        usearch[dtype] = index

    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/base.npy", base)
        np.save(f"{folder}/queries.npy", queries)
        np.save(f"{folder}/truth.npy", truth.astype(np.float32))
        eidetic = Eidetic(options.program, folder)
        built |= {f"Eidetic {name}": entry["build_s"] for name, entry in eidetic.built.items()}
        faiss.omp_set_num_threads(1)

        def faiss_graph(ef):
            graph.hnsw.efSearch = ef
            return timed(lambda query: graph.search(query[None], TOP)[1][0], queries, truth)

        def usearch_graph(dtype, ef):
            usearch[dtype].expansion_search = ef
            return timed(lambda query: usearch[dtype].search(query, TOP, threads=1).keys, queries, truth)

        few = queries[: max(1, len(queries) // 10)]
        runs = {
            ("Eidetic Flat", 0): lambda: eidetic.round("Flat", 0),
            ("FAISS Flat", 0): lambda: timed(lambda query: flat.search(query[None], TOP)[1][0], few, truth),
        }
        for ef in (16, 24, 32, 48, 64, 96, 128):
            runs[(f"Eidetic HNSW{LINKS}", ef)] = lambda ef=ef: eidetic.round(f"HNSW{LINKS}", ef)
            runs[("FAISS HNSW", ef)] = lambda ef=ef: faiss_graph(ef)
            for dtype in usearch:
                runs[(f"USearch HNSW {dtype}", ef)] = lambda dtype=dtype, ef=ef: usearch_graph(dtype, ef)
        figures = {key: [] for key in runs}
        for _ in range(options.rounds):
            for key, run in runs.items():
                figures[key].append(run())

    print(f"{options.rows} x {options.dimensions}, {options.queries} queries, one thread; median of {options.rounds} rounds")
    print(f"{'index':<20} {'ef':>4} {'ms':>8} {'recall@10':>10}")
    medians = {}
    for (name, ef), rounds in figures.items():
        ms, found = statistics.median(ms for ms, _ in rounds), rounds[0][1]
        medians[name, ef] = ms, found
        print(f"{name:<20} {ef or '':>4} {ms:8.4f} {found:10.4f}")
    print("\nbuilt in seconds, on all cores: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in built.items()))
    print("memory: " + ", ".join(f"Eidetic {name} {entry['memory_mb']} MB" for name, entry in eidetic.built.items()))
    exact = medians["FAISS Flat", 0][0] / medians["Eidetic Flat", 0][0]
    print(f"\nexact: {exact:.2f} times the queries/s of FAISS Flat, recall {medians['Eidetic Flat', 0][1]:.4f}")

    def fastest(name):
        good = [ms for (other, _), (ms, found) in medians.items() if other.startswith(name) and found >= 0.98]
        return min(good, default=float("inf"))

    peers = {name: fastest(name) for name in ("FAISS HNSW", "USearch HNSW")}
    own = fastest("Eidetic HNSW")
    print(f"HNSW at recall@10 >= 0.98: Eidetic {own:.4f} ms, " + ", ".join(f"{n} {ms:.4f} ms" for n, ms in peers.items())
          + f"; {min(peers.values()) / own:.2f} times the queries/s of the better")


if __name__ == "__main__":
    main()
