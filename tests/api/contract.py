"""docs/openapi.yaml as something to hold answers against."""

import re
from functools import lru_cache

import jsonschema_rs
import yaml
from live import SOURCE

DOCUMENT = yaml.safe_load((SOURCE / "docs/openapi.yaml").read_text())
METHODS = ("get", "put", "post", "patch", "delete")


def operations():
    """(method, path, operation) of every route."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


@lru_cache
def routes():
    found = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), path)
             for path in DOCUMENT["paths"]]  # fmt: skip
    return sorted(found, key=lambda route: route[1].count("{"))  # '/search/batch' before '/{…}/…'


def path_of(raw_path):
    """The path of the document that a request's path belongs to; None: no route of it."""
    for pattern, path in routes():
        if pattern.fullmatch(raw_path):
            return path
    return None


def resolve(part):
    while "$ref" in part:
        target = DOCUMENT
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


@lru_cache
def validator(path, method, status, media_type):
    schema = resolve(DOCUMENT["paths"][path][method.lower()]["responses"][status])["content"][media_type]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def check(response):
    """An httpx response is one that the document allows for its request."""
    request = response.request
    path = path_of(request.url.raw_path.decode().partition("?")[0])
    method = request.method
    operation = path and DOCUMENT["paths"][path].get(method.lower())
    if not operation:
        assert response.status_code in (200, 204, 400, 401, 404, 405), f"{method} {request.url}: {response.status_code}"
        return
    said = f"{method} {path}: {response.status_code} {response.headers.get('content-type')}"
    responses = operation["responses"]
    assert str(response.status_code) in responses, f"{said} is not in the document: {response.text[:300]}"
    content = resolve(responses[str(response.status_code)]).get("content", {})
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if not content:
        assert response.content == b"", f"{said}: a body where the document has none"
        return
    if "*/*" in content:
        return
    assert media_type in content, f"{said}: the document has {list(content)}"
    if media_type.endswith("json"):
        errors = [f"{e.instance_path}: {e.message}" for e in
                  validator(path, method, str(response.status_code), media_type).iter_errors(response.json())]  # fmt: skip
        assert not errors, f"{said}: {errors[:3]}\n{response.text[:500]}"
