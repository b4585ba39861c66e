"""Which rank the picture that a query was made from has before and after verification, among all photographs.

    bench/verification.py BUILD PHOTOS [--queries N] [--verify N] [--model BUNDLE]

The queries are those of refine_bench with enough texture: a part of a photograph, turned, scaled and compressed; alone, and
pasted into another photograph, of which the parts are searched with too. PHOTOS holds labels.csv and the photographs that it names. Needs the SDK, in python/src.
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
        )
        data = f"{folder}/data"
        program = args.build / "eidetic"
        subprocess.run(
            [program, "index", args.photos, "-c", "photos", "--model", args.model, "--data", data],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        config = Path(folder) / "eidetic.toml"
        config.write_text(f"[listen]\nport = 18735\n[paths]\nallowed = ['{args.photos.resolve()}']\n")
        server = subprocess.Popen([program, "serve", "--data", data, "--config", config], stderr=subprocess.DEVNULL)
        try:
            measure(made, args)
        finally:
            server.terminate()
            server.wait()


def measure(made, args):
    shop = eidetic.Client("http://127.0.0.1:18735", timeout=600).collection("photos")
    until = time.monotonic() + 60
    while True:
        try:
            shop.info()
            break
        except eidetic.EideticError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    rows = list(csv.DictReader((made / "queries.csv").open()))
    for kind, augment in (("alone", None), ("pasted", None), ("pasted", "parts")):
        queries = [row for row in rows if row["kind"] == kind and row["textured"] == "1"]
        before, among, after, took = 0, 0, 0, []
        for row in queries:
            picture, source = made / row["file"], row["source"]
            plain = shop.search(picture, k=args.verify, augment=augment).ids
            found = shop.search(picture, k=args.verify, augment=augment, verify=args.verify)
            unread = [hit.verification.note for hit in found if hit.verification.note]
            assert not unread, unread[0]
            before += plain[0] == source
            among += source in plain
            after += found.ids[0] == source
            took.append(found.timings_ms["verify"])
        count = len(queries)
        print(
            f"{kind}, {augment or 'as it is'}: {count} queries; first before {before / count:.3f}, after {after / count:.3f}; "
            f"among the first {args.verify} {among / count:.3f}; verification {statistics.median(took):.0f} ms, median",
            flush=True,
        )


main()
