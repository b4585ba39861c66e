"""From what the server says to the classes of this package."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Type, TypeVar

T = TypeVar("T")


def parse(kind: Type[T], said: Mapping[str, Any]) -> T:
    """An object of what the server said; fields of a newer server, which this class does not know, are left out."""
    known = {each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in said.items() if name in known})
