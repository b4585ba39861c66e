"""Servers that run below this process, each with a log, in a folder that goes with them."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from . import launch

SCRIPT = Path(__file__).resolve().parents[1] / "servers"
PATIENCE_S = 300  # until a server is ready; a loaded machine takes long


class Failure(Exception):
    """A server ended or did not come up; says what its log says last."""


class Running:
    """What `tools/servers start` becomes. Its data and its log lie in `folder` and survive kill() and start()."""

    def __init__(self, name, folder, node="n1", arguments=()):
        self.name, self.folder, self.node, self.arguments = name, folder, node, arguments
        self.log = folder / f"{name}-{node}.log"
        self.http, self.transport = launch.free_ports(2)
        self.url = f"http://127.0.0.1:{self.http}"
        self.process = None

    def start(self):
        data = self.folder / f"{self.name}-{self.node}"
        command = [sys.executable, SCRIPT, "start", self.name, "--http", self.http, "--transport", self.transport,
                   "--node", self.node, "--data", data, *self.arguments]  # fmt: skip
        with self.log.open("a") as log:  # a session of its own: what a terminal says to the foreground is not for it
            self.process = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, start_new_session=True)
        return self

    def ended(self):
        return self.process.poll() is not None

    def await_ready(self, path=None):
        """Until it answers a GET of the path with a success; without one, when it is up."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not self.ended():
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(self.url + (path or launch.SERVERS[self.name].health), timeout=10),
            ):
                return self
            time.sleep(0.05)
        raise self.failure(f"did not answer {path or 'in time'}")

    def failure(self, what=""):
        lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
        return Failure(
            f"{self.name} {f'ended with {self.process.poll()}' if self.ended() else what}; its log ends so:\n{lines}"
        )

    def kill(self):
        """As a loss of power does: nothing is written, nobody is told."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def folder_for_servers():
    folder = Path(tempfile.mkdtemp(prefix="eidetic-servers-"))
    folder.chmod(0o711)  # for OpenSearch, which runs as nobody
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(servers):
    """Starts them side by side and waits for all."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.await_ready()
        yield servers
    finally:
        for server in servers:
            server.kill()
