"""models/default/train: a student learns from a teacher, goes on after a kill as if nothing had been, and Eidetic takes what it became."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy
import onnxruntime
import pytest
from conftest import PATIENCE_S
from live import EIDETIC, SOURCE
from PIL import Image

STEPS = 30


@pytest.fixture(scope="session")
def photos(pictures, tmp_path_factory):
    """With one among them that is none, and one that is there twice."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    shutil.copytree(pictures, folder)
    (folder / "circle/broken.jpg").write_bytes(b"no picture")
    shutil.copy(folder / "square/0001.jpg", folder / "square/twice.jpg")
    return folder


@pytest.fixture(scope="session")
def distil(torch, photos):
    """Starts a run in a folder."""

    def start(folder, *options):
        command = [torch, SOURCE / "models/default/train", photos, "--teacher", SOURCE / "models/default", "-o", folder]
        command += ["--steps", STEPS, "--batch-size", 16, "--processes", 2, "--replay", 4, "--judgements", 5]
        command += ["--unseen", 0.5, "--checkpoint-s", 0.001, "--eidetic", EIDETIC, *options]
        return subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def ended(run):
    told, _ = run.communicate(timeout=PATIENCE_S)
    return run.returncode, told


@pytest.fixture(scope="session")
def whole(distil, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    status, told = ended(distil(folder))
    assert status == 0, told
    return folder, told


def weights_of(torch, folder):
    """A digest of all that a checkpoint holds of the student and its optimiser."""
    program = (
        "import hashlib, sys, torch\n"
        "state = torch.load(sys.argv[1], weights_only=True)\n"
        "digest = hashlib.sha256(str(state['step']).encode())\n"
        "moments = [v for one in state['optimizer']['state'].values() for v in one.values()]\n"
        "parameters = [v for name, v in state['student'].items()]\n"
        "[digest.update(v.numpy().tobytes()) for v in parameters + moments]\n"
        "print(digest.hexdigest())"
    )
    command = [torch, "-c", program, folder / "checkpoint.pt"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_goes_on_after_a_kill_as_if_nothing_had_been(torch, distil, whole, tmp_path):
    run = distil(tmp_path, "--name", "student")
    until = time.monotonic() + PATIENCE_S
    curve = tmp_path / "curve.csv"
    while not curve.exists() or len(curve.read_text().splitlines()) < 4:
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert not (tmp_path / "student").exists()
    status, told = ended(distil(tmp_path))
    assert status == 0 and "going on from the checkpoint" in told, told
    assert weights_of(torch, tmp_path) == weights_of(torch, whole[0])
    steps = [[row["step"], row["cosine"]] for row in csv.DictReader(curve.open())]
    assert steps == [[row["step"], row["cosine"]] for row in csv.DictReader((whole[0] / "curve.csv").open())]


def test_the_loss_falls(whole):
    losses = [float(row["loss"]) for row in csv.DictReader((whole[0] / "curve.csv").open()) if row["loss"]]
    assert len(losses) == 5 and losses[-1] < 0.8 * losses[0]


def test_tells_what_it_left_out(whole):
    told = whole[1]
    assert "circle/broken.jpg: cannot be read" in told and "a copy of square/" in told
    pool = json.loads((whole[0] / "pool.json").read_text())
    classes = {role: {p["label"] for p in pool["photos"] if p["role"] == role} for role in ("learn", "validate", "unseen")}
    assert len(classes["unseen"]) == 2 and not classes["unseen"] & (classes["learn"] | classes["validate"])


def test_eidetic_takes_the_model_and_says_what_it_says(whole, pictures, eidetic, tmp_path):
    folder = whole[0]
    report = json.loads((folder / "report.json").read_text())
    assert report["eidetic"]["dimensions"] == report["dimensions"] and report["int8_cosine"] > 0.99
    assert "P@1" in (folder / "student/README.md").read_text()
    files = sorted((pictures / "cross").glob("*.jpg"))
    eidetic("embed", *files, "--model", folder / "student", "-o", tmp_path / "x.npy")
    said = numpy.load(tmp_path / "x.npy")
    session = onnxruntime.InferenceSession(str(folder / "model-f32.onnx"), providers=["CPUExecutionProvider"])
    for vector, file in zip(said, files, strict=True):
        image = Image.open(file).convert("RGB")
        side = 112 / min(image.size)
        image = image.resize((round(image.width * side), round(image.height * side)), Image.Resampling.BILINEAR)
        left, top = (image.width - 112) // 2, (image.height - 112) // 2
        pixels = numpy.asarray(image.crop((left, top, left + 112, top + 112)), numpy.float32)
        tensor = (pixels / 127.5 - 1).transpose(2, 0, 1)[None]
        assert session.run(None, {"input": tensor})[0][0] @ vector > 0.98


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "0"], "1 or more"),
        (["--batch-size", "24"], "a multiple of 16"),
        (["--unseen", "1"], "below 1"),
        (["--name", "../up"], "letters, digits"),
        (["--teacher", "/nowhere"], "/nowhere"),
        (["--seed", "2"], "run of other options (seed 1 and now 2)"),
    ],
)
def test_what_cannot_be_done_says_so(distil, whole, options, words):
    before = {file: file.stat().st_mtime_ns for file in Path(whole[0]).rglob("*") if file.name != ".lock"}
    status, told = ended(distil(whole[0], *options))
    assert status != 0 and words in told and "Traceback" not in told
    assert before == {file: os.stat(file).st_mtime_ns for file in before}
