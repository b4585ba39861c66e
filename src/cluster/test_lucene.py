"""As much of OpenSearch as a test of refusals needs, which real servers do not give on request.

test_lucene.py FOLDER: listens on a free port of 127.0.0.1 and prints it. FOLDER/root.json is what GET / answers, until
it is there: 503. FOLDER/max_bytes, where there is one: larger requests get a 413. Bulk actions do as their id says:
  busy-N-…  is refused N times with a 429     full-…  is refused for a full disk
  bad-…     does not fit                      gone-…  has no index
Documents are kept with revisions; the first answer to storing one named lost-… is never sent.
/-/requests answers with the bulk requests so far: the ids of each, one line a request, in the order of their arrival.
"""
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

folder = sys.argv[1]
lock = threading.Lock()
requests, refused, documents = [], {}, {}


def read(name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return file.read()


def failed(status, kind, reason="no"):
    return {"status": status, "error": {"type": kind, "reason": reason}}


def bulk_action(line):
    (verb, action), = line.items()
    name = action["_id"]
    outcome = {"status": 201, "result": "created"}
    if name.startswith("busy-"):
        refused[name] = refused.get(name, 0) + 1
        if refused[name] <= int(name.split("-")[1]):
            outcome = failed(429, "es_rejected_execution_exception", "the queue is full")
    elif name.startswith("full-"):
        outcome = failed(403, "cluster_block_exception", "index read-only / allow delete (api)")
    elif name.startswith("bad-"):
        outcome = failed(400, "mapper_parsing_exception", "it does not fit")
    elif name.startswith("gone-"):
        outcome = failed(404, "index_not_found_exception", "no such index")
    return {verb: outcome}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def bulk(self, body):
        lines = [json.loads(line) for line in body.splitlines()][::2]
        with lock:
            requests.append(" ".join(action["_id"] for line in lines for action in line.values()))
            self.answer(200, {"items": [bulk_action(line) for line in lines]})

    def document(self, key, query, body):
        with lock:
            there = documents.get(key)
            if self.command == "PUT":
                revision = int(query["if_seq_no"]) if "if_seq_no" in query else None
                if (there and there["_seq_no"]) != revision:
                    return self.answer(409, failed(409, "version_conflict_engine_exception"))
                first = key not in refused
                refused[key] = 1
                documents[key] = {"_seq_no": (there or {"_seq_no": -1})["_seq_no"] + 1, "_primary_term": 1}
                documents[key]["_source"] = json.loads(body)
                if first and key.startswith("lost-"):
                    self.close_connection = True
                    return None
                there = documents[key]
        return self.answer(200, there) if there else self.answer(404, {"found": False})

    def do_GET(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/-/requests":
            return self.answer(200, "\n".join(requests).encode())
        if url.path == "/":
            root = read("root.json")
            return self.answer(503, {}) if root is None else self.answer(200, root.encode())
        if len(body) > int(read("max_bytes") or 1_000_000_000):
            return self.answer(413, {})
        if url.path.endswith("/_bulk"):
            return self.bulk(body)
        if "/_doc/" in url.path:
            return self.document(unquote(url.path.split("/_doc/")[1]), query, body)
        if url.path.endswith("/_mapping"):
            alias = url.path.split("/")[1]
            meta = {"eidetic": {"format": 1, "notes": True}}
            return self.answer(200, {alias + ".1": {"mappings": {"_meta": meta}}})
        return self.answer(200, {})

    do_POST = do_PUT = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
# The test that started this holds the other end of standard input: when it is gone, so are we.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
