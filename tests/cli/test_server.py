"""The same commands through a server: they answer as they do on a data folder of this machine."""

import json
import os
import shutil
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

import numpy
import pytest
from conftest import EIDETIC, SANITIZERS, Answer, Cli, Served, in_terminal
from PIL import Image
from pictures import draw, textured

pytestmark = pytest.mark.skipif(
    "serve" not in subprocess.run([EIDETIC, "--help"], capture_output=True, text=True).stdout, reason="no server in this build"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory, pictures):
    """A server with the collection `shapes`, sent by the command line; tests that change it make their own."""
    with Served(tmp_path_factory.mktemp("served"), allowed=[pictures]) as server:
        server("index", pictures, "-c", "shapes", "--metadata", pictures / "metadata.csv")
        yield server


@pytest.fixture
def server(tmp_path):
    with Served(tmp_path / "server") as server:
        yield server


def without(document, *fields):
    return {name: value for name, value in document.items() if name not in fields}


def hits(answer):
    """What does not depend on where a picture is kept."""
    return [without(hit, "uri") for hit in answer["hits"]]


def test_index_reports_as_a_local_one(server, cli, pictures):
    fields = ("collection", "indexed", "skipped", "updated", "failed", "removed", "errors", "interrupted")
    for extra in ((), (), ("--metadata", pictures / "metadata.csv"), ("--metadata", pictures / "metadata.csv")):
        local, remote = (runner.json("index", pictures, "-c", "shapes", *extra) for runner in (cli, server))
        assert set(local) == set(remote)
        assert {name: local[name] for name in fields} == {name: remote[name] for name in fields}, extra
    assert {stage["stage"] for stage in remote["stages"]} == {"list", "check", "hash", "send"}
    assert next(stage for stage in remote["stages"] if stage["stage"] == "send")["items"] == 0


@pytest.mark.parametrize(
    "query",
    [
        ("PICTURE",),
        ("id:cross/0002.jpg",),
        ("PICTURE", "-k", "40"),
        ("PICTURE", "--crop", "0,0,0.5,0.5"),
        ("2:PICTURE", "-", "id:stripes/0003.jpg", "-k", "7"),
        ("PICTURE", "--exclude-self", "-k", "40"),
        ("id:cross/0002.jpg", "--exclude-self"),
        ("PICTURE", "--min-similarity", "80", "-k", "40"),
        ("PICTURE", "--model", "default"),
    ],
    ids=" ".join,
)
def test_search_finds_the_same(served, indexed, pictures, query):
    query = [word.replace("PICTURE", str(pictures / "circle/0000.jpg")) for word in query]
    local, remote = (runner.json("search", *query, "-c", "shapes") for runner in (indexed, served))
    assert set(local) == set(remote)
    assert hits(local) == hits(remote) and hits(local)


def test_files_only_names_ids_of_kept_pictures(served):
    lines = served("search", "id:circle/0000.jpg", "-c", "shapes", "-k", 3, "--files-only").out.splitlines()
    assert len(lines) == 3 and lines[0] == "circle/0000.jpg"


def test_changed_new_and_removed_files(server, pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path / "copy")
    server("index", folder, "-c", "shapes")
    draw("circle", 777).save(folder / "cross/0002.jpg", quality=90)
    draw("circle", 778).save(folder / "circle/new.jpg", quality=90)
    (folder / "circle/0000.jpg").touch()
    (folder / "square/0001.jpg").unlink()
    report = server.json("index", folder, "-c", "shapes", "--prune")
    assert (report["indexed"], report["skipped"], report["removed"]) == (2, 38, 1)
    assert server.json("collections", "show", "shapes")["items"] == 40


def test_bad_pictures_fail_alone(server, pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path / "mixed")
    (folder / "bad.jpg").write_bytes(b"no picture at all")
    (folder / "empty.png").write_bytes(b"")
    report = server.json("index", folder, "-c", "mixed", status=3)
    assert (report["indexed"], report["failed"]) == (40, 2)
    assert [error["uri"].split("/")[-1] for error in report["errors"]] == ["bad.jpg", "empty.png"]
    answer = server("index", folder, "-c", "mixed", status=3)
    assert "bad.jpg" in answer.err and "empty.png" in answer.err


def test_collections(server, cli, pictures, tmp_path):
    assert server.json("collections", "list") == {"collections": []}
    words = ("collections", "create", "a", "--index", "Flat", "--metric", "euclidean")
    made, local = server.json(*words), cli.json(*words)
    assert without(made, "created", "disk_bytes", "memory_bytes") == without(local, "created", "disk_bytes", "memory_bytes")
    again = server("collections", "create", "a", status=1)
    assert "'a'" in again.err
    server("index", pictures, "-c", "a")
    assert server.json("collections", "show", "a")["items"] == 40

    file = tmp_path / "a.eidetic"
    assert server.json("collections", "export", "a", file) == {"collection": "a", "items": 40, "file": str(file)}
    assert server.json("collections", "import", file, "--name", "b")["items"] == 40
    assert cli.json("collections", "import", file, "--name", "local")["items"] == 40
    one, two = (server.json("search", "id:cross/0002.jpg", "-c", name, "-k", 40)["hits"] for name in "ab")
    assert one == two
    assert server.json("collections", "drop", "a") == {"collection": "a", "dropped": True}
    assert [c["name"] for c in server.json("collections", "list")["collections"]] == ["b"]
    assert "'a'" in server("collections", "show", "a", status=1).err
    assert "nowhere" in server("collections", "import", tmp_path / "nowhere", status=1).err
    (tmp_path / "broken").write_bytes(file.read_bytes()[:-100])
    server("collections", "import", tmp_path / "broken", "--name", "c", status=1)
    assert [c["name"] for c in server.json("collections", "list")["collections"]] == ["b"]


def test_watched_folders(served, pictures):
    served("collections", "create", "watching")
    assert served.json("collections", "watch", "watching") == {"collection": "watching", "watch": []}
    circles = str(pictures / "circle")
    assert served.json("collections", "watch", "watching", circles)["watch"] == [circles]
    assert served.json("collections", "watch", "watching")["watch"] == [circles]
    served("collections", "watch", "watching", "/etc", status=2)
    served("collections", "watch", "watching", circles, "--none", status=2)
    assert served.json("collections", "watch", "watching", "--none")["watch"] == []


def test_items(server, cli, pictures):
    for runner in (server, cli):
        runner("index", pictures, "-c", "shapes", "--metadata", pictures / "metadata.csv")
    local, remote = (runner.json("items", "list", "-c", "shapes", "--limit", 7) for runner in (cli, server))
    assert set(local) == set(remote) == {"collection", "items", "next"}
    same = ("id", "content_hash", "size_bytes", "metadata")
    assert [[item[name] for name in same] for item in local["items"]] == [
        [item[name] for name in same] for item in remote["items"]
    ]
    rest = server.json("items", "list", "-c", "shapes", "--after", remote["next"], "--limit", 1000)
    assert len(rest["items"]) == 33 and rest["next"] is None
    assert len(server.json("items", "list", "-c", "shapes", "--filter", "kind = 'cross'")["items"]) == 10

    for runner in (server, cli):
        one = runner.json("items", "show", "cross/0002.jpg", "-c", "shapes", "--vectors")
        assert one["metadata"] == {"kind": "cross", "number": 2} and len(one["vector"]) == 256
        patched = runner.json("items", "patch", "cross/0002.jpg", '{"number": null, "new": [1]}', "-c", "shapes")
        assert patched["metadata"] == {"kind": "cross", "new": [1]}
        assert runner.json("items", "delete", "cross/0002.jpg", "nothing", "-c", "shapes")["deleted"] == 1
        assert "cross/0002.jpg" in runner("items", "show", "cross/0002.jpg", "-c", "shapes", status=1).err
        assert runner.json("items", "delete", "--filter", "kind = 'circle'", "-c", "shapes")["deleted"] == 10
        runner("items", "delete", "-c", "shapes", status=2)
        runner("items", "patch", "circle/0000.jpg", "[]", "-c", "shapes", status=2)


def test_models(server, cli, tmp_path):
    listed = server.json("models", "list")["models"]
    default = next(model for model in listed if model["name"] == "default")
    assert default == next(model for model in cli.json("models", "list")["models"] if model["name"] == "default")
    assert server.json("models", "show", "default") == cli.json("models", "show", "default")
    assert server.json("models", "layers", "default") == cli.json("models", "layers", "default")
    timed = ("load_ms", "images_per_s")
    checked, local = (runner.json("models", "check", "default") for runner in (server, cli))
    assert without(checked, *timed) == without(local, *timed)

    model = os.path.join(default["folder"], default["bundle"]["model"])
    assert server.json("models", "import", model, "--name", "mine")["name"] == "mine"
    assert "mine" in [m["name"] for m in server.json("models", "list")["models"]]
    server("models", "import", model, "--name", "mine", status=1)
    assert "nothing" in server("models", "show", "nothing", status=1).err


def test_pull_follows_a_job(server, tmp_path):
    answer = server("models", "pull", "no-such-model", status=1)
    assert "no-such-model" in answer.err
    assert {"zoo"} == set(server.json("models", "pull"))


def test_embed_writes_the_same(served, indexed, pictures, tmp_path):
    local = indexed.json("embed", pictures, "-o", tmp_path / "local.npy")
    remote = served.json("embed", pictures, "-o", tmp_path / "remote.npy")
    assert without(local, "file") == without(remote, "file")
    assert (numpy.load(tmp_path / "local.npy") == numpy.load(tmp_path / "remote.npy")).all()
    assert (tmp_path / "local.npy.files").read_text() == (tmp_path / "remote.npy.files").read_text()
    assert "nothing" in served("embed", pictures, "-o", tmp_path / "x.npy", "--model", "nothing", status=1).err


def test_classify(cli, pictures, tmp_path):
    """A model whose own vectors are its class scores, with made-up classes; the default one's are not."""
    server = Served(tmp_path / "server")
    shown = cli.json("models", "show", "default")
    for data in (cli.data, server.data):
        bundle = data / "models/classes"
        bundle.mkdir(parents=True)
        shutil.copy(os.path.join(shown["folder"], "model.onnx"), bundle)
        (bundle / "labels.txt").write_text("".join(f"class {number}\n" for number in range(256)))
        fields = {**shown["bundle"], "name": "classes", "l2_normalize": False, "labels": {"file": "labels.txt"}}
        (bundle / "model.json").write_text(json.dumps(fields))
    with server:
        local, remote = (runner.json("classify", pictures, "--model", "classes", "--top", 3) for runner in (cli, server))
        assert without(local, "mean_ms") == without(remote, "mean_ms") and len(remote["items"]) == 40
        one_line(server("classify", pictures, "--model", "default", status=1), 1, "default", "labels")


def test_duplicates_are_the_same(server, cli, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    image = draw("circle", 5).resize((240, 200))
    image.save(folder / "whole.png")
    image.resize((120, 100)).save(folder / "small.png")
    image.crop((20, 20, 220, 180)).save(folder / "part.png")
    draw("cross", 6).resize((240, 200)).save(folder / "other.png")
    local, remote = ((runner("index", folder, "-c", "c"), runner.json("duplicates", "-c", "c"))[1] for runner in (cli, server))
    local.pop("seconds"), remote.pop("seconds")
    assert local == remote and local["duplicates"] == 2
    server("collections", "drop", "c")
    said = server.json("index", folder, "-c", "c", "--skip-duplicates")
    # Pictures that are on their way at the same time are not held against each other.
    assert said["duplicates"] == said["skipped"] == 4 - said["indexed"]
    again = server.json("index", folder, "-c", "c", "--report-duplicates")
    assert again["indexed"] == said["skipped"] and again["duplicates"] == len(again["copies"])
    assert server.json("collections", "show", "c")["items"] == 4


def test_regions_are_the_same(server, cli, tmp_path):
    thing = textured(1, (200, 150))
    scene = Image.new("RGB", (400, 300), (128, 128, 128))
    scene.paste(thing, (200, 150))
    (tmp_path / "pictures").mkdir()
    for name, picture in (("thing", thing), ("pictures/scene", scene), ("pictures/other", textured(5))):
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "pictures/again.png").write_bytes((tmp_path / "pictures/scene.png").read_bytes())
    for runner in (cli, server):
        runner("index", tmp_path / "pictures", "-c", "c")
        report = runner.json("regions", "multi", "-c", "c")
        assert (report["collection"], report["plan"], report["indexed"], report["failed"]) == ("c", "multi", 3, 0)
        runner("collections", "create", "tiles", "--regions", "2x3")
    for words in (
        (tmp_path / "thing.png", "--regions"),
        (tmp_path / "thing.png", "--regions", "--collapse"),
        ("id:scene.png", "--crop", "0.5,0.5,0.5,0.5", "--regions"),
        (tmp_path / "pictures/scene.png", "--augment", "parts", "--regions"),
    ):
        local, remote = (runner.json("search", *words, "-c", "c") for runner in (cli, server))
        assert hits(local) == hits(remote) and hits(local)
        assert local["explain"]["copies"] == remote["explain"]["copies"] == ("--collapse" in words)
    for name in ("c", "tiles"):
        local, remote = (runner.json("collections", "show", name) for runner in (cli, server))
        assert (local["regions"], local["region_vectors"]) == (remote["regions"], remote["region_vectors"])
    one_line(server("regions", "3", "-c", "c", status=2), 2, "'3'", "2x3")
    one_line(server("search", tmp_path / "thing.png", "-c", "tiles", "--regions", "--min-confidence", "auto", status=2), 2, "regions")
    (job,) = server.json("jobs", "list", "--subject", "c")["jobs"]
    assert (job["kind"], job["state"]) == ("regions", "done")
    assert server("regions", "none", "-c", "c").out == cli("regions", "none", "-c", "c").out


def test_eval_measures_the_same(served, indexed):
    for label in ("kind", "@folder"):
        words = ("eval", "-c", "shapes", "--label", label, "--recall", "1,9")
        assert served.json(*words) == indexed.json(*words)
    assert "kind" in served("eval", "-c", "shapes", "--label", "knd", status=1).err


@pytest.mark.parametrize(
    "words",
    [(), ("id:circle/0000.jpg", "-k", 5), ("--map", "pca"), ("--map", "umap", "--label", "kind")],
    ids=lambda words: " ".join(map(str, words)) or "index",
)
def test_inspect_shows_and_draws_the_same(served, indexed, tmp_path, words):
    shown = [runner.json("inspect", *words, "-c", "shapes", "--svg", tmp_path / name)
             for name, runner in (("local.svg", indexed), ("remote.svg", served))]  # fmt: skip
    local, remote = shown
    for answer in shown:
        for hit in answer.get("hits", ()):
            hit.pop("uri")  # a server keeps what it was sent
    assert ElementTree.parse(tmp_path / "local.svg").getroot().tag.endswith("svg")
    if "hits" in local:  # which others an exact scan looks at twice depends on the order in which items came
        assert hits(local) == hits(remote)
        assert len([each for each in remote["candidates"] if each["rank"]]) == len(hits(local))
        return
    assert local == remote
    assert (tmp_path / "local.svg").read_text() == (tmp_path / "remote.svg").read_text()
    assert "shapes" in indexed("inspect", *words, "-c", "shapes").out


def test_inspect_refuses_what_does_not_fit(served):
    assert "--map" in served("inspect", "id:circle/0000.jpg", "-c", "shapes", "--map", "pca", status=2).err
    assert "umap" in served("inspect", "-c", "shapes", "--map", "tsne", status=2).err
    assert "kind" in served("inspect", "-c", "shapes", "--map", "pca", "--label", "knd", status=1).err


def test_jobs(served, pictures):
    listed = served.json("jobs", "list")
    assert set(listed) == {"jobs", "counts"}
    assert served("jobs", "show", "123456", status=1).err.count("\n") == 1
    assert "kind" in served("jobs", "list").out
    served("jobs", "list", "--state", "sleeping", status=2)
    # Started as a client without this program would.
    body = json.dumps({"paths": [str(pictures)]})
    header = f"Authorization: Bearer {served.TOKENS['admin']}"
    command = ["curl", "-sSf", "-H", header, "-H", "Content-Type: application/json", "-d", body]
    if not shutil.which("curl"):
        pytest.skip("needs the program curl")
    served("collections", "create", "jobs")
    started = subprocess.run([*command, f"{served.url}/v1/collections/jobs/index"], capture_output=True, text=True, check=True)
    job = json.loads(started.stdout)["id"]
    ended = served.json("jobs", "watch", job)
    assert (ended["state"], ended["kind"], ended["subject"]) == ("done", "index", "jobs")
    assert ended["progress"]["indexed"] == 40
    assert served.json("jobs", "show", job) == ended == served.json("jobs", "cancel", job)
    assert served.json("jobs", "failures", job) == {"job": job, "failures": []}
    assert job in [one["id"] for one in served.json("jobs", "list", "--subject", "jobs", "--state", "done")["jobs"]]


def test_backup(served):
    assert served.json("backup", "monday") == {"backup": "monday"}
    copy = Cli(served.backups / "monday")
    assert copy.json("collections", "show", "shapes")["items"] == 40
    assert "monday" in served("backup", "monday", status=1).err


def test_bench_index_takes_vectors_of_a_server(served, pictures, tmp_path):
    report = served.json("bench", "index", "-c", "shapes", "--index", "Flat", "--rounds", 1, "--folder", tmp_path)
    assert report["vectors"] == 36 and report["indexes"][0]["points"][0]["recall_at"] == {"1": 1.0, "10": 1.0}
    for command in ("pipeline", "embed"):
        answer = served("bench", command, pictures, status=2)
        assert answer.err.count("\n") == 1 and "this machine" in answer.err


def test_doctor(served):
    report = served.json("doctor")
    assert report["healthy"] is True
    assert {check["check"] for check in report["checks"]} >= {"server", "token", "version"}
    other = subprocess.run(
        [EIDETIC, "doctor", "--json", "--server", served.url, "--token", "wrong"], capture_output=True, text=True
    )
    checks = {check["check"]: check["status"] for check in json.loads(other.stdout)["checks"]}
    assert other.returncode == 1 and checks["server"] == "ok" and checks["token"] == "fail"


def run(*words, **environment):
    return subprocess.run(
        [EIDETIC, *map(str, words)], capture_output=True, text=True, env={**SANITIZERS, **environment}, timeout=60
    )


def one_line(done, status, *words):
    told = done.err if isinstance(done, Answer) else done.stderr
    assert isinstance(done, Answer) or done.returncode == status, told
    assert told.count("\n") == 1, told
    for word in words:
        assert word in told, told


def test_tokens(served, tmp_path):
    url = served.url
    one_line(run("collections", "list", "--server", url), 2, "--token", url)
    one_line(run("collections", "list", "--server", url, "--token", "wrong"), 2, "--token")
    assert run("collections", "list", "--server", url, "--token", served.TOKENS["read"]).returncode == 0
    denied = run("collections", "drop", "shapes", "--server", url, "--token", served.TOKENS["read"])
    one_line(denied, 2, "--token")
    assert served.TOKENS["read"] not in denied.stderr
    environment = {"EIDETIC_SERVER": url, "EIDETIC_TOKEN": served.TOKENS["read"]}
    listed = run("collections", "list", "--json", **environment)
    assert "shapes" in [c["name"] for c in json.loads(listed.stdout)["collections"]]
    # --data comes before the environment, and not with --server.
    own = run("collections", "list", "--json", "--data", tmp_path / "data", **environment)
    assert json.loads(own.stdout) == {"collections": []}
    one_line(run("collections", "list", "--server", url, "--data", tmp_path), 2, "--server", "--data")
    one_line(run("collections", "list", "--token", "x", "--data", tmp_path), 2, "--server")
    one_line(run("collections", "list", "--server", url, "--token", "a", "--token-file", "b"), 2, "--token-file")
    one_line(run("collections", "list", "--server", url, "--token-file", tmp_path / "none"), 1, "none")


def test_servers_that_are_none(tmp_path):
    one_line(run("collections", "list", "--server", "http://127.0.0.1:1"), 1, "http://127.0.0.1:1")
    one_line(run("collections", "list", "--server", "127.0.0.1:80"), 2, "127.0.0.1:80", "http://")

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_):
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    done = run("collections", "list", "--server", f"http://127.0.0.1:{other.server_port}", no_proxy="*")
    one_line(done, 1, "does not answer like an Eidetic server")
    other.shutdown()


def test_a_data_folder_in_use_names_the_way_out(served):
    done = run("collections", "list", "--data", served.data)
    one_line(done, 1, str(served.data), str(served.process.pid), "--server")
    # Models are files that can be looked at all the same.
    assert "default" in run("models", "list", "--data", served.data).stdout
    assert run("models", "check", "default", "--data", served.data).returncode == 0


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(server, many_pictures):
    command = server.command("index", many_pictures, "-c", "a")
    pressed = lambda text, keys: "/1000" in text and " 0/1000" not in text and keys(b"\x03")
    status, text = in_terminal(command, watch=pressed)
    assert status == 128 + signal.SIGINT and "goes on from there" in text, text
    stored = server.json("collections", "show", "a")["items"]
    assert 0 < stored < 1000
    rest = server.json("index", many_pictures, "-c", "a")
    assert rest["skipped"] == stored and rest["indexed"] == 1000 - stored


def test_a_server_that_goes_away_ends_the_run(tmp_path, many_pictures):
    with Served(tmp_path / "server") as server:
        indexing = server.popen("index", many_pictures, "-c", "a")
        while server.json("collections", "list")["collections"] == [] or not server.json("collections", "show", "a")["items"]:
            assert indexing.poll() is None
        server.process.kill()
        out, err = indexing.communicate(timeout=120)
        assert indexing.returncode == 1 and err.count("\n") == 1 and server.url in err, err
        server.process.wait()
        server.__enter__()
        report = server.json("index", many_pictures, "-c", "a")
        assert report["skipped"] > 0 and report["skipped"] + report["indexed"] == 1000


def test_train_as_a_job_of_the_server(served, tmp_path):
    small = ("--embedder-layers", "8", "--epochs", "2", "--batch-size", "8", "--sampler-m", "4", "--lr", "1e-3")
    assert "leave the output out" in served("train", "-c", "shapes", "-o", tmp_path, *small, status=2).err
    assert "circle, triplet" in served("train", "-c", "shapes", "--loss", "circel", status=2).err
    assert "kind" in served("train", "-c", "shapes", "--label", "knd", status=1).err
    told = served("train", "-c", "shapes", "--label", "kind", "--name", "told", *small).out
    assert [line.split()[1] for line in told.splitlines() if line.startswith("epoch ")] == ["1", "2"]
    assert "/v1/trainings/told/report.html" in told
    report = served.json("train", "-c", "shapes", "--label", "kind", "--name", "remote", *small)
    assert (report["learnt"], report["held_out"], report["interrupted"], report["errors"]) == (28, 12, False, [])
    assert [epoch["epoch"] for epoch in report["epochs"]] == [1, 2]
    assert served.json("models", "show", "remote")["bundle"]["layer"]
    assert [job["kind"] for job in served.json("jobs", "list", "--limit", "2")["jobs"]] == ["train", "train"]
