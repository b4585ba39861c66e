"""deploy/ is true as far as one can see without containers and systemd: files that are named exist; units, compose
files and configurations are valid, and the container has the libraries that the program is linked with."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from compose_spec import PyCompose
from configurations import check_configuration
from live import BUILD, EIDETIC, SOURCE

DEPLOY = SOURCE / "deploy"
COMPOSE_FILES = sorted(DEPLOY.glob("compose*.yaml"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "eidetic.service").read_text()


def text_of(path):
    """With the variables that are not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text())


@pytest.fixture(params=COMPOSE_FILES, ids=lambda path: path.stem)
def compose(request):
    return yaml.safe_load(text_of(request.param))


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.stem)
def test_compose_files_are_valid(path):
    PyCompose.from_yaml(text_of(path)).validate()


def test_what_compose_names(compose):
    services = compose["services"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or source == "./pictures" or (DEPLOY / source).exists(), source
            assert source.startswith(".") or source in compose["volumes"], source
        for kind in ("secrets", "configs"):
            for each in service.get(kind, []):
                assert (each if isinstance(each, str) else each["source"]) in compose[kind]
        assert set(service.get("depends_on", [])) <= services.keys()
        assert "image" in service
        assert ":" in service["image"] or "build" in service, "an image that is pinned"
        for wanted in re.findall(r"/run/secrets/([\w-]+)", yaml.safe_dump(service)):
            assert wanted in service["secrets"]
    build = services["eidetic"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).exists()


def test_configurations_that_compose_writes(compose, tmp_path):
    text = compose["configs"]["eidetic"]["content"]
    mounted = set(compose["services"]["eidetic"]["secrets"])
    assert set(re.findall(r"/run/secrets/([\w-]+)", text)) == mounted
    for name in mounted:
        (tmp_path / name).write_text(f"{name}-0123456789abcdef\n")
    (tmp_path / "pictures").mkdir()
    text = text.replace("/run/secrets", str(tmp_path)).replace('["/pictures"]', f'["{tmp_path}/pictures"]')
    (tmp_path / "eidetic.toml").write_text(text + '[listen]\naddress = "0.0.0.0"\n')
    check_configuration(tmp_path / "eidetic.toml", tmp_path)
    configuration = tomllib.loads(text)
    for host in re.findall(r"://(\w+):", str(configuration.get("backend")) + str(configuration.get("s3"))):
        shared = set(compose["services"][host]["networks"]) & set(compose["services"]["eidetic"]["networks"])
        assert shared, f"eidetic does not reach {host}"
    for name in ("datasource", "dashboards"):
        if name in compose["configs"]:
            assert yaml.safe_load(compose["configs"][name]["content"])["apiVersion"] == 1


@pytest.mark.skipif(not shutil.which("haproxy"), reason="no haproxy")
def test_the_balancer():
    done = subprocess.run(["haproxy", "-c", "-f", DEPLOY / "haproxy.cfg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_configuration_that_is_copied(tmp_path):
    check_configuration(DEPLOY / "eidetic.toml", tmp_path)


def test_what_the_containerfile_names():
    for source in re.findall(r"^COPY (?!--from)(\S+) ", CONTAINERFILE, re.M):
        assert (SOURCE / source).exists(), source
    assert re.search(r"^USER eidetic$", CONTAINERFILE, re.M)
    port = re.search(r"^EXPOSE (\d+)$", CONTAINERFILE, re.M)[1]
    assert f"127.0.0.1:{port}/livez" in CONTAINERFILE
    for path in COMPOSE_FILES:
        ports = [
            each for service in yaml.safe_load(text_of(path))["services"].values() for each in service.get("ports", [])
        ]
        assert f"127.0.0.1:{port}:{port}" in ports
    assert re.search(rf"^  server-template eidetic \S+ eidetic:{port}$", (DEPLOY / "haproxy.cfg").read_text(), re.M)


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
