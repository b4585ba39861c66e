"""How well a part of a photograph finds the whole, and a whole what is in it, among all photographs; before and after verification.

    bench/part_and_whole.py BUILD PHOTOS [--queries N] [--verify N] [--model BUNDLE]

The queries are those of refine_bench with enough texture: a part of 30 to 60 % of a photograph, turned, scaled and compressed; alone,
and pasted into another photograph. PHOTOS holds labels.csv and the photographs that it names. Needs the SDK, in python/src.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python/src"))
import eidetic

CANDIDATES = (1, 10, 100, 1000)
PORT = 18735


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--verify", type=int, default=1000)
    parser.add_argument("--model", default="default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "queries"
        subprocess.run(
            [args.build / "bench/refine_bench", args.photos, str(args.queries)],
            env={**os.environ, "REFINE_BENCH_KEEP": str(made)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        data, program = f"{folder}/data", args.build / "eidetic"
        for command in (
            ["collections", "create", "photos", "--regions", "multi", "--model", args.model],
            ["index", args.photos, "-c", "photos"],
        ):
            subprocess.run([program, *command, "--data", data], check=True, stdout=subprocess.DEVNULL)
        config = Path(folder) / "eidetic.toml"
        config.write_text(f"[listen]\nport = {PORT}\n[paths]\nallowed = ['{args.photos.resolve()}']\n")
        server = subprocess.Popen([program, "serve", "--data", data, "--config", config], stderr=subprocess.DEVNULL)
        try:
            measure(made, args.verify)
        finally:
            server.terminate()
            server.wait()


def measure(made, verify):
    photos = eidetic.Client(f"http://127.0.0.1:{PORT}", timeout=600).collection("photos")
    until = time.monotonic() + 60
    while True:
        try:
            photos.info()
            break
        except eidetic.EideticError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    rows = [row for row in csv.DictReader((made / "queries.csv").open()) if row["textured"] == "1"]
    ways = {"as it is": {}, "regions": {"regions": True}, "augment parts": {"augment": "parts"}}
    for kind in ("alone", "pasted"):
        queries = [(made / row["file"], row["source"]) for row in rows if row["kind"] == kind]
        for way, options in ways.items():
            found = [(photos.search(picture, k=CANDIDATES[-1], **options), source) for picture, source in queries]
            shares = (sum(source in hits.ids[:k] for hits, source in found) / len(found) for k in CANDIDATES)
            took = statistics.median(hits.timings_ms["total"] for hits, _ in found)
            told = ", ".join(f"{share:.3f} @{k}" for share, k in zip(shares, CANDIDATES))
            print(f"{kind}, {way}: {len(queries)} queries, {told}; {took:.0f} ms, median", flush=True)
        way = "regions" if kind == "alone" else "augment parts"
        first, took = 0, []
        for picture, source in queries:
            hits = photos.search(picture, k=1, verify=verify, **ways[way])
            unread = hits[0].verification.note
            assert not unread, unread
            first += hits.ids[0] == source
            took.append(hits.timings_ms["verify"])
        print(
            f"{kind}, {way}, {verify} verified: {first / len(queries):.3f} @1; verification {statistics.median(took):.0f} ms, "
            f"median",
            flush=True,
        )


main()
