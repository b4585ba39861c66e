"""eidetic.train of the Python package: a whole network learns from folders, goes on after a kill, and Eidetic takes what it became."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy
import pytest
from conftest import PATIENCE_S
from live import SOURCE

SMALL = ["--trunk", "resnet18", "--weights", "none", "--input-size", "64", "--embedder-layers", "16"]
SMALL += ["--batch-size", "16", "--sampler-m", "4", "--lr", "1e-3", "--epochs", "3", "--augment", "--loss", "multi_similarity"]
# Threads of PyTorch's wait for each other, on a busy machine for seconds a step.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE / "python/src"), "OMP_NUM_THREADS": "1"}

# Vectors of the best epoch, by PyTorch and by ONNX Runtime, of the same pictures; the largest difference.
PARITY = """
import json, sys
from pathlib import Path
import numpy, onnxruntime, torch
from eidetic.train.networks import make_network
from eidetic.train.options import Options
from eidetic.train.pictures import Picture, Pixels
folder, *files = sys.argv[1:]
options = json.loads((Path(folder) / "training.json").read_text())
options = Options(**{**options, "embedder_layers": tuple(options["embedder_layers"])})
network = make_network(options)
network.load_state_dict(torch.load(Path(folder) / "checkpoint", weights_only=True)["best"])
pixels = Pixels([Picture(file, Path(file), 0, "") for file in files], options.input_size)
pictures = torch.stack([pixels[i][0] for i in range(len(files))])
with torch.no_grad():
    torch_says = network.eval()(pictures).numpy()
session = onnxruntime.InferenceSession(str(Path(folder) / options.name / "model.onnx"), providers=["CPUExecutionProvider"])
onnx_says = session.run(["embedding"], {"input": pictures.numpy()})[0]
numpy.save(Path(folder) / "said.npy", torch_says)
print(float(numpy.abs(torch_says - onnx_says).max() / numpy.abs(torch_says).max()))
"""


@pytest.fixture(scope="session")
def train(torch, pictures):
    def start(folder, *options):
        command = [torch, "-m", "eidetic.train", pictures, "-o", folder, *SMALL, *options]
        return subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    return start


def ended(run):
    out, err = run.communicate(timeout=PATIENCE_S)
    return run.returncode, out, err


@pytest.fixture(scope="session")
def whole(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    status, out, err = ended(train(folder, "--json"))
    assert status == 0, err
    return folder, json.loads(out)


def test_the_files_are_those_of_eidetic_train(whole):
    folder, report = whole
    assert (report["items"], report["classes"], report["learnt"], report["held_out"]) == (60, 4, 40, 20)
    assert len(report["epochs"]) == 3 and set(report["before"]) == set(report["after"])
    assert report == json.loads((folder / "report.json").read_text())
    assert json.loads((folder / "training.json").read_text())["sampler_m"] == 4
    assert [row["epoch"] for row in csv.DictReader((folder / "epochs.csv").open())] == ["1", "2", "3"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1


def test_onnx_says_what_pytorch_says_and_eidetic_too(torch, whole, pictures, eidetic, tmp_path):
    folder = whole[0]
    files = sorted((pictures / "cross").glob("*.jpg"))
    program = [torch, "-c", PARITY, folder, *files]
    done = subprocess.run([str(word) for word in program], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-4
    bundle = folder / "metric_project"
    eidetic("embed", *files, "--model", bundle, "--precision", "f32", "-o", tmp_path / "x.npy")
    wanted = numpy.load(folder / "said.npy")
    wanted /= numpy.linalg.norm(wanted, axis=1, keepdims=True)
    # Beside how far the pictures lie apart: what little was learnt may bring all of them close together.
    assert numpy.abs(numpy.load(tmp_path / "x.npy") - wanted).max() < 0.02 * wanted.std(0).max()
    eidetic("index", pictures, "-c", "shapes", "--model", bundle)
    hits = json.loads(eidetic("search", files[0], "-c", "shapes", "-k", "60", "--json"))["hits"]
    assert {hit["id"]: hit["similarity"] for hit in hits}[f"cross/{files[0].name}"] == pytest.approx(1, abs=1e-3)


def test_goes_on_after_a_kill(train, whole, tmp_path):
    run = train(tmp_path)
    until = time.monotonic() + PATIENCE_S
    while not (tmp_path / "checkpoint").exists():
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    status, out, err = ended(train(tmp_path, "--json"))
    assert status == 0, err
    again = json.loads(out)
    for one, other in zip(again["epochs"], whole[1]["epochs"], strict=True):
        assert (one["loss"], one["map_at_r"]) == (other["loss"], other["map_at_r"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--loss", "circel"], "circle, triplet"),
        (["--trunk", "resnet5"], "resnet50"),
        (["--batch-size", "9"], "a multiple of the 4"),
        (["--weights", "/nowhere"], "/nowhere"),
        (["--label", "kind"], "no meta is given"),
    ],
)
def test_what_cannot_be_learnt_says_so(train, tmp_path, options, words):
    status, _, err = ended(train(tmp_path / "out", *options))
    assert status == 1 and words in err and "Traceback" not in err
    assert not (tmp_path / "out/report.json").exists()


def test_without_pytorch_it_says_what_is_missing(pictures):
    """Not skipped where PyTorch is missing: that is what it is about."""
    code = "import eidetic, eidetic.train, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout.strip() == "False", done.stderr
    command = [sys.executable, "-m", "eidetic.train", str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 1 and "pip install 'eidetic[train]'" in done.stderr
