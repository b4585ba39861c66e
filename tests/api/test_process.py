"""The server as a process: how it starts, refuses to start, and stops."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest
from conftest import client_of, encoded
from live import EIDETIC, TOKENS, Server

PNG = {"Content-Type": "image/png"}


def refused(server, *words, status=(1, 2)):
    """It does not start, and says why in one clear line."""
    done = subprocess.run(server.command(), capture_output=True, text=True, timeout=60, cwd=server.folder)
    lines = done.stderr.strip().splitlines()
    assert done.returncode in status, f"{done.returncode}: {done.stderr}"
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("eidetic: "), done.stderr
    for word in words:
        assert str(word) in lines[0], done.stderr
    assert done.stdout == ""


def test_help_names_the_options():
    done = subprocess.run([EIDETIC, "serve", "--help"], capture_output=True, text=True, check=True)
    assert "--config" in done.stdout


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stop(tmp_path, how):
    server = Server(tmp_path).start()
    begun = time.monotonic()
    assert server.stop(how) == 0
    assert time.monotonic() - begun < 20


def test_stopping_finishes_what_has_begun(tmp_path):
    """Requests under way are answered, and what was acknowledged is there after the next start."""
    stored, stop = [], threading.Event()
    server = Server(tmp_path).start()

    def write(first):
        with client_of(server.url, TOKENS["write"]) as http:
            number = first
            while not stop.is_set():
                try:
                    answer = http.put(f"/v1/collections/a/items/{number}", content=encoded(seed=number), headers=PNG)
                except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError):
                    return  # refused, or a kept connection closed between two requests
                if answer.status_code == 503:
                    return
                assert answer.status_code == 201, answer.text
                stored.append(str(number))
                number += 10

    with client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
    threads = [threading.Thread(target=write, args=(first,), daemon=True) for first in range(4)]
    for thread in threads:
        thread.start()
    while len(stored) < 8:
        assert all(thread.is_alive() for thread in threads)
        time.sleep(0.01)
    assert server.stop() == 0
    stop.set()
    for thread in threads:
        thread.join()
    with server, client_of(server.url, TOKENS["read"]) as http:
        items = {item["id"] for item in http.get("/v1/collections/a/items?limit=10000").json()["items"]}
        assert set(stored) <= items


def test_killed(tmp_path):
    server = Server(tmp_path).start()
    with client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
        for number in range(5):
            http.put(f"/v1/collections/a/items/{number}", content=encoded(seed=number), headers=PNG)
        http.delete("/v1/collections/a/items/0")
    server.stop(signal.SIGKILL)
    with server, client_of(server.url, TOKENS["read"]) as http:
        assert http.get("/v1/collections/a").json()["items"] == 4
        hits = http.post("/v1/collections/a/search", content=encoded(seed=2), headers=PNG).json()["hits"]
        assert hits[0]["id"] == "2"
        assert len(hits) == 4


def test_second_signal_ends_it_at_once(tmp_path):
    server = Server(tmp_path).start()
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as wire:
        wire.sendall(b"POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
        server.process.wait(5)


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(Server(tmp_path, listen={"port": port}), port, "in use", status=(1,))


def test_locked_data_folder(tmp_path):
    with Server(tmp_path) as server:
        (tmp_path / "second").mkdir()
        second = Server(tmp_path / "second")
        second.data = server.data
        refused(second, server.data, server.process.pid, status=(1,))


def test_data_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "data").write_text("a file")
    refused(Server(tmp_path), "data", status=(1,))


@pytest.mark.parametrize(
    "text, words",
    [
        ("[listen]\nprot = 1\n", ["prot", "port"]),
        ("[lisen]\nport = 1\n", ["lisen", "listen"]),
        ('[listen]\nport = "a"\n', ["listen.port", "number"]),
        ("[listen]\nport = 70000\n", ["listen.port", "70000", "65535"]),
        ("[listen]\nport = \n", ["line 2"]),
        ('[listen]\naddress = "nowhere"\n', ["listen.address", "nowhere"]),
        ('[listen]\naddress = "0.0.0.0"\n', ["token"]),
        ('[auth]\ntoken = "x"\n[listen]\naddress = "0.0.0.0"\n', ["token"]),
        ('[auth]\ntokens = [{token = "abc", role = "king"}]\n', ["king", "admin"]),
        ('[auth]\ntokens = [{token_file = "gone", role = "read"}]\n', ["gone"]),
        ('[auth]\ntokens = [{role = "read"}]\n', ["token"]),
        ('[listen]\ntls_certificate = "gone.pem"\ntls_key = "gone.key"\n', ["gone.pem"]),
        ('[listen]\ntls_certificate = "gone.pem"\n', ["tls_key"]),
        ('[paths]\nallowed = ["/nowhere/at/all"]\n', ["/nowhere/at/all"]),
        ('[log]\nlevel = "loud"\n', ["loud", "info"]),
        ("[limits]\nsearch_queue = 0\n", ["search_queue"]),
    ],
    ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "",
)
def test_wrong_configuration(tmp_path, text, words):
    server = Server(tmp_path)
    server.config.write_text(text)
    refused(server, *words)


def test_no_configuration_file(tmp_path):
    server = Server(tmp_path)
    server.config.unlink()
    refused(server, "eidetic.toml")


def test_unknown_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("EIDETIC_LISTEN_PROT", "1")
    refused(Server(tmp_path), "EIDETIC_LISTEN_PROT", "EIDETIC_LISTEN_PORT")


def test_variables_come_before_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("EIDETIC_LIMITS_BODY_BYTES", "1000")
    monkeypatch.setenv("EIDETIC_LIMITS_PICTURE_BYTES", "1000")
    with Server(tmp_path, limits={"body_bytes": 2000}) as server, client_of(server.url, TOKENS["admin"]) as http:
        http.put("/v1/collections/a")
        assert http.put("/v1/collections/a/items/x", content=b"x" * 1001, headers=PNG).status_code == 413


def certificate(folder, days="3"):
    key, pem = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += [
        "-keyout",
        key,
        "-out",
        pem,
        "-days",
        days,
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return {"tls_certificate": str(pem), "tls_key": str(key)}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls(tmp_path):
    files = certificate(tmp_path)
    with Server(tmp_path, listen=files) as server:
        assert server.url.startswith("https://")
        import ssl

        trusted = ssl.create_default_context(cafile=files["tls_certificate"])
        headers = {"Authorization": f"Bearer {TOKENS['read']}"}
        assert httpx.get(f"{server.url}/v1/collections", headers=headers, verify=trusted).status_code == 200
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/livez", verify=old)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.get(server.url.replace("https", "http") + "/livez")


def test_wrong_tls_files(tmp_path):
    files = certificate(tmp_path)
    refused(Server(tmp_path, listen={**files, "tls_key": files["tls_certificate"]}), "cert.pem")
    other = tmp_path / "other"
    other.mkdir()
    refused(Server(tmp_path, listen={**files, "tls_key": certificate(other)["tls_key"]}), "key")
    os.truncate(files["tls_certificate"], 20)
    refused(Server(tmp_path, listen=files), "cert.pem")


def test_free_port_is_named_once(tmp_path):
    with Server(tmp_path) as server:
        assert len(re.findall(r"listening on ", server.log.read_text())) == 1
        assert httpx.URL(server.url).port != 0
