"""A training that `kill -9` or a full disk ends: the same command goes on, and its end is the same as without."""

import json
import random
import re
import shutil
import subprocess

import pytest
from conftest import Cli, in_terminal

EPOCHS = 200
OPTIONS = ("--embedder-layers", "64", "--epochs", EPOCHS, "--batch-size", "8", "--sampler-m", "4", "--lr", "1e-3", "--views", "4")


def copied(cli, folder):
    """Without the model that was learnt."""
    shutil.copytree(cli.data, folder / "data", ignore=shutil.ignore_patterns("models"))
    return Cli(folder / "data")


def train(cli, output):
    return cli.command("train", "-c", "shapes", "--name", "shapely", *OPTIONS, "-o", output)


def learnt(output):
    """What the report says, but for what differs between two runs of the same."""
    report = json.loads((output / "report.json").read_text())
    for epoch in report["epochs"]:
        del epoch["seconds"]
    return {name: value for name, value in report.items() if name not in ("folder", "model", "seconds")}


def epochs_in(text):
    return [int(number) for number in re.findall(rf"epoch +(\d+) of {EPOCHS}", text)]


@pytest.fixture(scope="module")
def undisturbed(indexed, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run(train(indexed, output), check=True, capture_output=True)
    return learnt(output)


def test_kill_at_random_moments(indexed, undisturbed, tmp_path):
    moments = random.Random(20261122)
    done, cut = 0, 0
    cli, output = copied(indexed, tmp_path), tmp_path / "out"
    # Before anything is kept, between epochs, and while the model is made of the last one.
    for epoch in (None, 1, 30, 60, 90, 120, 150, EPOCHS):
        shown = "" if epoch is None else f"epoch {epoch:>4} of"
        status, text = in_terminal(train(cli, output), kill_after=moments.uniform(0, 0.02), kill_from=shown)
        if status == 0:
            break
        assert status == -9, text
        epochs = epochs_in(text)
        # One may have been kept that was not told of any more.
        assert not epochs or epochs[0] > done, "an epoch that was told of is learnt again"
        done = max([done, *epochs])
        cut += 0 < done < EPOCHS
    else:
        # The last kill may have come before the model was there, or after all was done.
        models = [model["name"] for model in cli.json("models", "list")["models"]]
        if "shapely" not in models:
            subprocess.run(train(cli, output), check=True, capture_output=True)
    assert cut >= 2, "the kills came at the wrong moments to prove anything"
    assert learnt(output) == undisturbed
    assert cli("models", "check", "shapely")


def test_a_full_disk(indexed, undisturbed, tmp_path):
    cli, output = copied(indexed, tmp_path), tmp_path / "out"
    output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", output]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs to be allowed to mount")
    try:
        full = subprocess.run(train(cli, output), capture_output=True, text=True)
        assert full.returncode == 1 and len(full.stderr.splitlines()) == 1
        assert str(output) in full.stderr and "No space left on device" in full.stderr
        subprocess.run(["mount", "-o", "remount,size=100m", output], check=True)
        again = in_terminal(train(cli, output))
        assert again[0] == 0, again[1]
        assert learnt(output) == undisturbed
    finally:
        subprocess.run(["umount", "-l", output], check=True)
