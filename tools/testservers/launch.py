"""How each real server is started, what says that it is ready, and what tests are told of it."""

import os
import random
import shutil
import socket
from typing import ClassVar

from . import install

KEY, SECRET = "eidetic-tests", "eidetic-tests-secret"
SETTINGS = {
    "network.host": "127.0.0.1",
    "cluster.name": "eidetic-tests",
    "cluster.routing.allocation.disk.threshold_enabled": "false",  # a nearly full disk is no matter to a test
}
NOBODY = 65534


def free_ports(count):
    """Ports that nobody listens at, below those that the system gives to connections."""
    taken = []
    try:
        while len(taken) < count:
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", random.randrange(20000, 32000)))
                taken.append(one)
            except OSError:
                one.close()
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


class Server:
    """One that tools/servers can start: listening at 127.0.0.1, all that it keeps in `data`."""

    health = "/"
    tests_need: ClassVar = {}

    def prepare(self, options):
        options.data.mkdir(parents=True, exist_ok=True)

    def identity(self):
        """Arguments of setpriv: who it runs as."""
        return []

    def command(self, options):
        """Program and arguments, and what is added to the environment."""
        raise NotImplementedError


class Java(Server):
    """OpenSearch and Elasticsearch: their settings are the same."""

    health = "/_cluster/health?wait_for_status=yellow&timeout=1s"

    def prepare(self, options):
        super().prepare(options)
        for name in ("config", "data", "logs", "tmp"):
            (options.data / name).mkdir(exist_ok=True)
        shutil.copy(install.HERE / "log4j2.properties", options.data / "config")

    def settings(self, options):
        said = SETTINGS | {
            "node.name": options.node,
            "http.port": options.http,
            "transport.port": options.transport,
            "path.data": options.data / "data",
            "path.logs": options.data / "logs",
        }
        if options.managers:
            said["discovery.seed_hosts"] = options.seeds or f"127.0.0.1:{options.transport}"
            said["cluster.initial_cluster_manager_nodes"] = options.managers
        else:
            said["discovery.type"] = "single-node"
        if options.roles:
            said["node.roles"] = options.roles
        return [f"{key}={value}" for key, value in said.items()]

    def machine(self, program, options):
        return [program, "-Xms256m", f"-Xmx{options.heap}", "-XX:+UseSerialGC", "-Dlog4j2.disable.jmx=true",
                f"-Djava.io.tmpdir={options.data}/tmp"]  # fmt: skip


class OpenSearch(Java):
    """Refuses to run as root: then it is nobody, who has to be able to reach the installation and the data."""

    def prepare(self, options):
        super().prepare(options)
        if os.geteuid() == 0:
            for each in [options.data, *options.data.rglob("*")]:
                shutil.chown(each, NOBODY, NOBODY)

    def identity(self):
        return [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []

    def command(self, options):
        home = install.ROOT / "opensearch"
        settings = [f"-E{each}" for each in self.settings(options)]
        return [*self.machine(install.opensearch_java(), options), "-Djava.security.manager=allow",
                f"-Dopensearch.path.home={home}", f"-Dopensearch.path.conf={options.data}/config",
                "-Dopensearch.distribution.type=tar", "-cp", f"{home}/lib/*", "org.opensearch.bootstrap.OpenSearch",
                *settings], {}  # fmt: skip


class Elasticsearch(Java):
    def command(self, options):
        home = install.ROOT / "elasticsearch"
        config = options.data / "config"
        (config / "elasticsearch.yml").touch()
        program = install.elasticsearch_java()
        modules = "jdk.net,jdk.management,jdk.incubator.vector,ALL-MODULE-PATH"
        return [*self.machine(program, options), "--enable-native-access=ALL-UNNAMED", f"--add-modules={modules}",
                f"-Des.path.home={home}", f"-Des.path.conf={config}", "-Des.distribution.type=tar",
                "-Dio.netty.noUnsafe=true", "--module-path", home / "lib", "-cp", home / "launcher",
                "ElasticsearchNode", home, config, *self.settings(options)], {}  # fmt: skip


class MinIO(Server):
    health = "/minio/health/live"
    tests_need: ClassVar = {"EIDETIC_TEST_S3_KEY": KEY, "EIDETIC_TEST_S3_SECRET": SECRET}

    def command(self, options):
        program = install.ROOT / "minio/minio"
        environment = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off",
                       "MINIO_UPDATE": "off", "HOME": str(options.data)}  # fmt: skip
        address = f"127.0.0.1:{options.http}"
        return [program, "server", "--quiet", "--address", address, options.data / "objects"], environment


class VersityGateway(Server):
    health = "/health"
    tests_need = MinIO.tests_need

    def prepare(self, options):
        super().prepare(options)
        for name in ("objects", "attributes"):
            (options.data / name).mkdir(exist_ok=True)

    def command(self, options):
        program = install.ROOT / "versitygw/versitygw"
        environment = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
        return [program, "--port", f"127.0.0.1:{options.http}", "--quiet", "--health", "/health",
                "posix", "--sidecar", options.data / "attributes", options.data / "objects"], environment  # fmt: skip


class Qdrant(Server):
    """Its engine behind its REST API: the server itself is in no registry."""

    health = "/readyz"

    def command(self, options):
        program = install.HERE.parents[1] / "tests/servers/qdrant_face.py"
        python = install.ROOT / "qdrant/bin/python"
        return [python, "-B", program, "--port", options.http, "--data", options.data], {}


SERVERS = {
    "opensearch": OpenSearch(),
    "elasticsearch": Elasticsearch(),
    "minio": MinIO(),
    "versitygw": VersityGateway(),
    "qdrant": Qdrant(),
}
