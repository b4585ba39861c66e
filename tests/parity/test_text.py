"""Words find pictures as well as the text tower's reference has it, on real photographs and models of others."""

import json

import pytest
from reference import PHOTOS, SHARED, make_bundle, run

TOWER = SHARED / "models/joint_text.onnx"
CALTECH = PHOTOS / "caltech101"

pytestmark = pytest.mark.skipif(not TOWER.exists() or not CALTECH.exists(), reason=f"needs {TOWER} and {CALTECH}")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    bundle = make_bundle(
        tmp_path_factory.mktemp("joint"),
        {"text.onnx": TOWER, "words.txt": SHARED / "models/joint_text_vocab.txt"},
        layer="image_embeds",
        text={"model": "text.onnx", "vocabulary": "words.txt", "tokenizer": "words"},
    )
    folder = tmp_path_factory.mktemp("data")
    done = run("index", CALTECH, "-c", "c", "--model", bundle, "--precision", "f32", "--data", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_words_find_their_class(data):
    classes = sorted(path.name for path in CALTECH.iterdir() if path.is_dir())
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
    hits = json.loads(done.stdout)["hits"]
    assert len(hits) == 5
    assert {hit["id"].split("/")[0] for hit in hits} <= {"accordion", "airplanes", "anchor", "Leopards"}
