"""A collection as a whole: made, described, indexed, watched, measured, taught, freed of copies, exported, merged, deleted."""

import re

import httpx
import pytest
from conftest import Visit, index
from live import TOKENS, Server
from pictures import draw_folder, textured
from playwright.sync_api import expect


@pytest.fixture
def mine(http, folders, request):
    """120 pictures to change."""
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    return index(http, name, draw_folder(folders / name, 120))


def test_one_is_made(visit, page, http):
    visit.goto()
    page.locator("a[href='/?view=new']").click()
    page.get_by_role("heading", name="A new collection").wait_for()
    # The model says what it is.
    expect(page.get_by_role("radio", name="default")).to_be_checked()
    expect(page.get_by_role("group", name="Model")).to_contain_text("Pictures, no text · looks at 112 × 112 pixels")
    page.get_by_label("Name", exact=True).fill("two words")
    page.get_by_text("Spaces are not possible").wait_for()
    expect(page.get_by_role("button", name="Create it")).to_be_disabled()
    page.get_by_label("Name", exact=True).fill("birds")
    page.get_by_label("Description").fill("Birds of the garden")
    page.get_by_label("Source").fill("https://birds.example/garden")
    page.get_by_text("Index, metric and regions").click()
    page.get_by_label("Index", exact=True).select_option("HNSW, a graph")
    page.get_by_text("Walks from neighbour to neighbour").wait_for()
    page.get_by_label("Regions", exact=True).select_option("another …")
    page.get_by_label("Regions, as the server spells it").fill("many")
    visit.check_everywhere("new")
    page.get_by_role("button", name="Create it").click()
    expect(page.get_by_role("alert")).to_contain_text("many")
    page.get_by_label("Regions", exact=True).select_option("2x2")
    page.get_by_role("button", name="Create it").click()
    page.wait_for_url("**/collections/birds/add")
    made = http.get("/v1/collections/birds").json()
    wanted = {"index": "HNSW16", "regions": "2x2", "description": "Birds of the garden", "source": "https://birds.example/garden"}
    assert {key: made[key] for key in wanted} == wanted

    # It is among the others, and what is there already is not made over.
    visit.goto()
    card = page.get_by_role("article").filter(has_text="Birds of the garden")
    expect(card).to_contain_text("Source: birds.example")
    visit.goto("/?view=new")
    page.get_by_label("Name", exact=True).fill("birds")
    page.get_by_role("button", name="Create it").click()
    expect(page.get_by_role("alert")).to_contain_text("There is one of that name already")


def test_what_it_is_can_be_said(visit, page, http, mine):
    visit.goto(f"/collections/{mine}/manage")
    page.get_by_label("Description").fill("Shapes")
    page.get_by_label("Source").fill("drawn by chance")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    said = http.get(f"/v1/collections/{mine}").json()
    assert (said["description"], said["source"]) == ("Shapes", "drawn by chance")
    expect(page.get_by_role("term").filter(has_text="Items")).to_be_visible()
    visit.check_everywhere("about")


def test_its_index_changes(visit, page, http, mine):
    visit.goto(f"/collections/{mine}/manage?part=index")
    page.get_by_label("Change it to").select_option("another …")
    page.get_by_label("Change it to, as the server spells it").fill("IVF4,QP8")
    page.get_by_role("button", name="Change it", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("'QP8' is not known")
    visit.check_everywhere("wrong-index")
    page.get_by_label("Change it to, as the server spells it").fill("IVF4,Flat")
    page.get_by_role("button", name="Change it", exact=True).click()
    facts = page.get_by_role("definition")
    # It is built in the background, and the page says when it answers.
    expect(facts.nth(1)).to_have_text("IVF4,Flat")
    expect(page.get_by_text("Learnt from")).to_be_visible()
    page.get_by_role("button", name="Build it anew").click()
    page.get_by_text("It is built anew").wait_for()

    page.get_by_label("nprobe").fill("3")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    assert http.get(f"/v1/collections/{mine}").json()["search"] == {"ef": 0, "nprobe": 3, "rescore": 0}


def test_it_gets_regions(visit, page, http, mine):
    visit.goto(f"/collections/{mine}/manage?part=index")
    page.get_by_label("Plan").select_option("2x2")
    page.get_by_role("button", name="Make these regions").click()
    job = page.get_by_role("article", name="Making regions")
    expect(job.get_by_role("status")).to_have_text("done", timeout=60_000)
    expect(job).to_contain_text("120 got regions")
    assert http.get(f"/v1/collections/{mine}").json()["region_vectors"] == 480
    visit.goto(f"/collections/{mine}/manage?part=jobs")
    page.get_by_role("article", name="Making regions").wait_for()
    expect(page.get_by_role("article")).to_have_count(2)


def test_folders_are_watched(visit, page, http, mine, folders):
    visit.goto(f"/collections/{mine}/manage?part=watch")
    page.get_by_label("Folder to watch").fill("/etc")
    page.get_by_role("button", name="Watch it").click()
    expect(page.get_by_role("alert")).to_contain_text("'/etc' is outside of the folders that this server may read")
    watched = draw_folder(folders / "watched", 4)
    page.get_by_label("Folder to watch").fill(str(watched))
    page.get_by_role("button", name="Watch it").click()
    page.get_by_text("The folder is watched.").wait_for()
    expect(page.get_by_role("alert")).to_have_count(0)
    visit.check_everywhere("watched")
    assert http.get(f"/v1/collections/{mine}").json()["watch"] == [str(watched)]
    page.get_by_role("button", name=f"Stop watching {watched}").click()
    page.get_by_text("None is watched.").wait_for()
    assert http.get(f"/v1/collections/{mine}").json()["watch"] == []


def test_it_is_measured_and_taught(visit, page, http, mine):
    visit.goto(f"/collections/{mine}/manage?part=quality")
    evaluation, confidence, classifiers = (
        page.locator("section").filter(has=page.get_by_role("heading", name=name, exact=True))
        for name in ("Evaluation", "Confidence", "Classifiers")
    )
    evaluation.get_by_label("Label").select_option("kind")
    evaluation.get_by_role("button", name="Measure").click()
    measured = http.post(f"/v1/collections/{mine}/evaluate", json={"label": "kind"}).json()
    expect(evaluation.get_by_role("definition").first).to_have_text(f"{measured['p_at_1'] * 100:.2f} %")
    expect(evaluation.get_by_role("definition").nth(2)).to_have_text(f"{measured['map'] * 100:.2f} %")

    confidence.get_by_text("It was never learnt here.").wait_for()
    confidence.get_by_label("Label").select_option("kind")
    confidence.get_by_role("button", name="Learn").click()
    expect(confidence.get_by_role("alert")).to_contain_text("5")  # it has four values
    confidence.get_by_label("Label").select_option("none: from drops in the similarities")
    confidence.get_by_role("button", name="Learn").click()
    page.get_by_text("Hits have a confidence from now on.").wait_for()
    expect(confidence.get_by_role("alert")).to_have_count(0)
    learnt = http.get(f"/v1/collections/{mine}/calibration").json()
    expect(confidence.get_by_role("definition").first).to_have_text(f"{learnt['recommended'] * 100:.0f} %")

    classifiers.get_by_text("There is none yet.").wait_for()
    classifiers.get_by_label("Name").fill("shape")
    classifiers.get_by_role("combobox", name="Label", exact=True).select_option("kind")
    classifiers.get_by_role("button", name="Train").click()
    expect(classifiers.get_by_role("listitem")).to_contain_text("4 classes from kind")
    visit.check_everywhere("quality")
    classifiers.get_by_label("Name").fill("kind")
    classifiers.get_by_role("button", name="Train").click()
    expect(classifiers.get_by_role("alert")).to_contain_text("kind")
    classifiers.get_by_role("button", name="Remove shape").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    classifiers.get_by_text("There is none yet.").wait_for()
    assert http.get(f"/v1/collections/{mine}/classifiers").json()["classifiers"] == []


def test_copies_are_found_side_by_side_and_removed(visit, page, http, folders):
    folder = folders / "copies"
    folder.mkdir()
    for number in range(3):
        picture = textured(number)
        picture.save(folder / f"{number}.png")
        picture.resize((200, 150)).save(folder / f"{number}-small.jpg", quality=85)
    (folder / "0-again.png").write_bytes((folder / "0.png").read_bytes())
    textured(9).save(folder / "alone.png")
    (folder / "metadata.csv").write_text("file,x\n0.png,1\n")
    name = index(http, "copies", folder)
    visit.goto(f"/collections/{name}/manage?part=duplicates")
    page.get_by_role("button", name="Look for them").click()
    page.get_by_text("3 groups with 4 surplus pictures, 1 of them the same to the byte").wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('article img')].filter(i => i.naturalWidth > 0).length === 7")
    visit.check_everywhere("duplicates")
    groups = page.get_by_role("article")
    expect(groups).to_have_count(3)
    groups.nth(1).get_by_role("button", name="Keep the first, delete 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 picture").click()
    expect(groups).to_have_count(2)
    page.get_by_role("button", name="Keep the first of each, delete the other 3").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 3 pictures").click()
    expect(groups).to_have_count(0)
    left = {item["id"] for item in http.get(f"/v1/collections/{name}/items").json()["items"]}
    assert {re.sub(r"-again", "", each) for each in left} == {"0.png", "1.png", "2.png", "alone.png"}


def test_it_goes_out_comes_back_is_merged_and_deleted(visit, page, http, mine, tmp_path):
    visit.goto(f"/collections/{mine}/manage?part=move")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export", exact=True).click()
    assert download.value.suggested_filename == f"{mine}.eidetic"
    file = tmp_path / "out.eidetic"
    download.value.save_as(file)
    visit.check_everywhere("move")

    visit.goto("/?view=new")
    page.get_by_text("Or bring back one that was exported").click()
    (tmp_path / "broken.eidetic").write_bytes(file.read_bytes()[:-100])
    page.get_by_label("File").set_input_files(tmp_path / "broken.eidetic")
    page.get_by_label("Under another name").fill("back")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert http.get("/v1/collections/back").status_code == 404
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.wait_for_url("**/collections/back/pictures")
    assert http.get("/v1/collections/back").json()["items"] == 120

    http.post("/v1/collections/back/delete", json={"filter": "number < 20"})
    visit.goto("/collections/back/manage?part=move")
    page.get_by_label("From").select_option(mine)
    page.get_by_role("button", name="Merge").click()
    page.get_by_text("20 items added, 0 replaced, 100 kept as they were.").wait_for()

    page.get_by_role("button", name="Delete the collection").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete it")).to_be_disabled()
    dialog.get_by_label("Type back to go on").fill("bac")
    expect(dialog.get_by_role("button", name="Delete it")).to_be_disabled()
    dialog.get_by_label("Type back to go on").fill("back")
    visit.check_everywhere("delete")
    dialog.get_by_role("button", name="Delete it").click()
    page.get_by_role("heading", name="What would you like to search?").wait_for()
    assert http.get("/v1/collections/back").status_code == 404


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that wants tokens, with a collection of 8 pictures."""
    root = tmp_path_factory.mktemp("guarded")
    pictures = draw_folder(root / "pictures", 8)
    with Server(root, paths={"allowed": [pictures]}) as server:
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKENS['admin']}"}, timeout=60) as http:
            index(http, "shapes", pictures)
        yield server


def signed_in(chromium, server, role, name):
    visit = Visit(chromium, server.url, name)
    page = visit.goto("/collections/shapes/pictures")
    page.get_by_label("Token").fill(TOKENS[role])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("All 8 items").wait_for()
    return visit


def test_a_reader_looks_and_is_told_what_needs_more(chromium, guarded):
    visit = signed_in(chromium, guarded, "read", "reader")
    page = visit.page
    page.wait_for_function("() => [...document.images].filter(i => i.naturalWidth > 0).length >= 8")
    tiles = page.get_by_role("region", name="Items").get_by_role("listitem")
    tiles.first.get_by_role("checkbox").check()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()
    tiles.first.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("Your token has the role read; changing this needs write.")
    expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_be_disabled()
    visit.check_everywhere("reader")
    for address, control in (
        ("/collections/shapes/add", page.get_by_label("Choose pictures")),
        ("/collections/shapes/manage", page.get_by_label("Description")),
        ("/collections/shapes/manage?part=index", page.get_by_role("button", name="Build it anew")),
        ("/collections/shapes/manage?part=watch", page.get_by_label("Folder to watch")),
        ("/collections/shapes/manage?part=move", page.get_by_role("button", name="Export")),
        ("/?view=new", page.get_by_label("Name", exact=True)),
    ):
        visit.goto(address)
        expect(control).to_be_disabled()
        expect(page.get_by_text("Your token has the role read").first).to_be_visible()
    visit.finish()


def test_with_a_token_uploads_jobs_and_exports_work(chromium, guarded, tmp_path):
    visit = signed_in(chromium, guarded, "admin", "admin")
    page = visit.goto("/collections/shapes/add")
    textured(1).save(tmp_path / "new.png")
    page.get_by_label("Choose pictures").set_input_files(tmp_path / "new.png")
    page.get_by_role("button", name="Upload 1 picture").click()
    page.get_by_role("heading", name="Uploaded: 1 of 1 picture").wait_for()
    page.get_by_role("link", name="From a folder of the server").click()
    page.get_by_label("Folder, or file").fill(str(guarded.folder / "pictures"))
    page.get_by_role("button", name="Index it").click()
    job = page.get_by_role("article", name="Indexing")
    expect(job.get_by_role("status")).to_have_text("done", timeout=60_000)
    expect(job).to_contain_text("8 skipped")
    visit.goto("/collections/shapes/manage?part=move")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "shapes.eidetic"
    assert download.value.path().stat().st_size > 1000
    visit.finish()
