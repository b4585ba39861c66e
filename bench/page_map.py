"""How smooth the page's map is with 100,000 points, in headless Chromium, where software draws WebGL (SwiftShader).

    .deps/venv/bin/python bench/page_map.py BUILD_FOLDER [umap]

100,000 x 64 vectors around 20 centres, laid out by PCA (or UMAP), all of them shown. The map is moved with the mouse, then zoomed with
the wheel, each for some seconds; frames are those that showed the map at another place. A long task is one of more than 50 ms on the
page's main thread.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy
from playwright.sync_api import sync_playwright

BUILD = Path(sys.argv[1]).resolve()
METHOD = sys.argv[2] if len(sys.argv) > 2 else "pca"
ITEMS, DIMENSIONS, CENTRES, BATCH = 100_000, 64, 20, 5_000
RUN_S = 6

# Notes when a frame was shown (as one textured square), how many points were drawn, and long tasks.
WATCH = """
window.frames_drawn = []; window.points_drawn = 0; window.long_tasks = [];
for (const kind of [WebGLRenderingContext, WebGL2RenderingContext]) {
  const draw = kind.prototype.drawArrays;
  kind.prototype.drawArrays = function (mode, first, count) {
    if (mode === this.POINTS) window.points_drawn += count;
    if (mode === this.TRIANGLES) window.frames_drawn.push(performance.now());
    return draw.call(this, mode, first, count);
  };
}
new PerformanceObserver((list) => window.long_tasks.push(...list.getEntries().map((e) => [e.startTime, e.duration])))
  .observe({ entryTypes: ["longtask"] });
"""


def call(url, method, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def fill(server):
    random = numpy.random.default_rng(7)
    centres = random.normal(size=(CENTRES, DIMENSIONS))
    of = random.integers(0, CENTRES, ITEMS)
    rows = centres[of] + 0.6 * random.normal(size=(ITEMS, DIMENSIONS))
    call(f"{server}/v1/collections/points", "PUT", {"dimensions": DIMENSIONS})
    for start in range(0, ITEMS, BATCH):
        items = [
            {"id": f"{n:06}", "vector": [round(float(v), 4) for v in rows[n]], "metadata": {"centre": f"centre {of[n]}"}}
            for n in range(start, start + BATCH)
        ]
        assert call(f"{server}/v1/collections/points/items", "POST", {"items": items})["failed"] == 0


def measure(page, what, act):
    page.evaluate("window.frames_drawn.length = window.points_drawn = 0; window.long_tasks.length = 0")
    began = time.monotonic()
    while time.monotonic() < began + RUN_S:
        act(time.monotonic() - began)
    drawn, points, slow = page.evaluate("[window.frames_drawn, window.points_drawn, window.long_tasks]")
    gaps = [later - sooner for sooner, later in zip(drawn, drawn[1:])]
    seconds = (drawn[-1] - drawn[0]) / 1000
    print(
        f"{what}: {len(gaps) / seconds:.0f} frames/s over {seconds:.1f} s, a frame {statistics.median(gaps):.0f} ms (median), "
        f"{numpy.percentile(gaps, 99):.0f} ms (99 %), {max(gaps):.0f} ms (worst); long tasks: {len(slow)}; all points drawn anew {points / ITEMS / seconds:.1f} times a second"
    )


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        config = Path(folder) / "eidetic.toml"
        config.write_text("[listen]\nport = 0\n")
        command = [BUILD / "eidetic", "serve", "--data", f"{folder}/data", "--config", config]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            while not (match := re.search(r"listening on (http://\S+)", server.stderr.readline())):
                pass
            url = match[1].rstrip("/")
            fill(url)
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.set_default_timeout(600_000)
            page.add_init_script(WATCH)
            began = time.monotonic()
            page.goto(f"{url}/collections/points/map?method={METHOD}&limit={ITEMS}&label=centre")
            while not page.evaluate("window.points_drawn"):
                page.wait_for_timeout(20)
            slow = page.evaluate("window.long_tasks")
            print(f"{METHOD} of {ITEMS} points: shown after {time.monotonic() - began:.1f} s; long tasks: {[round(d) for _, d in slow]} ms")
            renderer = page.evaluate(
                """() => { const gl = document.createElement("canvas").getContext("webgl");
                           return gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL); }"""
            )
            print(f"Chromium {browser.version}, {renderer}")
            page.wait_for_timeout(2000)
            box = page.get_by_role("application").bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            measure(page, "moving", lambda t: page.mouse.move(x + 200 * numpy.sin(3 * t), y + 120 * numpy.cos(3 * t)))
            page.mouse.up()
            measure(page, "zooming", lambda t: page.mouse.wheel(0, -60 if t % 2 < 1 else 60))
            browser.close()
        finally:
            server.terminate()
            server.wait()


main()
