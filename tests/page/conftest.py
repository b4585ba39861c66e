"""A live server with collections, and Debian's Chromium looking at its page.

With $EIDETIC_SCREENSHOTS naming a folder, every test leaves pictures of what it saw there.
"""

import io
import os
import re
import time
from pathlib import Path

import httpx
import pytest
from live import SOURCE, Server
from pictures import draw, draw_folder
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
AXE = SOURCE / "web/node_modules/axe-core/axe.min.js"
SCREENSHOTS = os.environ.get("EIDETIC_SCREENSHOTS")
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 740}
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

# Before anything of the page runs: what its policy forbids is remembered.
WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders that the server may read: pictures (40: circle/0000.jpg, square/0001.jpg …)."""
    root = tmp_path_factory.mktemp("folders")
    draw_folder(root / "pictures", 40)
    return root


@pytest.fixture(scope="session")
def server(tmp_path_factory, folders):
    """A server of this machine alone, without tokens."""
    allowed = {"paths": {"allowed": [folders]}, "fetch": {"allow_private": True, "timeout_s": 5}}
    with Server(tmp_path_factory.mktemp("server"), tokens=False, **allowed) as server:
        yield server


@pytest.fixture(scope="session")
def http(server):
    with httpx.Client(base_url=server.url, timeout=120) as client:
        yield client


def index(http, name, pictures, **options):
    """A collection of a folder with a metadata.csv; its name."""
    assert http.put(f"/v1/collections/{name}", json=options or None).status_code == 201
    wanted = {"paths": [str(pictures)], "metadata_file": str(pictures / "metadata.csv")}
    job = http.post(f"/v1/collections/{name}/index", json=wanted).json()
    # The stream of events ends with the job.
    events = http.get(f"/v1/jobs/{job['id']}/events").text
    assert '"state":"done"' in events.replace(" ", ""), events
    return name


@pytest.fixture(scope="session")
def shapes(http, folders):
    """The name of a collection with the 40 pictures and their metadata."""
    return index(http, "shapes", folders / "pictures")


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        options = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Visit:
    """One person's page. What the browser complains of fails the test when it ends."""

    def __init__(self, browser, url, name, **options):
        self.url, self.name, self.pictures = url, name, 0
        self.context = browser.new_context(base_url=url, viewport=DESKTOP, **options)
        self.context.add_init_script(WATCH_POLICY)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.failures = []
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("console", self.hear)

    def hear(self, message):
        # Answers that are errors are told by the browser, too; whether they were wanted is the test's matter.
        # Of drawing in software, the driver says that it waits for itself.
        unasked = ("Failed to load resource", "GL Driver Message")
        if message.type in ("error", "warning") and not any(text in message.text for text in unasked):
            self.failures.append(message.text)

    def goto(self, address="/"):
        self.page.goto(address)
        return self.page

    def shoot(self, what):
        """Leaves a picture of the page as it is, where pictures are wanted."""
        if SCREENSHOTS:
            self.pictures += 1
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{self.name}-{self.pictures:02}-{what}.png")

    def check_accessible(self):
        """axe-core finds no serious fault in what is shown."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        faults = [
            f"{fault['id']}: {[(node['html'][:160], node['failureSummary']) for node in fault['nodes'][:3]]}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert not faults, "\n".join(faults)

    def check_everywhere(self, what):
        """Accessible, and within the width, in light and dark, on a desk and on a phone."""
        # What scrolling would show, too; and before the colours change, which what is not drawn would follow later.
        self.page.evaluate("for (const each of document.querySelectorAll('li')) each.style.contentVisibility = 'visible'")
        for width in (DESKTOP, PHONE):
            self.page.set_viewport_size(width)
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                # Colours change over a few frames, which a busy machine takes its time for.
                self.page.wait_for_timeout(300)
                self.page.evaluate(TWO_FRAMES)
                self.shoot(f"{what}-{scheme}-{width['width']}")
                self.check_accessible()
                widest = self.page.evaluate("document.documentElement.scrollWidth")
                assert widest <= width["width"], f"{what} is {widest} wide at {width['width']}"
        self.page.set_viewport_size(DESKTOP)
        self.page.emulate_media(color_scheme="light")
        self.page.evaluate("for (const each of document.querySelectorAll('li')) each.style.contentVisibility = ''")

    def finish(self):
        violations = self.page.evaluate("window.violations")
        self.context.close()
        assert violations == [], "the content security policy was violated"
        assert self.failures == []


def until(page, expression, argument=None):
    """Waits until JavaScript is true of the page. Playwright's own way to wait would need its policy to allow eval."""
    end = time.monotonic() + 20
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never true: {expression}"
        time.sleep(0.03)


def pictures_shown(page, count, within="main"):
    """Waits until so many pictures have been loaded."""
    loaded = "([within, count]) => [...document.querySelectorAll(within + ' img')].filter(i => i.naturalWidth > 0).length >= count"
    until(page, loaded, [within, count])


@pytest.fixture
def visit(chromium, server, request):
    name = re.sub(r"\W+", "-", request.node.name)
    visit = Visit(chromium, server.url, name)
    yield visit
    visit.shoot("end")
    visit.finish()


@pytest.fixture
def page(visit):
    return visit.page


def encoded(kind="circle", seed=1000, size=(96, 80), format="PNG"):
    """The bytes of a picture, by default of one that is in no collection."""
    file = io.BytesIO()
    draw(kind, seed, size).save(file, format)
    return file.getvalue()


def file_of(name="query.png", **options):
    return {"name": name, "mimeType": "image/png", "buffer": encoded(**options)}


def cards(page):
    """The hits that are shown. What is out of sight has text_content() and no inner_text()."""
    return page.get_by_role("list", name="What was found").get_by_role("article")


def await_results(page, count=None):
    """The cards, when the search has been answered."""
    page.locator("section[aria-label=Results][aria-busy=false]").wait_for()
    cards(page).first.wait_for()
    if count is not None:
        # Of many results only those near the view are there as cards; each says of how many it is.
        until(page, "count => document.querySelector('section ul > li')?.ariaSetSize === String(count)", count)
    return cards(page)


@pytest.fixture
def found(visit, shapes):
    """Results of a search by an item."""
    page = visit.goto(f"/collections/{shapes}?id=circle%2F0000.jpg&k=12")
    await_results(page, 12)
    return page
