"""eidetic run and eidetic datasets: from an archive on a real server to the page, and again."""

import hashlib
import html.parser
import io
import json
import re
import resource
import signal
import subprocess
import sys
import tarfile
import time
import urllib.parse
import zipfile
from pathlib import Path

import pytest
from conftest import EIDETIC, SANITIZERS, SOURCE, Served
from pictures import draw_folder
from PIL import Image


class FileServer:
    """src/net/test_server.py, which serves a folder with ranges and, on request, with faults."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        command = [sys.executable, "-I", SOURCE / "src/net/test_server.py", self.folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def tar_of(folder, name, mode="w:gz"):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as tar:
        tar.add(folder, name)
    return archive.getvalue()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A folder with what data.caltech.edu has, of 120 pictures."""
    folder = tmp_path_factory.mktemp("served")
    pictures = draw_folder(tmp_path_factory.mktemp("objects"), 120)
    with zipfile.ZipFile(folder / "caltech-101.zip", "w") as archive:
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", tar_of(pictures, "101_ObjectCategories"))
    return folder


def recipe(folder, text, name="r.toml"):
    path = folder / name
    path.write_text(text)
    return path


def worked(answer):
    return [step["step"] for step in answer["steps"] if not step["skipped"]]


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.addresses, self.tags = set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses |= {value for name, value in attributes if name in ("href", "src")}


def test_one_command_from_the_archive_to_the_page(cli, served, tmp_path):
    with FileServer(served) as server:
        file = recipe(
            tmp_path,
            f"""
            collection = "caltech"
            [data]
            dataset = "caltech-101"
            mirror = "{server.url}"
            [classes]
            label = "@folder"
            [search]
            count = 11
            k = 5
            """,
        )
        lines = cli("run", file).out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["data", "collection", "index", "classes", "search", "page"]
    assert "120 pictures indexed" in lines[2]

    # Without the server: all is there.
    again = cli.json("run", file)
    assert worked(again) == []
    assert again["searches"] == 11 and again["judged"] == 11 and again["k"] == 5
    assert again["classifier"]["held_out"] == 24
    assert cli("run", file).out.splitlines()[2] == "index: 120 pictures are as they were"

    results = tmp_path / "r-results"
    report = json.loads((results / "report.json").read_text())
    assert report["p_at_1"] == again["p_at_1"] and len(report["results"]) == 11
    right = [hit["right"] for one in report["results"] for hit in one["hits"]]
    assert again["p_at_k"] == pytest.approx(sum(right) / 55)
    for one in report["results"]:
        assert one["id"] not in [hit["id"] for hit in one["hits"]]
        assert one["label"] == one["id"].split("/")[0]
        with Image.open(results / one["sheet"]) as sheet:
            assert sheet.format == "JPEG" and sheet.size == (660, 440)  # 6 cells of 220
    page = Page(results / "index.html")
    assert "script" not in page.tags and "link" not in page.tags
    local = {address for address in page.addresses if not address.startswith("https://data.caltech.edu/")}
    assert local == {one["sheet"] for one in report["results"]} | {"report.json"}
    for address in local:
        assert (results / urllib.parse.unquote(address)).is_file()


def test_the_same_through_a_server(served, tmp_path):
    file = recipe(
        tmp_path,
        f"""
        collection = "own"
        [data]
        dataset = "own"
        archive = "{served}/caltech-101.zip"
        pictures = "caltech-101"
        [search]
        count = 2
        """,
    )
    # A data set of one's own that holds an archive, and no pictures.
    with Served(tmp_path / "server") as cli:
        environment = {"XDG_DATA_HOME": str(tmp_path / "home"), "PATH": "/usr/bin", **SANITIZERS}
        assert "no picture" in cli("run", file, status=1, env=environment).err

        pictures = draw_folder(tmp_path / "pictures", 24)
        file.write_text('collection = "own"\n[data]\npaths = ["pictures"]\n[classes]\nlabel = "@folder"\n[search]\ncount = 3\n')
        first = cli.json("run", file, env=environment)
        assert worked(first) == ["collection", "index", "classes", "search"] and first["searches"] == 3
        again = cli.json("run", file, env=environment)
        assert worked(again) == [] and again["p_at_k"] == first["p_at_k"]
        (pictures / "circle/0000.jpg").unlink()
        file.write_text(file.read_text().replace("[classes]", "prune = true\n[classes]"))
        assert worked(cli.json("run", file, env=environment)) == ["index", "classes", "search"]
        assert f"--server {cli.url}" in (tmp_path / "r-results/index.html").read_text()


@pytest.mark.parametrize("after", ["collection", "index", "classes"])
def test_a_run_that_is_killed_is_gone_on_with(cli, pictures, tmp_path, after):
    text = f'collection = "c"\n[data]\npaths = ["{pictures}"]\n[classes]\nlabel = "@folder"\n[search]\ncount = 4\n'
    file = recipe(tmp_path, text)
    process = cli.popen("run", file)
    for line in process.stdout:
        if line.startswith(after):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = cli.json("run", file)
    assert "search" in worked(done) and done["searches"] == 4
    assert worked(cli.json("run", file)) == []
    other = recipe(tmp_path, text.replace('"c"', '"d"'), "other.toml")
    fresh = cli.json("run", other)
    assert (fresh["p_at_1"], fresh["p_at_k"]) == (done["p_at_1"], done["p_at_k"])


def test_an_interrupted_run_says_so(cli, many_pictures, tmp_path):
    file = recipe(tmp_path, f'collection = "c"\n[data]\npaths = ["{many_pictures}"]\n')
    process = cli.popen("run", file)
    process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on from there" in err
    assert cli.json("run", file)["searches"] == 10


def test_mistakes_are_told_before_anything_is_done(cli, tmp_path):
    def refusal(text, **options):
        return cli("run", recipe(tmp_path, text), status=2, **options)

    told = refusal('collection = "c"\n[data]\npaths = ["p"]\n[search]\ncuont = 3\n').err
    assert "r.toml: line 5: 'search.cuont'" in told and "did you mean 'count'" in told
    assert not (tmp_path / "r-results").exists() and not cli.data.exists()
    cli("run", tmp_path / "gone.toml", status=1)
    assert "nothing-here" in cli("run", recipe(tmp_path, 'collection = "c"\n[data]\npaths = ["nothing-here"]\n'), status=1).err
    assert cli.json("collections", "list")["collections"] == []


def test_bad_pictures_are_told_and_the_rest_goes_on(cli, tmp_path):
    draw_folder(tmp_path / "p", 20)
    (tmp_path / "p/bad.jpg").write_text("no picture")
    answer = cli("run", recipe(tmp_path, 'collection = "c"\n[data]\npaths = ["p"]\n[search]\ncount = 1\n'), status=3)
    assert "bad.jpg" in answer.err and "1 failed" in answer.out and "page: " in answer.out


def test_the_example_is_right(cli, tmp_path):
    (tmp_path / "recipe.toml").write_text((SOURCE / "examples/recipe.toml").read_text())
    draw_folder(tmp_path / "pictures", 120)
    answer = cli.json("run", tmp_path / "recipe.toml")
    assert worked(answer) == ["collection", "index", "classes", "calibration", "search"]
    assert Path(answer["page"]) == tmp_path / "recipe-results/index.html"


def test_documents_name_every_key():
    example = (SOURCE / "examples/recipe.toml").read_text()
    document = (SOURCE / "docs/recipes.md").read_text().split("## The results")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", document, re.M))
    assert set(re.findall(r"^(?:# )?(\w+) = ", example, re.M)) <= documented
    source = (SOURCE / "src/recipes/recipe_file.cpp").read_text()
    keys = set(re.findall(r'table\.(?:text|file|flag|whole|real|list|name)\("(\w+)"', source))
    assert keys == documented


def test_real_photographs(cli, tmp_path):
    import os

    shared = Path(os.environ.get("EIDETIC_SHARED", SOURCE.parent / "shared")) / "images/caltech101"
    if not shared.is_dir():
        pytest.skip(f"needs {shared}, not there")
    text = f'collection = "c"\n[data]\npaths = ["{shared}"]\n[classes]\nlabel = "@folder"\n[search]\ncount = 30\nk = 5\n'
    answer = cli.json("run", recipe(tmp_path, text))
    assert answer["classifier"]["accuracy"] > 0.9
    assert answer["p_at_1"] > 0.9 and answer["plain_p_at_1"] > 0.7
    assert answer["p_at_k"] >= answer["plain_p_at_k"]


# --- data sets ---


def test_datasets_are_listed(cli):
    listed = cli.json("datasets", "list")["datasets"]
    assert [one["name"] for one in listed] == ["caltech-101", "fashion-product-images-small", "oxford-iiit-pet", "voc2012"]
    assert all(one["homepage"].startswith("http") and one["pulled"] is None for one in listed)
    assert "by hand" in cli("datasets", "list").out
    assert not cli.data.exists()


def test_a_data_set_is_pulled_resumed_and_listed(cli, served):
    size = (served / "caltech-101.zip").stat().st_size
    with FileServer(served) as server:
        url = f"{server.url}/caltech-101.zip?cut={size // 2}"
        cut = cli.json("datasets", "pull", "caltech-101", "--url", url, status=1)
        assert cut["error"]["code"] == "unavailable"
        pulled = cli.json("datasets", "pull", "caltech-101", "--url", url)
    assert pulled["resumed_from"] == size // 2 and pulled["fetched"]
    assert pulled["sha256"] == hashlib.sha256((served / "caltech-101.zip").read_bytes()).hexdigest()
    assert len(list(Path(pulled["pictures"]).rglob("*.jpg"))) == 120
    record = json.loads((cli.data / "datasets/caltech-101.json").read_text())
    assert record["url"] == url and record["licence"] == "CC BY 4.0" and record["sha256"] == pulled["sha256"]
    assert cli.json("datasets", "list")["datasets"][0]["pulled"]["sha256"] == pulled["sha256"]
    assert "already" in cli("datasets", "pull", "caltech-101").out


def test_a_hostile_archive_is_refused(cli, tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("pictures")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("pictures/evil.jpg"))
    refused = cli.json("datasets", "pull", "own", "--file", tmp_path / "evil.tar", status=1)
    assert refused["error"]["code"] == "corrupt" and "a link" in refused["error"]["message"]
    assert not (tmp_path / "evil.jpg").exists() and not (cli.data / "datasets/own").exists()


def test_a_full_disk_leaves_nothing_half(cli, tmp_path):
    with tarfile.open(tmp_path / "big.tar", "w") as tar:
        info = tarfile.TarInfo("big.jpg")
        info.size = 3_000_000
        tar.addfile(info, io.BytesIO(bytes(info.size)))

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    refused = cli.json("datasets", "pull", "own", "--file", tmp_path / "big.tar", status=1, preexec_fn=small_files)
    assert refused["error"]["code"] == "unavailable"
    assert [path.name for path in (cli.data / "datasets").iterdir()] == [".own.lock"]
    assert cli.json("datasets", "pull", "own", "--file", tmp_path / "big.tar")["bytes"] == 3_000_000


def test_what_needs_a_sign_in_says_how(cli):
    told = cli("datasets", "pull", "fashion-product-images-small", status=2).err
    assert "https://www.kaggle.com/" in told and "--file ARCHIVE" in told
    assert "did you mean 'caltech-101'" in cli("datasets", "pull", "caltech", status=1).err
