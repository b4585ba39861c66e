"""The built program, run as a person runs it, on pictures that are made here."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from pictures import draw_folder

SOURCE = Path(os.environ.get("EIDETIC_SOURCE", Path(__file__).parents[2]))
BUILD = Path(os.environ.get("EIDETIC_BUILD", SOURCE / "build/release"))
EIDETIC = BUILD / "eidetic"
# What a test that makes an environment of its own must keep of this one, for builds with sanitizers.
SANITIZERS = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS") or "SANITIZERS" in name}


@dataclass
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self):
        """The one document on standard output."""
        return json.loads(self.out)


class Cli:
    """Runs `eidetic … --data FOLDER`."""

    def __init__(self, data):
        self.data = data

    def command(self, *arguments):
        return [str(EIDETIC), *map(str, arguments), "--data", str(self.data)]

    def __call__(self, *arguments, status=0, **options):
        options.setdefault("timeout", 120)
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, **options)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Answer(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments, **options):
        return self(*arguments, "--json", **options).json

    def popen(self, *arguments, **options):
        return subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )


class Served(Cli):
    """Runs `eidetic … --server URL` on a server of its own: with a file of tokens, a folder that it may read, one for backups."""

    TOKENS = {role: role + "-of-a-test-server" for role in ("read", "write", "admin")}

    def __init__(self, folder, allowed=(), role="admin"):
        super().__init__(folder / "data")
        self.folder, self.role, self.allowed = folder, role, allowed
        self.backups = folder / "backups"
        self.backups.mkdir(parents=True)
        self.token_file = folder / "token"
        self.token_file.write_text(self.TOKENS[role] + "\n")

    def __enter__(self):
        tokens = ", ".join(f'{{token = "{token}", role = "{role}"}}' for role, token in self.TOKENS.items())
        config = self.folder / "server.toml"
        config.write_text(
            f"[listen]\nport = 0\n[auth]\ntokens = [{tokens}]\n"
            f"[paths]\nallowed = {json.dumps([str(path) for path in self.allowed])}\nbackup = {json.dumps(str(self.backups))}\n"
        )
        command = [EIDETIC, "serve", "--config", config, "--data", self.data]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if "listening on " in line:
                break
        assert self.log and "listening on " in self.log[-1], self.log
        self.url = self.log[-1].split("listening on ")[1].split()[0]
        # What it says later must be read, or it would wait to say it.
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log

    def command(self, *arguments):
        return [str(EIDETIC), *map(str, arguments), "--server", self.url, "--token-file", str(self.token_file)]


def in_terminal(command, columns=80, watch=None, kill_after=None, kill_from="", **environment):
    """Status, and everything that appears on a terminal of that width. watch(text, keys) is called as text comes in, until
    it returns True; keys(bytes) types. kill_after: seconds until kill -9, from the moment on which kill_from appears."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    killer = threading.Timer(kill_after or 0, process.kill)
    waits = kill_after is not None
    text = b""
    while True:
        if waits and kill_from.encode() in text:
            killer.start()
            waits = False
        if not (piece := read_terminal(main)):
            break
        text += piece
        if watch and watch(text.decode(errors="replace"), lambda keys: os.write(main, keys)):
            watch = None
    os.close(main)
    killer.cancel()
    return process.wait(60), text.decode(errors="replace")


def read_terminal(main):
    try:
        return os.read(main, 65536)
    except OSError:  # how Linux says that the last process has closed the terminal
        return b""


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path / "data")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """40 pictures: circle/0000.jpg, square/0001.jpg, cross/0002.jpg, stripes/0003.jpg, circle/0004.jpg …"""
    return draw_folder(tmp_path_factory.mktemp("pictures"), 40)


@pytest.fixture(scope="session")
def many_pictures(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("many"), 1000)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory, pictures):
    """A data folder with the collection `shapes`; tests that change it make their own."""
    cli = Cli(tmp_path_factory.mktemp("indexed") / "data")
    cli("index", pictures, "-c", "shapes", "--metadata", pictures / "metadata.csv")
    return cli
