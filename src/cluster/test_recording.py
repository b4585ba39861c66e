"""A search engine that answers as it has been recorded to, for tests without one.

    test_recording.py replay FILE          answers from FILE
    test_recording.py record FOLDER URL    passes everything on to the engine at URL, and writes what it answers
    test_recording.py pack FOLDER FILE     makes one compressed file of it

The first two print their port and end with their standard input. Exchanges belong to the name before the first dot of
the collection that they are about, one test's each. Times, random words and the ids made of them are others at every
run: they are numbered in the order in which requests bring them, and recorded as these numbers; those of which two may
be one, as they are rounded, are not told apart. Writes have to come in the order of the recording; what is read is as it
was after the same write, or the last before, and where that was read several times, the one after the other.
"""

import bisect
import hashlib
import json
import lzma
import os
import re
import sys
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Nanoseconds since 1970, 16 hexadecimal digits, UUIDs.
VOLATILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![0-9a-f.])(?:1[6-9][0-9]{17}|[0-9a-f]{16})(?![0-9a-f])"
)
# Milliseconds since 1970, and where a list begins.
ROUNDED = re.compile(r'(?<![0-9a-f.])1[6-9][0-9]{11}(?![0-9a-f])|(?<="start_from":)[0-9]{19}')
MARKED = re.compile("\u27e8([0-9]+)\u27e9")
SECTION = re.compile(r"^/collections/([a-z0-9_-]+)")
READS = re.compile(r"^(GET .*|POST [^?]*/(points|scroll|count|query/batch|facet)(\?.*)?)$")


class Section:
    """What is volatile in one test, and what is to be answered there."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = {}
        self.words = []
        self.writes = 0
        self.answers = defaultdict(list)  # by request: after how many writes, status, answer
        self.given = defaultdict(int)  # by request and writes

    def request(self, text):
        def mark(found):
            word = found[0]
            if word not in self.numbers:
                self.numbers[word] = len(self.words)
                self.words.append(word)
            return f"\u27e8{self.numbers[word]}\u27e9"

        return hashlib.sha256(VOLATILE.sub(mark, ROUNDED.sub("then", text)).encode()).hexdigest()[:20]

    def marked(self, text):
        return VOLATILE.sub(lambda f: f"\u27e8{self.numbers[f[0]]}\u27e9" if f[0] in self.numbers else f[0], text)

    def rendered(self, text):
        return MARKED.sub(lambda found: self.words[int(found[1])], text)


class Engine:
    def __init__(self):
        self.sections = defaultdict(Section)

    def exchange(self, method, path, body):
        found = SECTION.match(path)
        name = found[1] if found else ""
        section = self.sections[name]
        with section.lock:
            reads = READS.match(f"{method} {path}") is not None
            key = section.request(f"{method} {path}\n{body}")
            answer = self.answer(name, section, key, reads, (method, path, body))
            section.writes += not reads
            return answer


class Replay(Engine):
    def __init__(self, file):
        super().__init__()
        opened = lzma.open if file.endswith(".xz") else open
        with opened(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                name, key, *told = json.loads(line)
                self.sections[name].answers[key].append(told)

    def answer(self, name, section, key, reads, request):
        told = section.answers.get(key, [])
        end = bisect.bisect_right(told, section.writes, key=lambda each: each[0])
        if end == 0 or (told[end - 1][0] != section.writes and not reads):
            return 501, json.dumps({"status": {"error": f"not recorded: {' '.join(request)[:2000]}"}})
        writes = told[end - 1][0]
        at = bisect.bisect_left(told, writes, key=lambda each: each[0]) + section.given[key, writes]
        section.given[key, writes] += 1
        _, status, answer = told[min(at, end - 1)]
        return status, section.rendered(answer)


class Record(Engine):
    def __init__(self, folder, url):
        super().__init__()
        self.folder, self.url = Path(folder), url

    def answer(self, name, section, key, reads, request):
        method, path, body = request
        asked = urllib.request.Request(self.url + path, body.encode() or None, method=method)
        asked.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(asked) as got:
                status, answer = got.status, got.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        told = json.loads(answer)
        for timing in ("time", "usage"):
            told.pop(timing, None)
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        told = [section.writes, status, section.marked(text)]
        before = section.answers[key]
        if not before or before[-1][1:] != told[1:] or not reads or '"start_from"' in body:
            before.append(told)
            with (self.folder / f"{name or '-'}.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([name, key, *told], ensure_ascii=False) + "\n")
        return status, text


def pack(folder, file):
    with lzma.open(file, "wt", preset=9, encoding="utf-8") as packed:
        for part in sorted(Path(folder).glob("*.jsonl")):
            packed.write(part.read_text(encoding="utf-8"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, answer = self.server.engine.exchange(self.command, self.path, body)
        content = answer.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do

    def log_message(self, *_):
        pass


def serve(engine):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.engine = engine
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "pack":
        pack(*arguments)
    else:
        serve({"replay": Replay, "record": Record}[verb](*arguments))
