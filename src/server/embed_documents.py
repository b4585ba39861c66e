"""Writes documents.cpp: the texts behind documents.h.

    embed_documents.py openapi.yaml docs_page.html documents.cpp
"""

import json
import sys
from pathlib import Path

import yaml

PIECE = 8000  # characters of one string literal; compilers need take no more than 65,536


def literal(text: str) -> str:
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    assert ')eidetic"' not in text
    return "\n".join(f'R"eidetic({piece})eidetic"' for piece in pieces)


def main(openapi: str, page: str, output: str) -> None:
    text = Path(openapi).read_text()
    texts = {
        "openapi_yaml_text": text,
        "openapi_json_text": json.dumps(yaml.safe_load(text), separators=(",", ":")),
        "docs_page_text": Path(page).read_text(),
    }
    functions = "\n".join(
        f"std::string_view {name}() {{\n  return\n{literal(content)};\n}}\n" for name, content in texts.items()
    )
    Path(output).write_text(f'#include "server/documents.h"\n\nnamespace eidetic {{\n\n{functions}\n}}  // namespace eidetic\n')


main(*sys.argv[1:])
