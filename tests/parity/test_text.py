"""Words find pictures as well as the text tower's reference has it, on real photographs and models of others."""

import json
import os
import subprocess
from pathlib import Path

import pytest

EIDETIC = Path(os.environ["EIDETIC_BUILD"]) / "eidetic"
SHARED = Path(os.environ.get("EIDETIC_SHARED") or Path(os.environ["EIDETIC_SOURCE"]).parent / "shared")
MODEL = SHARED / "models/mobilenet_v2_joint_image.onnx"
TOWER = SHARED / "models/joint_text.onnx"
PHOTOS = SHARED / "images/caltech101"

pytestmark = pytest.mark.skipif(not TOWER.exists() or not PHOTOS.exists(), reason=f"needs {TOWER} and {PHOTOS}")

BUNDLE = {
    "name": "joint",
    "model": "model.onnx",
    "preprocess": [
        {"resize_short_side": {"size": 256, "filter": "bilinear"}},
        {"center_crop": {"width": 224, "height": 224}},
        {"normalize": {"sub": [127.5, 127.5, 127.5], "div": [127.5, 127.5, 127.5]}},
    ],
    "layer": "image_embeds",
    "l2_normalize": True,
    "text": {"model": "text.onnx", "vocabulary": "words.txt", "tokenizer": "words"},
}


def run(*arguments):
    return subprocess.run([EIDETIC, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    bundle = tmp_path_factory.mktemp("joint")
    (bundle / "model.json").write_text(json.dumps(BUNDLE))
    for name, file in (("model.onnx", MODEL), ("text.onnx", TOWER), ("words.txt", SHARED / "models/joint_text_vocab.txt")):
        (bundle / name).symlink_to(file)
    folder = tmp_path_factory.mktemp("data")
    done = run("index", PHOTOS, "-c", "c", "--model", bundle, "--precision", "f32", "--data", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_words_find_their_class(data):
    classes = sorted(path.name for path in PHOTOS.iterdir() if path.is_dir())
    found = 0
    for name in classes:
        done = run("search", f"a photo of a {name.replace('_', ' ')}", "-c", "c", "-k", 10, "--data", data, "--json")
        assert done.returncode == 0, done.stderr
        found += sum(hit["id"].startswith(f"{name}/") for hit in json.loads(done.stdout)["hits"])
    # ../shared/models/README.md
    assert found / (10 * len(classes)) == pytest.approx(0.555, abs=0.02)


def test_words_that_nobody_knows_are_an_error(data):
    done = run("search", "qwzx vfrtg", "-c", "c", "--data", data)
    assert done.returncode != 0
    assert "qwzx" in done.stderr


def test_words_and_filters(data):
    done = run("search", "umbrella", "-c", "c", "-k", 5, "--filter", "@id < 'b'", "--data", data, "--json")
    assert {hit["id"].split("/")[0] for hit in json.loads(done.stdout)["hits"]} <= {"accordion", "airplanes", "anchor", "Leopards"}
