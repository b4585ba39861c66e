"""The server and docs/openapi.yaml say the same."""

import re
import subprocess
import sys

import pytest
import yaml
from conftest import encoded
from contract import DOCUMENT, operations
from live import SOURCE, TOKENS


def test_every_route_of_the_document_is_served(http):
    for method, path, operation in operations():
        if operation["operationId"] == "watchJob":
            continue
        names = dict.fromkeys(("collection", "classifier", "model", "training", "view", "file"), "nothing")
        answer = http.request(method, path.format(id="x", job="999999", **names))
        said = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code != 405, said
        if answer.status_code == 404:
            assert "route" not in answer.json()["detail"], said
            assert re.search(r"\{\w+\}", path), said


def registered():
    """(method, path) -> role, as the tables of src/server have them."""
    sources = [path for path in (SOURCE / "src/server").glob("*.cpp") if not path.stem.endswith(("_test", "_fuzz"))]
    pattern = re.compile(r'\{"([A-Z]+)",\s*"(/[^"]*)",\s*Role::(\w+)')
    return {(method, path): role for source in sources for method, path, role in pattern.findall(source.read_text())}


def test_every_route_of_the_server_is_in_the_document():
    served = registered()
    assert served, "routes are written as tables"
    assert set(served) - {(method, path) for method, path, _ in operations()} == set()


def test_roles_are_as_documented():
    """A description says 'Needs the role `write`' or '`admin`'; without that, `read` will do."""
    served = registered()
    for method, path, operation in operations():
        said = re.search(r"Needs the role `(\w+)`", operation.get("description", ""))
        open_to_all = operation.get("security") == [] or {} in operation.get("security", [])
        if (method, path) in served:
            assert served[method, path] == ("none" if open_to_all else said[1] if said else "read"), f"{method} {path}"


def test_the_document_is_sound():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    text = (SOURCE / "docs/openapi.yaml").read_text()
    for name in DOCUMENT["components"]["schemas"]:
        assert f'schemas/{name}"' in text or f"schemas/{name} " in text or f"schemas/{name}}}" in text, (
            f"{name} is not used"
        )
    assert yaml.safe_load(text) == DOCUMENT


# What there is to be found by the requests that are made up, and what shall not go on the way.
FOUND = """
[parameters]
"path.collection" = "found"
"path.id" = "x"
"path.model" = "default"

[[operations]]
include-operation-id = "deleteCollection"
parameters = { "path.collection" = "nothing" }
"""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("config", ["", FOUND], ids=["made up", "found"])
def test_schemathesis(server, http, tmp_path, config):
    """Thousands of requests made from the document, right and wrong ones: no 5xx, and only answers that it allows."""
    http.put("/v1/collections/found")
    http.put("/v1/collections/found/items/x", content=encoded(), headers={"Content-Type": "image/png"})
    (tmp_path / "schemathesis.toml").write_text(config)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", tmp_path / "schemathesis.toml"]
    command += ["run", SOURCE / "docs/openapi.yaml", "--url", server.url, "--checks", CHECKS, "--no-color"]
    command += ["--header", f"Authorization: Bearer {TOKENS['admin']}", "--request-timeout", "20"]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "4", "--seed", "1", "--generation-database", "none"]
    # The first never ends by itself. Of the second a parsed document would be held against "string".
    command += ["--exclude-operation-id", "watchJob", "--exclude-operation-id", "openapiYaml"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=180, cwd=tmp_path)
    said = re.split(r"=+ (?:WARNINGS|SUMMARY) =+", done.stdout)[0]
    assert done.returncode == 0, (
        "\n".join(line[:300] for line in said.splitlines() if line.strip()) + done.stderr[-2000:]
    )
    assert http.get("/livez").status_code == 200
