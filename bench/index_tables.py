#!/usr/bin/env python3
"""Tables of what the kinds of index find, how fast, and at what size, on photographs' vectors and on generated ones.

    index_tables.py BUILD photos|indexes|million [--limit N] [--rounds 3]

photos      20,480 vectors of 2,048 dimensions: 2,048 photographs, each whole and as nine crops of half to all of its sides, embedded
            with MobileNetV2 and SqueezeNet (kept in BUILD/bench). Every kind of index beside brute force; and the share of nearest
            neighbours among the first five found, beside FAISS in the same run and beside the figures of another system, which had
            them of 9,144 vectors of a ResNet50 (2,048 dimensions, or 128 of a PCA).
indexes     100,000 x 512: every kind beside brute force; and the fastest setting of each library's at equal recall.
million     1,000,000 x 512: what indexes cost to hold and to open, in `eidetic bench index` and as a server; wants 12 GB of disk.

--limit: so many photographs or vectors, to try it. Runs with the Python of .deps/bench (bench/run). `photos` needs a folder
`shared` ($EIDETIC_SHARED, else beside the checkout) with `images/` and `models/`; says so and ends where it is not there. What
`eidetic bench index` said is left in BUILD/bench as JSON, with plots.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy

SHARED = Path(os.environ.get("EIDETIC_SHARED") or Path(__file__).resolve().parents[2] / "shared")
# Of each model: what brings bytes to its range, its input and outputs. The order is that of the vectors' parts.
MODELS = [
    ("mobilenet_v2_joint_image.onnx", 127.5, 127.5, ["features", "image_embeds"]),
    ("squeezenet1.1_imagenet.onnx", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), ["features"]),
]
CROPS, BATCH, SIDE = 10, 16, 224
KINDS = ["Flat", "HNSW16", "SQ8", "PQ64", "PQ128", "IVF100,Flat", "IVF100,SQ8", "IVF100,PQ64", "PCA128,Flat", "PCA128,HNSW16",
         "PCA128,IVF100,PQ64", "OPQ64_128,IVF100,PQ64"]  # fmt: skip
DEPTHS = ["--ef", 0, "--ef", 256, "--nprobe", 0, "--nprobe", 32, "--rescore", 0, "--rescore", 500]

# The other system's: its rows, and recall@5 by index, nprobe and dimensions; of two of its programs the better.
OTHERS_ROWS, OTHERS_K = 9144, 5
OTHERS = {
    ("Flat", 0): {2048: 1, 128: 1},
    ("IVF100,Flat", 1): {2048: 0.80, 128: 0.79},
    ("IVF100,PQ8", 1): {2048: 0.44, 128: 0.69},
    ("IVF100,PQ8", 2): {128: 0.736},
    ("IVF100,PQ8", 3): {128: 0.747},
    ("OPQ8,IVF100,PQ8", 1): {128: 0.71},
    ("PQ8", 0): {128: 0.67},
    ("IVF100,PQ2", 1): {128: 0.42},
    ("IVF50,PQ8", 1): {128: 0.64},
    ("IVF50,PQ2", 1): {128: 0.36},
}
EQUAL = ["Flat", "HNSW16", "HNSW32", "IVF316,Flat", "IVF316,SQ8", "IVF316,PQ64"]
LARGE = ["Flat", "HNSW16", "IVF4000,PQ64", "PQ64"]


def show(title: str, header: str, rows: list[list]) -> None:
    columns = header.split(" | ")
    print(f"\n{title}\n\n| {header} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def megabytes(count: float) -> str:
    return f"{count / 1e6:.3g} MB"


def depth(point: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in point["parameters"].items()) or "by default"


class Bench:
    """Runs `eidetic bench index`, and keeps what it says and draws."""

    def __init__(self, build: Path, rounds: int):
        self.build, self.folder, self.rounds = build, build / "bench", rounds
        self.folder.mkdir(exist_ok=True)

    def __call__(self, name: str, kinds: list[str], *words) -> dict:
        command = [self.build / "eidetic", "bench", "index", "--json", "--folder", self.folder, "--rounds", self.rounds,
                   "--plot", self.folder / f"{name}.svg", *words]  # fmt: skip
        command += [word for kind in kinds for word in ("--index", kind)]
        start = time.perf_counter()
        said = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
        (self.folder / f"{name}.json").write_text(said)
        print(f"\n[{name}: {time.perf_counter() - start:.0f} s]", flush=True)
        return json.loads(said)


# --- photographs ---


def crops_of(file: Path) -> list[numpy.ndarray]:
    """The whole picture and nine parts, short side to 256 and the middle of that, as bytes."""
    from PIL import Image, ImageOps

    random = numpy.random.default_rng(list(file.relative_to(SHARED).as_posix().encode()))
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    crops = []
    for number in range(CROPS):
        share = numpy.ones(2) if number == 0 else random.uniform(0.5, 1, 2)
        width, height = size = numpy.maximum(1, share * picture.size)
        left, top = random.uniform(0, 1, 2) * (picture.size - size)
        scaled = [max(SIDE, round(side * 256 / min(size))) for side in size]
        part = picture.resize(scaled, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
        x, y = (scaled[0] - SIDE) // 2, (scaled[1] - SIDE) // 2
        crops.append(numpy.asarray(part.crop((x, y, x + SIDE, y + SIDE))))
    return crops


def embedded(photos: list[Path]) -> numpy.ndarray:
    """A row a crop: features (1280), features (512) and image_embeds (256), each part of unit length."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    sessions = [onnxruntime.InferenceSession(SHARED / "models" / file, options) for file, *_ in MODELS]

    def embed(batch: list[numpy.ndarray]) -> numpy.ndarray:
        parts = []
        for session, (_, sub, div, outputs) in zip(sessions, MODELS):
            values = ((numpy.stack(batch) - numpy.float32(sub)) / numpy.float32(div)).transpose(0, 3, 1, 2)
            said = session.run(outputs, {session.get_inputs()[0].name: values.astype("f4")})
            parts += [part.reshape(len(batch), -1) for part in said]
        features, embeds, squeezed = [part / numpy.linalg.norm(part, axis=1, keepdims=True) for part in parts]
        return numpy.hstack([features, squeezed, embeds])

    rows, batch, start = [], [], time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(photos), BATCH):
            for crops in pool.map(crops_of, photos[first : first + BATCH]):
                batch += crops
            while len(batch) >= BATCH or (batch and first + BATCH >= len(photos)):
                rows.append(embed(batch[:BATCH]))
                batch = batch[BATCH:]
            if sys.stderr.isatty():
                print(f"\rembedding {min(first + BATCH, len(photos))} of {len(photos)}", end="", file=sys.stderr)
    vectors = numpy.concatenate(rows)
    print(f"embedded {len(vectors):,} crops of {len(photos):,} photographs in {time.perf_counter() - start:.0f} s")
    return vectors


def reduced(vectors: numpy.ndarray, dimensions: int) -> numpy.ndarray:
    """The directions of the largest variance, as a PCA has them."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = numpy.linalg.eigh(centred.T @ centred)  # smallest first
    return (centred @ directions[:, : -dimensions - 1 : -1]).astype("f4")


def photos(bench: Bench, limit: int | None) -> None:
    files = sorted(p for p in (SHARED / "images").rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[:limit]
    if not files or not (SHARED / "models" / MODELS[0][0]).exists():
        print(f"photos: skipped, there are no photographs or no models in {SHARED}")
        return
    kept = bench.folder / f"crops-{len(files)}.npy"
    if not kept.exists():
        # In a fixed random order, so that those held out, one in so many, are a sample.
        numpy.save(kept, numpy.random.default_rng(1).permutation(embedded(files)).astype("f4"))
    vectors = numpy.load(kept)
    for dimensions in (2048, 128):
        width = bench.folder / f"crops-{len(files)}x{dimensions}.npy"
        sample = bench.folder / f"sample-{dimensions}.npy"
        members = vectors[:OTHERS_ROWS]  # the order is random
        if dimensions < vectors.shape[1]:
            numpy.save(width, reduced(vectors, dimensions))
            members = reduced(members, dimensions)
        numpy.save(sample, members)
        oracle(bench, f"photos-{dimensions}", "--vectors", width if width.exists() else kept)
        beside_another(bench, sample, dimensions)


def oracle(bench: Bench, name: str, *source) -> None:
    report = bench(name, KINDS, *source, *DEPTHS)
    rows = [
        [index["index"], depth(point), *(f"{point['recall_at'][k]:.4f}" for k in ("1", "10")),
         f"{point['queries_per_s']:,.0f}", megabytes(index["memory_bytes"]), f"{index['train_seconds'] + index['build_seconds']:.1f}"]
        for index in report["indexes"] for point in index["points"]
    ]  # fmt: skip
    show(f"{report['vectors']:,} x {report['dimensions']} ({name}), {report['metric']}, {report['queries']:,} queries, {report['threads']} threads",
         "index | searched with | recall@1 | recall@10 | queries/s, one thread | memory | learnt and built, s", rows)  # fmt: skip
    for entry in report["left_out"]:
        print(f"left out: {entry['index']}: {entry['reason']}")


def beside_another(bench: Bench, sample: Path, dimensions: int) -> None:
    # FAISS's OPQ takes many minutes to learn from vectors of 2,048 dimensions; the other system has no figure of it either.
    kinds = list(dict.fromkeys(kind for kind, _ in OTHERS if dimensions == 128 or not kind.startswith("OPQ")))
    codes_alone, default = OTHERS_K + 1, 100  # candidates, of which one is the query
    report = bench(f"members-{dimensions}", kinds, "--vectors", sample, "--metric", "euclidean", "--members", "-k", OTHERS_K,
                   "--query-count", min(1000, len(numpy.load(sample, mmap_mode="r"))), "--peers", sys.executable,
                   "--nprobe", 1, "--nprobe", 2, "--nprobe", 3, "--rescore", codes_alone, "--rescore", default)  # fmt: skip
    indexes = {(index["library"], index["index"]): index for index in report["indexes"]}

    def recall(library: str, kind: str, nprobe: int, rescore: int) -> float | None:
        """Of the setting, where the index has these parameters at all."""
        wanted = {"nprobe": nprobe, "rescore": rescore}
        for point in indexes.get((library, kind), {"points": []})["points"]:
            if all(wanted[name] == value for name, value in point["parameters"].items()):
                return point["nearest_found"]
        return None

    def cell(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    rows, below = [], []
    for (kind, nprobe), figures in OTHERS.items():
        if kind not in kinds:
            continue
        ours, others = recall("eidetic", kind, nprobe, default), figures.get(dimensions)
        if others is not None and ours < others:
            below.append(f"{kind} at nprobe {nprobe}")
        libraries = [recall("FAISS", kind, nprobe, codes_alone), recall("FAISS", kind + ",RFlat", nprobe, default)]
        sizes = [indexes[library, kind]["disk_bytes"] if (library, kind) in indexes else 0 for library in ("eidetic", "FAISS")]
        rows.append([kind, nprobe or "", cell(ours), cell(recall("eidetic", kind, nprobe, codes_alone)), *map(cell, libraries),
                     cell(others), *map(megabytes, sizes)])  # fmt: skip
    show(f"{report['vectors']:,} x {dimensions}, L2, {report['queries']:,} members as queries: share whose nearest other is among the "
         f"first {OTHERS_K} found; the vectors themselves are another {megabytes(report['store']['bytes'])}",
         "index | nprobe | Eidetic | its codes alone | FAISS | FAISS, refined | the other system's, on its vectors | "
         "Eidetic's size | FAISS's size", rows)  # fmt: skip
    print(f"below the other system's: {'; '.join(below) or 'none'}")


# --- generated vectors ---


def generated(bench: Bench, limit: int | None) -> None:
    shape = f"{limit or 100_000}x512"
    oracle(bench, "generated", "--generate", shape)
    report = bench("equal-recall", EQUAL, "--generate", shape, "--peers", sys.executable)
    for target in (0.95, 0.99):
        best = {}  # (rate, row) of each library
        rows = []
        for index in report["indexes"]:
            reached = [point for point in index["points"] if point["recall_at"]["10"] >= target]
            if not reached:
                rows.append((0, [index["library"], index["index"], "not reached", "", "", "", "", ""]))
                continue
            point = max(reached, key=lambda p: p["queries_per_s"])
            row = [index["library"], index["index"], "" if not point["parameters"] else depth(point), f"{point['recall_at']['10']:.4f}",
                   f"{point['queries_per_s']:,.0f}", f"{point['p50_ms']:.3f}", f"{point['queries_per_s_all_threads']:,.0f}",
                   megabytes(index["memory_bytes"])]  # fmt: skip
            rows.append((point["queries_per_s"], row))
            side = "ours" if index["library"] == "eidetic" else "peers'"
            best[side] = max(best.get(side, (0, [])), (point["queries_per_s"], row))
        show(f"{report['vectors']:,} x {report['dimensions']}, the fastest setting with recall@10 of at least {target}, fastest first",
             f"library | index | searched with | recall@10 | queries/s | p50, ms | {report['threads']} threads | memory",
             [row for _, row in sorted(rows, key=lambda pair: -pair[0])])  # fmt: skip
        if len(best) == 2:
            ours, peers = best["ours"], best["peers'"]
            print(f"best of ours beside the best of the peers' ({peers[1][0]} {peers[1][1]}): {ours[0] / peers[0]:.2f} times the queries/s")
    for entry in report["left_out"]:
        print(f"left out: {entry['index']}: {entry['reason']}")


# --- a million ---


class Server:
    """`eidetic serve` on a data folder. What it takes to answer: `listening_s` and `call`s."""

    def __init__(self, build: Path, data: Path):
        command = [build / "eidetic", "serve", "--data", data]
        environment = os.environ | {"EIDETIC_LISTEN_PORT": "0", "EIDETIC_LIMITS_WORK_TIMEOUT_S": "3600"}
        self.start = time.perf_counter()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stderr:
            if match := re.search(r"listening on http://([^:]+):(\d+)", line):
                break
        self.listening_s = time.perf_counter() - self.start
        # Somebody has to read its log, or it waits.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.connection = http.client.HTTPConnection(match[1], int(match[2]))

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> dict:
        self.connection.request(method, f"/v1/collections/{path}", body, {"Content-Type": kind})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def resident(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def million(bench: Bench, limit: int | None) -> None:
    count = limit or 1_000_000
    report = bench("million", LARGE, "--generate", f"{count}x512", "--query-count", 200, *DEPTHS)
    rows = [
        [index["index"], depth(point), f"{point['recall_at']['10']:.4f}", f"{point['queries_per_s']:,.0f}",
         f"{point['queries_per_s_all_threads']:,.0f}", f"{point['p50_ms']:.2f}", megabytes(index["memory_bytes"]),
         megabytes(index["disk_bytes"]), f"{index['open_seconds']:.2f}", f"{index['train_seconds'] + index['build_seconds']:.0f}"]
        for index in report["indexes"] for point in index["points"]
    ]  # fmt: skip
    show(f"{count:,} x 512; the store ({megabytes(report['store']['bytes'])}) opens in {report['store']['open_seconds']:.2f} s",
         f"index | searched with | recall@10 | queries/s | {report['threads']} threads | p50, ms | memory | snapshot | it opens in, s | "
         "learnt and built, s", rows)  # fmt: skip
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        served(bench, count, Path(folder))


def served(bench: Bench, count: int, folder: Path) -> None:
    """The same as a server: from the start of the process to its first answer, and what it holds then."""
    import faiss

    random = numpy.random.default_rng(1)
    centres = random.standard_normal((1000, 512), dtype="f4")
    index = faiss.IndexFlatIP(512)
    for first in range(0, count, 10_000):
        rows = min(10_000, count - first)
        index.add(centres[random.integers(0, 1000, rows)] + random.standard_normal((rows, 512), dtype="f4"))
    queries = centres[random.integers(0, 1000, 200)] + random.standard_normal((200, 512), dtype="f4")
    faiss.write_index(index, str(folder / "rows.index"))
    del index
    data, start = folder / "data", time.perf_counter()
    command = [bench.build / "eidetic", "collections", "import", folder / "rows.index", "--name", "large", "--metric", "cosine",
               "--index", "Flat", "--data", data]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    (folder / "rows.index").unlink()
    print(f"\nimported into a collection in {time.perf_counter() - start:.0f} s", flush=True)
    rows = []
    for kind in LARGE:
        with Server(bench.build, data) as server:
            server.call("PATCH", "large", json.dumps({"index": kind}).encode())
            while server.call("GET", "large")["index_building"]:
                time.sleep(0.5)
        with Server(bench.build, data) as server:
            search = ("POST", "large/search", queries[0].tobytes(), "application/vnd.eidetic.vector")
            server.call(*search)
            first_answer = time.perf_counter() - server.start
            took = []
            for query in queries:
                begin = time.perf_counter()
                server.call("POST", "large/search", query.tobytes(), search[3])
                took.append(time.perf_counter() - begin)
            facts = server.call("GET", "large")
            rows.append([facts["index_kind"], f"{server.listening_s:.2f}", f"{first_answer:.2f}", f"{numpy.median(took) * 1e3:.2f}",
                         megabytes(facts["memory_bytes"]), megabytes(server.resident("RssAnon")), megabytes(server.resident("RssFile")),
                         megabytes(facts["disk_bytes"])])  # fmt: skip
    show(f"{count:,} x 512 in `eidetic serve`, from the start of the process, all files in the system's cache",
         "index | listens after, s | first search answered after, s | later searches, ms | index | process, RssAnon | RssFile | disk", rows)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parts = {"photos": photos, "indexes": generated, "million": million}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    parts[options.part](Bench(options.build, options.rounds), options.limit)


if __name__ == "__main__":
    main()
