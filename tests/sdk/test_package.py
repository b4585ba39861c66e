"""The package as a whole: one surface twice, typed, documented, installable, and its examples run."""

import inspect
import os
import re
import subprocess
import sys
import zipfile

import eidetic
import pytest
from live import SOURCE, TOKENS
from notebook import run_notebook

PYTHON = SOURCE / "python"
NOTEBOOKS = sorted((PYTHON / "examples").glob("*.ipynb"))


def public(kind):
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


@pytest.mark.parametrize("kind", ["Client", "Collection", "Job"])
def test_both_surfaces_are_one(kind):
    blocking, awaited = public(getattr(eidetic, kind)), public(getattr(eidetic, f"Async{kind}"))
    assert blocking.keys() == awaited.keys()
    for name, value in blocking.items():
        if callable(value):
            assert inspect.getdoc(value), f"{kind}.{name} has no documentation"
            assert inspect.signature(value) == inspect.signature(awaited[name]) or name == "close"


def test_what_is_exported_is_documented():
    for name in eidetic.__all__:
        assert hasattr(eidetic, name)
    text = (SOURCE / "docs/sdk.md").read_text()
    for kind in ("Client", "Collection", "Job"):
        for name in public(getattr(eidetic, kind)):
            assert re.search(rf"\b{name}\b", text), f"docs/sdk.md does not tell of {kind}.{name}"


def test_types():
    """mypy --strict, on the package and on a use of it."""
    command = [sys.executable, "-m", "mypy", "--config-file", PYTHON / "pyproject.toml", "--cache-dir", os.devnull]
    command += [PYTHON / "src", SOURCE / "tests/sdk/typed_use.py"]
    environment = {**os.environ, "MYPYPATH": str(PYTHON / "src")}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=PYTHON, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel(tmp_path):
    """Built without a network, installed, imported from elsewhere with nothing of the source."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, PYTHON], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("eidetic-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "eidetic/py.typed" in names
    assert all(name.startswith("eidetic") for name in names)
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import eidetic, sys; print(eidetic.__file__, eidetic.Client(), 'numpy' in sys.modules, 'PIL' in sys.modules)"
    )
    run = {"cwd": tmp_path, "env": {"PYTHONPATH": str(tmp_path / "site")}}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **run)
    assert str(tmp_path / "site") in done.stdout
    assert done.stdout.split()[-2:] == ["False", "False"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_examples(path, server, pictures, tmp_path):
    settings = {"EIDETIC_URL": server.url, "EIDETIC_TOKEN": TOKENS["admin"], "EIDETIC_PICTURES": str(pictures)}
    run_notebook(path, settings, tmp_path)


def test_there_are_examples():
    assert len(NOTEBOOKS) >= 3
