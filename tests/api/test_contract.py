"""The server and docs/openapi.yaml say the same."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from contract import DOCUMENT, operations
from live import SOURCE, TOKENS


def test_every_route_of_the_document_is_served(http):
    for method, path, operation in operations():
        if operation["operationId"] == "watchJob":
            continue
        answer = http.request(method, path.format(collection="nothing", id="x", job="999999", model="nothing"))
        said = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code != 405, said
        if answer.status_code == 404:
            assert "route" not in answer.json()["detail"], said
            assert re.search(r"\{\w+\}", path), said


def test_every_route_of_the_server_is_in_the_document():
    """Routes are registered in src/server with a method and a path of the document's own spelling."""
    sources = sorted((SOURCE / "src/server").glob("*.cpp"))
    if not sources:
        pytest.skip("no server in this tree")
    text = "\n".join(path.read_text() for path in sources if not path.name.endswith(("_test.cpp", "_fuzz.cpp")))
    known = {path for _, path, _ in operations()}
    served = {path for path in re.findall(r'"(/[A-Za-z0-9_/{}.:-]*)"', text) if "{" in path or path in known}
    assert served, "routes are written as strings"
    assert served <= known, served - known


def test_the_document_is_sound():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    text = (SOURCE / "docs/openapi.yaml").read_text()
    for name in DOCUMENT["components"]["schemas"]:
        assert f'schemas/{name}"' in text or f"schemas/{name} " in text or f"schemas/{name}}}" in text, (
            f"{name} is not used"
        )
    assert yaml.safe_load(text) == DOCUMENT


def test_schemathesis(server, http, tmp_path):
    """Hundreds of requests made from the document, right and wrong ones: no 5xx, and only answers that it allows."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'headers = {{ Authorization = "Bearer {TOKENS["admin"]}" }}\n')
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", SOURCE / "docs/openapi.yaml"]
    command += ["--url", server.url, "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1"]
    checks = (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
    command += [
        "--checks",
        ",".join(checks),
        "--exclude-operation-id",
        "watchJob",
        "--no-color",
        "--max-failures",
        "20",
    ]
    command += ["--generation-database", "none", "--request-timeout", "20"]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=180, cwd=tmp_path, env=os.environ
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert http.get("/livez").status_code == 200
