"""Vectors and what they find agree with Pillow and ONNX Runtime, in f32, on real photographs and a model of others."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import reference
from PIL import Image, ImageOps
from reference import MODEL, PHOTOS, make_bundle

pytestmark = pytest.mark.skipif(not MODEL.exists() or not PHOTOS.exists(), reason=f"needs {MODEL} and {PHOTOS}")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("mobilenet"), {}, layer="features")


def run(*arguments):
    done = reference.run(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def tensor(path):
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32)
    return (pixels / 127.5 - 1).transpose(2, 0, 1)


def test_vectors_are_those_of_pillow_and_onnx_runtime(bundle, tmp_path):
    output = tmp_path / "vectors.npy"
    run("embed", PHOTOS, "--model", bundle, "--precision", "f32", "-o", output, "--data", tmp_path)
    vectors, names = np.load(output), Path(f"{output}.files").read_text().splitlines()
    assert len(names) == len(vectors) > 2000

    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    cosines = []
    for vector, file in list(zip(vectors, names))[::16]:
        theirs = session.run(["features"], {name: tensor(PHOTOS / file)[None]})[0].reshape(-1)
        cosines.append(float(vector @ theirs / np.linalg.norm(theirs) / np.linalg.norm(vector)))
    assert min(cosines) >= 0.999, f"least {min(cosines)}, mean {np.mean(cosines)}"


# P@1 and mAP that ../shared/models/README.md has for this model.
@pytest.mark.parametrize("photos, p_at_1, mean_ap", [("clothing", 0.642, 0.440), ("caltech101", 0.934, 0.769), ("grocery", 0.875, 0.517)])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_finds_as_well_as_the_reference(bundle, tmp_path, photos, p_at_1, mean_ap, precision):
    done = reference.run(
        "index", PHOTOS / photos, "-c", "c", "--model", bundle, "--precision", precision, "--data", tmp_path
    )
    if precision == "bf16" and "use f32" in done.stderr:
        pytest.skip("this processor does not compute in bf16")
    assert done.returncode == 0, done.stderr
    report = run("eval", "-c", "c", "--label", "@folder", "--data", tmp_path, "--json")
    assert report["p_at_1"] == pytest.approx(p_at_1, abs=0.015)
    assert report["map"] == pytest.approx(mean_ap, abs=0.015)
