"""What all verbs of a collection need: its name, and where it is."""

from __future__ import annotations

from typing import Generic, TypeVar

from .exchange import segment
from .handle import Handle
from .job import JobVerbs
from .results import JobInfo

J = TypeVar("J", bound=JobVerbs)


class NamedCollection(Handle, Generic[J]):
    """A collection by its name; whether the server has it shows when it is used: then `NotFound` is raised."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self._connection.url}>"

    def _job(self, info: JobInfo) -> J:
        raise NotImplementedError

    @property
    def _path(self) -> str:
        return f"/v1/collections/{segment(self.name)}"

    def _item(self, id: str) -> str:
        return f"{self._path}/items/{segment(id)}"
