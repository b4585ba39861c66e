"""Pictures come into a collection: from this device, a folder of the server, the web. What fails is told, and nothing else is lost."""

import http.server
import itertools
import re
import threading
import time

import httpx
import numpy
import pytest
from conftest import Visit
from live import Server
from PIL import Image
from pictures import draw, draw_folder, textured
from playwright.sync_api import expect

NUMBERS = itertools.count(1)


@pytest.fixture
def fresh(http):
    """The name of an empty collection."""
    name = f"fresh-{next(NUMBERS)}"
    assert http.put(f"/v1/collections/{name}").status_code == 201
    return name


@pytest.fixture
def holiday(tmp_path):
    """A folder as people have them: pictures in folders, one that is none, notes, metadata, litter."""
    folder = tmp_path / "holiday"
    draw_folder(folder, 12)
    (folder / "circle/broken.jpg").write_bytes(b"this is no picture")
    (folder / "notes.txt").write_text("sunny")
    (folder / ".DS_Store").write_bytes(b"\0")
    return folder


def items_of(http, name):
    return {item["id"]: item for item in http.get(f"/v1/collections/{name}/items", params={"limit": 1000}).json()["items"]}


def upload_card(page):
    return page.get_by_role("article", name="Upload to")


def test_a_folder_is_uploaded_with_its_metadata(visit, page, http, fresh, holiday):
    visit.goto(f"/collections/{fresh}/add")
    page.get_by_label("Choose a folder").set_input_files(holiday)
    page.get_by_text("13 pictures", exact=True).wait_for()
    page.get_by_text("1 other file left out").wait_for()
    page.get_by_text("Metadata for 12 of them from holiday/metadata.csv").wait_for()
    visit.check_everywhere("chosen")
    page.get_by_role("button", name="Upload 13 pictures").click()

    card = upload_card(page)
    card.get_by_role("heading", name="Uploaded: 13 of 13 pictures").wait_for()
    expect(card).to_contain_text("12 new, 1 failed")
    failure = card.get_by_role("listitem")
    expect(failure).to_contain_text("holiday/circle/broken.jpg")
    expect(failure).to_contain_text("not")
    items = items_of(http, fresh)
    assert len(items) == 12
    assert items["holiday/circle/0000.jpg"]["metadata"] == {"kind": "circle", "number": 0}
    visit.check_everywhere("uploaded")

    # Tried again it fails again, and the rest is not sent anew.
    card.get_by_role("button", name="Try the 1 again").click()
    expect(card).to_contain_text("12 new, 1 failed")
    card.get_by_role("heading", name="Uploaded: 13 of 13 pictures").wait_for()
    card.get_by_role("link", name="See the pictures").click()
    page.get_by_text("All 12 items").wait_for()


def drop(page, *paths):
    """As the system does when a person lets go of files over the page."""
    box = page.get_by_text("Drop pictures or whole folders here").bounding_box()
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    where = {"x": box["x"] + 5, "y": box["y"] + 5, "data": data}
    for step in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": step, **where})


def test_a_folder_can_be_dropped(visit, page, http, fresh, holiday):
    visit.goto(f"/collections/{fresh}/add")
    drop(page, holiday, holiday / "notes.txt")
    page.get_by_text("13 pictures", exact=True).wait_for()
    page.get_by_label("Into the folder").fill("2026")
    page.get_by_role("button", name="Upload 13 pictures").click()
    upload_card(page).get_by_role("heading", name="Uploaded: 13 of 13 pictures").wait_for()
    items = items_of(http, fresh)
    assert items["2026/holiday/square/0001.jpg"]["metadata"]["kind"] == "square"
    assert len(items) == 12


def test_copies_are_left_out_if_wanted_and_what_is_there_is_said(visit, page, http, fresh, tmp_path):
    one, copy = tmp_path / "one.png", tmp_path / "copy.png"
    textured(5).save(one)
    textured(5).save(copy)
    for files, said in (([one], "1 new"), ([one], "1 there already"), ([copy], "1 left out as copies")):
        visit.goto(f"/collections/{fresh}/add")
        page.get_by_label("Choose pictures").set_input_files(files)
        page.get_by_label("Copies of what is there").select_option("skip")
        page.get_by_role("button", name="Upload 1 picture").click()
        expect(upload_card(page)).to_contain_text(said)
    assert list(items_of(http, fresh)) == ["one.png"]


def test_a_table_of_no_use_is_told(visit, page, fresh, tmp_path):
    draw("circle", 1).save(tmp_path / "a.jpg")
    (tmp_path / "facts.csv").write_text("name,price\na.jpg,3\n")
    (tmp_path / "more.jsonl").write_text('{"file": "a.jpg", "price": 3}\nnonsense\n')
    visit.goto(f"/collections/{fresh}/add")
    page.get_by_label("Choose pictures").set_input_files([tmp_path / name for name in ("a.jpg", "facts.csv", "more.jsonl")])
    page.get_by_text("facts.csv: it has no column 'file' or 'id'").wait_for()
    page.get_by_text("more.jsonl, line 2: no JSON object").wait_for()
    page.get_by_text("Metadata for 1 of them").wait_for()


def draw_many(folder):
    """Pictures for a dozen requests."""
    files = [folder / f"{number:03}.png" for number in range(400)]
    for number, file in enumerate(files):
        textured(number, (120, 90)).save(file)
    return files


def slow_down(page, bytes_per_s):
    """As a slow network does; 0: as fast as it goes."""
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s or -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


def test_an_upload_pauses_goes_on_and_asks_before_it_is_left(visit, page, http, fresh, tmp_path):
    many = draw_many(tmp_path)
    count = len(many)
    visit.goto(f"/collections/{fresh}/add")
    page.get_by_label("Choose pictures").set_input_files(many)
    slow_down(page, 1_000_000)
    page.get_by_role("button", name=f"Upload {count} pictures").click()
    card = upload_card(page)
    page.wait_for_function("() => Number(document.querySelector('article progress').value) > 0")
    card.get_by_role("button", name="Pause").click()
    card.get_by_role("heading", name="Paused").wait_for()
    visit.shoot("paused")

    # Another view can be looked at meanwhile; leaving the page asks first.
    page.get_by_role("link", name="Pictures", exact=True).click()
    page.get_by_role("link", name="Upload paused").wait_for()
    asked = []

    def stay(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    page.get_by_role("link", name="Upload paused").click()
    assert asked == ["beforeunload"]

    # What was on its way has arrived, and no more comes.
    finished = re.compile(r"Paused: (\d+) of")
    counts = []
    while len(counts) < 2 or counts[-1] != counts[-2]:
        time.sleep(1)
        counts.append(int(finished.search(card.get_by_role("heading").inner_text())[1]))
    assert 0 < counts[-1] < count
    assert len(items_of(http, fresh)) == counts[-1]

    slow_down(page, 0)
    card.get_by_role("button", name="Go on").click()
    card.get_by_role("heading", name=f"Uploaded: {count} of {count} pictures").wait_for()
    assert len(items_of(http, fresh)) == count
    expect(page.get_by_role("link", name=re.compile("Upload(ing| paused)"))).to_have_count(0)


def test_a_stopped_upload_keeps_what_has_arrived(visit, page, http, fresh, tmp_path):
    many = draw_many(tmp_path)
    visit.goto(f"/collections/{fresh}/add")
    page.get_by_label("Choose pictures").set_input_files(many)
    slow_down(page, 1_000_000)
    page.get_by_role("button", name=f"Upload {len(many)} pictures").click()
    card = upload_card(page)
    page.wait_for_function("() => Number(document.querySelector('article progress').value) > 0")
    card.get_by_role("button", name="Stop").click()
    card.get_by_role("heading", name="Stopped").wait_for()
    assert 0 < len(items_of(http, fresh)) < len(many)


def test_an_upload_outlives_the_server(chromium, tmp_path):
    """It pauses where the server does not answer, and goes on where it was."""
    folder = tmp_path / "server"
    folder.mkdir()
    with Server(folder, tokens=False) as server:
        port = server.url.rsplit(":", 1)[1]
        server.config.write_text(server.config.read_text().replace("port = 0", f"port = {port}"))
        visit = Visit(chromium, server.url, "outlives")
        page = visit.goto("/?view=new")
        page.get_by_label("Name", exact=True).fill("mine")
        page.get_by_role("button", name="Create it").click()
        draw_folder(tmp_path / "pictures", 40)
        page.get_by_label("Choose a folder").set_input_files(tmp_path / "pictures")
        server.stop()
        page.get_by_role("button", name="Upload 40 pictures").click()
        card = upload_card(page)
        card.get_by_role("heading", name="Paused: 0 of 40 pictures").wait_for()
        expect(card.get_by_role("alert")).to_contain_text("The server does not answer")
        visit.shoot("server-gone")
        server.start()
        card.get_by_role("button", name="Go on").click()
        card.get_by_role("heading", name="Uploaded: 40 of 40 pictures").wait_for()
        expect(card).to_contain_text("40 new")
        visit.finish()


def noise(path, side):
    """A picture that no format makes small: about three bytes a pixel."""
    random = numpy.random.default_rng(side)
    Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=numpy.uint8)).save(path)


def test_large_pictures_go_alone_and_too_large_ones_are_told(chromium, tmp_path):
    """In requests that the server takes, whatever its limits are."""
    folder = tmp_path / "server"
    folder.mkdir()
    pictures = tmp_path / "pictures"
    draw_folder(pictures, 4)
    noise(pictures / "large.png", 800)
    noise(pictures / "too large.png", 1200)
    (pictures / "metadata.csv").write_text("file,size\nlarge.png,large\n")
    limits = {"json_body_bytes": 1_000_000, "picture_bytes": 3_000_000, "body_bytes": 4_000_000}
    with Server(folder, tokens=False, limits=limits) as server, httpx.Client(base_url=server.url) as http:
        assert http.put("/v1/collections/mine").status_code == 201
        visit = Visit(chromium, server.url, "large")
        page = visit.goto("/collections/mine/add")
        page.get_by_label("Choose a folder").set_input_files(pictures)
        page.get_by_role("button", name="Upload 6 pictures").click()
        card = upload_card(page)
        card.get_by_role("heading", name="Uploaded: 6 of 6 pictures").wait_for()
        expect(card).to_contain_text("5 new, 1 failed")
        expect(card.get_by_role("listitem")).to_contain_text("pictures/too large.png")
        visit.shoot("too-large")
        items = items_of(http, "mine")
        assert items["pictures/large.png"]["metadata"] == {"size": "large"}
        visit.finish()


def test_a_folder_of_the_server(visit, page, http, fresh, folders):
    mixed = draw_folder(folders / "mixed", 8)
    (mixed / "circle/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more than a head")
    visit.goto(f"/collections/{fresh}/add?from=folder")
    page.get_by_label("Folder, or file").fill("/etc")
    page.get_by_role("button", name="Index it").click()
    expect(page.get_by_role("alert")).to_contain_text("'/etc' is outside of the folders that this server may read")
    visit.check_everywhere("refused")

    page.get_by_label("Folder, or file").fill(str(mixed))
    page.get_by_label("Metadata file").fill(str(mixed / "metadata.csv"))
    page.get_by_label("Watch the folder from now on").check()
    page.get_by_role("button", name="Index it").click()
    job = page.get_by_role("article", name="Indexing")
    expect(job.get_by_role("status")).to_have_text("done", timeout=60_000)
    expect(job).to_contain_text("8 stored")
    expect(page.get_by_role("alert")).to_have_count(0)
    job.get_by_text("1 failure, and why").click()
    expect(job.get_by_role("listitem")).to_contain_text("circle/broken.jpg")
    visit.check_everywhere("indexed")
    assert items_of(http, fresh)["cross/0002.jpg"]["metadata"] == {"kind": "cross", "number": 2}
    # It is watched: what comes into it comes into the collection.
    assert http.get(f"/v1/collections/{fresh}").json()["watch"] == [str(mixed)]
    draw("square", 77).save(mixed / "later.jpg")
    for _ in range(100):
        if "later.jpg" in items_of(http, fresh):
            break
        time.sleep(0.1)
    visit.goto(f"/collections/{fresh}/pictures")
    page.get_by_text("All 9 items").wait_for()


@pytest.fixture
def slow_site(jpeg):
    """A web site that takes its time; /missing/… is not there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(0.05)
            missing = self.path.startswith("/missing")
            self.send_response(404 if missing else 200)
            self.end_headers()
            self.wfile.write(b"" if missing else jpeg)

        def log_message(self, *_):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="session")
def jpeg(folders):
    return (folders / "pictures/circle/0000.jpg").read_bytes()


def test_a_list_of_addresses(visit, page, http, fresh, slow_site):
    visit.goto(f"/collections/{fresh}/add?from=web")
    good, missing = f"{slow_site}/a.jpg", f"{slow_site}/missing/b.jpg"
    page.get_by_label("Addresses, one a line").fill(f"{good}\nfile:///etc/passwd\n\n{missing}\n{good}\n")
    page.get_by_text("Line 2 is no address of the web: file:///etc/passwd").wait_for()
    visit.check_everywhere("addresses")
    page.get_by_role("button", name="Fetch 2 pictures").click()
    job = page.get_by_role("article", name="Indexing")
    expect(job.get_by_role("status")).to_have_text("done", timeout=60_000)
    expect(job).to_contain_text("1 stored · 1 failed")
    job.get_by_text("1 failure, and why").click()
    expect(job.get_by_role("listitem")).to_contain_text(missing)
    expect(job.get_by_role("listitem")).to_contain_text("404")
    assert [item["uri"] for item in items_of(http, fresh).values()] == [good]


def test_a_job_shows_how_far_it_is_and_can_be_stopped(visit, page, http, fresh, slow_site):
    visit.goto(f"/collections/{fresh}/add?from=web")
    page.get_by_label("Addresses, one a line").fill("\n".join(f"{slow_site}/{number}.jpg" for number in range(1000)))
    page.get_by_role("button", name="Fetch 1,000 pictures").click()
    job = page.get_by_role("article", name="Indexing")
    # Of a job that runs, told while it runs.
    page.wait_for_function("() => Number(document.querySelector('article progress')?.value) > 0.01")
    visit.shoot("running")
    page.goto("/?view=jobs")
    job = page.get_by_role("article", name=f"Indexing {fresh}")
    page.wait_for_function("() => Number(document.querySelector('article progress')?.value) > 0.02")
    job.get_by_role("button", name="Stop").click()
    expect(job.get_by_role("status")).to_have_text("stopped")
    expect(job.get_by_role("button", name="Stop")).to_have_count(0)
    visit.check_everywhere("jobs")
    assert http.get("/v1/jobs", params={"subject": fresh}).json()["jobs"][0]["state"] == "cancelled"
