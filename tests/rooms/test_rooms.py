"""The floor plan holds: a room includes only what its CMakeLists.txt names, on lower floors, and a third-party library is
known to one room only."""

import os
import re
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("EIDETIC_SOURCE", Path(__file__).parents[2]))
BUILD = Path(os.environ.get("EIDETIC_BUILD", SOURCE / "build/release"))

FLOORS = {
    "base": 0,
    "image": 1, "index": 1, "catalog": 1, "net": 1,
    "embed": 2, "s3": 2, "refine": 2, "learn": 2,
    "backend": 3, "cluster": 4, "blobs": 3, "train": 3, "training": 4,
    "engine": 5, "remote": 5,
    "server": 6, "recipes": 6,
    "cli": 7,
}  # fmt: skip

# Third-party headers, and the one room that may include them. fmt and nlohmann/json stand for what the standard library lacks.
EVERYWHERE = re.compile(r"^(fmt/|nlohmann/json|gtest/|gmock/|CLI/CLI\.hpp$)")
LIBRARIES = {
    r"^openssl/": "base",
    r"^xxhash\.h$": "base",
    r"^spdlog/": "base",
    r"^turbojpeg\.h$|^jpeglib\.h$": "image",
    r"^vips/|^glib": "image",
    r"^libexif/": "image",
    r"^sqlite3\.h$": "catalog",
    r"^curl/": "net",
    r"^pugixml\.hpp$": "s3",
    r"^openvino/": "embed",
    r"^eidetic_tokenizers\.h$": "embed",
    r"^vl/|^Eigen/": "refine",
    r"^onnx/": "train",
    r"^google/protobuf/": "training",
    r"^archive(_entry)?\.h$": "recipes",
    r"^CLI/": "cli",
    r"^toml\+\+/": "base",
    r"^prometheus/": "server",
    r"^simdjson\.h$": "server",
    r"^boost/": "server",
}


def sources():
    for room in FLOORS:
        for path in sorted((SOURCE / "src" / room).glob("**/*")):
            if path.suffix in (".h", ".cpp"):
                yield room, path


def includes(path):
    for line in path.read_text().splitlines():
        if match := re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line):
            yield match[1], match[2]


def dependencies(room):
    """Rooms that a room may include: those its CMakeLists.txt names, and theirs in turn."""
    path = SOURCE / "src" / room / "CMakeLists.txt"
    text = path.read_text() if path.exists() else ""
    match = re.search(r"DEPENDS((?:\s+(?:%s)\b)+)" % "|".join(FLOORS), text)
    direct = set(match[1].split()) if match else set()
    return direct.union(*(dependencies(other) for other in direct))


def test_every_room_stands_on_lower_floors():
    for room in FLOORS:
        for other in dependencies(room):
            assert FLOORS[other] < FLOORS[room], f"src/{room} may not depend on src/{other}: it is not on a lower floor"


def test_rooms_include_only_what_they_depend_on():
    wrong = []
    for room, path in sources():
        allowed = {room, "eidetic"} | dependencies(room)
        for quote, name in includes(path):
            if quote == '"' and name.split("/")[0] not in allowed:
                wrong.append(f"{path.relative_to(SOURCE)}: {name}")
    assert not wrong


def test_a_library_is_known_to_one_room():
    wrong = []
    for room, path in sources():
        for quote, name in includes(path):
            for pattern, rooms in LIBRARIES.items():
                if quote == "<" and re.search(pattern, name) and room not in rooms.split():
                    wrong.append(f"{path.relative_to(SOURCE)}: {name}")
    assert not wrong


def test_a_header_with_a_library_stays_in_its_room():
    """What other rooms include shows the standard library, fmt, JSON and our own, and nothing else."""
    inner = set()
    for room, path in sources():
        for quote, name in includes(path):
            system = quote == "<" and ("/" in name or name.endswith((".h", ".hpp")))
            library = system and any(re.search(pattern, name) for pattern in LIBRARIES)
            if path.suffix == ".h" and library and not EVERYWHERE.search(name):
                inner.add(f"{room}/{path.name}")
    wrong = [
        f"{path.relative_to(SOURCE)}: {name}"
        for room, path in sources()
        for quote, name in includes(path)
        if name in inner and not name.startswith(f"{room}/")
    ]
    assert not wrong


def test_public_headers_stand_alone():
    wrong = []
    for path in sorted((SOURCE / "include/eidetic").glob("*.h")):
        for quote, name in includes(path):
            if (quote == '"' and not name.startswith("eidetic/")) or (quote == "<" and ("/" in name or "." in name)):
                wrong.append(f"{path.name}: {name}")
    assert not wrong


def test_the_compiler_refuses_a_wrong_include(tmp_path):
    """Not only this list: a room's include path shows it nothing above it."""
    if not (BUILD / "rooms").exists():
        pytest.skip(f"needs a build in {BUILD}")
    source = tmp_path / "x.cpp"
    source.write_text('#include "embed/bundle.h"\n')
    image = [flag for room in ("image", "base") for flag in ("-I", str(BUILD / "rooms" / room))]
    command = ["clang++-19", "-std=c++23", "-fsyntax-only", "-I", str(SOURCE / "include"), *image, str(source)]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode != 0 and "'embed/bundle.h' file not found" in outcome.stderr
