"""A real server: started as a person starts it, on a free port, with a configuration file and tokens."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

SOURCE = Path(os.environ.get("EIDETIC_SOURCE", Path(__file__).parents[1]))
BUILD = Path(os.environ.get("EIDETIC_BUILD", SOURCE / "build/release"))
EIDETIC = BUILD / "eidetic"

TOKENS = {role: f"{role}-token-of-the-tests" for role in ("read", "write", "admin")}
PATIENCE_S = 60  # with sanitizers all is slower


def configuration(folder, *, tokens=True, **sections):
    """TOML text. Sections are tables of values that TOML writes as Python does, but for booleans."""
    sections = {"listen": {"port": 0, **sections.pop("listen", {})}, **sections}
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items()), ""]
    if tokens:
        for role, token in TOKENS.items():
            (folder / f"{role}.token").write_text(token + "\n")
        files = ", ".join(f'{{token_file = "{folder / role}.token", role = "{role}"}}' for role in TOKENS)
        if "auth" not in sections:
            lines.append("[auth]")
        lines.append(f"tokens = [{files}]")
    return "\n".join(lines) + "\n"


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value) if isinstance(value, (int, float)) else '"' + str(value) + '"'


class Server:
    """`eidetic serve` with a data folder below `folder`; keyword arguments are sections of its configuration."""

    def __init__(self, folder, **options):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.config = self.folder / "eidetic.toml"
        self.log = self.folder / "server.log"
        self.config.write_text(configuration(self.folder, **options))
        self.process, self.url = None, ""

    def command(self):
        return [str(EIDETIC), "serve", "--data", str(self.data), "--config", str(self.config)]

    def start(self, wait=True):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        if wait:
            self.url = self.await_line(r"listening on (https?://\S+)")[1].rstrip("/")
        return self

    def await_line(self, pattern):
        """The match of a line on standard error that comes, or has come."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if match := re.search(pattern, self.log.read_text()):
                return match
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            time.sleep(0.02)
        raise AssertionError(f"no line '{pattern}':\n{self.log.read_text()}")

    def stop(self, how=signal.SIGTERM):
        """Its exit status."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.stop()
