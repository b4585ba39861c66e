"""The command line against real stores."""

import hashlib
import json
import os
import subprocess

import pytest
from conftest import Line, png
from live import BUILD

ODD_KEYS = ["a b.png", "写真/ä+ö.png", "100%/%41.png", "q?x=1&y#z.png", "it's (1)~!*@$,;=[].png", "日本語 – dash.png"]


def listed(eidetic, collection, **options):
    return {item["id"]: item for item in eidetic.json("items", "list", "-c", collection, **options)["items"]}


def test_ten_thousand_objects(store, eidetic, tiny_model):
    store.put_all({f"many/{i // 1000}/{i:05}.png": png(i) for i in range(10_000)})
    arguments = ["index", store.uri("many"), "-c", "many", "--model", tiny_model]
    report = eidetic.json(*arguments)
    assert (report["indexed"], report["failed"]) == (10_000, 0)
    again = eidetic.json(*arguments)
    assert (again["indexed"], again["skipped"]) == (0, 10_000)


def test_keys_of_any_characters(store, eidetic, tiny_model):
    store.put_all({f"odd/{key}": png(i) for i, key in enumerate(ODD_KEYS)})
    report = eidetic.json("index", store.uri("odd/"), "-c", "odd", "--model", tiny_model)
    assert (report["indexed"], report["errors"]) == (len(ODD_KEYS), [])
    items = listed(eidetic, "odd")
    assert set(items) == set(ODD_KEYS)
    for key in ODD_KEYS:
        assert items[key]["uri"] == store.uri(f"odd/{key}")
        hits = eidetic.json("search", store.uri(f"odd/{key}"), "-c", "odd", "-k", "1")
        assert hits["hits"]


def test_what_changed_and_what_is_gone(store, eidetic, tiny_model):
    objects = {f"step/{name}": png(i) for i, name in enumerate(["a.png", "b.png", "c.png", "deep/d.png"])}
    others = {"step/.hidden.png": png(8), "step/notes.txt": b"no picture", "stepmother/e.png": png(9)}
    store.put_all(objects | others)
    rows = "some rows.csv"
    store.put(rows, b"file,label\na.png,first\ndeep/d.png,last\n")
    arguments = ["index", store.uri("step"), "-c", "step", "--model", tiny_model, "--prune"]
    first = eidetic.json(*arguments, "--metadata", store.uri(rows))
    assert (first["indexed"], first["failed"], first["errors"]) == (4, 0, [])
    items = listed(eidetic, "step")
    assert set(items) == {"a.png", "b.png", "c.png", "deep/d.png"}
    assert items["deep/d.png"]["metadata"] == {"label": "last"}

    store.put("step/b.png", png(100))
    store.remove("step/c.png")
    store.put("step/broken.png", b"\x89PNG is what it says")
    second = eidetic.json(*arguments, status=3)
    assert (second["indexed"], second["skipped"], second["failed"], second["removed"]) == (1, 2, 1, 1)
    assert [error["uri"] for error in second["errors"]] == [store.uri("step/broken.png")]
    assert set(listed(eidetic, "step")) == {"a.png", "b.png", "deep/d.png"}


def test_one_object_and_one_that_vanished(store, eidetic, tiny_model):
    store.put("one/a.png", png(1))
    report = eidetic.json("index", store.uri("one/a.png"), "-c", "one", "--model", tiny_model)
    assert report["indexed"] == 1 and set(listed(eidetic, "one")) == {"a.png"}
    for gone in ("one/b.png", "nothing"):
        error = eidetic("index", store.uri(gone), "-c", "new", "--model", tiny_model, status=1)
        assert store.uri(gone) in error and "there is no" in error
    store.remove("one/a.png")
    assert "no such object" in eidetic("search", store.uri("one/a.png"), "-c", "one", status=1)


def test_wrong_settings(store, eidetic):
    wanted = store.uri("x.png")
    collection = ["-c", "none", "--model", "default"]
    wrong = {
        "does not know the access key; it is from AWS_ACCESS_KEY_ID": {"AWS_ACCESS_KEY_ID": "nobody"},
        "the secret key is not that of the access key": {"AWS_SECRET_ACCESS_KEY": "a wrong secret"},
        "there is no access key for S3; set AWS_ACCESS_KEY_ID": {"AWS_ACCESS_KEY_ID": ""},
        "http://127.0.0.1:1 ": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
    }
    for says, environment in wrong.items():
        bad_arguments = "there is no" in says
        error = eidetic("index", wanted, *collection, status=2 if bad_arguments else 1, **environment)
        assert says.strip() in error, error
        assert "a wrong secret" not in error
    error = eidetic("index", "s3://no-such-bucket-anywhere/x", *collection, status=1)
    assert "has no bucket 'no-such-bucket-anywhere'" in error


@pytest.fixture(scope="module")
def large():
    return os.urandom(100_000_000)


def test_a_hundred_megabytes_over_a_line_that_breaks(store, eidetic, tmp_path, large):
    """Up in parts and down in ranges, of which some break; no byte is another."""
    bundle = tmp_path / "data/models/large"
    bundle.mkdir(parents=True)
    (bundle / "model.json").write_text(json.dumps({"name": "large", "model": "model.onnx", "preprocess": [{"resize": {"width": 8, "height": 8}}]}))
    (bundle / "model.onnx").write_bytes(large)
    eidetic("models", "push", "large", store.uri("bundles"))
    assert hashlib.sha256(store.get("bundles/large/model.onnx")).digest() == hashlib.sha256(large).digest()
    assert store.ask("GET", "", query={"uploads": ""}).text.count("<UploadId>") == 0

    eidetic.data = tmp_path / "other"
    with Line(store.url, ["cut"] * 5, after=3 << 20) as line:
        eidetic("models", "pull", store.uri("bundles/large"), AWS_ENDPOINT_URL=line.url)
        assert not line.faults
    fetched = tmp_path / "other/models/large/model.onnx"
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(large).digest()


def test_a_line_that_always_breaks_is_named(store, eidetic, tmp_path, large):
    store.put("breaks/big.png", large[:5_000_000])
    with Line(store.url, ["cut"] * 1000, after=0) as line:
        error = eidetic("embed", store.uri("breaks/big.png"), "-o", tmp_path / "x.npy", status=1, AWS_ENDPOINT_URL=line.url)
    assert line.url in error


def test_content_is_checked(store, eidetic, tmp_path):
    """What Eidetic stored is read by its own digest, whatever it has become since."""
    eidetic("collections", "create", "kept", "--dimensions", "4")
    eidetic("collections", "export", "kept", store.uri("exports/kept.eidetic"))
    eidetic("collections", "import", store.uri("exports/kept.eidetic"), "--name", "back")
    assert eidetic.json("collections", "show", "back")["items"] == 0
    content = store.get("exports/kept.eidetic")
    store.put("exports/kept.eidetic", content[:-1] + b"?")
    error = eidetic("collections", "import", store.uri("exports/kept.eidetic"), "--name", "bad", status=1)
    assert "kept.eidetic" in error


def test_backup_and_restore(store, eidetic, tmp_path, tiny_model):
    store.put("source/a.png", png(1))
    eidetic("index", store.uri("source"), "-c", "kept", "--model", tiny_model)
    place = store.uri("backups/monday")
    eidetic("backup", place)
    assert "already" in eidetic("backup", place, status=1)
    assert not list((tmp_path / "data").glob(".backup*"))
    eidetic("restore", place, tmp_path / "restored")
    eidetic.data = tmp_path / "restored"
    assert set(listed(eidetic, "kept")) == {"a.png"}

    store.remove("backups/monday/backup.json")
    assert "no complete backup" in eidetic("restore", place, tmp_path / "other", status=1)
    assert not (tmp_path / "other").exists()


def test_a_model_by_its_place(store, eidetic, tmp_path, tiny_model):
    eidetic("models", "push", tiny_model, store.uri("models"))
    store.put("pictures/a.png", png(5))
    eidetic.data = tmp_path / "other"
    report = eidetic.json("index", store.uri("pictures"), "-c", "mine", "--model", store.uri("models/tiny"))
    assert report["indexed"] == 1
    assert "tiny" in [model["name"] for model in eidetic.json("models", "list")["models"]]


def test_sweeps_of_shared_pictures(store):
    """The unit tests of what several engines keep together, with this store."""
    own = {
        "EIDETIC_TEST_S3_URL": store.url,
        "EIDETIC_TEST_S3_BUCKET": store.bucket,
        "EIDETIC_TEST_S3_KEY": store.key,
        "EIDETIC_TEST_S3_SECRET": store.secret,
    }
    done = subprocess.run(
        [BUILD / "src/engine/engine_test", "--gtest_filter=SharedPictures.*"],
        capture_output=True, text=True, timeout=300, env=os.environ | own,
    )  # fmt: skip
    assert done.returncode == 0 and "[  PASSED  ] 3 tests" in done.stdout, done.stdout + done.stderr
