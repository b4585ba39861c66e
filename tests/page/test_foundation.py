"""The page is served whole, by itself, safely and small; older clients still find their line."""

import gzip
import re

import pytest
from conftest import pictures_shown

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_it_opens_and_shows_the_collections(visit, page, shapes):
    visit.goto()
    page.get_by_role("heading", name="What would you like to search?").wait_for()
    card = page.get_by_role("article").filter(has_text=shapes)
    assert "40 pictures" in card.inner_text()
    pictures_shown(page, 4, "article")
    visit.check_everywhere("choose")


def test_links_and_the_back_button_stay_on_the_page(visit, page, shapes):
    visit.goto()
    page.evaluate("window.here = true")
    page.get_by_role("link", name=shapes).click()
    page.wait_for_url(f"**/collections/{shapes}")
    page.go_back()
    page.get_by_role("heading", name="What would you like to search?").wait_for()
    assert page.evaluate("window.here"), "the page was loaded anew"


def test_an_address_within_the_page_can_be_opened(visit, page, shapes):
    answer = visit.page.goto(f"/collections/{shapes}?k=5")
    assert answer.status == 200
    page.get_by_role("navigation").get_by_text(shapes).wait_for()


def test_the_first_view_is_small(visit, page, shapes):
    """Under 200 kB over the wire, as the browser counts it, pictures of the collection aside; and from this server alone."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    visit.goto()
    page.get_by_role("heading", name="What would you like to search?").wait_for()
    transfers = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
             .filter((entry) => !entry.name.includes("/v1/"))
             .map((entry) => [entry.name, entry.transferSize])"""
    )
    # What is there a second time came from the browser's cache, with size 0.
    bytes_of = {name: max(size for other, size in transfers if other == name) for name, _ in transfers}
    assert len(bytes_of) >= 3 and all(bytes_of.values()), bytes_of
    assert sum(bytes_of.values()) < 200_000, bytes_of
    assert [url for url in asked if not url.startswith(visit.url)] == []


def test_the_policy_is_strict(http):
    answer = http.get("/", headers=HTML)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy and "https:" not in policy and "*" not in policy
    assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "<style" not in answer.text and " style=" not in answer.text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", answer.text)), "no script in the document itself"


def test_files_are_cached_and_compressed(http):
    document = http.get("/", headers=HTML)
    assert document.headers["cache-control"] == "no-cache"
    assert http.get("/", headers={**HTML, "If-None-Match": document.headers["etag"]}).status_code == 304
    asset = re.search(r'src="(/assets/[^"]+\.js)"', document.text)[1]
    with http.stream("GET", asset, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    plain = http.get(asset, headers={"Accept-Encoding": "identity"})
    refused = http.get(asset, headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers and "content-encoding" not in refused.headers
    assert gzip.decompress(raw) == plain.content == refused.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    assert http.get("/assets/nothing.js").status_code == 404
    assert http.get("/assets/..%2Findex.html").status_code == 404


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/json"])
def test_older_clients_find_their_line(http, accept):
    answer = http.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/plain")
    assert "workers" in answer.text
