"""OpenSearch nodes of a test's own: one, or several that make a cluster, to be killed. Needs what
`tools/servers install opensearch` installs."""

import contextlib
import sys

from live import SOURCE

sys.path.insert(0, str(SOURCE / "tools"))
from testservers.running import Running, folder_for_servers, running


class OpenSearchNode(Running):
    """In a folder of folder_for_servers(): start(), await_ready(), await_health(), kill(), start() again; url."""

    def __init__(self, folder, node="n1", arguments=()):
        super().__init__("opensearch", folder, node, ["--heap", "384m", *arguments])

    def await_health(self, **conditions):
        """As in await_health(wait_for_status="green", wait_for_nodes=2); the conditions are its parameters."""
        query = "&".join(f"{name}={value}" for name, value in {"timeout": "1s", **conditions}.items())
        return self.await_ready(f"/_cluster/health?{query}")


@contextlib.contextmanager
def cluster(count=2):
    """Nodes of one cluster, all up. Only the first may manage it: any other may be killed, and the rest answers on."""
    with folder_for_servers() as folder:
        first = OpenSearchNode(folder)
        alike = ["--managers", first.node, "--seeds", f"127.0.0.1:{first.transport}"]
        first.arguments += alike
        others = [OpenSearchNode(folder, f"n{2 + i}", [*alike, "--roles", "data,ingest"]) for i in range(count - 1)]
        with running([first, *others]) as nodes:
            first.await_health(wait_for_nodes=count)
            yield nodes
