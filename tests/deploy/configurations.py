"""Configurations of deploy/, asked of the program itself."""

import subprocess

from live import EIDETIC


def check_configuration(path, folder):
    command = [EIDETIC, "serve", "--check", "--config", path, "--data", folder / "data"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
