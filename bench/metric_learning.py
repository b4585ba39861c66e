#!/usr/bin/env python3
"""How an embedding head is learnt, beside PyTorch Metric Learning: the same features, split, first weights and batches, the same
cores, in turn, in one run.

    metric_learning.py BUILD [--seeds N] [--epochs N] [--batch-size N] [--sampler-m N] [--lr X]

The features are MobileNetV2's. Needs a folder `shared` ($EIDETIC_SHARED, else beside the checkout) with `images/` and
`models/mobilenet_v2_joint_image.onnx`; says so and ends where it is not there.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import torch
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN

from pipeline_vs_python import BUNDLE, SHARED

LAYERS = (1024, 1024, 1024)
WEIGHT_DECAY = 1e-4


def answer(*command):
    return json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout)


def head_from(start, inputs):
    """The layers of a head, with the parameters that ours begins with: of each layer weights, then biases."""
    layers, place, width = [], 0, inputs
    for outputs in LAYERS:
        linear = torch.nn.Linear(width, outputs)
        with torch.no_grad():
            for parameter in (linear.weight, linear.bias):
                count = parameter.numel()
                parameter.copy_(torch.from_numpy(start[place : place + count]).view_as(parameter))
                place += count
        layers += [torch.nn.ReLU(), linear]
        width = outputs
    return torch.nn.Sequential(*layers)


def learn(features, plan, start, rate):
    """As a program that uses PyTorch Metric Learning does it: MAP@R of the best epoch, and seconds of steps and of judging."""
    rows, classes = torch.from_numpy(features), torch.tensor(plan["classes"])
    held_out = torch.tensor(plan["held_out"])
    head = head_from(start, features.shape[1])
    loss_of, mine = losses.CircleLoss(m=0.4, gamma=80), miners.MultiSimilarityMiner(epsilon=0.1)
    adam = torch.optim.Adam(head.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    judge = AccuracyCalculator(
        include=("mean_average_precision_at_r",), k="max_bin_count", knn_func=CustomKNN(CosineSimilarity())
    )
    best, losses_of_epochs, stepping, judging = 0.0, [], 0.0, 0.0
    for batches in plan["batches"]:
        began, total = time.perf_counter(), 0.0
        for batch in batches:
            embeddings, labels = head(rows[batch]), classes[batch]
            loss = loss_of(embeddings, labels, mine(embeddings, labels))
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += loss.item()
        stepped = time.perf_counter()
        with torch.no_grad():
            of = judge.get_accuracy(head(rows[held_out]), classes[held_out])
        best = max(best, of["mean_average_precision_at_r"])
        losses_of_epochs.append(total / len(batches))
        stepping += stepped - began
        judging += time.perf_counter() - stepped
    return {"after": best, "losses": losses_of_epochs, "steps": stepping, "seconds": stepping + judging}


def compare(bench, vectors, split, options, folder):
    features = numpy.load(vectors)
    ours, theirs = [], []
    for seed in range(1, options.seeds + 1):
        sizes = (options.epochs, options.batch_size, options.sampler_m, options.lr)
        ours.append(answer(bench, "train", vectors, f"{vectors}.files", split, seed, *sizes, folder))
        plan, start = json.loads((folder / "plan.json").read_text()), numpy.load(folder / "start.npy").ravel()
        theirs.append(learn(features, plan, start, options.lr))
    return ours, theirs


def mean(runs, field):
    return statistics.mean(run[field] for run in runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sampler-m", type=int, default=4)
    parser.add_argument("--lr", type=float, default=1e-4)
    options = parser.parse_args()
    photos, model = SHARED / "images", SHARED / "models/mobilenet_v2_joint_image.onnx"
    if not photos.exists() or not model.exists():
        print(f"metric_learning: skipped, there are no photographs and no model in {SHARED}")
        return
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    bench = options.build / "bench/head_bench"
    print(f"| photographs | held out | trunk alone | Eidetic | PyTorch | gap | s | s | of its steps | ratio |\n{'|---' * 10}|")
    with tempfile.TemporaryDirectory() as work:
        bundle = Path(work) / "mobilenet"
        bundle.mkdir()
        (bundle / "model.json").write_text(json.dumps(BUNDLE))
        (bundle / "model.onnx").symlink_to(model)
        for photographs in ("grocery", "clothing"):
            vectors = Path(work) / f"{photographs}.npy"
            embed = ["embed", photos / photographs, "--model", bundle, "--precision", "f32", "-o", vectors]
            subprocess.run(
                [options.build / "eidetic", *embed, "--data", f"{work}/data"], check=True, stdout=subprocess.DEVNULL
            )
            for split in ("within", "classes"):
                ours, theirs = compare(bench, vectors, split, options, Path(work) / "plan")
                gap = mean(ours, "after") - mean(theirs, "after")
                print(
                    f"| {photographs} | {split} | {mean(ours, 'before'):.4f} "
                    f"| {mean(ours, 'after'):.4f} ± {mean(ours, 'margin'):.4f} | {mean(theirs, 'after'):.4f} | {gap:+.4f} "
                    f"| {mean(ours, 'seconds'):.2f} | {mean(theirs, 'seconds'):.2f} | {mean(theirs, 'steps'):.2f} "
                    f"| {mean(ours, 'seconds') / mean(theirs, 'seconds'):.2f} |",
                    flush=True,
                )
    speed = answer(bench, "speed", 1000, 100, 1280, 3)
    print(
        f"\n{speed['rows']} x 1280, 1,000 classes: {speed['seconds_an_epoch']:.1f} s an epoch; at most {speed['peak_mb']:.0f} MB "
        f"of memory, {speed['features_mb']:.0f} MB of it the features"
    )


if __name__ == "__main__":
    main()
