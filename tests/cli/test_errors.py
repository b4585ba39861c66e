"""Wrong inputs: each is one clear line, the right exit status, and leaves what is stored as it was."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import EIDETIC, SANITIZERS, SOURCE


def one_line(answer, *words):
    lines = answer.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("eidetic: "), answer.err
    for word in words:
        assert word in lines[0], answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (("search", "id:a", "-c", "shapes", "-k", "0"), 2, ["-k", "0", "1 to 10000"]),
        (("search", "id:a", "-c", "shapes", "-k", "10001"), 2, ["-k", "10001"]),
        (("search", "-c", "shapes"), 2, ["TERM"]),
        (("search", "id:a", "id:b", "-c", "shapes"), 2, ["'+' or '-'", "id:a", "id:b"]),
        (("search", "id:a", "-c", "shapes", "--min-similarity", "101"), 2, ["101"]),
        (("search", "id:circle/0000.jpg", "-c", "shapes", "--crop", "1,2,3"), 2, ["--crop", "1,2,3"]),
        (("search", "id:circle/0000.jpg", "-c", "shapse"), 1, ["shapse", "shapes"]),
        (("search", "id:circle/0000.jpeg", "-c", "shapes"), 1, ["circle/0000.jpeg"]),
        (("search", "nowhere.jpg", "-c", "shapes"), 1, ["nowhere.jpg", "text"]),
        (("search", "/", "-c", "shapes"), 2, ["folder"]),
        (("search", "id:circle/0000.jpg", "-c", "shapes", "--filter", "kind ~ 1"), 2, ["position 6"]),
        (("search", "id:circle/0000.jpg", "-c", "shapes", "--filter", "knd = 1"), 2, ["'knd'", "kind"]),
        (("search", "id:circle/0000.jpg", "-c", "shapes", "--regions"), 2, ["shapes", "no regions", "eidetic regions"]),
        (("search", "id:a", "-c", "shapes", "--augment", "part"), 2, ["'part'", "mean"]),
        (("search", "some words", "-c", "shapes", "--crop", "0,0,1,1"), 2, ["--crop", "picture"]),
        (("regions", "3", "-c", "shapes"), 2, ["'3'", "multi", "2x3"]),
        (("regions", "multi", "-c", "shapse"), 1, ["shapse", "shapes"]),
        (("regions", "multi"), 2, ["--collection"]),
        (("regions", "-c", "shapes"), 2, ["PLAN"]),
        (("collections", "create", "x", "--regions", "20x20"), 2, ["'20x20'", "256"]),
        (("collections", "create", "x", "--regions", "2x2", "--dimensions", "3"), 2, ["'x'", "bare vectors"]),
        (("items", "list", "-c", "shapes", "--filter", "knd = 1"), 2, ["'knd'", "kind"]),
        (("items", "list", "-c", "shapes", "--sort", "a b"), 2, ["'a b'"]),
        (("items", "facets", "knd", "-c", "shapes"), 2, ["'knd'", "kind"]),
        (("collections", "show", "shapse"), 1, ["shapse", "shapes"]),
        (("collections", "drop", "shapse"), 1, ["shapse", "shapes"]),
        (("collections", "create", "shapes"), 1, ["shapes"]),
        (("collections", "create", "../x"), 2, ["../x"]),
        (("collections", "create", "x", "--index", "HNSW1000"), 2, ["HNSW1000"]),
        (("collections", "create", "x", "--metric", "cosin"), 2, ["cosin", "cosine", "dot", "euclidean"]),
        (("collections", "create", "x", "--model", "defualt"), 1, ["defualt", "default"]),
        (("collections", "import", "/nowhere/x"), 1, ["/nowhere/x"]),
        (("index", "/nowhere/at/all", "-c", "x"), 1, ["/nowhere/at/all"]),
        (("index", ".", "-c", "shapes", "--index", "HNSW16"), 2, ["shapes", "auto", "HNSW16"]),
        (("index", ".", "-c", "shapes", "--metric", "dot"), 2, ["shapes", "cosine", "dot"]),
        (("index", ".", "-c", "x", "--batch", "0"), 2, ["--batch", "0"]),
        (("index", ".", "-c", "x", "--filter", "a"), 2, ["--filter"]),
        (("index", ".", "-c", "x", "--metdata", "a"), 2, ["--metdata", "--metadata"]),
        (("models", "show", "nothing"), 1, ["nothing"]),
        (("models", "import", str(SOURCE / "README.md")), None, ["README.md"]),
        (("models", "layers", str(SOURCE / "README.md")), None, ["README.md"]),
        (("eval", "-c", "shapes", "--label", "knd"), 1, ["knd", "kind"]),
        (("embed", ".", "-o", "x.txt"), 2, ["x.txt", ".npy", ".csv"]),
        (("classify", ".", "--model", "default"), 1, ["default", "labels"]),
        (("bench", "index"), 2, ["-c", "--vectors", "--generate"]),
        (("bench", "index", "-c", "shapes", "--vectors", "x.npy"), 2, ["one of three"]),
        (("bench", "index", "--vectors", str(SOURCE / "README.md")), 1, ["README.md"]),
        (("bench", "index", "--vectors", "nowhere.npy"), 1, ["nowhere.npy"]),
        (("bench", "index", "-c", "shapse"), 1, ["shapse", "shapes"]),
        (("bench", "index", "-c", "shapes", "--index", "HSNW16"), 2, ["HSNW16", "HNSW16"]),
        (("bench", "index", "-c", "shapes", "--index", "PQ7"), 2, ["PQ7", "nearest number is 8"]),
        (("bench", "index", "-c", "shapes", "--index", "IVF2,PQ8"), 2, ["IVF2,PQ8", "256"]),
        (("bench", "index", "-c", "shapes", "--target", "recall=2"), 2, ["recall=2", "recall=0.95"]),
        (("bench", "index", "-c", "shapes", "--metric", "dot"), 2, ["--metric", "collection"]),
        (("bench", "index", "-c", "shapes", "--query-count", "40"), 2, ["40"]),
        (("bench", "index", "-c", "shapes", "--queries", "nowhere.npy"), 1, ["nowhere.npy"]),
        (("bench", "index", "-c", "shapes", "--peers", "/nowhere/python"), 2, ["/nowhere/python"]),
        (("bench", "index", "-c", "shapes", "--peers", "false"), 2, ["false", "ended"]),
        (("bench", "index", "--generate", "100"), 2, ["100", "100000x512"]),
        (("serch",), 2, ["serch", "search"]),
        (("search", "id:a", "-c", "shapes", "--precision", "f16"), 2, ["f16", "f32"]),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else "",
)
def test_wrong_inputs(indexed, arguments, status, words):
    done = subprocess.run(indexed.command(*arguments), capture_output=True, text=True, timeout=60)
    assert done.returncode == status or (status is None and done.returncode in (1, 2)), done.stderr
    one_line(type("Answer", (), {"out": done.stdout, "err": done.stderr}), *words)

    as_json = subprocess.run(indexed.command(*arguments, "--json"), capture_output=True, text=True, timeout=60)
    assert as_json.returncode == done.returncode
    error = json.loads(as_json.stdout)["error"]
    assert set(error) == {"code", "message"} and done.stderr.startswith(f"eidetic: {error['message'][:20]}")


def test_nothing_is_left_of_a_failed_start(indexed):
    indexed("index", "/nowhere/at/all", "-c", "fresh", status=1)
    assert [c["name"] for c in indexed.json("collections", "list")["collections"]] == ["shapes"]
    assert indexed.json("collections", "show", "shapes")["items"] == 40


def bundle(folder, model, fields):
    folder.mkdir()
    (folder / "model.onnx").symlink_to(model)
    (folder / "model.json").write_text(json.dumps(fields))
    return folder


@pytest.fixture
def default_bundle(indexed):
    shown = indexed.json("models", "show", "default")
    return Path(shown["folder"]) / shown["bundle"]["model"], shown["bundle"]


def test_layer_that_does_not_exist(cli, pictures, default_bundle, tmp_path):
    model, fields = default_bundle
    name = next(layer["name"] for layer in cli.json("models", "layers", "default")["layers"] if not layer["output"])
    folder = bundle(tmp_path / "bad", model, {**fields, "model": "model.onnx", "layer": name + "x"})
    one_line(cli("index", pictures, "-c", "a", "--model", folder, status=1), name + "x", name)
    assert cli.json("collections", "list")["collections"] == []


def test_model_of_another_space(indexed, pictures, default_bundle, tmp_path):
    model, fields = default_bundle
    name = [layer["name"] for layer in indexed.json("models", "layers", "default")["layers"]][-2]
    folder = bundle(tmp_path / "other", model, {**fields, "name": "other", "model": "model.onnx", "layer": name})
    answer = indexed("index", pictures, "-c", "shapes", "--model", folder, status=2)
    one_line(answer, "shapes", "default", "other")
    answer = indexed("search", pictures / "cross/0002.jpg", "-c", "shapes", "--model", folder, status=2)
    one_line(answer, "shapes", "default", "other")


def test_file_that_is_no_model(cli, pictures, tmp_path):
    (tmp_path / "model.onnx").write_bytes(os.urandom(5000))
    for command in (("index", pictures, "-c", "a", "--model"), ("models", "check"), ("models", "layers")):
        done = subprocess.run(cli.command(*command, tmp_path / "model.onnx"), capture_output=True, text=True)
        assert done.returncode in (1, 2)
        one_line(type("Answer", (), {"out": done.stdout, "err": done.stderr}), "model.onnx")


def test_a_process_at_a_time(cli, many_pictures):
    first = cli.popen("index", many_pictures, "-c", "a")
    try:
        while not list(cli.data.glob("*.db*")):
            assert first.poll() is None
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)
        answer = cli("collections", "list", status=1)
        one_line(answer, str(cli.data), str(first.pid))
        doctor = cli.json("doctor")
        assert any(check["check"] == "data folder" and check["status"] == "warn" for check in doctor["checks"])
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(60) == 0
    assert cli.json("collections", "show", "a")["items"] == 1000


def check_full_disk(cli, pictures, **options):
    done = subprocess.run(cli.command("index", pictures, "-c", "big"), capture_output=True, text=True, timeout=120, **options)
    assert done.returncode in (1, 3), done.stderr
    assert done.stderr.splitlines() and all("Traceback" not in line for line in done.stderr.splitlines())
    return done


def test_full_disk(cli, pictures, many_pictures):
    """A limit on the size of files is what a full disk is to a program: a write that fails."""
    cli("index", pictures, "-c", "small")
    before = cli.json("search", "id:circle/0000.jpg", "-c", "small", "-k", 40)["hits"]
    limit = 600_000
    done = check_full_disk(
        cli, many_pictures, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("eidetic: ")
    assert cli.json("search", "id:circle/0000.jpg", "-c", "small", "-k", 40)["hits"] == before
    # With room again, the same command goes on.
    cli("index", many_pictures, "-c", "big")
    assert cli.json("collections", "show", "big")["items"] == 1000


def test_full_tmpfs(cli, many_pictures, tmp_path):
    cli.data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", cli.data], capture_output=True).returncode != 0:
        pytest.skip("needs to be allowed to mount")
    try:
        # Where the index is the first to find no room, a line of the log says so before the error.
        *logged, error = check_full_disk(cli, many_pictures).stderr.splitlines()
        assert error.startswith("eidetic: ") and "index again to go on" in error
        assert len(logged) <= 1 and all(" warning " in line and "No space left" in line for line in logged)
    finally:
        subprocess.run(["umount", "-l", cli.data], check=True)


def test_standard_output_that_is_full(indexed):
    with open("/dev/full", "w") as full:
        done = subprocess.run(indexed.command("collections", "list"), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr


def test_a_data_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [EIDETIC, "collections", "list", "--data", tmp_path / "file/data"], capture_output=True, text=True
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "file" in done.stderr
    done = subprocess.run([EIDETIC, "collections", "list"], capture_output=True, text=True, env=SANITIZERS)
    assert done.returncode == 2 and "--data" in done.stderr
