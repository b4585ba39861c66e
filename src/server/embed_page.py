"""Writes page.cpp: the files behind page.h.

    embed_page.py FOLDER page.cpp
"""

import gzip
import hashlib
import sys
from pathlib import Path

PIECE = 4000  # bytes of one string literal
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
# Three octal digits end an escape, whatever follows; a question mark could begin a trigraph.
PLAIN = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?", ord("\n"): "\\n"}


def literal(data: bytes) -> str:
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)] or [b""]
    text = "\n".join('"' + "".join(PLAIN.get(byte, f"\\{byte:03o}") for byte in piece) + '"' for piece in pieces)
    return f"std::string_view({text}, {len(data)})"


def entry(path: Path, name: str) -> str:
    if path.suffix not in MEDIA_TYPES:
        sys.exit(f"embed_page.py: {name}: no media type is known for '{path.suffix}'; add it to MEDIA_TYPES")
    data = path.read_bytes()
    packed = gzip.compress(data, 9, mtime=0)
    if len(packed) >= len(data):
        packed = b""
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f'    {{"{name}", "{MEDIA_TYPES[path.suffix]}", "{digest}",\n{literal(data)},\n{literal(packed)}}},\n'


def main(folder: str, output: str) -> None:
    root = Path(folder)
    files = sorted(path for path in root.glob("**/*") if path.is_file())
    if root / "index.html" not in files:
        sys.exit(f"embed_page.py: there is no index.html in '{folder}'; the build of the page makes it")
    entries = "".join(entry(path, path.relative_to(root).as_posix()) for path in files)
    Path(output).write_text(
        f'#include "server/page.h"\n\nnamespace eidetic {{\n\nstd::span<const PageFile> page_files() {{\n'
        f"  static constexpr PageFile kFiles[] = {{\n{entries}  }};\n  return kFiles;\n}}\n\n}}  // namespace eidetic\n"
    )


main(*sys.argv[1:])
