"""What was found: the grid, what narrows it, and a hit large beside the query."""

import io
import json
import math
import re

import pytest
from conftest import await_results, cards, encoded, file_of, index, pictures_shown, until
from pictures import draw_folder, textured
from PIL import Image


def test_the_threshold_acts_at_once(found):
    asked = []
    found.on("request", lambda request: asked.append(request.url) if request.url.endswith("/search") else None)
    similarities = [float(text.split(" %")[0]) for text in cards(found).all_text_contents()]
    least = similarities[5]
    slider = found.get_by_label("Least similarity")
    slider.fill(str(round(least * 2) / 2))
    expected = sum(similarity >= round(least * 2) / 2 for similarity in similarities)
    assert 0 < expected < 12
    until(found, "count => document.querySelectorAll('section ul li article').length === count", expected)
    status = found.get_by_role("region", name="Results").get_by_role("status").inner_text()
    assert f"{expected} picture" in status and f"{12 - expected} below the threshold" in status
    found.wait_for_url("**min_similarity=*")
    assert asked == [], "nothing was asked again"


def test_nothing_similar_is_said(visit, page, shapes):
    visit.goto(f"/collections/{shapes}?min_similarity=99.5")
    page.locator("input[type=file]").set_input_files([file_of(kind="stripes", seed=4711)])
    page.get_by_role("heading", name="Nothing similar at 99.5 % or more").wait_for()
    assert re.search(r"The nearest of 40 has \d", page.get_by_role("region", name="Results").inner_text())
    visit.check_everywhere("nothing-similar")
    page.get_by_role("button", name="Show all the same").click()
    await_results(page, 40)


def test_columns_are_kept(found):
    found.get_by_label("Columns").fill("3")
    columns = "getComputedStyle(document.querySelector('section ul')).gridTemplateColumns.split(' ').length"
    assert found.evaluate(columns) == 3
    found.reload()
    await_results(found, 12)
    assert found.evaluate(columns) == 3
    found.get_by_label("Columns").fill("0")
    assert found.evaluate(columns) != 3


def test_filter_and_its_error(found, visit):
    box = found.get_by_label("Filter")
    box.fill('kind = "square" and number < 20')
    box.press("Enter")
    await_results(found, 5)
    assert all("square" in text for text in cards(found).all_text_contents())
    box.fill("kind = square")
    box.press("Enter")
    alert = found.get_by_role("alert")
    alert.wait_for()
    assert "position 8" in alert.inner_text(), "the server says where"
    assert box.get_attribute("aria-invalid") == "true"
    visit.check_everywhere("filter-error")
    box.fill("colour = 'red'")
    box.press("Enter")
    found.get_by_text("the fields are:").wait_for()
    box.fill("")
    box.press("Enter")
    await_results(found, 12)


def test_facets(found):
    group = found.get_by_role("group", name="kind")
    group.get_by_role("checkbox", name=re.compile("^cross")).check()
    await_results(found, 10)
    assert all("cross" in text for text in cards(found).all_text_contents())
    assert "10" in group.get_by_role("checkbox", name=re.compile("^stripes")).locator("xpath=..").inner_text(), "counted as if not chosen"
    group.get_by_role("checkbox", name=re.compile("^stripes")).check()
    await_results(found, 12)
    numbers = found.get_by_role("group", name="number")
    numbers.get_by_label("to").fill("9")
    numbers.get_by_label("to").press("Enter")
    await_results(found, 4)
    found.reload()
    await_results(found, 4)
    assert group.get_by_role("checkbox", name=re.compile("^cross")).is_checked()
    found.go_back()
    await_results(found, 12)


def test_how_many_and_the_real_count(found):
    found.get_by_label("How many").fill("1000")
    found.get_by_label("How many").press("Enter")
    await_results(found, 40)
    assert "40 pictures" in found.get_by_role("region", name="Results").get_by_role("status").inner_text()


@pytest.fixture(scope="session")
def thousand(http):
    """The name of a collection of 1,000 vectors, 0000 to 0999; the nearest of the first come in order."""
    name = "thousand"
    assert http.put(f"/v1/collections/{name}", json={"dimensions": 2}).status_code == 201
    turns = [(f"{number:04}", number / 1000) for number in range(1000)]
    lines = [json.dumps({"id": id, "vector": [math.cos(turn), math.sin(turn)], "metadata": {"number": id}}) for id, turn in turns]
    answer = http.post(
        f"/v1/collections/{name}/items", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 200, answer.text
    return name


def places(page):
    """Where in the whole list the cards are that are there."""
    return page.evaluate("[...document.querySelectorAll('section ul > li')].map((each) => Number(each.ariaPosInSet))")


def in_view(page, place):
    """Whether the card of this place is there and within the view."""
    return page.evaluate(
        """(place) => {
          const box = document.querySelector(`section ul > li[aria-posinset="${place}"]`)?.getBoundingClientRect()
          return !!box && box.bottom > 0 && box.top < innerHeight
        }""",
        place,
    )


def test_of_a_thousand_only_those_near_the_view_are_made(visit, page, thousand):
    visit.goto(f"/collections/{thousand}?id=0000&k=1000")
    await_results(page, 1000)
    assert "1,000 pictures" in page.get_by_role("region", name="Results").get_by_role("status").inner_text()
    until(page, "document.querySelectorAll('section ul > li').length > 60")
    page.wait_for_timeout(500)
    assert places(page) == list(range(1, len(places(page)) + 1)) and len(places(page)) < 200
    visit.check_everywhere("thousand")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    until(page, "document.querySelector('section ul > li:nth-child(2)').ariaPosInSet > 300")
    middle = places(page)
    assert middle == sorted(middle) and len(middle) < 200 and middle[0] == 1, "in order; the one that Tab comes to stays"
    seen = [place for place in middle[1:] if in_view(page, place)]
    assert len(seen) >= 8
    card = page.locator(f'section ul > li[aria-posinset="{seen[0]}"]')
    assert f"{seen[0] - 1:04}" in card.text_content(), "the hit of its rank"
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    until(page, "document.querySelector('section ul > li:last-child').ariaPosInSet === '1000'")
    assert in_view(page, 1000) and page.evaluate("document.documentElement.scrollHeight") == tall


def test_keys_reach_all_of_a_thousand(visit, page, thousand):
    visit.goto(f"/collections/{thousand}?id=0000&k=1000")
    await_results(page, 1000)
    focused = "Number(document.activeElement.closest('li')?.ariaPosInSet)"
    cards(page).first.locator(".open").focus()
    page.keyboard.press("End")
    until(page, f"{focused} === 1000")
    assert in_view(page, 1000)
    page.keyboard.press("ArrowLeft")
    until(page, f"{focused} === 999")
    page.evaluate("scrollTo(0, 0)")
    until(page, "document.querySelector('section ul > li').ariaPosInSet === '1'")
    assert page.evaluate(focused) == 999, "scrolling takes nobody's place away"
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    until(page, f"{focused} === 999")
    assert in_view(page, 999)
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text("999 of 1000").wait_for()
    page.keyboard.press("Escape")
    until(page, f"{focused} === 999")
    page.keyboard.press("Home")
    until(page, f"{focused} === 1")
    assert in_view(page, 1)


def test_the_back_button_comes_back_to_the_place(visit, page, thousand):
    visit.goto(f"/collections/{thousand}?id=0000&k=1000")
    await_results(page, 1000)
    page.evaluate("scrollTo(0, 20_000)")
    until(page, "document.querySelector('section ul > li:nth-child(2)').ariaPosInSet > 100")
    page.wait_for_timeout(300)
    place = next(place for place in places(page)[1:] if in_view(page, place))
    there = page.evaluate("scrollY")
    card = page.locator(f'section ul > li[aria-posinset="{place + 8}"]')
    card.hover()
    card.get_by_role("button", name="Search with").click()
    page.wait_for_url(f"**id={place + 7:04}*")
    await_results(page, 1000)
    until(page, "scrollY === 0")
    page.go_back()
    page.wait_for_url("**id=0000*")
    until(page, "there => Math.abs(scrollY - there) < 2", there)
    await_results(page, 1000)
    until(page, "place => document.querySelector(`section ul > li[aria-posinset='${place}']`) !== null", place)
    assert in_view(page, place)
    page.reload()
    await_results(page, 1000)
    until(page, "there => Math.abs(scrollY - there) < 2", there)


@pytest.fixture(scope="session")
def scenes(http, folders):
    """Pictures rich in detail, and edited copies of the first; one file that is gone."""
    folder = folders / "scenes"
    folder.mkdir()
    for seed in range(6):
        textured(seed).save(folder / f"scene-{seed}.jpg", quality=92)
    first = textured(0)
    first.resize((300, 225)).save(folder / "scene-0-small.jpg", quality=80)
    first.save(folder / "scene-0-low.jpg", quality=40)
    textured(99).save(folder / "gone.jpg")
    lines = ["file,name", *(f"{path.name},{path.stem}" for path in sorted(folder.glob("*.jpg")))]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    name = index(http, "scenes", folder)
    (folder / "gone.jpg").unlink()
    return name


def test_copies_are_folded(visit, page, scenes):
    visit.goto(f"/collections/{scenes}?id=scene-0.jpg")
    await_results(page, 9)
    page.get_by_label("Fold copies together").check()
    await_results(page, 7)
    first = cards(page).first
    assert "2" in first.locator(".copies").inner_text()
    first.locator(".open").click()
    copies = page.get_by_role("dialog").get_by_role("button", name=re.compile("^Search with the copy scene-0-"))
    assert copies.count() == 2
    visit.check_everywhere("copies")


def test_a_missing_file_has_a_stand_in(visit, page, scenes):
    visit.goto(f"/collections/{scenes}?id=scene-1.jpg")
    await_results(page, 9)
    gone = cards(page).filter(has_text="gone.jpg")
    gone.scroll_into_view_if_needed()
    gone.get_by_role("img", name="no picture").wait_for()
    gone.locator(".open").click()
    page.get_by_role("dialog").get_by_role("img", name="no picture").wait_for()
    visit.shoot("missing")


def corners(page, title):
    """The outline of the same part in a picture of the large view, as fractions."""
    figure = page.get_by_role("dialog").locator("figure").filter(has_text=title)
    figure.locator("polygon.same").wait_for()
    points = figure.locator("polygon.same").get_attribute("points")
    return [tuple(float(part) for part in point.split(",")) for point in points.split()]


def test_where_both_show_the_same(visit, page, scenes):
    """A part cut out of a scene is found, and outlined where it was cut out."""
    file = io.BytesIO()
    textured(3).crop((100, 60, 300, 210)).save(file, "PNG")
    visit.goto(f"/collections/{scenes}")
    page.locator("input[type=file]").set_input_files([{"name": "part.png", "mimeType": "image/png", "buffer": file.getvalue()}])
    await_results(page, 9)
    page.get_by_label("The same picture first").check()
    cards(page).filter(has_text="same picture").wait_for()
    first = cards(page).first
    assert "scene-3.jpg" in first.inner_text() and "same picture" in first.inner_text()
    first.locator(".open").click()
    wanted = [(0.25, 0.2), (0.75, 0.2), (0.75, 0.7), (0.25, 0.7)]
    for (x, y), (right_x, right_y) in zip(corners(page, "Found"), wanted, strict=True):
        assert abs(x - right_x) < 0.03 and abs(y - right_y) < 0.03
    for (x, y), (right_x, right_y) in zip(corners(page, "Searched with"), [(0, 0), (1, 0), (1, 1), (0, 1)], strict=True):
        assert abs(x - right_x) < 0.03 and abs(y - right_y) < 0.03
    pictures_shown(page, 2, "dialog")
    visit.check_everywhere("same")
    page.get_by_role("button", name="Show the points that agree").click()
    page.get_by_role("img", name="Both pictures").wait_for()
    pictures_shown(page, 1, "dialog .alignment, dialog")
    visit.shoot("points")


def test_a_hit_that_was_not_verified_is_compared_when_opened(visit, page, scenes):
    """With a crop of the query: its outline is told in the whole picture."""
    visit.goto(f"/collections/{scenes}?id=scene-2.jpg&crop=0.25,0.2,0.5,0.5")
    await_results(page, 9)
    cards(page).filter(has_text="scene-2.jpg").locator(".open").click()
    page.get_by_text(re.compile("yes: .* points agree")).wait_for()
    for (x, y), (right_x, right_y) in zip(
        corners(page, "Searched with"), [(0.25, 0.2), (0.75, 0.2), (0.75, 0.7), (0.25, 0.7)], strict=True
    ):
        assert abs(x - right_x) < 0.03 and abs(y - right_y) < 0.03
    page.get_by_role("button", name="Close").click()
    cards(page).filter(has_text="scene-5.jpg").locator(".open").click()
    page.get_by_role("dialog").get_by_text(re.compile("^no: |^not known: ")).wait_for()


def test_the_large_view(found, visit):
    cards(found).nth(1).locator(".open").click()
    dialog = found.get_by_role("dialog")
    title = dialog.get_by_role("heading", level=2).inner_text()
    assert "2 of 12" in dialog.inner_text()
    assert re.search(r"kind\s+circle", dialog.inner_text()), "the metadata"
    pictures_shown(found, 2, "dialog")
    visit.check_everywhere("large")
    found.keyboard.press("ArrowRight")
    dialog.get_by_text("3 of 12").wait_for()
    assert dialog.get_by_role("heading", level=2).inner_text() != title
    pane = dialog.get_by_role("group", name=re.compile("^Found"))
    pane.focus()
    found.keyboard.press("+")
    found.keyboard.press("+")
    scale = "new DOMMatrix(getComputedStyle(document.querySelectorAll('.sheet')[1]).transform)"
    until(found, f"Math.abs({scale}.a - 1.96) < 1e-6")
    found.keyboard.press("ArrowLeft")
    until(found, f"{scale}.e > 0")
    found.keyboard.press("0")
    until(found, f"{scale}.a === 1")
    pane.hover()
    found.mouse.wheel(0, -100)
    until(found, f"{scale}.a > 1.3")
    found.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert found.evaluate("document.activeElement.className.includes('open')"), "back to where one was"


def test_more_like_this_from_the_large_view(found):
    cards(found).nth(2).locator(".open").click()
    found.get_by_role("dialog").get_by_role("button", name="More like this").click()
    until(found, "document.querySelectorAll('.terms .chip').length === 2")
    await_results(found, 12)


@pytest.fixture(scope="session")
def calibrated(http, folders):
    folder = draw_folder(folders / "many", 240)
    name = index(http, "calibrated", folder)
    answer = http.post(f"/v1/collections/{name}/calibration", json={})
    assert answer.status_code == 200, answer.text
    return name


def test_confidence_and_an_honest_nothing(visit, page, calibrated):
    visit.goto(f"/collections/{calibrated}?id=circle%2F0000.jpg&k=20")
    await_results(page)
    assert "sure" in cards(page).first.inner_text()
    visit.shoot("confidence")
    page.get_by_role("button", name="Reset all").click()
    strange = io.BytesIO()
    Image.effect_mandelbrot((300, 300), (-2, -1.5, 1, 1.5), 100).convert("RGB").save(strange, "PNG")
    page.locator("input[type=file]").set_input_files(
        [{"name": "strange.png", "mimeType": "image/png", "buffer": strange.getvalue()}]
    )
    await_results(page)
    page.get_by_label("Only likely matches").check()
    page.get_by_role("heading", name="Nothing similar", exact=True).wait_for()
    visit.shoot("nothing")
    page.get_by_role("button", name="Show the nearest all the same").click()
    await_results(page)


def test_the_confidence_acts_at_once(visit, page, http, calibrated):
    visit.goto(f"/collections/{calibrated}?id=circle%2F0000.jpg&k=50")
    await_results(page, 50)
    asked = []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.url.endswith("/search") else None)
    said = http.post(f"/v1/collections/{calibrated}/search", json={"id": "circle/0000.jpg", "k": 50}).json()["hits"]
    confidences = sorted((hit["confidence"] for hit in said), reverse=True)
    assert confidences[0] > confidences[-1], "there is something to choose"
    least = round((confidences[0] + confidences[-1]) / 2, 2)
    expected = sum(round(confidence, 4) >= least for confidence in confidences)
    slider = page.get_by_label("Least confidence")
    slider.fill(str(round(least * 100)))
    await_results(page, expected)
    assert 0 < expected < 50
    status = page.get_by_role("region", name="Results").get_by_role("status").inner_text()
    assert f"{expected} picture" in status and f"{50 - expected} below the threshold" in status
    page.wait_for_url(f"**min_confidence={least}*")
    assert asked == [], "nothing was asked again"
    visit.check_everywhere("confidence")
    page.reload()
    await_results(page, expected)

    page.get_by_label("Only likely matches").check()
    page.wait_for_url("**min_confidence=auto*")
    recommended = http.get(f"/v1/collections/{calibrated}/calibration").json()["recommended"]
    until(page, "wanted => document.querySelector('[aria-label=\"Least confidence\"]').value === wanted", str(round(recommended * 100)))
    assert slider.get_attribute("aria-valuetext").endswith("as recommended")
    assert asked[-1]["min_confidence"] == "auto"
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_url(lambda url: "min_confidence=1" in url)
    assert not page.get_by_label("Only likely matches").is_checked()
    page.keyboard.press("Home")
    page.wait_for_url(lambda url: "min_confidence" not in url)
    await_results(page, 50)


def test_none_is_so_sure(visit, page, calibrated):
    visit.goto(f"/collections/{calibrated}?id=circle%2F0000.jpg&exclude_self=true&k=20")
    await_results(page, 20)
    page.get_by_label("Least confidence").fill("100")
    page.get_by_role("heading", name="Nothing that is a match by 100 % or more").wait_for()
    assert re.search(r"The surest of 20 is one by \d+ %", page.get_by_role("region", name="Results").inner_text())
    visit.check_everywhere("not-sure")
    page.get_by_role("button", name="Show all the same").click()
    await_results(page, 20)


def test_without_a_calibration_there_is_no_confidence(found):
    assert found.get_by_label("Least similarity").count() == 1
    assert found.get_by_label("Least confidence").count() == 0


def test_classes_first(visit, page, http, calibrated):
    answer = http.post(f"/v1/collections/{calibrated}/classifiers", json={"kind": "labels", "label": "kind", "name": "form"})
    assert answer.status_code == 200, answer.text
    visit.goto(f"/collections/{calibrated}?id=cross%2F0002.jpg&k=30")
    await_results(page, 30)
    page.get_by_label("Ask first what it is").select_option("form")
    page.get_by_text(re.compile("It looks like cross \\(\\d+ % sure\\)")).wait_for()
    await_results(page, 30)
    assert all("cross" in text for text in cards(page).all_text_contents())
    page.get_by_role("combobox", name=re.compile("^It is")).select_option("square")
    page.get_by_text("It was said to be square. Something else is far nearer, so everything was searched.").wait_for()


def test_a_picture_again_and_again_is_no_error(visit, page, shapes):
    visit.goto(f"/collections/{shapes}")
    for seed in range(3):
        page.locator("input[type=file]").first.set_input_files([file_of(seed=seed)])
        await_results(page, 40)
    assert "40 pictures" in page.get_by_role("region", name="Results").get_by_role("status").inner_text()
