"""Recorded exchanges are answered again, and nothing that was not recorded; needs no server and no engine."""

import subprocess
import sys

import httpx
import pytest
from live import SOURCE
from recording import Recorder

FACE = SOURCE / "tests/servers/qdrant_face.py"
COUNTS = "/collections/a/points/count"


def answered(count):
    return {"result": {"count": count}, "status": "ok", "time": 0.0}


@pytest.mark.parametrize("name", ["exchanges.jsonl", "exchanges.jsonl.gz"])
def test_replay(tmp_path, name):
    recorder = Recorder(tmp_path / name)
    recorder.add("GET", "/readyz", b"", 200, "all shards are ready")
    recorder.add("POST", COUNTS, b'{"exact": true, "filter": {"must": []}}', 200, answered(3))
    recorder.add("POST", COUNTS, b'{"filter":{"must":[]},"exact":true}', 200, answered(4))
    recorder.add("GET", "/collections/ü", b"", 404, {"status": {"error": "Not found"}, "time": 0.0})
    recorder.close()
    command = [sys.executable, "-B", FACE, "--replay", tmp_path / name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=url) as client:
            assert [client.get("/readyz").text for _ in range(3)] == ["all shards are ready"] * 3
            body = {"filter": {"must": []}, "exact": True}
            assert [client.post(COUNTS, json=body).json() for _ in range(2)] == [answered(3), answered(4)]
            assert client.get("/collections/%C3%BC").status_code == 501  # the path as it was sent
            assert client.post(COUNTS, json=body).status_code == 501
            stranger = client.post(COUNTS, json={"exact": False})
            assert stranger.status_code == 501
            assert "not recorded" in stranger.json()["status"]["error"]
        process.terminate()
        said = process.stderr.read()
        assert process.wait() == 1
    assert "asked 3 times, recorded 2 times" in said
    assert '{"exact":false}' in said
