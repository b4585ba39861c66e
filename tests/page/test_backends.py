"""Where collections are kept: chosen when one is made, and when one is copied."""

import httpx
import pytest
from conftest import Visit, index
from live import Server
from pictures import draw_folder
from playwright.sync_api import expect

ENGINE = "opensearch://127.0.0.1:9"  # nobody answers there


@pytest.fixture(scope="module")
def visit(tmp_path_factory, chromium):
    """The page of a server that keeps new collections in a search engine which is down."""
    root = tmp_path_factory.mktemp("backends")
    pictures = draw_folder(root / "pictures", 8)
    with Server(root, tokens=False, paths={"allowed": [pictures]}, backend={"url": ENGINE, "wait_s": 0}) as server:
        with httpx.Client(base_url=server.url, timeout=120) as http:
            index(http, "shapes", pictures, backend="embedded")
            visit = Visit(chromium, server.url, "backends")
            visit.http = http
            yield visit
            visit.finish()


def test_a_place_is_chosen_for_a_new_one(visit):
    page = visit.goto("/?view=new")
    page.get_by_label("Name", exact=True).fill("birds")
    expect(page.get_by_label("Kept in")).to_have_value(ENGINE)
    page.get_by_role("button", name="Create it").click()
    expect(page.get_by_role("alert")).to_contain_text("127.0.0.1:9", timeout=60_000)
    visit.check_everywhere("place")
    page.get_by_label("Kept in").select_option("the data folder")
    page.get_by_role("button", name="Create it").click()
    page.wait_for_url("**/collections/birds/add")
    assert visit.http.get("/v1/collections/birds").json()["backend"] == "embedded"


def test_one_is_copied(visit):
    page = visit.goto("/collections/shapes/manage?part=move")
    expect(page.get_by_role("combobox", name="To", exact=True)).to_have_value(ENGINE)
    page.get_by_role("button", name="Copy it").click()
    expect(page.get_by_role("alert")).to_contain_text("127.0.0.1:9", timeout=60_000)
    page.get_by_role("combobox", name="To", exact=True).select_option("the data folder")
    expect(page.get_by_role("button", name="Copy it")).to_be_disabled()
    page.get_by_label("Name of the copy").fill("shapes again")
    page.get_by_text("Letters, digits, - and _, and dots but not in front").wait_for()
    page.get_by_label("Name of the copy").fill("shapes-again")
    page.get_by_role("button", name="Copy it").click()
    job = page.get_by_role("article", name="Copying shapes")
    expect(job.get_by_role("status")).to_have_text("done", timeout=60_000)
    expect(job).to_contain_text("8 copied")
    visit.check_everywhere("copied")
    page.get_by_role("link", name="shapes-again").click()
    page.get_by_text("All 8 items").wait_for()
