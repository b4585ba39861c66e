"""Other libraries' indexes for `eidetic bench index --peers PYTHON`, which starts this and talks with it: one JSON object a
line, each question on standard input answered on standard output.

    {"folder", "metric", "k", "threads", "indexes"}   ->  {"contenders": [{"index", "library"}], "left_out": [{"index", "reason"}]}
    {"build": N}                                      ->  {"build_seconds", "train_seconds", "memory_bytes", "disk_bytes"}
    {"answers": N, "ef", "nprobe", "rescore"}         ->  {"ids": [[row, …], …]}
    {"pass": N, "ef", "nprobe", "rescore", "all", "seconds"}
                                                      ->  {"queries", "seconds", "ms": [ms of each query]}

or {"error": why}. A depth of 0 is the library's own default. The folder holds base.npy and queries.npy, of unit length where the metric is cosine. Alone a query is
asked at a time; `all` is one call of the library with all queries and as many threads as it may have.
"""

import gc
import importlib
import json
import os
import re
import sys
import time

try:
    import numpy as np
except ImportError:
    np = None

# What libraries print (FAISS warns once a segment) gets neither between the answers nor onto the user's terminal.
answers_to = os.fdopen(os.dup(1), "w")
quiet = os.open(os.devnull, os.O_WRONLY)
os.dup2(quiet, 1)
os.dup2(quiet, 2)

EXPANSION = 128  # what Eidetic builds graphs with


def links_of(factory):
    match = re.fullmatch(r"HNSW(\d+)(?::(\d+))?", factory)
    return (int(match[1]), int(match[2] or EXPANSION)) if match else None


class Faiss:
    names = ["FAISS"]

    def __init__(self, task, factory, name):
        import faiss

        self.faiss, self.task, self.factory = faiss, task, re.sub(r":\d+", "", factory)
        # FAISS takes the mean off before a PCA, which keeps distances and not products.
        by_product = task["metric"] != "euclidean" and not factory.startswith("PCA")
        if task["metric"] == "dot" and not by_product:
            raise ValueError("a PCA of FAISS does not keep products")
        metric = faiss.METRIC_INNER_PRODUCT if by_product else faiss.METRIC_L2
        self.index = faiss.index_factory(task["base"].shape[1], self.factory, metric)
        if graph := re.search(r"HNSW\d+(?::(\d+))?", factory):
            faiss.ParameterSpace().set_index_parameter(self.index, "efConstruction", int(graph[1] or EXPANSION))
        faiss.omp_set_num_threads(task["threads"])

    @staticmethod
    def takes(factory):
        """What is built of it: codes also with what they find scored again in full, as Eidetic does."""
        return [factory, factory + ",RFlat"] if re.search("PQ|SQ|PCA", factory) else [factory]

    def train(self):
        self.index.train(self.task["base"])

    def fill(self):
        self.index.add(self.task["base"])

    def set(self, ef, nprobe, rescore):
        if self.factory.endswith(",RFlat"):
            self.index.k_factor = max(1, rescore / self.task["k"])
        if "HNSW" in self.factory:
            self.faiss.ParameterSpace().set_index_parameter(self.index, "efSearch", ef or 16)
        if "IVF" in self.factory:
            self.faiss.ParameterSpace().set_index_parameter(self.index, "nprobe", nprobe or 1)

    def search(self, queries, threads):
        self.faiss.omp_set_num_threads(threads)
        return self.index.search(queries, self.task["k"])[1]

    def save(self, file):
        self.faiss.write_index(self.index, file)


class Usearch:
    names = ["USearch bf16", "USearch f32", "USearch i8"]

    def __init__(self, task, factory, name):
        from usearch.index import Index

        links, expansion = links_of(factory)
        metric = {"cosine": "cos", "dot": "ip", "euclidean": "l2sq"}[task["metric"]]
        self.task = task
        self.index = Index(ndim=task["base"].shape[1], metric=metric, dtype=name.split()[1], connectivity=links,
                           expansion_add=expansion)  # fmt: skip

    @staticmethod
    def takes(factory):
        return [factory] if links_of(factory) else []

    def train(self):
        pass

    def fill(self):
        self.index.add(np.arange(len(self.task["base"])), self.task["base"], threads=self.task["threads"])

    def set(self, ef, nprobe, rescore):
        self.index.expansion_search = ef or 64

    def search(self, queries, threads):
        keys = self.index.search(queries if len(queries) > 1 else queries[0], self.task["k"], threads=threads).keys
        return keys.reshape(len(queries), -1).astype(np.int64)

    def save(self, file):
        self.index.save(file)


class Hnswlib:
    names = ["hnswlib"]

    def __init__(self, task, factory, name):
        import hnswlib

        links, expansion = links_of(factory)
        self.task = task
        self.index = hnswlib.Index(space="l2" if task["metric"] == "euclidean" else "ip", dim=task["base"].shape[1])
        self.index.init_index(len(task["base"]), M=links, ef_construction=expansion)

    takes = Usearch.takes

    def train(self):
        pass

    def fill(self):
        self.index.add_items(self.task["base"], num_threads=self.task["threads"])

    def set(self, ef, nprobe, rescore):
        self.index.set_ef(ef or 10)

    def search(self, queries, threads):
        return self.index.knn_query(queries, k=self.task["k"], num_threads=threads)[0].astype(np.int64)

    def save(self, file):
        self.index.save_index(file)


LIBRARIES = {"faiss": Faiss, "usearch": Usearch, "hnswlib": Hnswlib}


def anonymous_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


class Peers:
    def __init__(self, task):
        if np is None:
            raise ValueError(f"NumPy is not installed for {sys.executable}")
        self.task, self.built, self.contenders, self.left_out = task, {}, [], []
        # Mapped: the pages of the file are not counted as an index's memory.
        task["base"] = np.load(task["folder"] + "/base.npy", mmap_mode="r")
        task["queries"] = np.load(task["folder"] + "/queries.npy")
        task["k"] = min(task["k"], len(task["base"]))
        for module, library in LIBRARIES.items():
            try:
                importlib.import_module(module)
            except ImportError:
                self.left_out.append({"index": module, "reason": f"not installed for {sys.executable}"})
                continue
            for wanted in task["indexes"]:
                for factory in library.takes(wanted):
                    self.contenders += [(library, factory, name) for name in library.names]

    def offer(self):
        listed = [{"index": factory, "library": name} for _, factory, name in self.contenders]
        return {"contenders": listed, "left_out": self.left_out}

    def build(self, number):
        gc.collect()
        before = anonymous_bytes()
        library, factory, name = self.contenders[number]
        index = library(self.task, factory, name)
        start = time.perf_counter()
        index.train()
        trained = time.perf_counter()
        index.fill()
        filled = time.perf_counter()
        self.built[number] = index
        file = f"{self.task['folder']}/peer"
        memory = anonymous_bytes() - before
        index.save(file)
        size = os.path.getsize(file)
        os.remove(file)
        return {"train_seconds": trained - start, "build_seconds": filled - trained, "memory_bytes": max(0, memory),
                "disk_bytes": size}  # fmt: skip

    def answers(self, number, depth):
        self.built[number].set(*depth)
        ids = self.built[number].search(self.task["queries"], self.task["threads"])
        return {"ids": [[int(i) for i in row if 0 <= i < len(self.task["base"])] for row in ids]}

    def time(self, number, depth, together, seconds):
        index, queries = self.built[number], self.task["queries"]
        index.set(*depth)
        start = time.perf_counter()
        if together:
            index.search(queries, self.task["threads"])
            return {"queries": len(queries), "seconds": time.perf_counter() - start, "ms": []}
        ms, end = [], start + seconds
        for i in range(len(queries)):
            begin = time.perf_counter()
            if i and begin >= end:
                break
            index.search(queries[i : i + 1], 1)
            ms.append((time.perf_counter() - begin) * 1e3)
        return {"queries": len(ms), "seconds": sum(ms) / 1e3, "ms": ms}


def answer(peers, question):
    if "build" in question:
        return peers.build(question["build"])
    depth = question["ef"], question["nprobe"], question["rescore"]
    if "answers" in question:
        return peers.answers(question["answers"], depth)
    return peers.time(question["pass"], depth, question["all"], question["seconds"])


def main():
    peers = None
    for line in sys.stdin:
        try:
            if peers is None:
                peers = Peers(json.loads(line))
                said = peers.offer()
            else:
                said = answer(peers, json.loads(line))
        except Exception as error:
            said = {"error": (str(error) or type(error).__name__).splitlines()[0]}
        print(json.dumps(said), file=answers_to, flush=True)


main()
