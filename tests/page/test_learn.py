"""Learning a model on the page: choosing, following, stopping and going on, what came of it."""

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from conftest import index, pictures_shown, until
from playwright.sync_api import expect

SMALL = {"embedder_layers": [8], "epochs": 3, "batch_size": 8, "sampler_m": 4, "lr": 0.001, "label": "kind"}


def fixed(value, digits):
    """As the page writes it, which rounds halves up."""
    return str(Decimal(value).quantize(Decimal(10) ** -digits, ROUND_HALF_UP))


def learn(http, collection, name, **wanted):
    job = http.post(f"/v1/collections/{collection}/train", json={**SMALL, "name": name, **wanted}).json()
    http.get(f"/v1/jobs/{job['id']}/events")
    return http.get(f"/v1/trainings/{name}").json()


@pytest.fixture(scope="module")
def learnt(http, shapes):
    """A training of `shapes` that is done."""
    return learn(http, shapes, "learnt")


def shown(page, name):
    return page.get_by_role("region", name=f"The training {name}")


def test_from_a_label_to_a_model(visit, page, http, shapes):
    visit.goto(f"/collections/{shapes}/learn")
    form = page.get_by_role("form", name="A new model")
    form.get_by_role("combobox", name="Label").select_option("kind")
    expect(form.get_by_role("status")).to_contain_text("4 classes: 40 pictures, 10 each.")
    name = form.get_by_label("Name of the model")
    expect(name).to_have_value("shapes-model")
    form.get_by_label("A quick look").check()
    expect(form.get_by_label("A quick look")).to_be_checked()
    form.get_by_text("All options").click()
    form.get_by_role("textbox", name="Layers").fill("16, 8")
    form.get_by_role("spinbutton", name="Pictures in a batch").fill("8")
    form.get_by_role("spinbutton", name=re.compile("^Epochs")).fill("4")
    visit.check_everywhere("form")
    form.get_by_role("button", name="Start learning").click()
    training = shown(page, "shapes-model")
    expect(page).to_have_url(re.compile(r"\?training=shapes-model$"))
    training.get_by_role("region", name="Before and after").wait_for(timeout=60_000)
    told = http.get("/v1/trainings/shapes-model").json()
    asked = told["request"]
    assert (asked["label"], asked["embedder_layers"], asked["epochs"], asked["views"]) == ("kind", [16, 8], 4, 1)
    assert (asked["optimizer"], asked["schedule"], asked["trunk_model"]) == ("adamw", "cosine", "default")
    # What it tells is the server's.
    row = training.get_by_role("row", name="MAP@R").inner_text()
    for when in ("before", "after"):
        assert f"{fixed(told['report'][when]['map_at_r'], 4)} ± {fixed(told['report'][when + '_margin']['map_at_r'], 4)}" in row
    curves = training.get_by_role("img")
    last = told["report"]["epochs"][-1]
    assert f"{fixed(last['map_at_r'], 3)} after epoch 4" in curves.nth(1).get_attribute("aria-label")
    assert f"{fixed(told['report']['before']['p_at_1'], 3)} untrained" in curves.nth(2).get_attribute("aria-label")
    training.get_by_text("The classes told apart worst").click()
    assert training.get_by_role("region", name="The classes told apart worst").get_by_role("row").count() == 5
    visit.check_everywhere("done")


def test_followed_stopped_and_gone_on_with(visit, page, http, shapes):
    wanted = {**SMALL, "name": "followed", "epochs": 100_000}
    job = http.post(f"/v1/collections/{shapes}/train", json=wanted).json()
    visit.goto(f"/collections/{shapes}/learn?training=followed")
    training = shown(page, "followed")
    expect(training.get_by_role("status")).to_contain_text("Learning: epoch", timeout=60_000)
    curve = "document.querySelector('main polyline')?.points.length >= 2"
    until(page, curve)
    expect(training.get_by_role("img").nth(1)).to_have_attribute("aria-label", re.compile("untrained"))
    points = page.evaluate("document.querySelector('main polyline').points.length")
    until(page, f"document.querySelector('main polyline')?.points.length > {points}")
    training.get_by_role("button", name="Stop").click()
    training.get_by_role("button", name="Go on").wait_for()
    assert http.get(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    told = http.get("/v1/trainings/followed").json()["report"]
    assert training.get_by_role("img").first.get_attribute("aria-label").endswith(f"after epoch {len(told['epochs'])}")
    visit.check_everywhere("stopped")
    training.get_by_role("button", name="Go on").click()
    training.get_by_role("button", name="Stop").wait_for()
    expect(training.get_by_role("status")).to_contain_text("Learning: epoch", timeout=60_000)
    training.get_by_role("button", name="Stop").click()
    training.get_by_role("button", name="Delete this record").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    page.get_by_role("form", name="A new model").wait_for()
    assert http.get("/v1/trainings/followed").status_code == 404


def test_trainings_are_listed_and_their_reports_open(visit, page, shapes, learnt):
    visit.goto(f"/collections/{shapes}/learn")
    report = learnt["report"]
    entry = page.get_by_role("navigation", name="Trainings").get_by_role("link", name="learnt MAP@R")
    assert f"{fixed(report['before']['map_at_r'], 3)} → {fixed(report['after']['map_at_r'], 3)}" in entry.inner_text()
    entry.focus()
    page.keyboard.press("Enter")
    training = shown(page, "learnt")
    training.get_by_role("region", name="Before and after").wait_for()
    with visit.context.expect_page() as opened:
        training.get_by_role("link", name="Report").click()
    other = opened.value
    other.wait_for_load_state()
    assert other.get_by_role("heading", level=1).inner_text() == "learnt"
    assert other.evaluate("getComputedStyle(document.body).fontFamily").startswith("system-ui"), "its style is let in"
    other.close()


def test_what_cannot_be_learnt_says_so(visit, page, http, shapes, learnt):
    visit.goto(f"/collections/{shapes}/learn")
    form = page.get_by_role("form", name="A new model")
    form.get_by_role("combobox", name="Label").select_option("number")
    expect(form.get_by_role("status")).to_contain_text("40 classes")
    expect(form.get_by_role("status")).to_contain_text("At least two classes are needed")
    assert form.get_by_role("button", name="Start learning").is_disabled()
    form.get_by_role("combobox", name="Label").select_option("kind")
    form.get_by_label("Name of the model").fill("learnt")
    form.get_by_text("There is a model of this name.").wait_for()
    form.get_by_label("Name of the model").fill("another")
    form.get_by_text("All options").click()
    form.get_by_role("spinbutton", name="Pictures in a batch").fill("9")
    form.get_by_role("button", name="Start learning").click()
    form.get_by_role("alert").filter(has_text="a multiple").wait_for()
    assert http.get("/v1/trainings/another").status_code == 404


def test_compared_and_switched(visit, page, http, folders, learnt):
    name = index(http, "switching", folders / "pictures")
    visit.goto(f"/collections/{name}/learn?training=learnt")
    use = shown(page, "learnt").get_by_role("region", name="Use it")
    use.get_by_role("button", name="Make its vectors").click()
    use.get_by_role("button", name="Switch to it").wait_for(timeout=60_000)
    assert http.get(f"/v1/collections/{name}").json()["model"] != "learnt", "nothing has changed yet"
    use.get_by_role("button", name="Compare both").click()
    with_it = use.get_by_role("region", name="With learnt")
    with_it.get_by_role("listitem").nth(9).wait_for()
    pictures_shown(page, 21, "section[aria-label='Use it']")
    assert "MAP@R" in with_it.inner_text()
    use.get_by_role("button", name="Next").click()
    expect(use.get_by_role("group", name="Searches").get_by_role("status")).to_contain_text("Search 2 of")
    visit.check_everywhere("compared")
    use.get_by_role("button", name="Switch to it").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch").click()
    use.get_by_text("The collection is searched with this model.").wait_for(timeout=60_000)
    assert http.get(f"/v1/collections/{name}").json()["model"] == "learnt"
    hits = http.post(f"/v1/collections/{name}/search", json={"terms": [{"id": "circle/0000.jpg"}], "k": 1}).json()
    assert (hits["model"], hits["hits"][0]["id"]) == ("learnt", "circle/0000.jpg")
    visit.check_everywhere("switched")
    use.get_by_role("button", name="Take it back").click()
    use.get_by_role("button", name="Switch to it").or_(use.get_by_role("button", name="Make its vectors")).wait_for(timeout=60_000)
    assert http.get(f"/v1/collections/{name}").json()["model"] != "learnt"
