"""Whatever names and metadata say, it is shown as text, in its place."""

import base64
import json

import pytest
from conftest import await_results, cards, encoded

SCRIPT = "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 2'>"
TURNED = "abc\u202egnp.exe\u2066"
LONG = "x" * 10_000
WORDS = "lorem ipsum " * 900


@pytest.fixture(scope="session")
def hostile(http):
    """The name of a collection whose every text means harm."""
    name = "hostile"
    described = {"description": SCRIPT, "source": "javascript:alert(1)"}
    assert http.put(f"/v1/collections/{name}", json=described).status_code == 201
    metadata = {
        "label": SCRIPT,
        "turned": TURNED,
        "long": LONG,
        "words": WORDS,
        SCRIPT: "a name that is markup",
        "link": "javascript:window.harmed = 3",
        "nested": {"<b>": ["<i>", None, {"__proto__": 1}]},
        "group": "both",
    }
    for seed, id in enumerate((SCRIPT, TURNED, LONG[:1000], "a/../b.png", "%2e%2e", "plain.png")):
        item = {"id": id, "base64": base64.b64encode(encoded(seed=seed)).decode(), "metadata": {**metadata, "number": seed}}
        answer = http.post(f"/v1/collections/{name}/items", content=json.dumps(item), headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
    return name


def test_hostile_texts(visit, page, hostile):
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    visit.goto()
    page.get_by_role("link", name=hostile).wait_for()
    assert SCRIPT in page.locator("article").filter(has_text=hostile).inner_text()
    assert page.locator("a[href^=javascript]").count() == 0
    visit.check_everywhere("cards")
    visit.goto(f"/collections/{hostile}?id=plain.png")
    await_results(page, 6)
    assert SCRIPT[:60] in cards(page).first.inner_text()
    visit.check_everywhere("results")
    cards(page).filter(has_text="plain.png").locator(".open").click()
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    assert SCRIPT in text and "javascript:window.harmed" in text and "abc‹U+202E›gnp.exe‹U+2066›" in text
    assert LONG not in text
    visit.check_everywhere("large")
    dialog.get_by_role("button", name="All of it", exact=True).click()
    assert LONG in dialog.inner_text()
    assert page.locator("a[href^=javascript]").count() == 0
    page.keyboard.press("Escape")
    for id in (SCRIPT, TURNED):
        visit.goto()
        page.evaluate(
            "([name, id]) => location.assign(`/collections/${name}?${new URLSearchParams({id})}`)", [hostile, id]
        )
        await_results(page, 6)
        assert "100.00 %" in cards(page).first.inner_text()
    assert page.evaluate("window.harmed") is None
    assert said == []


def test_hostile_addresses(visit, page, hostile):
    for address in (
        f"/collections/{hostile}?id={'%3Cscript%3E' * 50}&text=%00",
        "/collections/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        f"/collections/{hostile}/%3Cimg%20src=x%20onerror=alert(1)%3E",
        f"/collections/{hostile}?facet=%5B%22__proto__%22,1%5D&facet=%5B1%5D&k=1e99&filter=%22&id=plain.png&id=a",
    ):
        visit.goto(address)
        page.wait_for_timeout(300)
    assert page.evaluate("window.harmed") is None
