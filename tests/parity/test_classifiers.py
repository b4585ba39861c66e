"""Heads learnt from labels tell photographs apart that they have not seen, on the features of a model of others."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from reference import MODEL, PHOTOS, make_bundle, run

BENCH = Path(os.environ["EIDETIC_BUILD"]) / "bench/learn_bench"

pytestmark = pytest.mark.skipif(not MODEL.exists() or not PHOTOS.exists(), reason=f"needs {MODEL} and {PHOTOS}")


def learn(*arguments):
    """Mean over five seeds, each with another fifth held out."""
    done = subprocess.run([BENCH, *map(str, arguments), "5"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(re.findall(r"^accuracy ([\d.]+) ", done.stdout, re.MULTILINE)[0])


@pytest.mark.parametrize("photos", ["grocery", "caltech101"])
def test_tells_photographs_apart(tmp_path, photos):
    folder = tmp_path / "mobilenet"
    folder.mkdir()
    bundle = make_bundle(folder, {}, layer="features")
    vectors = tmp_path / "vectors.npy"
    done = run("embed", PHOTOS / photos, "--model", bundle, "--precision", "f32", "-o", vectors, "--data", tmp_path)
    assert done.returncode == 0, done.stderr
    assert learn("labels", vectors, f"{vectors}.files") >= 0.9
    assert learn("clusters", vectors) >= 0.9
