"""What the objects of this package share: a server that they send requests to, at once or awaited."""

from __future__ import annotations

from typing import Any, AsyncIterator, Dict, Iterator, Optional, TypeVar, Union

from .drivers import AwaitedDriver, BlockingDriver, Connection
from .exchange import JSON, encode, exchange, exchange_json
from .steps import Awaited, Blocking, Feed, Op, Request, Response

T = TypeVar("T")


class Handle:
    """Builds requests. Whatever it does is a verb: see `steps.py`."""

    _driver: Union[BlockingDriver, AwaitedDriver]

    @property
    def _connection(self) -> Connection:
        return self._driver.connection

    def _send(self, method: str, path: str, *, retries: Optional[int] = None, **request: Any) -> Op[Response]:
        """Sends a `Request` of these fields; `json` in place of `content`."""
        return (yield from exchange(_request(method, path, request), retries=self._retries(retries)))

    def _json(self, method: str, path: str, *, retries: Optional[int] = None, **request: Any) -> Op[Any]:
        """The same, and gives the document of the answer."""
        return (yield from exchange_json(_request(method, path, request), retries=self._retries(retries)))

    def _retries(self, retries: Optional[int]) -> int:
        return self._connection.retries if retries is None else retries


def _request(method: str, path: str, fields: Dict[str, Any]) -> Request:
    if "json" in fields:
        fields["content"] = encode(fields.pop("json"))
        fields["headers"] = {**JSON, **fields.get("headers", {})}
    return Request(method, path, **fields)


class BlockingHandle(Handle, Blocking):
    _driver: BlockingDriver

    def _run(self, verb: Op[T]) -> T:
        return self._driver._run(verb)

    def _feed(self, verb: Feed[T]) -> Iterator[T]:
        return self._driver._feed(verb)


class AwaitedHandle(Handle, Awaited):
    _driver: AwaitedDriver

    async def _run(self, verb: Op[T]) -> T:
        return await self._driver._run(verb)

    def _feed(self, verb: Feed[T]) -> AsyncIterator[T]:
        return self._driver._feed(verb)
