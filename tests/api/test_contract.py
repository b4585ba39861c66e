"""The server and docs/openapi.yaml say the same."""

import os
import re
import subprocess
import sys

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
        if operation.get("security") != [] and (method, path) in served:
            assert served[method, path] == (said[1] if said else "read"), f"{method} {path}"


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
    command = [sys.executable, "-m", "schemathesis.cli", "run", SOURCE / "docs/openapi.yaml"]
    command += ["--header", f"Authorization: Bearer {TOKENS['admin']}"]
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
