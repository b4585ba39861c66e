"""The expert panel: what makes a search and what it costs, and choices that outlive the browser."""

import base64
import io
import re

import pytest
from conftest import Visit
from live import TOKENS, Server
from PIL import Image
from pictures import draw_folder


@pytest.fixture(scope="module")
def cells(http, folders):
    """The 40 pictures in cells, of which a search visits few unless told otherwise."""
    http.put("/v1/collections/expert", json={"index": "IVF10,Flat"})
    wanted = {"paths": [str(folders / "pictures")], "metadata_file": str(folders / "pictures/metadata.csv")}
    job = http.post("/v1/collections/expert/index", json=wanted).json()
    http.get(f"/v1/jobs/{job['id']}/events")
    for _ in range(600):
        if http.get("/v1/collections/expert").json()["index_kind"] == "IVF10,Flat":
            return "expert"
    raise AssertionError("the index is not built")


def open_panel(visit, collection, query="?id=cross%2F0002.jpg&k=10"):
    page = visit.goto(f"/collections/{collection}{query}")
    summary = page.locator("summary").filter(has_text="Expert")
    summary.wait_for()
    if not page.get_by_role("region", name="Where the time went").count():
        summary.click()
    page.get_by_role("region", name="Where the time went").get_by_role("table").wait_for()
    return page


def part(page, title):
    return page.get_by_role("region", name=title)


def test_times_are_those_of_the_answer(visit, page, cells):
    with page.expect_response("**/search") as answer:
        open_panel(visit, cells)
    timings = answer.value.json()
    rows = [row.split() for row in part(page, "Where the time went").locator("tbody tr").all_inner_texts()]
    told = {name: (f"{ms:.3f}", f"{timings['items_per_s'][name]:.3f}" if name in timings["items_per_s"] else "–") for name, ms in timings["timings_ms"].items()}
    assert {name: (ms, pace) for name, ms, pace in rows} == {name: both for name, both in told.items() if name != "total"}
    visit.check_everywhere("expert")


def test_the_model_and_its_preprocessing(visit, page, http, cells):
    open_panel(visit, cells)
    bundle = http.get("/v1/models/default").json()["bundle"]
    panel = part(page, "Model")
    panel.get_by_text(bundle["description"]).wait_for()
    steps = panel.get_by_role("listitem").all_inner_texts()
    assert len(steps) == len(bundle["preprocess"])
    assert steps[0].startswith("resize short side: ") and "size 112" in steps[0]


def test_depth_is_part_of_the_address_and_of_the_search(visit, page, cells):
    open_panel(visit, cells)
    with page.expect_request("**/search") as asked:
        part(page, "How deep").get_by_label("nprobe").fill("1")
        part(page, "How deep").get_by_label("nprobe").press("Enter")
    assert asked.value.post_data_json["nprobe"] == 1
    page.wait_for_url("**nprobe=1**")


def test_exact_against_approximate(visit, page, http, cells):
    """With a single cell some of the nearest are missed; the panel counts and marks them as a comparison here does."""
    query = {"terms": [{"id": "cross/0002.jpg"}], "k": 20}
    search = lambda **more: [hit["id"] for hit in http.post(f"/v1/collections/{cells}/search", json={**query, **more}).json()["hits"]]
    found, exact = search(nprobe=1), search(nprobe=10, ef=100000, rescore=100000)
    missed = set(exact) - set(found)
    assert missed, "one cell is to miss some"
    open_panel(visit, cells, "?id=cross%2F0002.jpg&k=20&nprobe=1")
    page.get_by_role("button", name="Compare with an exact search").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("recall@").wait_for()
    assert f"recall@20 = {1 - len(missed) / 20:.4f}" in dialog.inner_text()
    sides = {name: dialog.get_by_role("region", name=name) for name in ("As it is set", "Exact")}
    names = lambda side: [title for title in sides[side].locator(".name").evaluate_all("all => all.map(n => n.title)")]
    assert names("As it is set") == found and names("Exact") == exact
    marked = sides["Exact"].locator("li.only .name").evaluate_all("all => all.map(n => n.title)")
    assert set(marked) == missed
    for side in sides.values():
        assert re.search(r"search \d+\.\d{3} ms, all \d+\.\d{3} ms", side.inner_text())
    visit.check_everywhere("recall")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    # As deep as it goes, nothing is missed.
    part(page, "How deep").get_by_label("nprobe").fill("10")
    part(page, "How deep").get_by_label("nprobe").press("Enter")
    page.wait_for_url("**nprobe=10**")
    page.get_by_role("button", name="Compare with an exact search").click()
    dialog.get_by_text("recall@20 = 1.0000").wait_for()


def test_variants_are_shown_as_the_server_draws_them(visit, page, http, cells):
    open_panel(visit, cells)
    seed = part(page, "Variants").get_by_label("Seed")
    seed.fill("5")
    seed.press("Enter")
    page.wait_for_url("**seed=5**")
    part(page, "Variants").get_by_label("Augmentation").select_option("pool")
    page.wait_for_url("**augment=pool**")
    part(page, "Variants").get_by_text("searched with by their stored vectors").wait_for()
    with page.expect_response("**/contact-sheet") as answer:
        page.get_by_role("button", name="Show the variants").click()
    assert answer.value.request.post_data_json["seed"] == 5
    sheet = page.get_by_role("dialog").get_by_role("img")
    sheet.wait_for()
    given = http.get(f"/v1/collections/{cells}/items/cross%2F0002.jpg/picture").content
    term = {"base64": base64.b64encode(given).decode()}
    drawn = http.post("/v1/contact-sheet", json={"terms": [term], "seed": 5}).content
    size = Image.open(io.BytesIO(drawn)).size
    assert sheet.evaluate("img => [img.naturalWidth, img.naturalHeight]") == list(size)
    visit.check_everywhere("variants")


def test_classification_is_told_with_its_votes(visit, page, http, cells):
    made = http.post(f"/v1/collections/{cells}/classifiers", json={"name": "shape", "kind": "labels", "label": "kind"})
    assert made.status_code in (200, 201), made.text
    try:
        open_panel(visit, cells)
        with page.expect_response("**/search") as answer:
            part(page, "Classification").get_by_label("Classifier").select_option("shape")
        said = answer.value.json()["explain"]["classification"]
        panel = part(page, "Classification")
        panel.get_by_text(said["class"], exact=True).first.wait_for()
        rows = panel.get_by_role("list", name="Classes by probability").get_by_role("listitem").all_inner_texts()
        assert [row.split()[0] for row in rows] == [each["class"] for each in said["classes"]]
        assert "searched" in panel.inner_text()
        page.wait_for_url("**classify=shape**")
    finally:
        http.delete(f"/v1/collections/{cells}/classifiers/shape")


def test_the_index_and_its_pca_can_be_changed(visit, page, http, folders):
    http.put("/v1/collections/changed")
    job = http.post("/v1/collections/changed/index", json={"paths": [str(folders / "pictures")]}).json()
    http.get(f"/v1/jobs/{job['id']}/events")
    open_panel(visit, "changed")
    panel = part(page, "Index and PCA")
    panel.get_by_text("Answers now: Flat").wait_for()
    panel.get_by_label("Index").fill("IVF4,PQ7")
    panel.get_by_role("button", name="Build this index").click()
    panel.get_by_role("alert").filter(has_text="PQ7").wait_for()
    panel.get_by_label("Index").fill("Flat")
    panel.get_by_label("PCA to").fill("16")
    assert panel.get_by_label("Index").input_value() == "PCA16,Flat"
    panel.get_by_role("button", name="Build this index").click()
    panel.get_by_text("Answers now: PCA16,Flat").wait_for()
    training = http.get("/v1/collections/changed").json()["index_training"]
    panel.get_by_text(f"keeps {100 * training['explained_variance']:.1f} % of the variance").wait_for()


def test_choices_outlive_the_browser(chromium, server, cells, tmp_path):
    first = Visit(chromium, server.url, "kept")
    page = open_panel(first, cells)
    part(page, "Variants").get_by_label("Augmentation").select_option("mean")
    page.wait_for_url("**augment=mean**")
    part(page, "How deep").get_by_label("ef").fill("77")
    part(page, "How deep").get_by_label("ef").press("Enter")
    page.wait_for_url("**ef=77**")
    kept = tmp_path / "state.json"
    first.context.storage_state(path=kept)
    first.finish()
    second = Visit(chromium, server.url, "kept", storage_state=kept)
    page = second.goto(f"/collections/{cells}")
    page.wait_for_url("**ef=77**")
    page.wait_for_url("**augment=mean**")
    # An address that says a search is taken at its word; the panel is open as it was left.
    page = second.goto(f"/collections/{cells}?id=cross%2F0002.jpg&ef=5")
    part(page, "How deep").get_by_label("ef").wait_for()
    assert part(page, "How deep").get_by_label("ef").input_value() == "5"
    assert "augment" not in page.url
    page.get_by_role("button", name="Back to the defaults").click()
    page.wait_for_url(lambda url: "ef=" not in url)
    second.goto(f"/collections/{cells}")
    page.get_by_text("Examples").or_(page.get_by_role("heading", level=1)).first.wait_for()
    assert "ef=" not in page.url
    second.finish()


def test_the_servers_use(visit, page, cells):
    open_panel(visit, cells)
    panel = part(page, "The server’s own use")
    panel.get_by_text(re.compile(r"^\d+ MB$")).wait_for()
    panel.get_by_text(re.compile(r"^\d+ % of one processor$")).wait_for()
    assert "NA" in panel.inner_text(), "Eidetic uses no GPU"


def test_the_last_search_walks_inside(visit, page, cells):
    open_panel(visit, cells)
    page.get_by_role("link", name="Watch this search").click()
    page.wait_for_url("**/inside?id=*")
    page.locator("[data-step]").wait_for()
    # The navigation alone leads to it too: the last search is remembered.
    page.get_by_role("link", name="Map", exact=True).click()
    page.get_by_role("application").wait_for()
    page.get_by_role("link", name="Inside", exact=True).click()
    page.locator("[data-step]").wait_for()


def test_a_reader_is_told_what_it_may_not(chromium, tmp_path):
    draw_folder(tmp_path / "pictures", 8)
    with Server(tmp_path, paths={"allowed": [tmp_path / "pictures"]}) as server:
        import httpx

        admin = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKENS['admin']}"}, timeout=60)
        assert admin.put("/v1/collections/few").status_code == 201
        job = admin.post("/v1/collections/few/index", json={"paths": [str(tmp_path / "pictures")]}).json()
        admin.get(f"/v1/jobs/{job['id']}/events")
        visit = Visit(chromium, server.url, "reader")
        page = visit.goto("/collections/few?id=cross%2F0002.jpg")
        page.get_by_label("Token").fill(TOKENS["read"])
        page.get_by_role("button", name="Sign in").click()
        page.locator("summary").filter(has_text="Expert").click()
        part(page, "Index and PCA").get_by_text("Only a token of the role admin may change it").wait_for()
        assert part(page, "Index and PCA").get_by_label("Index").is_disabled()
        page.get_by_role("link", name="Map", exact=True).click()
        page.get_by_role("button", name="Select cross").click()
        page.get_by_role("button", name="Tag", exact=True).click()
        page.get_by_text("Your token may look and search, but not change items").wait_for()
        page.locator("section[aria-labelledby=selection] li img").first.wait_for()
        visit.finish()
