"""Which rank the picture that a query was made from has before and after verification, among all photographs.

    bench/verification.py BUILD PHOTOS [--queries N] [--verify N] [--model BUNDLE]

The queries are those of refine_bench: a part of a photograph, turned, scaled and compressed; alone, and pasted into another
photograph. PHOTOS holds labels.csv and the photographs that it names. Needs the SDK, in python/src.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python/src"))
import eidetic


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--verify", type=int, default=50)
    parser.add_argument("--model", default="default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "queries"
        subprocess.run(
            [args.build / "bench/refine_bench", args.photos, str(args.queries)],
            env={**os.environ, "REFINE_BENCH_KEEP": str(made)},
            check=True,
        )
        data = f"{folder}/data"
        program = args.build / "eidetic"
        subprocess.run(
            [program, "index", args.photos, "-c", "photos", "--model", args.model, "--data", data],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server = subprocess.Popen(
            [program, "serve", "--data", data, "--port", "18735"], stderr=subprocess.DEVNULL
        )
        try:
            measure(made, args)
        finally:
            server.terminate()
            server.wait()


def measure(made, args):
    shop = eidetic.Client("http://127.0.0.1:18735", timeout=300).collection("photos")
    until = time.monotonic() + 60
    while True:
        try:
            shop.info()
            break
        except eidetic.EideticError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    for kind in ("pasted", "alone"):
        queries = [row for row in csv.DictReader((made / "queries.csv").open()) if row["kind"] == kind]
        ranks = []
        for row in queries:
            plain = shop.search(made / row["file"], k=args.verify).ids
            found = shop.search(made / row["file"], k=args.verify, verify=args.verify)
            ranks.append((row["textured"] == "1", plain, found, row["source"]))
        for name, some in (("with enough texture", [rank for rank in ranks if rank[0]]), ("all", ranks)):
            count = len(some)
            before = sum(plain[0] == source for _, plain, _, source in some) / count
            among = sum(source in plain for _, plain, _, source in some) / count
            after = sum(found.ids[0] == source for _, _, found, source in some) / count
            print(
                f"{kind}, {name}: {count} queries; first before {before:.3f}, after {after:.3f}; "
                f"among the first {args.verify} {among:.3f}"
            )


main()
