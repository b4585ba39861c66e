"""Every way to say what is searched for, from an empty page to results."""

import re

import pytest
from conftest import await_results, cards, encoded, file_of, pictures_shown, until
from sites import Site


@pytest.fixture
def begun(visit, shapes):
    """The view of the collection, before anything is asked."""
    page = visit.goto(f"/collections/{shapes}")
    page.get_by_text("Drop a picture here").wait_for()
    return page


def test_from_the_collections_to_results(visit, page, shapes):
    """The flow: collection, then picture, then options and results; nothing of the later parts before."""
    visit.goto()
    page.get_by_role("link", name=shapes).click()
    page.get_by_text("Drop a picture here").wait_for()
    assert page.get_by_role("region", name="Results").count() == 0
    assert page.get_by_text("How to search").count() == 0
    pictures_shown(page, 8)
    visit.check_everywhere("begin")
    page.get_by_role("button", name=re.compile("^Search with .*jpg")).first.click()
    await_results(page, 40)
    assert page.get_by_text("How to search").count() == 1
    assert "40 pictures" in page.get_by_role("status").first.inner_text()
    assert "100.00 %" in cards(page).first.inner_text()
    pictures_shown(page, 12)
    visit.check_everywhere("results")


def test_upload(begun, visit):
    begun.locator("input[type=file]").set_input_files([file_of()])
    await_results(begun, 40)
    assert "picture=" in begun.url
    begun.get_by_role("group", name="Your picture").locator("img").wait_for()


def test_several_files_are_terms_of_one_search(begun):
    begun.locator("input[type=file]").set_input_files([file_of("a.png", seed=1), file_of("b.png", kind="cross", seed=2)])
    await_results(begun, 40)
    assert begun.get_by_role("group", name="Your picture").count() == 2


def test_what_is_no_picture_is_said(begun):
    begun.locator("input[type=file]").set_input_files(
        [{"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}]
    )
    begun.get_by_text("“notes.pdf” is no picture.").wait_for()
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    begun.locator("input[type=file]").set_input_files([broken])
    alert = begun.get_by_role("alert")
    alert.wait_for()
    assert "picture" in alert.inner_text()


def drop(page, target, name, data, media_type):
    """What the browser tells a page when a file is dropped on it."""
    page.evaluate(
        """([name, data, type]) => {
          const transfer = new DataTransfer()
          transfer.items.add(new File([new Uint8Array(data)], name, {type}))
          for (const kind of ["dragenter", "dragover", "drop"])
            window.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}))
        }""",
        [name, list(data), media_type],
    )


def test_drop(begun):
    drop(begun, "window", "dropped.png", encoded(), "image/png")
    await_results(begun, 40)


def test_paste_a_picture(begun):
    begun.evaluate(
        """(data) => {
          const transfer = new DataTransfer()
          transfer.items.add(new File([new Uint8Array(data)], "pasted.png", {type: "image/png"}))
          document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}))
        }""",
        list(encoded()),
    )
    await_results(begun, 40)


def test_by_address(begun, visit):
    site = Site({"/a.png": encoded(seed=0)})
    try:
        begun.get_by_label("The address of a picture").fill(f"{site.url}/a.png")
        begun.get_by_label("The address of a picture").press("Enter")
        await_results(begun, 40)
        assert "uri=" in begun.url
        until(begun, "document.querySelector('.chip img')?.naturalWidth === 96")
        begun.get_by_role("button", name="Choose a part of 127.0.0.1").click()
        begun.get_by_role("dialog").get_by_role("button", name="Search with this part").click()
        begun.wait_for_url("**crop=*")
        await_results(begun, 40)
        begun.get_by_role("button", name="Reset all").click()
        begun.get_by_label("The address of a picture").fill(f"{site.url}/nothing.png")
        begun.get_by_label("The address of a picture").press("Enter")
        alert = begun.get_by_role("alert")
        alert.wait_for()
        assert "404" in alert.inner_text(), "the server's own words"
        begun.get_by_role("img", name=re.compile("^127.0.0.1:.*: cannot be shown")).first.wait_for()
        visit.shoot("dead-address")
    finally:
        site.close()


def test_kinds_that_browsers_do_not_show(begun, visit):
    """A TIFF is shown by the server: beside the search, to crop it, and large."""
    tiff = {"name": "scan.tif", "mimeType": "image/tiff", "buffer": encoded(seed=0, format="TIFF")}
    begun.locator("input[type=file]").set_input_files([tiff])
    await_results(begun, 40)
    assert "0000.jpg" in cards(begun).first.text_content()
    chip = begun.get_by_role("group", name="Your picture")
    until(begun, "document.querySelector('.chip img')?.naturalWidth === 96")
    assert chip.locator("img").evaluate("each => [each.naturalWidth, each.naturalHeight]") == [96, 80]
    visit.check_everywhere("tiff")
    begun.get_by_role("button", name="Choose a part of Your picture").click()
    stage = begun.get_by_role("dialog").locator(".stage")
    stage.locator("cropper-selection").wait_for()
    width, height = stage.evaluate("each => [each.clientWidth, each.clientHeight]")
    assert abs(width / height - 96 / 80) < 0.02, "the box is over the picture as it is"
    begun.get_by_role("dialog").get_by_role("button", name="Search with this part").click()
    begun.wait_for_url("**crop=*")
    crop = begun.locator(".chip .crop").bounding_box()
    picture = begun.locator(".chip img").bounding_box()
    assert abs(crop["y"] - picture["y"] - 0.1 * picture["height"]) < 3 and abs(crop["height"] - 0.8 * picture["height"]) < 4
    await_results(begun, 40)
    cards(begun).first.locator(".open").click()
    pictures_shown(begun, 2, "dialog")
    visit.shoot("tiff-large")


def test_words_need_a_text_tower(begun):
    begun.get_by_label("The address of a picture").fill("red shoes")
    begun.get_by_label("The address of a picture").press("Enter")
    begun.get_by_text("knows pictures, not words").wait_for()
    assert "text=" not in begun.url


def test_camera(begun, visit):
    visit.context.grant_permissions(["camera"])
    begun.get_by_role("button", name="Camera").click()
    take = begun.get_by_role("dialog").get_by_role("button", name="Search with this")
    until(begun, "document.querySelector('video')?.videoWidth > 0")
    visit.shoot("camera")
    visit.check_accessible()
    take.click()
    await_results(begun, 40)
    assert "picture=" in begun.url


def test_drawing_others(begun):
    drawn = lambda: begun.get_by_role("button", name=re.compile("^Search with .*jpg")).evaluate_all(
        "all => all.map(each => each.title)"
    )
    begun.get_by_role("button", name=re.compile("^Search with .*jpg")).first.wait_for()
    first = drawn()
    assert len(first) == 8
    begun.get_by_role("button", name="Draw others").click()
    until(begun, "first => document.querySelector('section li button')?.title !== first", first[0])
    assert drawn() != first
    begun.get_by_label("Pictures", exact=True).fill("5")
    until(begun, "document.querySelectorAll('section li button').length === 5")


def test_any_hit_is_the_next_query(found):
    second = cards(found).nth(1)
    name = second.locator(".open").get_attribute("aria-label").split(",")[0]
    second.hover()
    second.get_by_role("button", name="Search with").click()
    found.wait_for_url(lambda url: name in url.split("last=")[0])
    await_results(found, 12)
    assert "100.00 %" in cards(found).first.inner_text()
    found.go_back()
    found.get_by_role("group", name="0000.jpg").wait_for()
    await_results(found, 12)


def test_more_and_less_like_this(found):
    names = found.locator("section ul li .line.quiet").all_text_contents()
    chips = found.locator(".terms").get_by_role("group")
    for name, action in ((names[2], "Less like"), (names[3], "More like")):
        card = cards(found).filter(has_text=name)
        card.hover()
        card.get_by_role("button", name=action).click()
        chips.filter(has_text=name).wait_for()
        await_results(found, 12)
    assert "weight=-0.5" in found.url
    assert found.get_by_role("button", name="Less like this", pressed=True).count() == 1
    until(found, "document.querySelectorAll('.terms .chip').length === 3")
    before = cards(found).first.inner_text()
    chips.first.get_by_role("slider").fill("3")
    found.wait_for_url("**weight=3**")
    await_results(found, 12)
    assert cards(found).first.inner_text() != before, "the weight changes the answer"
    chips.nth(1).get_by_role("button", name="Remove").click()
    until(found, "document.querySelectorAll('.terms .chip').length === 2")


def test_the_last_search_comes_back(found):
    second = cards(found).nth(1)
    second.hover()
    second.get_by_role("button", name="Search with").click()
    back = found.get_by_role("button", name="Search again what was searched last")
    until(found, "location.search.includes('last=')")
    back.click()
    found.locator(".terms").get_by_role("group", name="0000.jpg").wait_for()
    keep = found.get_by_role("button", name="Keep this search as the last one")
    keep.click()
    found.wait_for_url("**last=id%3Dcircle%252F0000.jpg*")


def test_crop(found, visit):
    before = cards(found).nth(1).inner_text()
    found.get_by_role("button", name="Choose a part of 0000.jpg").click()
    dialog = found.get_by_role("dialog")
    box = dialog.locator("cropper-selection")
    box.wait_for()
    found.wait_for_timeout(100)
    corner = dialog.locator("cropper-handle[action=se-resize]").bounding_box()
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    found.mouse.move(x, y)
    found.mouse.down()
    found.mouse.move(x - 120, y - 90, steps=5)
    found.mouse.up()
    width = int(dialog.get_by_label("Width").input_value())
    assert 10 < width < 78, "dragging a corner made the box smaller"
    visit.shoot("crop")
    visit.check_accessible()
    dialog.get_by_label("From the left").fill("30")
    dialog.get_by_label("From the left").press("Tab")
    dialog.get_by_role("button", name="Search with this part").click()
    found.wait_for_url("**crop=0.3*")
    await_results(found, 12)
    assert cards(found).first.inner_text() != before


def test_the_address_holds_the_search(found, visit, chromium, shapes):
    """Another browser with the same address shows the same, but for a picture that was given by hand."""
    texts = cards(found).all_text_contents()
    other = type(visit)(chromium, visit.url, visit.name + "-other")
    try:
        other.page.goto(found.url)
        await_results(other.page, 12)
        assert cards(other.page).all_text_contents() == texts
        other.page.goto(f"{visit.url}/collections/{shapes}?picture=0123456789abcdef")
        other.page.get_by_text("A picture of this search is not here").wait_for()
    finally:
        other.finish()


def test_a_given_picture_survives_loading_anew(begun):
    begun.locator("input[type=file]").set_input_files([file_of()])
    await_results(begun, 40)
    texts = cards(begun).all_text_contents()[:8]
    begun.reload()
    await_results(begun, 40)
    assert cards(begun).all_text_contents()[:8] == texts


def test_resets(found):
    found.get_by_label("How many").fill("7")
    found.get_by_label("How many").press("Enter")
    await_results(found, 7)
    found.get_by_role("button", name="Reset pictures").click()
    found.get_by_text("Drop a picture here").wait_for()
    assert "k=7" in found.url and "id=" not in found.url
    found.go_back()
    await_results(found, 7)
    found.get_by_role("button", name="Reset all").click()
    found.get_by_text("Drop a picture here").wait_for()
    assert "?" not in found.url
