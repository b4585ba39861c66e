"""What learns whole networks, with the Python that has PyTorch: `make torch` puts it into .deps/torch; $EIDETIC_TORCH names another."""

import os
import subprocess
from pathlib import Path

import pytest
from live import EIDETIC, SOURCE
from pictures import draw_folder

TORCH = Path(os.environ.get("EIDETIC_TORCH", SOURCE / ".deps/torch/bin/python"))
PATIENCE_S = 500


@pytest.fixture(scope="session")
def torch():
    """The interpreter. Gigabytes that `make test` does not fetch."""
    if not TORCH.exists():
        pytest.skip(f"needs PyTorch, in {TORCH}: `make torch` fetches it")
    return TORCH


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    draw_folder(folder, 60)
    return folder


@pytest.fixture
def eidetic(tmp_path):
    """Runs the built program."""

    def run(*arguments, status=0):
        command = [str(EIDETIC), *map(str, arguments), "--data", str(tmp_path / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == status, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout

    return run
