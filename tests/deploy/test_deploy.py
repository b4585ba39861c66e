"""deploy/ is true as far as one can see without containers and systemd: files that are named exist, units and YAML are
valid, and the container has the libraries that the program is linked with."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from live import BUILD, EIDETIC, SOURCE

DEPLOY = SOURCE / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "eidetic.service").read_text()


def check_configuration(path, folder):
    command = [EIDETIC, "serve", "--check", "--config", path, "--data", folder / "data"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_files_that_compose_names(tmp_path):
    for service in COMPOSE["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith("./") or (DEPLOY / source).exists(), source
            assert source.startswith((".", "$")) or source in COMPOSE["volumes"], source
        for kind in ("secrets", "configs"):
            for each in service.get(kind, []):
                assert (each if isinstance(each, str) else each["source"]) in COMPOSE[kind]
    build = COMPOSE["services"]["eidetic"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).exists()


def test_configurations_that_compose_writes(tmp_path):
    text = COMPOSE["configs"]["eidetic"]["content"]
    mounted = set(COMPOSE["services"]["eidetic"]["secrets"])
    for token in tomllib.loads(text)["auth"]["tokens"]:
        name = Path(token["token_file"]).name
        assert name in mounted
        (tmp_path / name).write_text(f"{name}-0123456789abcdef\n")
    (tmp_path / "pictures").mkdir()
    text = text.replace("/run/secrets", str(tmp_path)).replace("/pictures", str(tmp_path / "pictures"))
    (tmp_path / "eidetic.toml").write_text(text + '[listen]\naddress = "0.0.0.0"\n')
    check_configuration(tmp_path / "eidetic.toml", tmp_path)
    for name in ("datasource", "dashboards"):
        assert yaml.safe_load(COMPOSE["configs"][name]["content"])["apiVersion"] == 1


def test_the_configuration_that_is_copied(tmp_path):
    check_configuration(DEPLOY / "eidetic.toml", tmp_path)


def test_what_the_containerfile_names():
    for source in re.findall(r"^COPY (?!--from)(\S+) ", CONTAINERFILE, re.M):
        assert (SOURCE / source).exists(), source
    assert re.search(r"^USER eidetic$", CONTAINERFILE, re.M)
    port = re.search(r"^EXPOSE (\d+)$", CONTAINERFILE, re.M)[1]
    assert f"127.0.0.1:{port}/livez" in CONTAINERFILE
    assert any(each.endswith(f":{port}") for each in COMPOSE["services"]["eidetic"]["ports"])


def test_the_container_has_the_libraries():
    """Those that the program and its library name themselves; each brings what it needs in turn."""
    if "SANITIZE:STRING=\n" not in (BUILD / "CMakeCache.txt").read_text():
        pytest.skip("a build with sanitizers is no release")
    needed = set()
    dynamic = subprocess.run(["readelf", "-d", EIDETIC], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    loaded = subprocess.run(["ldd", EIDETIC], capture_output=True, text=True, check=True).stdout
    places = dict(re.findall(r"^\s*(\S+) => (\S+) ", loaded, re.M))
    for name in names & places.keys():
        path = os.path.realpath(places[name])
        if "openvino" in path:  # installed with the program
            continue
        owner = subprocess.run(["dpkg", "-S", path.removeprefix("/usr")], capture_output=True, text=True)
        if owner.returncode != 0:
            owner = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, check=True)
        needed.add(owner.stdout.split(":")[0])
    needed -= {"libc6", "libstdc++6", "libgcc-s1", "libtbb12"}  # every Debian has them, or Eidetic brings them
    stage = CONTAINERFILE.partition("debian:12-slim")[2]
    missing = {package for package in needed if not re.search(rf"^\s+{re.escape(package)} \\$", stage, re.M)}
    assert not missing, f"deploy/Containerfile lacks {missing}; all: {sorted(needed)}"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_unit(tmp_path):
    unit = tmp_path / "eidetic.service"
    unit.write_text(UNIT.replace("/usr/local/bin/eidetic", str(EIDETIC)))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    secure = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]  # of 100, in tenths
    done = subprocess.run(secure, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_unit_and_the_program_agree():
    arguments = re.search(r"^ExecStart=\S+ (.*)$", UNIT, re.M)[1].split()
    helps = [[EIDETIC, "--help"], [EIDETIC, "serve", "--help"]]
    text = "".join(subprocess.run(each, capture_output=True, text=True, check=True).stdout for each in helps)
    assert arguments[0] == "serve"
    for option in arguments[1::2]:
        assert option in text
