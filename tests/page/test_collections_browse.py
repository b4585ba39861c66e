"""What is in a collection: looked through, filtered, ordered, drawn by chance; items opened, changed and removed, one or many."""

import json
import re

import pytest
from conftest import index
from pictures import draw_folder
from playwright.sync_api import expect

COUNT = 150
RTL = "\u202egnp.exe"
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def many(http, folders):
    """150 pictures with metadata, which no test changes."""
    return index(http, "many", draw_folder(folders / "many", COUNT))


@pytest.fixture
def mine(http, folders, request):
    """Eight pictures to change."""
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    return index(http, name, draw_folder(folders / name, 8))


def tiles(page):
    return page.get_by_role("region", name="Items").get_by_role("listitem")


def names(page):
    return tiles(page).locator(".name").all_text_contents()


def test_pages_follow_as_one_scrolls(visit, page, many):
    visit.goto(f"/collections/{many}/pictures")
    page.get_by_text("The first 60 items").wait_for()
    page.wait_for_function("() => [...document.images].filter(i => i.naturalWidth > 0).length >= 8")
    visit.check_everywhere("browse")
    page.get_by_text("The first 60 items").scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelectorAll('section li').length > 60")
    while "All" not in (shown := page.get_by_role("status").filter(has_text="items").inner_text()):
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(50)
    assert shown == f"All {COUNT} items"
    assert len(set(names(page))) == COUNT


def test_filters_and_facets_choose(visit, page, many):
    visit.goto(f"/collections/{many}/pictures")
    page.get_by_label("Filter", exact=True).fill("number < 10 and")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the filter, position 16")
    visit.check_everywhere("wrong-filter")
    page.get_by_label("Filter", exact=True).fill("numbr < 10")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("did you mean 'number'?")
    page.get_by_label("Filter", exact=True).fill("number < 10")
    page.keyboard.press("Enter")
    page.get_by_text("All 10 items that pass").wait_for()
    page.get_by_role("group", name="kind").get_by_label("cross").check()
    page.get_by_text("All 2 items that pass").wait_for()
    assert names(page) == ["0002.jpg", "0006.jpg"]
    # The address holds it, and the back button goes back.
    address = page.url
    page.go_back()
    page.get_by_text("All 10 items that pass").wait_for()
    visit.goto(address)
    page.get_by_text("All 2 items that pass").wait_for()


def await_another_order(page, before):
    """Of the first 60; the very first may be the same by chance."""
    page.wait_for_function(
        "(before) => [...document.querySelectorAll('section .name')].slice(0, 60).some((each, at) => each.textContent !== before[at])",
        arg=before[:60],
    )


def test_orders(visit, page, many):
    visit.goto(f"/collections/{many}/pictures")
    page.get_by_label("Order").select_option("number")
    expect(tiles(page).first).to_contain_text("0000.jpg")
    page.get_by_role("button", name="Direction").click()
    expect(tiles(page).first).to_contain_text("0149.jpg")
    page.get_by_label("Order").select_option("by chance")
    await_another_order(page, [f"{number:04}.jpg" for number in range(149, 89, -1)])
    drawn = names(page)
    address = page.url
    page.get_by_role("button", name="Draw anew").click()
    await_another_order(page, drawn)
    visit.goto(address)
    tiles(page).first.wait_for()
    assert names(page)[:60] == drawn[:60]


def test_an_item_is_opened_changed_and_removed(visit, page, http, mine):
    path = f"/v1/collections/{mine}/items/circle%2F0000.jpg"
    wild = {"name": SCRIPT, RTL: "x" * 10_000, "tags": ["red", "old"], "sold": False, "place": {"city": "Bonn", "zip": 53111}}
    assert http.patch(path, json=wild).status_code == 200
    visit.goto(f"/collections/{mine}/pictures?item=circle%2F0000.jpg")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("circle/0000.jpg")
    expect(dialog.get_by_label("Value of name")).to_have_value(SCRIPT)
    visit.check_everywhere("item")

    dialog.get_by_label("Value of number").fill("seven")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("'seven' is no number")
    # What was written is not lost by a slip.
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Cancel").click()
    dialog.get_by_label("Value of number").fill("7.5")
    dialog.get_by_label("Value of tags").fill("red\n new \n")
    dialog.get_by_label("Value of sold").select_option("yes")
    dialog.get_by_label("Value of place").fill('{"city": "Köln"}')
    dialog.get_by_role("button", name="Remove name").click()
    dialog.get_by_role("button", name="Add a field").click()
    dialog.get_by_label("Name of the field").fill("price")
    dialog.get_by_label("Kind of price").select_option("number")
    dialog.get_by_label("Value of price").fill("12")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    wanted = {"kind": "circle", "number": 7.5, RTL: "x" * 10_000, "tags": ["red", "new"], "sold": True, "place": {"city": "Köln"}, "price": 12}
    assert http.get(path).json()["metadata"] == wanted
    assert page.evaluate("window.hacked") is None

    # The next one by the keyboard; Escape closes.
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    tiles(page).get_by_role("button", name="0000.jpg").focus()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Close").focus()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", name="0004.jpg")).to_be_visible()
    page.keyboard.press("ArrowLeft")

    dialog.get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Delete 0000.jpg?").wait_for()
    page.get_by_role("button", name="Cancel").click()
    assert http.get(path).status_code == 200
    dialog.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete 0000.jpg?").get_by_role("button", name="Delete").click()
    page.get_by_text("Deleted.", exact=True).wait_for()
    assert http.get(path).status_code == 404
    expect(page.get_by_role("heading", name="0004.jpg")).to_be_visible()


def test_an_item_can_be_searched_with_and_downloaded(visit, page, many, folders):
    visit.goto(f"/collections/{many}/pictures?item=circle%2F0000.jpg")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "0000.jpg"
    assert download.value.path().read_bytes() == (folders / "many/circle/0000.jpg").read_bytes()
    page.get_by_role("link", name="Search with it").click()
    page.get_by_role("list", name="What was found").wait_for()


def test_an_item_that_is_not_there_is_told(visit, page, many):
    visit.goto(f"/collections/{many}/pictures?item=nothing.jpg")
    expect(page.get_by_role("alert")).to_contain_text(f"collection '{many}' has no item 'nothing.jpg'")


def test_many_are_changed_and_removed_at_once(visit, page, http, mine):
    visit.goto(f"/collections/{mine}/pictures?sort=number")
    tiles(page).nth(1).get_by_role("checkbox").check()
    tiles(page).nth(4).get_by_role("checkbox").click(modifiers=["Shift"])
    bar = page.get_by_role("group", name="Selected items")
    expect(bar).to_contain_text("4 items selected")
    visit.check_everywhere("selected")
    bar.get_by_role("button", name="Set a field").click()
    page.get_by_label("Name of the field").fill("colours")
    page.get_by_label("Kind of colours").select_option("list")
    page.get_by_label("Value of colours").fill("red\nblue")
    visit.check_everywhere("set-field")
    page.get_by_role("button", name="Set it").click()
    page.get_by_text("'colours' set for 4 items.").wait_for()
    items = http.get(f"/v1/collections/{mine}/items").json()["items"]
    assert {item["metadata"]["number"] for item in items if item["metadata"].get("colours") == ["red", "blue"]} == {1, 2, 3, 4}

    tiles(page).nth(1).get_by_role("checkbox").uncheck()
    bar.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 3 items").click()
    page.get_by_text("3 items deleted.").wait_for()
    items = http.get(f"/v1/collections/{mine}/items").json()["items"]
    assert {item["metadata"]["number"] for item in items} == {0, 1, 5, 6, 7}
    expect(tiles(page)).to_have_count(5)
    expect(bar).to_have_count(0)


def test_it_works_by_the_keyboard_alone(visit, page, mine):
    visit.goto(f"/collections/{mine}/pictures")
    tiles(page).first.wait_for()
    page.keyboard.press("Tab")
    for _ in range(60):
        if page.evaluate("document.activeElement.type") == "checkbox" and page.evaluate("!!document.activeElement.closest('.tile')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("group", name="Selected items")).to_contain_text("1 item selected")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_hostile_names_are_shown_as_text(visit, page, http, folders):
    http.put("/v1/collections/hostile")
    picture = (folders / "pictures/circle/0000.jpg").read_bytes()
    for name in (SCRIPT, RTL, "x" * 1000):
        query = {"id": name, "metadata": json.dumps({"<b>": SCRIPT})}
        assert http.post("/v1/collections/hostile/items", params=query, content=picture, headers={"Content-Type": "image/jpeg"}).status_code == 200
    http.patch("/v1/collections/hostile", json={"description": SCRIPT, "source": "javascript:alert(1)"})
    for address in ("/", "/collections/hostile/pictures"):
        visit.goto(address)
        page.get_by_text("window.hacked").first.wait_for()
        visit.check_everywhere("hostile")
    visit.goto("/collections/hostile/manage")
    expect(page.get_by_label("Description")).to_have_value(SCRIPT)
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href^=javascript]").count() == 0
