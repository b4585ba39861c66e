"""A web server for tests: serves a folder, with byte ranges and with faults on request.

test_server.py FOLDER: listens on a free port of 127.0.0.1 and prints it. Faults are asked for in the query:
  status=N     answers N with a short text        redirect=URL  answers 302 to URL (or itself: redirect=loop)
  cut=N        sends N bytes of the body, then drops the connection; only the first time it is asked for
  stall=N      sends N bytes of the body, then nothing
  chunked=1    does not say how long the body is  noetag=1      sends neither ETag nor Last-Modified
  etag=TEXT    sends this ETag                    norange=1     answers ranges with the whole
/-/requests answers with the requests so far, one a line: path, then the Range header.
Any other method, and GET of /-/echo, answers with what was asked, as JSON; a query status=N gives that its status, and
retry_after=S its header. Where a file X.status is beside a file X, X is answered, whatever the method, with the
status of its first line (of "503 2" only twice, then with 200) and the headers of the others.

test_server.py FOLDER CERTIFICATE: over TLS, with certificate and key of that PEM file.
"""
import hashlib
import json
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

folder = sys.argv[1]
requests = []
cut_already = set()
answered = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=(), length=True):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not length:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_with_status(self):
        path = os.path.join(folder, unquote(urlsplit(self.path).path).lstrip("/"))
        if not os.path.exists(path + ".status"):
            return False
        requests.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(path + ".status") as file:
            first, *headers = file.read().splitlines()
        status, times = (first.split() + ["1000000000"])[:2]
        answered[path] = answered.get(path, 0) + 1
        with open(path, "rb") as file:
            body = file.read()
        good = answered[path] > int(times)
        self.answer(200 if good else int(status), body, [line.split(": ") for line in headers])
        return True

    def do_GET(self):
        url = urlsplit(self.path)
        if self.answer_with_status():
            return
        fault = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/-/requests":
            return self.answer(200, "\n".join(requests).encode())
        if url.path == "/-/echo":
            return self.echo()
        requests.append(f"{self.path} {self.headers.get('Range', '')} {self.headers.get('User-Agent')}")
        if "status" in fault:
            return self.answer(int(fault["status"]), b"no")
        if "redirect" in fault:
            target = self.path if fault["redirect"] == "loop" else fault["redirect"]
            return self.answer(302, b"", [("Location", target)])
        try:
            with open(os.path.join(folder, unquote(url.path).lstrip("/")), "rb") as file:
                body = file.read()
        except OSError:
            return self.answer(404, b"no such file")
        self.serve(body, fault)

    def echo(self):
        if self.answer_with_status():
            return
        fault = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = {
            "method": self.command,
            "path": self.path,
            "port": self.client_address[1],  # of the connection
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        headers = [("Content-Type", "application/json")]
        if "retry_after" in fault:
            headers.append(("Retry-After", fault["retry_after"]))
        if "location" in fault:
            headers.append(("Location", fault["location"]))
        self.answer(int(fault.get("status", 200)), json.dumps(answer).encode(), headers)

    do_POST = do_PUT = do_PATCH = do_DELETE = echo

    def serve(self, body, fault):
        etag = fault.get("etag", '"%s"' % hashlib.sha256(body).hexdigest()[:16])
        headers = [] if "noetag" in fault else [("ETag", etag)]
        status = 200
        asked = self.headers.get("Range")
        if asked and "norange" not in fault and self.headers.get("If-Range", etag) == etag:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(body):
                return self.answer(416, b"", [("Content-Range", f"bytes */{len(body)}")])
            headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
            status, body = 206, body[start:]
        if "cut" in fault and self.path not in cut_already or "stall" in fault:
            return self.break_off(status, body, headers, fault)
        self.answer(status, body, headers, "chunked" not in fault)

    def break_off(self, status, body, headers, fault):
        self.send_response(status)
        for name, value in headers + [("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: int(fault.get("cut", fault.get("stall")))])
        self.wfile.flush()
        if "stall" in fault:
            time.sleep(60)
        cut_already.add(self.path)
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments):
        pass  # clients that hang up are what the tests are about


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
# The test that started this holds the other end of standard input: when it is gone, so are we.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
