"""What an item costs in each backend: disk, memory, processor time; the sizing guide in docs/deployment.md.

    tools/servers run --only opensearch,elasticsearch,qdrant -- .deps/bench/bin/python bench/sizing.py BUILD_FOLDER

100,000 x 512 unit vectors around 1,000 centres, each with an id, a URI, and metadata of a string, a number and a list.
Embedded: what `eidetic collections import` makes of the vectors, without metadata. OpenSearch and Elasticsearch:
documents as Eidetic writes them, one shard without copies, as it came and merged into one segment. Qdrant: its engine,
its graph built. Of processor time, all threads together; memory without pages of files.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[1]
ROWS, DIMENSIONS, CENTRES, BATCH = int(os.environ.get("ROWS", 100_000)), 512, 1_000, 500
LINKS, CONSTRUCTION = 16, 128
COLOURS = ("red", "green", "blue", "yellow")


def vectors():
    random = numpy.random.default_rng(1)
    centres = random.normal(size=(CENTRES, DIMENSIONS))
    points = centres[random.integers(0, CENTRES, ROWS)] + random.normal(size=(ROWS, DIMENSIONS))
    return (points / numpy.linalg.norm(points, axis=1, keepdims=True)).astype("float32")


def identity(i):
    return f"photos/2024/{i // 1000:03}/IMG_{i:06}.jpg"


def metadata(i):
    return {"colour": COLOURS[i % 4], "price": i % 997 + 0.5, "tags": [f"tag-{i % 50}", f"tag-{i % 31}"]}


def mebibytes(count):
    return count / (1 << 20)


def allocated(path):
    return path.stat().st_blocks * 512


def folder_bytes(folder):
    """By what files end in."""
    sizes = defaultdict(int)
    for path in Path(folder).rglob("*"):
        if path.is_file():
            sizes[path.suffix] += allocated(path)
    return sizes


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_memory(pid):
    """Memory that is no page of a file."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def show(name, disk, graph, own, seconds):
    print(f"{name:32} {mebibytes(disk):8.1f} {mebibytes(graph):14.1f} {own:10.0f} {seconds:11.1f}", flush=True)


def detail(sizes, more=""):
    said = ", ".join(f"{name} {mebibytes(size):.1f}" for name, size in sorted(sizes.items()) if size > 1 << 20)
    print(f"    {said} {more}", flush=True)


def ask(url, method, path, body=None, kind="application/json"):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=3600) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def facts(i):
    return {
        "id": identity(i),
        "uri": f"/srv/{identity(i)}",
        "hash": f"{i:032x}",
        "size": 1 << 20,
        "mtime": i,
        "version": i,
    }


def document(i, vector):
    said = metadata(i)
    tokens = {
        "colour": "2" + said["colour"],
        "price": f"1{i % 997:016x}d",
        "tags": ["2" + tag for tag in said["tags"]],
    }
    more = {"metadata": said, "f": [tokens], "n": [{"price": said["price"]}], "v1": vector.tolist()}
    return facts(i) | more


def lucene(name, url, points):
    vector = {
        "opensearch": {
            "type": "knn_vector",
            "dimension": DIMENSIONS,
            "method": {
                "name": "hnsw",
                "engine": "lucene",
                "space_type": "cosinesimil",
                "parameters": {"m": LINKS, "ef_construction": CONSTRUCTION},
            },
        },
        "elasticsearch": {
            "type": "dense_vector",
            "dims": DIMENSIONS,
            "index": True,
            "similarity": "cosine",
            "index_options": {"type": "hnsw", "m": LINKS, "ef_construction": CONSTRUCTION},
        },
    }[name]
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    settings |= {"knn": True} if name == "opensearch" else {"mapping.exclude_source_vectors": False}
    kept, keyword, number = {"type": "object", "enabled": False}, {"type": "keyword"}, {"type": "long"}
    mappings = {
        "dynamic_templates": [
            {"values": {"path_match": "f.*", "mapping": {"type": "keyword"}}},
            {"numbers": {"path_match": "n.*", "mapping": {"type": "double"}}},
        ],
        "properties": {"id": keyword, "uri": kept, "hash": kept, "size": number, "mtime": number, "metadata": kept,
                       "version": number, "f": {"type": "object"}, "n": {"type": "object"}, "v1": vector},
    }  # fmt: skip
    ask(url, "PUT", "/sizing", {"settings": {"index": settings}, "mappings": mappings})
    node = next(iter(ask(url, "GET", "/_nodes/process,settings")["nodes"].values()))
    pid, data = node["process"]["id"], node["settings"]["path"]["data"]
    data = data[0] if isinstance(data, list) else data
    began = processor_seconds(pid)

    def measured(what):
        for verb in ("_refresh", "_flush", "_refresh"):  # segments that were merged are taken away
            ask(url, "POST", f"/sizing/{verb}")
        sizes = folder_bytes(data)
        sizes.pop(".tlog", 0)
        graph = sizes[".vec"] + sizes[".vex"]  # none is seen where they lie in one file with all else
        show(f"{name}, {what}", sum(sizes.values()), graph, own_memory(pid), processor_seconds(pid) - began)
        detail(sizes)

    for start in range(0, ROWS, BATCH):
        lines = []
        for i in range(start, min(start + BATCH, ROWS)):
            lines += [{"index": {"_id": identity(i)}}, document(i, points[i])]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        answer = ask(url, "POST", "/sizing/_bulk", body, "application/x-ndjson")
        assert answer["errors"] is False, str(answer)[:500]
    ask(url, "POST", "/sizing/_refresh")
    measured("as it came")
    ask(url, "POST", "/sizing/_forcemerge?max_num_segments=1")
    measured("one segment")
    ask(url, "DELETE", "/sizing")


def qdrant(folder):
    """In the Python that has the engine, a process of its own."""
    import qdrant_edge as edge

    points = vectors()
    vector = edge.EdgeVectorParams(DIMENSIONS, edge.Distance.Cosine)
    config = edge.EdgeConfig({"v1": vector}, hnsw_config=edge.HnswIndexConfig(LINKS, CONSTRUCTION, 10_000))
    shard, change = edge.EdgeShard.create(folder, config), edge.UpdateOperation
    for field, schema in (("colour", edge.PayloadSchemaType.Keyword), ("price", edge.PayloadSchemaType.Float)):
        shard.update(change.create_field_index(field, schema))
    before, own = os.times(), own_memory(os.getpid())
    for start in range(0, ROWS, BATCH):
        rows = range(start, min(start + BATCH, ROWS))
        shard.update(
            change.upsert_points([edge.Point(i, {"v1": points[i].tolist()}, facts(i) | metadata(i)) for i in rows])
        )
    shard.optimize()
    shard.flush()
    after, indexed = os.times(), shard.info().indexed_vectors_count
    own = own_memory(os.getpid()) - own
    shard.close()
    sizes = defaultdict(int)
    for path in Path(folder).rglob("*"):
        if path.is_file():
            sizes[path.relative_to(folder).parts[0] if "wal" in path.parts else part_of(path)] += allocated(path)
    log = sizes.pop("wal", 0)
    graph = sizes["vector_storage"] + sizes["vector_index"]
    show("qdrant's engine", sum(sizes.values()), graph, own, after.user + after.system - before.user - before.system)
    detail(sizes, f"log {mebibytes(log):.1f}, {indexed:,} indexed")


def part_of(path):
    names = ("vector_storage", "vector_index", "payload_index", "payload_storage")
    return next((name for name in names for part in path.parts if part.startswith(name)), "other")


def embedded(program, points, index):
    with tempfile.TemporaryDirectory() as folder:
        table, names = Path(folder) / "vectors.npy", Path(folder) / "names.txt"
        numpy.save(table, points)
        names.write_text("".join(identity(i) + "\n" for i in range(ROWS)))
        base = [program, "--data", Path(folder) / "data", "collections"]
        options = ["--names", names, "--name", "sizing", "--index", index]
        before = os.times()
        done = subprocess.run([*base, "import", table, *options], capture_output=True, text=True)
        after = os.times()
        assert done.returncode == 0, done.stderr
        sizes = folder_bytes(Path(folder) / "data")
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        show(f"embedded, {index}", sum(sizes.values()), 0, 0, seconds)
        detail(sizes)


def main():
    points = vectors()
    print(f"{ROWS:,} x {DIMENSIONS}".ljust(32), "disk MiB  vectors+graph  own memory  processor s")
    parts = sys.argv[2:] or ["embedded", "opensearch", "elasticsearch", "qdrant"]
    for part in parts:
        began = time.monotonic()
        if part == "embedded":
            for index in ("Flat", "HNSW16"):
                embedded(Path(sys.argv[1]) / "eidetic", points, index)
        elif part == "qdrant":
            with tempfile.TemporaryDirectory() as folder:
                python = ROOT / ".deps/servers/qdrant/bin/python"
                subprocess.run([python, __file__, "qdrant-engine", folder], check=True)
        else:
            lucene(part, os.environ[f"EIDETIC_TEST_{part.upper()}"], points)
        print(f"   {part}: {time.monotonic() - began:.0f} s on the clock", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "qdrant-engine":
        qdrant(sys.argv[2])
    else:
        main()
