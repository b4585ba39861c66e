"""Seeing the index: cells and layers as the server tells them, and the walk of the last search step by step."""

import pytest


@pytest.fixture(scope="module")
def cells(http, folders, shapes):
    """Cells that hold the 40 pictures."""
    http.put("/v1/collections/cells", json={"index": "IVF6,Flat"})
    return fill(http, "cells", folders, "IVF6,Flat")


@pytest.fixture(scope="module")
def graph(http, folders, shapes):
    http.put("/v1/collections/graph", json={"index": "HNSW4"})
    return fill(http, "graph", folders, "HNSW4")


def fill(http, name, folders, kind):
    job = http.post(f"/v1/collections/{name}/index", json={"paths": [str(folders / "pictures")]}).json()
    http.get(f"/v1/jobs/{job['id']}/events")
    for _ in range(600):
        if http.get(f"/v1/collections/{name}").json()["index_kind"] == kind:
            return name
    raise AssertionError(f"the index {kind} is not built")


def walk_of(http, collection, id, k=10):
    return http.post(f"/v1/collections/{collection}/walk", json={"terms": [{"id": id}], "k": k}).json()


def go_to(page, step):
    slider = page.get_by_label("Step of the walk")
    slider.fill(str(step))


def test_cells_are_shown_by_size(visit, page, http, cells):
    visit.goto(f"/collections/{cells}/inside")
    bars = page.get_by_role("list", name="Cells by size")
    bars.wait_for()
    told = http.get(f"/v1/collections/{cells}/inspect").json()["cells"]
    expected = sorted(range(6), key=lambda n: (-told[n]["items"], n))
    names = [row.split()[:3] for row in bars.get_by_role("button").all_inner_texts()]
    assert names == [["Cell", str(n), str(told[n]["items"])] for n in expected]
    bars.get_by_role("button").first.click()
    panel = page.get_by_role("region", name=f"Cell {expected[0]}")
    panel.locator("li img").first.wait_for()
    assert f"{told[expected[0]]['items']} items" in panel.inner_text()
    assert f"{told[expected[0]]['radius']:.3f} at most" in panel.inner_text()
    visit.check_everywhere("cells")
    # What lies near the middle of a cell is in it, or next to it: most of it is its own.
    points = http.get(f"/v1/collections/{cells}/map?limit=100").json()["points"]
    own = {p["id"] for p in points if p["cell"] == expected[0]}
    near = panel.get_by_role("link").evaluate_all("all => all.map(a => new URL(a.href).searchParams.get('id'))")
    assert set(near[:3]) <= own


def test_the_layers_of_a_graph(visit, page, http, graph):
    visit.goto(f"/collections/{graph}/inside")
    table = page.get_by_role("table").first
    table.wait_for()
    layers = http.get(f"/v1/collections/{graph}/inspect").json()["layers"]
    rows = [row.split() for row in table.locator("tbody tr").all_inner_texts()]
    assert [(int(number), int(items), links) for number, items, links in rows] == [
        (n, layer["items"], f"{layer['mean_links']:.1f}") for n, layer in reversed(list(enumerate(layers)))
    ]
    page.get_by_label("Draw from layer").select_option("0")
    page.get_by_text("links", exact=False).first.wait_for()
    told = http.get(f"/v1/collections/{graph}/inspect").json()["links"]
    assert f"{len(told)} links" in page.get_by_role("application").first.get_attribute("aria-label")
    visit.check_everywhere("layers")


def test_the_walk_through_a_graph_is_the_servers(visit, page, http, graph):
    walk = walk_of(http, graph, "cross/0002.jpg")
    steps, nodes = walk["steps"], walk["nodes"]
    visit.goto(f"/collections/{graph}/inside?id=cross%2F0002.jpg&k=10")
    words = page.locator("[data-step]")
    words.wait_for()
    assert words.get_attribute("data-step") == "0"
    for count in (1, 2, len(steps) // 2, len(steps)):
        go_to(page, count)
        step = steps[count - 1]
        said = words.inner_text()
        assert f"Step {count} of {len(steps)}." in said
        assert f"layer {step['layer']}" in said
        assert nodes[step["node"]]["id"].split("/")[-1] in said
        assert f"{step['similarity']:.3f} similar" in said
        assert nodes[step["from"]]["id"].split("/")[-1] in said
        compared = len({s["node"] for s in steps[:count]})
        assert f"Compared until now: {compared} item" in page.locator("main").inner_text()
        best = max(s["similarity"] for s in steps[:count])
        assert f"nearest: {best:.3f}" in page.locator("main").inner_text()
    page.get_by_role("button", name="One step back").click()
    assert f"Step {len(steps) - 1} of" in words.inner_text()
    page.get_by_role("button", name="One step forward").click()
    assert page.get_by_role("button", name="One step forward").is_disabled()
    visit.check_everywhere("walk")


def test_the_walk_plays_and_pauses(visit, page, graph):
    visit.goto(f"/collections/{graph}/inside?id=cross%2F0002.jpg")
    page.get_by_label("Pace").select_option("fast")
    page.get_by_role("button", name="Play").click()
    page.locator("[data-step]:not([data-step='0'])").wait_for()
    page.get_by_role("button", name="Pause").click()
    stopped = page.locator("[data-step]").get_attribute("data-step")
    page.wait_for_timeout(300)
    assert page.locator("[data-step]").get_attribute("data-step") == stopped
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="One step forward").and_(page.locator(":disabled")).wait_for()


def test_the_walk_through_cells(visit, page, http, cells):
    walk = walk_of(http, cells, "cross/0002.jpg")
    visits = walk["visits"]
    assert len(visits) > 1
    visit.goto(f"/collections/{cells}/inside?id=cross%2F0002.jpg&k=10")
    words = page.locator("[data-step]")
    words.wait_for()
    for count, each in enumerate(visits, 1):
        page.get_by_role("button", name="One cell forward").click()
        said = words.inner_text()
        assert f"Cell {count} of {len(visits)}." in said and f"cell {each['cell']} is {each['distance']:.3f} away" in said
    compared = sum(each["items"] for each in visits)
    assert f"Compared until now: {compared} items" in page.locator("main").inner_text()


def test_candidates_are_told_with_estimate_and_exact_similarity(visit, page, http, cells):
    walk = walk_of(http, cells, "cross/0002.jpg")
    visit.goto(f"/collections/{cells}/inside?id=cross%2F0002.jpg&k=10")
    page.get_by_role("heading", name="What was scored again").wait_for()
    rows = page.get_by_role("table").filter(has_text="Estimate").locator("tbody tr").all_inner_texts()
    expected = [
        [walk["nodes"][c["node"]]["id"].split("/")[-1], f"{c['estimate']:.4f}", f"{c['similarity']:.4f}", str(c["rank"] or "–")]
        for c in walk["candidates"][:20]
    ]
    assert [row.split() for row in rows] == expected


def test_without_a_search_chance_gives_one(visit, page, shapes):
    visit.goto(f"/collections/{shapes}/inside")
    page.get_by_text("There is nothing to see inside").wait_for()
    page.get_by_text("No search has been made yet").wait_for()
    page.get_by_role("button", name="Another, by chance").click()
    page.wait_for_url("**/inside?id=*")
    page.get_by_role("heading", name="What was scored again").wait_for()
    visit.check_everywhere("flat")


def test_what_a_walk_cannot_have_is_left_out_and_said(visit, page, graph):
    visit.goto(f"/collections/{graph}/inside?id=cross%2F0002.jpg&augment=pool")
    page.get_by_text("shown without the variants of the picture").wait_for()
    page.locator("[data-step]").wait_for()


def test_the_walk_by_keyboard(visit, page, graph):
    visit.goto(f"/collections/{graph}/inside?id=cross%2F0002.jpg")
    page.get_by_label("Step of the walk").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-step]").get_attribute("data-step") == "2"
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="One step forward").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="One step forward").is_disabled()


def test_errors_are_told(visit, page, graph):
    visit.goto(f"/collections/{graph}/inside?id=no%2Fsuch.jpg")
    page.get_by_role("alert").filter(has_text="no/such.jpg").wait_for()
    page.get_by_role("heading", name="How it is built").wait_for()
