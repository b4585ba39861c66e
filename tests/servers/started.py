"""The servers that `tools/servers run` has started."""

import os

import pytest


def needed(name):
    """What `tools/servers run` tells of a server that it has started."""
    value = os.environ.get(f"EIDETIC_TEST_{name}")
    if not value:
        pytest.skip(f"EIDETIC_TEST_{name} is not set: run by `make test-servers`")
    return value
