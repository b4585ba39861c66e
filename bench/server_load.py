"""What a server answers, on this machine: searches by vector and by picture, what HTTP adds, and a mixed load.

    bench/server_load.py BUILD_FOLDER        needs wrk (Debian package) and photographs in $EIDETIC_SHARED/images

By vector: 100,000 x 512 unit vectors in 1,000 clusters (unit noise), HNSW16, 10 hits, wrk with 32 connections; recall@10 beside exact
search. By picture: photographs as bodies, bundled model. Mixed: 1,000 connections held open, 64 clients that search by picture without
a pause for a minute, while 2,000 photographs are indexed.
"""

import asyncio
import base64
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy

BUILD = Path(sys.argv[1])
SHARED = Path(os.environ.get("EIDETIC_SHARED", Path(__file__).parents[2] / "shared"))
ROWS, DIMENSIONS, CENTRES, QUERIES = 100_000, 512, 1_000, 1_000
WRK_S, WRK_RUNS, CONNECTIONS = 5, 5, 32
MIXED_S, CLIENTS, IDLE, INDEXED = 60, 64, 1_000, 2_000

WRK = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "%(type)s"
local bodies, i = {}, 0
for n = 0, %(count)d - 1 do
  local file = io.open("%(folder)s/" .. n, "rb")
  bodies[#bodies + 1] = file:read("*a")
  file:close()
end
function request()
  i = i %% #bodies + 1
  return wrk.format(nil, "%(path)s", nil, bodies[i])
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%f %%f %%f %%d\\n", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, e.connect + e.read + e.write + e.timeout + e.status))
end
"""


class Server:
    def __init__(self, folder):
        (folder / "eidetic.toml").write_text('[listen]\nport = 0\n[log]\nlevel = "warning"\n[fetch]\nallow_private = true\n')
        command = [BUILD / "eidetic", "serve", "--data", folder / "data", "--config", folder / "eidetic.toml"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not (match := re.search(r"listening on http://([^:]+):(\d+)", self.process.stderr.readline())):
            pass
        self.host, self.port = match[1], int(match[2])

    def call(self, method, path, body=None, kind="application/json"):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.host}:{self.port}{path}", data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", kind)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def resident_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon")}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def unit(rows):
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def clustered(count, seed, centres):
    random = numpy.random.default_rng(seed)
    noise = unit(random.standard_normal((count, DIMENSIONS), dtype="f4"))
    return unit(centres[random.integers(0, len(centres), count)] + noise).astype("f4")


def wrk(server, folder, path, kind, bodies):
    """Medians over the runs of requests/s, p50 and p99 in ms; errors of all."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    for number, body in enumerate(bodies):
        (folder / str(number)).write_bytes(body)
    script = folder / "load.lua"
    script.write_text(WRK % {"type": kind, "count": len(bodies), "folder": folder, "path": path})
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{WRK_S}", "-s", script, f"http://{server.host}:{server.port}"]
    runs = []
    for _ in range(WRK_RUNS + 1):  # the first warms up
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        runs.append([float(value) for value in re.search(r"RESULT (.*)", said)[1].split()])
    rate, p50, p99, _ = (statistics.median(run[i] for run in runs[1:]) for i in range(4))
    return f"{rate:7.0f} searches/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   errors {sum(run[3] for run in runs):.0f}"


def by_vector(server, folder):
    centres = unit(numpy.random.default_rng(1).standard_normal((CENTRES, DIMENSIONS), dtype="f4"))
    rows, queries = clustered(ROWS, 2, centres), clustered(QUERIES, 3, centres)
    truth = numpy.argsort(-(queries @ rows.T), axis=1)[:, :10]
    server.call("PUT", "/v1/collections/vectors", {"dimensions": DIMENSIONS, "index": "HNSW16"})
    start = time.monotonic()
    for first in range(0, ROWS, 2_000):
        lines = [json.dumps({"id": str(i), "vector": rows[i].tolist()}) for i in range(first, first + 2_000)]
        server.call("POST", "/v1/collections/vectors/items", "\n".join(lines).encode(), "application/x-ndjson")
    while server.call("GET", "/v1/collections/vectors")["index_building"]:
        time.sleep(0.1)
    print(f"by vector: {ROWS:,} x {DIMENSIONS} uploaded as JSON and indexed in {time.monotonic() - start:.0f} s")
    path = "/v1/collections/vectors/search"
    for ef in (40, 48, 64):
        found = 0
        for query, nearest in zip(queries[:500], truth):
            hits = server.call("POST", path, {"vector": query.tolist(), "k": 10, "ef": ef})["hits"]
            found += len({int(hit["id"]) for hit in hits} & set(nearest.tolist()))
        texts = [json.dumps({"vector": query.tolist(), "k": 10, "ef": ef}).encode() for query in queries]
        packed = [query.tobytes() for query in queries]
        print(f"  ef {ef}, recall@10 {found / 5000:.3f}")
        print(f"    JSON    {wrk(server, folder, path, 'application/json', texts)}")
        print(f"    packed  {wrk(server, folder, f'{path}?ef={ef}', 'application/vnd.eidetic.vector', packed)}")
    print("  resident: " + ", ".join(f"{name} {size:.0f} MB" for name, size in server.resident_mb().items()))


def by_picture(server, folder, photos):
    path = "/v1/collections/photos"
    server.call("PUT", path)
    for photo in photos[:500]:
        server.call("PUT", f"{path}/items/{photo.stem}-{photo.parent.name}", photo.read_bytes(), "image/jpeg")
    bodies = [photo.read_bytes() for photo in photos[500:700]]
    added = []
    for body in bodies:
        start = time.perf_counter()
        answer = server.call("POST", f"{path}/search", body, "image/jpeg")
        added.append((time.perf_counter() - start) * 1e3 - answer["timings_ms"]["total"])
    print("by picture: 500 photographs, bundled model")
    print(f"    body    {wrk(server, folder, f'{path}/search', 'image/jpeg', bodies)}")
    print(f"    HTTP and a Python client add {statistics.median(added):.2f} ms (median) to the engine's own time")


async def search_on(server, path, bodies, until, times, statuses, number):
    reader, writer = await asyncio.open_connection(server.host, server.port)
    while time.monotonic() < until:
        body = bodies[number % len(bodies)]
        number += 1
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        start = time.monotonic()
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(re.search(r"Content-Length: (\d+)", answer)[1]))
        times.append((start, time.monotonic()))
        statuses[answer.split()[1]] = statuses.get(answer.split()[1], 0) + 1
    writer.close()


async def mixed(server, photos):
    path = "/v1/collections/photos"
    bodies = [photo.read_bytes() for photo in photos[:100]]
    idle = [await asyncio.open_connection(server.host, server.port) for _ in range(IDLE)]
    before = server.resident_mb()
    items = [{"id": f"mixed-{i}", "base64": base64.b64encode(photo.read_bytes()).decode()}
             for i, photo in enumerate(photos[:INDEXED])]  # fmt: skip
    jobs = [await asyncio.to_thread(server.call, "POST", f"{path}/items?job=true", {"items": items[i : i + 500]})
            for i in range(0, len(items), 500)]  # fmt: skip
    until = time.monotonic() + MIXED_S
    times, statuses, resident = [], {}, []
    clients = [search_on(server, f"{path}/search", bodies, until, times, statuses, n) for n in range(CLIENTS)]
    running = asyncio.gather(*clients)
    while not running.done():
        resident.append(server.resident_mb()["VmRSS"])
        await asyncio.sleep(1)
    await running
    ended = [server.call("GET", f"/v1/jobs/{job['id']}") for job in jobs]
    done = sum(job["progress"]["done"] for job in ended)
    took = sorted((end - start) * 1e3 for start, end in times)
    busy = sum(end - start for start, end in times) / MIXED_S
    print(f"mixed: {IDLE} connections open, {CLIENTS} clients searching by picture for {MIXED_S} s, {done} of {INDEXED} photographs indexed beside")
    print(f"    {len(took) / MIXED_S:.0f} searches/s   p50 {took[len(took) // 2]:.0f} ms   p99 {took[len(took) * 99 // 100]:.0f} ms   "
          f"answers {statuses}   {busy:.1f} under way at a time")  # fmt: skip
    print(f"    resident: {before['VmRSS']:.0f} MB before, {min(resident):.0f} to {max(resident):.0f} MB meanwhile, "
          f"{resident[len(resident) // 2]:.0f} MB at half time, {resident[-1]:.0f} MB at the end")  # fmt: skip
    for _, writer in idle:
        writer.close()


def main():
    photos = sorted((SHARED / "images").glob("**/*.jpg"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        try:
            by_vector(server, folder)
            if len(photos) < INDEXED:
                print(f"by picture and mixed: skipped, there are no {INDEXED} photographs in {SHARED / 'images'}")
                return
            by_picture(server, folder, photos)
            asyncio.run(mixed(server, photos))
        finally:
            server.stop()


main()
