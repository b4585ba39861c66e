#!/usr/bin/env python3
"""Indexing a folder of photographs and searching by one, beside Pillow + ONNX Runtime + FAISS in Python: the same files, model
and cores, in turn, in one run.

    pipeline_vs_python.py BUILD [--rounds 3]

Needs a folder `shared` ($EIDETIC_SHARED, else beside the checkout) with `images/`, `models/mobilenet_v2_joint_image.onnx` and
`baseline/python_baseline.py`; says so and ends where it is not there.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("EIDETIC_SHARED") or SOURCE.parent / "shared")
BUNDLE = {
    "name": "mobilenet",
    "model": "model.onnx",
    "preprocess": [
        {"resize_short_side": {"size": 256, "filter": "bilinear"}},
        {"center_crop": {"width": 224, "height": 224}},
        {"normalize": {"sub": [127.5, 127.5, 127.5], "div": [127.5, 127.5, 127.5]}},
    ],
    "layer": "features",
    "l2_normalize": True,
}


def answer(*command):
    return json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout)


def median(rounds, field):
    return statistics.median(figures[field] for figures in rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    photos, model = SHARED / "images", SHARED / "models/mobilenet_v2_joint_image.onnx"
    if not photos.exists() or not model.exists():
        print(f"pipeline: skipped, there are no photographs and no model in {SHARED}")
        return
    eidetic = options.build / "eidetic"
    files = sorted(str(path) for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    queries = files[:: max(1, len(files) // 100)][:100]

    with tempfile.TemporaryDirectory() as work:
        bundle = Path(work) / "mobilenet"
        bundle.mkdir()
        (bundle / "model.json").write_text(json.dumps(BUNDLE))
        (bundle / "model.onnx").symlink_to(model)
        ours = {
            "Eidetic, same model, f32": ["--model", bundle, "--precision", "f32"],
            "Eidetic, same model": ["--model", bundle],
            "Eidetic, default model": [],
        }

        def index(name, number, arguments):
            data = Path(work) / f"{name}-{number}"
            command = ["index", photos, "-c", "photos", *arguments, "--data", data, "--json"]
            figures = answer(eidetic, *command)
            start = time.perf_counter()
            again = answer(eidetic, *command)
            figures["again_s"] = time.perf_counter() - start
            assert (again["indexed"], again["skipped"]) == (0, figures["indexed"]), again
            return figures | answer(options.build / "bench/search_bench", data, "photos", *queries)

        python, rounds, stages = [], {name: [] for name in ours}, {name: [] for name in ours}
        for number in range(options.rounds):
            python.append(answer(sys.executable, SHARED / "baseline/python_baseline.py", photos, model))
            for name, arguments in ours.items():
                rounds[name].append(index(name, number, arguments))
                stages[name].append(
                    answer(eidetic, "bench", "pipeline", photos, *arguments, "--data", f"{work}/bench", "--json")
                )

    base_rate, base_ms = median(python, "index_images_per_s"), median(python, "search_ms_median")
    print(f"{python[0]['images']} photographs; median of {options.rounds} rounds in turn")
    print(f"{'':<26} {'images/s':>9} {'ratio':>6} {'search ms':>10} {'ratio':>6} {'of bound':>9} {'again s':>8}")
    print(f"{'Python, same model, f32':<26} {base_rate:9.0f} {'':>6} {base_ms:10.2f}")
    for name in ours:
        rate, ms = median(rounds[name], "images_per_s"), median(rounds[name], "search_ms_median")
        share, again = median(stages[name], "share_of_bound"), median(rounds[name], "again_s")
        print(f"{name:<26} {rate:9.0f} {rate / base_rate:6.2f} {ms:10.2f} {ms / base_ms:6.2f} {share:9.2f} {again:8.2f}")
    print("\nstages alone, ms an image and thread:")
    for name in ours:
        parts = stages[name][len(stages[name]) // 2]["stages"]
        print(f"  {name}: " + ", ".join(f"{p['stage']} {1e3 * p['threads'] / p['images_per_s']:.3f}" for p in parts))


if __name__ == "__main__":
    main()
