"""Real S3 stores, as `tools/servers run -- ctest -L servers` starts them, and a line to them that can be broken."""

import json
import os
import random
import socket
import struct
import subprocess
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import stores
from live import EIDETIC

KINDS = {"minio": "EIDETIC_TEST_MINIO", "versitygw": "EIDETIC_TEST_VERSITYGW"}


class Store:
    """A bucket of its own in a store."""

    def __init__(self, kind, url):
        self.kind, self.url = kind, url
        self.key, self.secret = os.environ["EIDETIC_TEST_S3_KEY"], os.environ["EIDETIC_TEST_S3_SECRET"]
        self.store = stores.Store(url, self.key, self.secret)
        self.bucket = f"test-{random.randrange(1 << 60):x}"
        self.ask("PUT", "")

    def ask(self, method, key, body=b"", query=None, fine=(200, 204)):
        answer = self.store(method, f"{self.bucket}/{key}" if key else self.bucket, body, query)
        assert answer.status_code in fine, f"{method} {key}: {answer.status_code} {answer.text}"
        return answer

    def put(self, key, body):
        self.ask("PUT", key, body)

    def put_all(self, objects):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: self.put(*each), objects.items()))

    def get(self, key):
        return self.ask("GET", key).content

    def remove(self, key):
        self.ask("DELETE", key)

    def keys(self, prefix=""):
        text = self.ask("GET", "", query={"list-type": "2", "prefix": prefix}).text
        return [part.split("</Key>")[0] for part in text.split("<Key>")[1:]]

    def uri(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def environment(self, **changed):
        """Of a program that is to use the store; nothing of whoever runs the tests."""
        base = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EIDETIC_S3_"))}
        own = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        return {**base, **own, **changed}


@pytest.fixture(scope="module", params=KINDS)
def store(request):
    url = os.environ.get(KINDS[request.param])
    if not url or "EIDETIC_TEST_S3_KEY" not in os.environ:
        pytest.skip(f"needs {KINDS[request.param]}, EIDETIC_TEST_S3_KEY and EIDETIC_TEST_S3_SECRET: tools/servers run -- ctest -L servers")
    return Store(request.param, url.rstrip("/"))


class Cli:
    """Runs `eidetic … --data FOLDER` with the keys of a store."""

    def __init__(self, data, store):
        self.data, self.store = data, store

    def __call__(self, *arguments, status=0, **environment):
        command = [str(EIDETIC), *map(str, arguments), "--data", str(self.data)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=self.store.environment(**environment)
        )
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert self.store.secret not in done.stdout + done.stderr
        return done.stderr if status else done.stdout

    def json(self, *arguments, status=0, **environment):
        command = [str(EIDETIC), *map(str, arguments), "--data", str(self.data), "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=self.store.environment(**environment)
        )
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture
def eidetic(tmp_path, store):
    return Cli(tmp_path / "data", store)


def png(number):
    """A picture of a few pixels, another one for each number."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes((number >> shift) & 255 for shift in (0, 8, 16)) * 2 for _ in range(2))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


NETWORK = """<?xml version="1.0"?>
<net name="tiny" version="11"><layers>
<layer id="0" name="picture" type="Parameter" version="opset1"><data shape="1,3,8,8" element_type="f32"/>
<output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port></output></layer>
<layer id="1" name="seen" type="Abs" version="opset1"><input><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim>
<dim>8</dim></port></input><output><port id="1" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port></output></layer>
<layer id="2" name="out" type="Result" version="opset1"><input><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim>
<dim>8</dim></port></input></layer></layers>
<edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/><edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges>
</net>"""


@pytest.fixture
def tiny_model(tmp_path, eidetic):
    """A model of no weights, so that what is timed out is not the network's inference."""
    (tmp_path / "tiny.xml").write_text(NETWORK)
    (tmp_path / "tiny.bin").write_bytes(b"")
    eidetic("models", "import", tmp_path / "tiny.xml")
    return "tiny"


class Line:
    """A line to a server that stalls or breaks: `faults` are taken in turn by the connections that bring an answer of more than
    `after` bytes; "cut" ends such a one, "stall" lets nothing more through. Then all is well."""

    def __init__(self, url, faults=(), after=1 << 20):
        self.target = (urlsplit(url).hostname, urlsplit(url).port)
        self.faults, self.after, self.lock, self.connections = list(faults), after, threading.Lock(), 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self.target)
            threading.Thread(target=self.pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(far, near, True), daemon=True).start()

    def pass_on(self, source, sink, answers):
        passed = 0
        try:
            while piece := source.recv(1 << 16):
                passed += len(piece)
                with self.lock:
                    fault = self.faults.pop(0) if answers and passed > self.after and self.faults else None
                if fault == "stall":
                    while source.recv(1 << 16):
                        pass
                if fault:
                    break
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
