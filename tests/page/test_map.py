"""The map: the collection as a plane of points, to look closer at, select on, search with and tag."""

import math

import pytest


def lay_out(http, collection, **options):
    """Where the server puts each item, and what it is labelled."""
    query = {"method": "umap", "limit": 5000, "neighbors": 15, "seed": 1, "label": "@folder", **options}
    return http.get(f"/v1/collections/{collection}/map", params=query).json()["points"]


def places(points, box):
    """Where the unzoomed map shows each item, in pixels of the page: all of them, as large as fits, 28 pixels from the edge."""
    xs, ys = [p["x"] for p in points], [p["y"] for p in points]
    across, down = max(xs) - min(xs), max(ys) - min(ys)
    scale = min((box["width"] - 58) / across, (box["height"] - 58) / down)
    middle = ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2)
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return {p["id"]: (centre[0] + (p["x"] - middle[0]) * scale, centre[1] - (p["y"] - middle[1]) * scale) for p in points}


def inside(polygon, point):
    """Whether a ray to the right crosses the polygon's sides an odd number of times."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1]):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


def selected(page):
    more = page.get_by_role("button", name="Show more of")
    while more.count():
        more.click()
    names = page.locator("section[aria-labelledby=selection] li button").evaluate_all("all => all.map(b => b.ariaLabel)")
    return {name.removeprefix("Open ") for name in names}


def open_map(visit, collection, query=""):
    page = visit.goto(f"/collections/{collection}/map{query}")
    plane = page.get_by_role("application")
    plane.wait_for()
    return plane


def drag(page, corners):
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def test_it_shows_all_items_in_their_groups(visit, page, shapes):
    open_map(visit, shapes)
    assert "All 40 items" in page.locator("header", has=page.get_by_role("heading", name="Map")).inner_text()
    groups = page.get_by_role("region", name="Groups")
    assert groups.get_by_role("listitem").count() == 4
    assert [groups.get_by_role("listitem").nth(n).locator(".name").inner_text() for n in range(4)] == ["circle", "cross", "square", "stripes"]
    page.locator(".layer img").first.wait_for()
    visit.check_everywhere("map")


def test_the_lasso_selects_what_lies_within(visit, page, http, shapes):
    plane = open_map(visit, shapes)
    box = plane.bounding_box()
    where = places(lay_out(http, shapes), box)
    page.get_by_role("button", name="Lasso").click()
    centre = (box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.55)
    star = [
        (round(centre[0] + r * math.cos(a) * box["width"]), round(centre[1] + r * math.sin(a) * box["height"]))
        for a, r in ((n * math.pi / 5, 0.38 if n % 2 else 0.2) for n in range(10))
    ]
    drag(page, star)
    expected = {id for id, point in where.items() if inside(star, point)}
    assert 3 < len(expected) < 37, "the test's line is to divide the items"
    page.get_by_role("heading", name="selected").wait_for()
    visit.shoot("lasso")
    assert selected(page) == expected
    page.get_by_role("heading", name=f"{len(expected)} items selected").wait_for()
    visit.check_accessible()
    page.keyboard.press("Escape")  # back to moving
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Nothing selected").wait_for()


def test_a_rectangle_and_shift_select_too(visit, page, http, shapes):
    plane = open_map(visit, shapes, "?method=pca")
    box = plane.bounding_box()
    where = places(lay_out(http, shapes, method="pca"), box)
    left, middle, right = box["x"] + 20, box["x"] + box["width"] / 2, box["x"] + box["width"] - 60
    top, bottom = box["y"] + 60, box["y"] + box["height"] - 5
    page.get_by_role("button", name="Rectangle").click()
    drag(page, [(left, top), (middle, bottom)])
    first = {id for id, (x, y) in where.items() if left < x < middle and top < y < bottom}
    assert first and selected(page) == first
    page.keyboard.down("Shift")
    drag(page, [(middle, top), (right, bottom)])
    page.keyboard.up("Shift")
    second = {id for id, (x, y) in where.items() if middle < x < right and top < y < bottom}
    assert second and selected(page) == first | second


def test_a_closer_look_shows_pictures_without_overlap(visit, page, shapes):
    plane = open_map(visit, shapes)
    plane.focus()
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_timeout(900)
    boxes = page.locator(".layer > span").evaluate_all(
        "all => all.map((one) => { const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })"
    )
    assert boxes
    for n, one in enumerate(boxes):
        for other in boxes[n + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1], (one, other)
    page.get_by_role("button", name="Pictures").click()
    assert page.locator(".layer > span").count() == 0


def test_pointing_names_it_and_a_click_opens_it(visit, page, http, shapes):
    plane = open_map(visit, shapes)
    points = lay_out(http, shapes)
    where = places(points, plane.bounding_box())
    # The item that lies most alone, so that it is surely the one that is pointed at.
    id, (x, y) = max(where.items(), key=lambda one: min(math.dist(one[1], other) for name, other in where.items() if name != one[0]))
    page.mouse.move(x + 3, y - 2)
    card = page.locator(".card").filter(has_text=id.split("/")[-1])
    card.locator("img").wait_for()
    assert id.split("/")[0] in card.inner_text()
    page.mouse.click(x + 3, y - 2)
    opened = page.get_by_role("group", name=f"The item {id}")
    opened.get_by_text("number").wait_for()
    visit.check_everywhere("item")
    link = opened.get_by_role("link", name="Search with it")
    assert link.get_attribute("href") == f"/collections/{shapes}?id={id.replace('/', '%2F')}"
    opened.get_by_role("button", name="Select", exact=True).click()
    assert selected(page) == {id}
    page.keyboard.press("Escape")
    opened.wait_for(state="detached")


def test_tags_are_stored_on_all_that_is_selected(visit, page, http, shapes):
    open_map(visit, shapes)
    page.get_by_role("button", name="Select cross").click()
    ids = selected(page)
    assert ids == {p["id"] for p in lay_out(http, shapes) if p["label"] == "cross"}
    page.get_by_role("button", name="Tag", exact=True).click()
    field = "seen <b>\u202e"
    page.get_by_label("Field").fill(field)
    page.get_by_label("gets").select_option("the number")
    page.get_by_label("Value").fill("no number")
    page.get_by_role("alert").filter(has_text="'no number' is not a number").wait_for()
    page.get_by_label("Value").fill("2.5")
    visit.check_everywhere("tag")
    page.get_by_role("button", name="Tag 10 items").click()
    page.get_by_text("10 items tagged.").wait_for()
    items = http.get(f"/v1/collections/{shapes}/items").json()["items"]
    assert {item["id"] for item in items if item["metadata"].get(field) == 2.5} == ids
    assert all("kind" in item["metadata"] for item in items), "the other fields stay"
    page.get_by_role("button", name="Colour the map by it").click()
    page.get_by_role("region", name="Groups").get_by_text("2.5").wait_for()
    assert page.get_by_role("heading", name="10 items selected").count() == 1, "what was selected stays so"
    page.get_by_role("button", name="Tag", exact=True).click() if not page.get_by_label("Field").count() else None
    page.get_by_label("Field").fill(field)
    page.get_by_label("gets").select_option("taken away")
    page.get_by_role("button", name="Tag 10 items").click()
    page.get_by_text("10 items tagged.").wait_for()
    items = http.get(f"/v1/collections/{shapes}/items").json()["items"]
    assert not any(field in item["metadata"] for item in items)


def test_items_that_fail_are_told(visit, page, http, folders):
    http.put("/v1/collections/goes", json={"dimensions": 2})
    items = [{"id": f"point {n}", "vector": [1, n]} for n in range(6)]
    http.post("/v1/collections/goes/items", json={"items": items})
    open_map(visit, "goes", "?method=pca")
    page.get_by_text("Items in view").click()
    for n in (1, 2, 3):
        page.get_by_role("checkbox", name=f"point {n}").check()
    http.delete("/v1/collections/goes/items/point%202")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Field").fill("kept")
    page.get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Tag 3 items").click()
    page.get_by_text("2 items tagged; 1 failed.").wait_for()
    assert "point 2" in page.locator(".bad").inner_text()


def test_searching_with_a_selection_averages_it(visit, page, shapes):
    open_map(visit, shapes)
    page.get_by_role("button", name="Select stripes").click()
    ids = selected(page)
    page.get_by_role("link", name="Search with them").click()
    page.wait_for_url(f"**/collections/{shapes}?id=*")
    query = page.evaluate("new URLSearchParams(location.search).getAll('id')")
    assert set(query) == ids


def test_by_keyboard_alone(visit, page, shapes):
    plane = open_map(visit, shapes)
    for _ in range(40):
        page.keyboard.press("Tab")
        if plane.evaluate("it => it === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not reach the plane")
    for key in ("+", "+", "ArrowLeft", "ArrowDown", "-", "0", "Enter"):
        page.keyboard.press(key)
    card = page.get_by_role("group", name="The item")
    card.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Close, Search with it, Select
    page.get_by_role("heading", name="1 item selected").wait_for()
    page.keyboard.press("Escape")
    card.wait_for(state="detached")
    assert plane.evaluate("it => it === document.activeElement"), "where the person was before"
    summary = page.locator("summary", has_text="Items in view")
    summary.focus()
    page.keyboard.press("Enter")
    page.get_by_text("40 items", exact=True).wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_role("heading", name="items selected").or_(page.get_by_role("heading", name="1 item selected")).count() == 1


def test_the_address_holds_the_map(visit, page, http, shapes):
    open_map(visit, shapes)
    page.get_by_label("Laid out by").select_option("pca")
    page.wait_for_url("**/map?method=pca")
    shown = page.get_by_text("They show")
    shown.wait_for()
    share = http.get(f"/v1/collections/{shapes}/map?method=pca&limit=5000").json()["explained_variance"]
    assert f"{round(share * 100)} %" in shown.inner_text()
    page.get_by_label("Coloured by").select_option("kind")
    page.wait_for_url("**label=kind*")
    page.get_by_label("At most").fill("12")
    page.get_by_label("At most").press("Enter")
    page.get_by_text("A sample of 12 items of 40").wait_for()
    page.go_back()
    page.get_by_text("All 40 items").wait_for()
    page.go_back()
    page.go_back()
    page.get_by_text("What looks alike lies together").wait_for()


def test_a_long_computation_can_be_cancelled(visit, page, http, shapes):
    """The route stands still, as a server that computes would; the page does not."""
    http.put("/v1/collections/much", json={"dimensions": 4})
    items = [{"id": f"{n:05}", "vector": [math.sin(n), math.cos(n), math.sin(n * 7), 1]} for n in range(10_000)]
    for start in range(0, 10_000, 5_000):
        assert http.post("/v1/collections/much/items", json={"items": items[start : start + 5_000]}).json()["failed"] == 0
    open_map(visit, "much", "?method=pca&limit=10000")
    page.get_by_text("All 10,000 items").wait_for()
    page.get_by_label("Laid out by").select_option("umap")
    page.get_by_text("The server lays out the items").wait_for()
    visit.shoot("computing")
    assert page.get_by_role("application").count() == 1, "the map that is there stays to be looked at"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("The server lays out the items").wait_for(state="detached")
    page.get_by_text("The two directions").wait_for()


def test_what_is_wrong_is_told(visit, page, http, shapes):
    page = visit.goto(f"/collections/{shapes}/map?label=a+b")
    page.get_by_role("alert").wait_for()
    said = http.get(f"/v1/collections/{shapes}/map?label=a+b").json()["detail"]
    assert said in page.get_by_role("alert").inner_text()
    http.put("/v1/collections/nothing", json={"dimensions": 4})
    visit.goto("/collections/nothing/map")
    page.get_by_text("There is nothing in this collection yet").wait_for()
