"""Search engines that `tools/servers run` has started."""

import os
import time

import httpx
import pytest

SCHEMES = {"opensearch": "OPENSEARCH", "elasticsearch": "ELASTICSEARCH", "qdrant": "QDRANT"}


@pytest.fixture(params=sorted(SCHEMES))
def engine(request):
    """The URL of a backend that nobody else uses."""
    url = os.environ.get(f"EIDETIC_TEST_{SCHEMES[request.param]}")
    if not url:
        pytest.skip(f"EIDETIC_TEST_{SCHEMES[request.param]} is not set: run by `make test-servers`")
    prefix = f"t{time.time_ns():x}"
    yield url.replace("http", request.param, 1) + f"/{prefix}"
    if request.param != "qdrant":  # the other two fill with shards
        httpx.delete(f"{url}/{prefix}*", params={"expand_wildcards": "all"}, timeout=60)
