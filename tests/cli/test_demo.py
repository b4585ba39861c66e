"""`make demo`, but for the building: its last step, tools/demo."""

import json
import os
import re
import subprocess
import urllib.request

from conftest import EIDETIC, SOURCE, in_terminal

SEARCHED = re.compile(r"1\s+1\.0000")


def demo(tmp_path, folder):
    return [SOURCE / "tools/demo", EIDETIC, folder], {"DEMO": str(tmp_path / "demo")}


def test_without_a_terminal_it_stops_after_the_first_search(tmp_path, pictures):
    command, environment = demo(tmp_path, pictures)
    (tmp_path / "demo").mkdir()
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "40 indexed" in done.stdout and SEARCHED.search(done.stdout)
    assert "http://" not in done.stdout


def test_on_a_terminal_it_ends_with_the_page(tmp_path, pictures):
    command, environment = demo(tmp_path, pictures)
    (tmp_path / "demo").mkdir()
    seen = {}

    def look(text, keys):
        address = re.search(r"http://127\.0\.0\.1:\d+/collections/mine", text)
        if not (address and "listening on" in text):
            return False
        with urllib.request.urlopen(urllib.request.Request(address[0], headers={"Accept": "text/html"})) as answer:
            seen["page"] = answer.read().decode()
        api = address[0].replace("/collections/", "/v1/collections/")
        with urllib.request.urlopen(f"{api}/items?limit=1") as answer:
            (item,) = json.load(answer)["items"]
        with urllib.request.urlopen(f"{api}/items/{urllib.request.quote(item['id'], safe='')}/thumbnail") as answer:
            seen["thumbnail"] = answer.read()
        keys(b"\x03")
        return True

    _, text = in_terminal(command, columns=200, watch=look, **environment)
    assert SEARCHED.search(text)
    assert "<!doctype html>" in seen["page"].lower() and seen["thumbnail"].startswith(b"\xff\xd8")
