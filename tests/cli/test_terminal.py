"""What a person at a terminal sees: progress, tables, Ctrl-C, completion."""

import re
import shutil
import signal
import subprocess
import time

import pytest
from conftest import EIDETIC, in_terminal


@pytest.mark.parametrize("locale, full, empty", [("C.UTF-8", "█", "░"), ("C", "#", "-")])
def test_progress_bar(cli, many_pictures, locale, full, empty):
    status, text = in_terminal(cli.command("index", many_pictures, "-c", "a"), LC_ALL=locale)
    assert status == 0
    frames = [frame for frame in text.split("\r") if "images/s" in frame and "[" in frame]
    assert frames, text
    assert all(len(frame.rstrip("\n")) < 80 for frame in frames)
    assert any(full in frame for frame in frames) and any(empty in frame for frame in frames)
    assert any(re.search(r"\d+/1000 +\d+%  \d+ images/s  \d+:\d\d left", frame) for frame in frames), frames
    # The bar is gone at the end: the summary is a line of its own.
    assert re.fullmatch(r"a: 1000 indexed, 0 unchanged, 0 failed in [\d.]+ s \(\d+ images/s\)\s*", text.split("\r")[-2] + text.split("\r")[-1])


def test_no_progress_without_a_terminal(cli, pictures):
    assert cli("index", pictures, "-c", "a").err == ""


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_tables_fit(indexed, columns):
    status, text = in_terminal(indexed.command("search", "id:circle/0000.jpg", "-c", "shapes"), columns, LC_ALL="C.UTF-8")
    lines = text.replace("\r", "").splitlines()
    assert status == 0 and len(lines) == 11 and max(map(len, lines)) <= columns


def test_names_cannot_command_the_terminal(cli, pictures, tmp_path):
    folder = tmp_path / "evil"
    folder.mkdir()
    shutil.copy(pictures / "circle/0000.jpg", folder / "\x1b[31mred\n.jpg")
    (folder / "\x1b[2Jbad.jpg").write_bytes(b"x")
    answer = cli("index", folder, "-c", "a", status=3)
    found = cli("search", pictures / "circle/0000.jpg", "-c", "a")
    assert "\x1b" not in answer.out + answer.err + found.out + found.err
    assert len(found.out.splitlines()) == 2


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(cli, many_pictures):
    command = cli.command("index", many_pictures, "-c", "a", "--batch", "50", "--threads", "1")

    def press_ctrl_c(text, keys):
        return re.search(r"[1-9]\d*/1000", text) and keys(b"\x03")

    status, text = in_terminal(command, watch=press_ctrl_c)
    assert status == 128 + signal.SIGINT, text
    assert "goes on from there" in text
    stored = int(re.search(r"a: (\d+) indexed", text)[1])
    assert 0 < stored < 1000
    assert cli.json("collections", "show", "a")["items"] == stored
    rest = cli.json("index", many_pictures, "-c", "a")
    assert (rest["skipped"], rest["indexed"]) == (stored, 1000 - stored)


def test_sigterm_too(cli, many_pictures):
    process = cli.popen("index", many_pictures, "-c", "a", "--batch", "50", "--json", "--threads", "1")
    while not list(cli.data.glob("*.db*")):
        time.sleep(0.005)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert '"interrupted":true' in out.replace(" ", "")


def complete(*words):
    """What bash offers after these words, the last of which is being typed."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""source <({EIDETIC} completion bash)
COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
_eidetic
printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(done.stdout.split("\n")) - {""}


def test_bash_completion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a picture.jpg").write_text("")
    assert {"index", "search", "collections", "models", "doctor", "--json"} <= complete("eidetic", "")
    assert complete("eidetic", "sea") == {"search"}
    assert {"list", "show", "create", "drop", "export", "import"} <= complete("eidetic", "collections", "")
    assert complete("eidetic", "--data", "x", "collections", "dr") == {"drop"}
    assert complete("eidetic", "search", "--min-s") == {"--min-similarity"}
    assert complete("eidetic", "index", "x", "--metric", "") == {"cosine", "dot", "euclidean"}
    assert complete("eidetic", "index", "a") == {"a picture.jpg"}
    assert complete("eidetic", "index", "--metadata", "a") == {"a picture.jpg"}
    assert {"bash", "zsh", "fish"} <= complete("eidetic", "completion", "")


@pytest.mark.parametrize("shell, flag", [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_scripts_are_valid(shell, flag, tmp_path):
    script = tmp_path / "script"
    script.write_text(subprocess.run([EIDETIC, "completion", shell], capture_output=True, text=True, check=True).stdout)
    assert "min-similarity" in script.read_text()
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, flag, script], check=True)
