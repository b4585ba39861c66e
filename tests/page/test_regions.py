"""Parts of pictures: the part that was found is outlined where the server says it is, and where the eye sees it."""

import io
import re

import pytest
from conftest import await_results, cards, pictures_shown, until
from pictures import textured
from PIL import Image

RAW = {"Content-Type": "application/octet-stream"}
THING = textured(1, (200, 150))


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def scene():
    """The thing, and nothing else, in the lower right of a grey picture."""
    picture = Image.new("RGB", (400, 300), (128, 128, 128))
    picture.paste(THING, (200, 150))
    return picture


def make(http, name, regions, **pictures):
    path = f"/v1/collections/{name}"
    assert http.put(path, json={"regions": regions}).status_code == 201
    for id, picture in pictures.items():
        assert http.put(f"{path}/items/{id}", content=png(picture), headers=RAW).status_code == 201
    return name


@pytest.fixture(scope="session")
def parted(http):
    """The name of a collection that can be searched by parts: a scene, and other pictures."""
    return make(http, "parted", "multi", scene=scene(), other=textured(5), third=textured(6))


@pytest.fixture(scope="session")
def whole(http):
    """The name of one that cannot, with the thing alone."""
    return make(http, "whole", "none", thing=THING, other=textured(5))


def hits(http, collection, picture, **options):
    answer = http.post(f"/v1/collections/{collection}/search", params=options, content=png(picture), headers=RAW)
    assert answer.status_code == 200, answer.text
    return answer.json()["hits"]


def give(page, picture):
    page.locator("input[type=file]").set_input_files([{"name": "given.png", "mimeType": "image/png", "buffer": png(picture)}])


def pane(page, title):
    return page.get_by_role("dialog").locator("figure").filter(has_text=title)


def outlined(page, title):
    """The region that is outlined, as the API would say it."""
    outline = pane(page, title).locator("polygon.region")
    outline.wait_for(state="attached")
    points = [[float(part) for part in point.split(",")] for point in outline.get_attribute("points").split()]
    xs, ys = zip(*points)
    assert {tuple(point) for point in points} == {(x, y) for x in (min(xs), max(xs)) for y in (min(ys), max(ys))}
    return {"x": min(xs), "y": min(ys), "width": max(xs) - min(xs), "height": max(ys) - min(ys)}


def lies_over(page, title, region):
    """Whether the outline is seen over that part of the picture, to a few pixels."""
    # Both as they are drawn, whatever the size of the pane.
    image, outline = (
        pane(page, title).locator(each).evaluate("each => (({x, y, width, height}) => [x, y, width, height])(each.getBoundingClientRect())")
        for each in ("img", "polygon.region")
    )
    wanted = [
        image[0] + region["x"] * image[2],
        image[1] + region["y"] * image[3],
        region["width"] * image[2],
        region["height"] * image[3],
    ]
    assert image[2] > 100 and image[3] > 75, "the picture is there"
    return all(abs(one - other) < 8 for one, other in zip(outline, wanted, strict=True))


def test_the_part_that_was_found(visit, page, http, parted):
    visit.goto(f"/collections/{parted}")
    give(page, THING)
    await_results(page, 3)
    assert "other" in cards(page).first.text_content(), "the whole pictures say otherwise"
    page.get_by_label("Look for a part").check()
    page.wait_for_url("**regions=true*")
    cards(page).first.filter(has_text="scene").wait_for()
    best = hits(http, parted, THING, regions=True)[0]
    assert (best["id"], set(best["region"])) == ("scene", {"x", "y", "width", "height"})
    cards(page).first.locator(".open").click()
    assert outlined(page, "Found") == pytest.approx(best["region"])
    pictures_shown(page, 2, "dialog")
    assert lies_over(page, "Found", best["region"])
    assert pane(page, "Searched with").locator("polygon.region").count() == 0, "all of it was searched with"
    assert "the part that is nearest" in pane(page, "Found").locator("img").get_attribute("alt")
    visit.check_everywhere("region")
    page.set_viewport_size({"width": 360, "height": 740})
    assert lies_over(page, "Found", best["region"])
    page.set_viewport_size({"width": 1280, "height": 860})
    for _ in range(2):
        page.get_by_role("button", name="Found: larger").click()
    until(page, "new DOMMatrix(getComputedStyle(document.querySelectorAll('.sheet')[1]).transform).a > 1.9")
    assert lies_over(page, "Found", best["region"]), "it goes with the picture"


def test_the_part_that_it_was_found_by(visit, page, http, whole):
    visit.goto(f"/collections/{whole}")
    give(page, scene())
    await_results(page, 2)
    assert page.get_by_label("Look for a part").count() == 0, "this collection has none"
    page.get_by_label("Search with the picture").select_option(label="Its parts: what is in the scene")
    page.wait_for_url("**augment=parts*")
    cards(page).first.filter(has_text="thing").wait_for()
    until(page, "document.querySelector('section[aria-label=Results]').ariaBusy === 'false'")
    best = hits(http, whole, scene(), augment="parts")[0]
    assert best["id"] == "thing"
    cards(page).first.locator(".open").click()
    assert outlined(page, "Searched with") == pytest.approx(best["query_region"])
    pictures_shown(page, 2, "dialog")
    assert lies_over(page, "Searched with", best["query_region"])
    assert pane(page, "Found").locator("polygon.region").count() == 0
    visit.check_everywhere("query-region")


def test_the_part_of_a_part(visit, page, http, whole):
    """Of a query that is cropped, the outline is where the part lies in the whole picture."""
    visit.goto(f"/collections/{whole}?augment=parts")
    wide = Image.new("RGB", (800, 300), (128, 128, 128))
    wide.paste(scene(), (400, 0))
    give(page, wide)
    await_results(page, 2)
    page.get_by_role("button", name=re.compile("^Choose a part of")).click()
    dialog = page.get_by_role("dialog")
    dialog.locator("cropper-selection").wait_for()
    for label, number in (("From the left", "0"), ("From the top", "0"), ("Height", "100"), ("Width", "50"), ("From the left", "50")):
        dialog.get_by_label(label).fill(number)
        dialog.get_by_label(label).press("Tab")
    dialog.get_by_role("button", name="Search with this part").click()
    page.wait_for_url("**crop=0.5%2C0%2C0.5%2C1*")
    until(page, "document.querySelector('section[aria-label=Results]').ariaBusy === 'false'")
    region = hits(http, whole, wide, augment="parts", crop="0.5,0,0.5,1")[0]["query_region"]
    cards(page).first.locator(".open").click()
    expected = {**region, "x": 0.5 + region["x"] / 2, "width": region["width"] / 2}
    assert outlined(page, "Searched with") == pytest.approx(expected)
    assert lies_over(page, "Searched with", expected)
