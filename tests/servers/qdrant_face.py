#!/usr/bin/env python3
"""Qdrant's REST API 1.18, as much of it as an adapter needs, on Qdrant's own engine in process: no registry carries the
server.
  qdrant_face.py --data DIR [--port PORT]    needs what `tools/servers install qdrant` installs
Prints the URL when it listens. With $QDRANT__SERVICE__API_KEY set it asks for that key, as the server does."""

import argparse
import json
import os
import re
import signal
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pydantic
from qdrant_client.http import models
from qdrant_engine import Collections
from qdrant_translation import Refusal

VERSION = "1.18.0"
BODY_BYTES_MAX = 32 << 20  # as the server's service.max_request_size_mb


class Face:
    """Routes requests to collections, after checking them against the schema that Qdrant publishes."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.collections = Collections(folder)
        adapter = pydantic.TypeAdapter
        self.routes = [
            ("GET", r"/collections", None, lambda _: {"collections": [{"name": n} for n in self.collections.names()]}),
            ("GET", r"/aliases", None, lambda _: self.collections.aliases_of()),
            ("POST", r"/collections/aliases", adapter(models.ChangeAliasesOperation), self.change_aliases),
            ("GET", r"/collections/NAME/exists", None, self.exists),
            ("GET", r"/collections/NAME", None, lambda _, name: self.collections[name].info()),
            ("PUT", r"/collections/NAME", adapter(models.CreateCollection), self.create),
            ("PATCH", r"/collections/NAME", adapter(models.UpdateCollection), self.change),
            ("DELETE", r"/collections/NAME", None, lambda _, name: self.collections.delete(name)),
            ("GET", r"/collections/NAME/aliases", None, lambda _, name: self.collections.aliases_of(name)),
            ("DELETE", r"/collections/NAME/index/NAME", None, self.delete_index),
            ("PUT", r"/collections/NAME/vectors/NAME", adapter(models.VectorNameConfig), self.create_vector),
            ("DELETE", r"/collections/NAME/vectors/NAME", None, self.delete_vector),
            ("GET", r"/collections/NAME/points/NAME", None, self.point),
            ("POST", r"/collections/NAME/points/query/batch", adapter(models.QueryRequestBatch), self.query_batch),
            ("POST", r"/collections/NAME/points/batch", adapter(models.UpdateOperations), self.batch),
        ]
        reads = {
            ("POST", "/points"): (models.PointRequest, "retrieve"),
            ("POST", "/points/scroll"): (models.ScrollRequest, "scroll"),
            ("POST", "/points/count"): (models.CountRequest, "count"),
            ("POST", "/points/query"): (models.QueryRequest, "query"),
            ("POST", "/facet"): (models.FacetRequest, "facet"),
        }
        changes = {
            ("PUT", "/index"): (models.CreateFieldIndex, "create_index"),
            ("PUT", "/points"): (models.PointInsertOperations, "upsert"),
            ("POST", "/points/delete"): (models.PointsSelector, "delete"),
            ("POST", "/points/payload"): (models.SetPayload, "set_payload"),
            ("PUT", "/points/payload"): (models.SetPayload, "overwrite_payload"),
            ("POST", "/points/payload/delete"): (models.DeletePayload, "delete_payload"),
            ("POST", "/points/payload/clear"): (models.PointsSelector, "clear_payload"),
            ("PUT", "/points/vectors"): (models.UpdateVectors, "update_vectors"),
            ("POST", "/points/vectors/delete"): (models.DeleteVectors, "delete_vectors"),
        }
        for (method, path), (model, name) in reads.items():
            self.routes.append((method, f"/collections/NAME{path}", adapter(model), self.reader(name)))
        for (method, path), (model, name) in changes.items():
            self.routes.append((method, f"/collections/NAME{path}", adapter(model), self.changer(name)))
        self.routes = [
            (method, re.compile(path.replace("NAME", "([^/]+)")), *rest) for method, path, *rest in self.routes
        ]

    def reader(self, verb):
        return lambda request, name: getattr(self.collections[name], verb)(self.limited(request["body"]))

    def changer(self, verb):
        return lambda request, name: self.done(getattr(self.collections[name], verb)(request["body"]), request)

    def limited(self, said):
        if said.get("limit") == 0:
            raise Refusal(422, "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]")
        return said

    def done(self, operation, request):
        return {"operation_id": operation, "status": "completed" if request["wait"] else "acknowledged"}

    def create(self, request, name):
        if re.search(r'[<>:"/\\|?*\x00-\x1f]', name) or len(name.encode()) > 255:
            raise Refusal(
                422, f"Validation error in path: [name: collection name cannot contain such characters: {name}]"
            )
        self.collections.create(name, request["body"])
        return True

    def change(self, request, name):
        self.collections[name].change(request["body"])
        return True

    def exists(self, _, name):
        return {"exists": name in self.collections.names() or name in self.collections.aliases}

    def change_aliases(self, request):
        self.collections.change_aliases(request["body"]["actions"])
        return True

    def delete_index(self, request, name, field):
        return self.done(self.collections[name].delete_index(field), request)

    def create_vector(self, request, name, vector):
        return self.done(self.collections[name].create_vector(vector, request["body"]), request)

    def delete_vector(self, request, name, vector):
        return self.done(self.collections[name].delete_vector(vector), request)

    def point(self, _, name, point):
        point = int(point) if point.isdigit() else point
        found = self.collections[name].retrieve({"ids": [point], "with_vector": True})
        if not found:
            raise Refusal(404, f"Not found: Point with id {point} does not exists!")
        return found[0]

    def query_batch(self, request, name):
        return [self.collections[name].query(self.limited(search)) for search in request["body"]["searches"]]

    def batch(self, request, name):
        collection, results = self.collections[name], []
        for (verb, said), *_ in (operation.items() for operation in request["body"]["operations"]):
            operation = getattr(collection, verb)(said)
            results.append(self.done(operation, request))
        return results

    def answer(self, method, target, body, headers):
        """Status and what follows it: JSON, or text."""
        parts = urlsplit(target)
        if method == "GET" and parts.path in PROBES:
            return 200, PROBES[parts.path]
        key = os.environ.get("QDRANT__SERVICE__API_KEY")
        if key and key not in (headers.get("api-key"), headers.get("Authorization", "").removeprefix("Bearer ")):
            return 401, "Must provide an API key or an Authorization bearer token"
        if method == "GET" and parts.path == "/":
            return 200, {"title": "qdrant - vector search engine", "version": VERSION}
        known = False
        for its_method, pattern, schema, act in self.routes:
            if match := pattern.fullmatch(parts.path):
                known = True
                if its_method == method:
                    names = [unquote(name) for name in match.groups()]
                    return self.enveloped(schema, act, parts, names, body, headers)
        return (405 if known else 404), ""

    def enveloped(self, schema, act, parts, names, body, headers):
        began = time.perf_counter()
        try:
            request = {"wait": self.query_of(parts)}
            if schema:
                request["body"] = self.checked(schema, body, headers)
            status, answer = 200, {"result": act(request, *names), "status": "ok"}
        except Refusal as refusal:
            status, answer = refusal.status, {"status": {"error": str(refusal)}}
        except Exception as fault:
            traceback.print_exc()
            status, answer = 500, {"status": {"error": f"Service internal error: {fault!r}"}}
        return status, answer | {"time": round(time.perf_counter() - began, 9)}

    def query_of(self, parts):
        """Whether the request waits; the other parameters only say how a cluster is to go about it."""
        said = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        allowed = {
            "wait": r"true|false",
            "ordering": r"weak|medium|strong",
            "timeout": r"[1-9]\d*",
            "consistency": r"majority|quorum|all|[1-9]\d*",
        }
        for name, value in said.items():
            if name in allowed and not re.fullmatch(allowed[name], value):
                raise Refusal(400, f"Deserialize error in query parameters: {name}: '{value}'")
        return said.get("wait") == "true"

    def checked(self, schema, body, headers):
        if headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise Refusal(400, "Format error in JSON body: Content type error")
        try:
            schema.validate_json(body, strict=True)
        except pydantic.ValidationError as invalid:
            first = invalid.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Refusal(400, f"Format error in JSON body: {place}: {first['msg']}") from invalid
        return without_nulls(json.loads(body))


PROBES = {"/healthz": "healthz check passed", "/livez": "livez check passed", "/readyz": "all shards are ready"}


def without_nulls(said):
    """A null asks for nothing, but within a payload."""
    if isinstance(said, list):
        return [without_nulls(each) for each in said] if not said or isinstance(said[0], (dict, list)) else said
    if not isinstance(said, dict):
        return said
    return {
        key: value if key in ("payload", "payloads", "metadata") else without_nulls(value)
        for key, value in said.items()
        if value is not None
    }


def handler_of(face):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body go together

        def serve(self):
            length = int(self.headers.get("Content-Length") or 0)
            if length > BODY_BYTES_MAX:
                self.close_connection = True
                return self.send(413, {"status": {"error": "Payload reached size limit."}, "time": 0.0})
            body = self.rfile.read(length)
            return self.send(*face.answer(self.command, self.path, body, self.headers))

        def send(self, status, answer):
            text = isinstance(answer, str)
            body = answer.encode() if text else json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = serve

        def log_message(self, *_):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="where the collections lie")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()

    server = Server(("127.0.0.1", options.port), handler_of(Face(options.data)))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main()
