"""Signing in; with a keyboard alone; what the server refuses, in words."""

import re

import httpx
import pytest
from conftest import Visit, await_results, cards, encoded, pictures_shown, until
from live import TOKENS, Server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """A server with tokens, and a collection."""
    with Server(tmp_path_factory.mktemp("guarded"), limits={"picture_bytes": 200_000}) as server:
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKENS['admin']}"}, timeout=60) as http:
            assert http.put("/v1/collections/shop").status_code == 201
            for seed in range(8):
                answer = http.put(
                    f"/v1/collections/shop/items/{seed}.png", content=encoded(seed=seed), headers={"Content-Type": "image/png"}
                )
                assert answer.status_code == 201
        yield server


@pytest.fixture
def stranger(chromium, guarded, request):
    visit = Visit(chromium, guarded.url, request.node.name)
    yield visit
    visit.shoot("end")
    visit.finish()


def sign_in(page, token):
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in(stranger):
    page = stranger.goto("/collections/shop?id=3.png")
    page.get_by_role("heading", name="Sign in").wait_for()
    stranger.check_everywhere("sign-in")
    sign_in(page, "wrong")
    page.get_by_text("the token is not one of this server's").wait_for()
    sign_in(page, TOKENS["read"])
    await_results(page, 8)
    pictures_shown(page, 8, "section")
    assert "100.00 %" in cards(page).first.inner_text(), "what the address asked for, after all"
    page.reload()
    await_results(page, 8)
    assert page.evaluate("localStorage.getItem('eidetic.token')") is None, "not remembered unless wanted"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("sessionStorage.getItem('eidetic.token')") is None


def test_remembering(stranger):
    page = stranger.goto("/")
    page.get_by_label("Remember it on this device").check()
    sign_in(page, TOKENS["read"])
    page.get_by_role("link", name="shop").wait_for()
    other = stranger.context.new_page()
    other.goto("/")
    other.get_by_role("link", name="shop").wait_for()


def test_refusals_are_words(stranger):
    page = stranger.goto("/collections/shop")
    sign_in(page, TOKENS["read"])
    page.get_by_text("Drop a picture here").wait_for()
    large = {"name": "large.png", "mimeType": "image/png", "buffer": encoded(size=(500, 400))}
    assert len(large["buffer"]) > 200_000
    page.locator("input[type=file]").set_input_files([large])
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "too large" in alert.inner_text() and re.search(r"200[,_]?000|195|200", alert.inner_text())
    stranger.goto("/collections/nothing")
    page.get_by_text("no collection 'nothing'").wait_for()
    page.get_by_role("link", name="Choose another collection").click()
    page.get_by_role("link", name="shop").wait_for()


def test_a_server_that_is_gone(chromium, tmp_path, request):
    with Server(tmp_path, tokens=False) as server:
        visit = Visit(chromium, server.url, request.node.name)
        page = visit.goto("/")
        page.get_by_text("There is no collection yet").wait_for()
        visit.shoot("empty")
        server.stop()
        page.evaluate("history.pushState(null, '', '/collections/x'); dispatchEvent(new PopStateEvent('popstate'))")
        page.get_by_text("The server does not answer").wait_for()
        visit.finish()


def focused(page):
    return page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()")


def tab_to(page, pattern, most=80):
    for _ in range(most):
        page.keyboard.press("Tab")
        if re.search(pattern, focused(page)):
            return
    raise AssertionError(f"Tab never came to {pattern}; it is at {focused(page)}")


def test_with_a_keyboard_alone(visit, page, shapes):
    visit.goto("/")
    page.get_by_role("link", name=shapes).wait_for()
    tab_to(page, f"^{shapes}$")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("^Search with .*jpg")).first.wait_for()
    tab_to(page, r"^Search with .*jpg")
    page.keyboard.press("Enter")
    await_results(page, 40)
    tab_to(page, "^Choose a part of")
    page.keyboard.press("Enter")
    page.get_by_label("From the left").wait_for()
    tab_to(page, "^Search with this part")
    page.keyboard.press("Enter")
    page.wait_for_url("**crop=*")
    await_results(page, 40)
    tab_to(page, "Show it large")
    first = focused(page)
    page.keyboard.press("ArrowRight")
    until(page, "first => document.activeElement.getAttribute('aria-label') !== first", first)
    second = focused(page)
    page.keyboard.press("End")
    until(page, "() => document.activeElement.closest('li') === document.querySelector('section ul').lastElementChild")
    page.keyboard.press("Home")
    until(page, "first => document.activeElement.getAttribute('aria-label') === first", first)
    page.keyboard.press("ArrowRight")
    until(page, "second => document.activeElement.getAttribute('aria-label') === second", second)
    page.keyboard.press("Tab")
    assert focused(page).startswith("Search with"), "the actions of the card come next"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text("2 of 40").wait_for()
    page.keyboard.press("Escape")
    until(page, "second => document.activeElement.getAttribute('aria-label') === second", second)
