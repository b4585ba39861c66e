"""The two drivers: they carry out the steps of a verb (`steps.py`) with httpx, at once or awaited."""

from __future__ import annotations

import asyncio
import ssl
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Iterator, Optional, Set, TypeVar, Union

import httpx

from .steps import (
    Awaited,
    Blocking,
    Emit,
    Feed,
    NoAnswer,
    Offload,
    Op,
    Open,
    Read,
    Request,
    Response,
    Send,
    Sleep,
    Step,
    Together,
    Walk,
)
from .version import __version__

T = TypeVar("T")

_CONNECT_TIMEOUT_S = 10.0
_PIECE = 1 << 20  # bytes of a file that are read and sent at once


@dataclass(frozen=True)
class Connection:
    """Where the server is and how to talk to it; see `Client`."""

    url: str
    token: Optional[str]
    timeout_s: float
    retries: int
    verify: Union[bool, str, ssl.SSLContext]

    def options(self) -> Dict[str, Any]:
        """Of either kind of httpx client."""
        headers = {"User-Agent": f"eidetic-python/{__version__}"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        verify = ssl.create_default_context(cafile=self.verify) if isinstance(self.verify, str) else self.verify
        return {"headers": headers, "verify": verify, "timeout": self._timeout(self.timeout_s)}

    def arguments(self, request: Request) -> Dict[str, Any]:
        """Of `build_request`, but for the body when that is a file."""
        arguments: Dict[str, Any] = {
            "method": request.method,
            "url": self.url.rstrip("/") + request.path,
            "params": dict(request.query) or None,
            "headers": dict(request.headers),
            "timeout": self._timeout(self.timeout_s if request.timeout_s is None else request.timeout_s),
        }
        if isinstance(request.content, bytes):
            arguments["content"] = request.content
        elif request.content is not None:
            arguments["headers"]["Content-Length"] = str(request.content.stat().st_size)
        if request.file is not None:
            arguments["files"] = {"file": (*request.file, "application/octet-stream")}
            arguments["data"] = dict(request.parts)
        return arguments

    @staticmethod
    def _timeout(seconds: float) -> httpx.Timeout:
        return httpx.Timeout(seconds, connect=min(seconds, _CONNECT_TIMEOUT_S))


def _no_answer(error: Exception) -> NoAnswer:
    never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
    return NoAnswer(
        str(error) or type(error).__name__, sent=not never_sent, timed_out=isinstance(error, httpx.ReadTimeout)
    )


def _response(answer: httpx.Response, body: bytes) -> Response:
    return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)


class BlockingDriver(Blocking):
    """Thread-safe: one connection pool for all verbs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.Client(**connection.options())

    def close(self) -> None:
        self._http.close()

    def _run(self, verb: Op[T]) -> T:
        walk = Walk(verb)
        for _ in self._walk(walk):
            raise TypeError("a verb emits nothing")
        return walk.result

    def _feed(self, verb: Feed[T]) -> Iterator[T]:
        return self._walk(Walk(verb))

    def _walk(self, walk: Walk[Any]) -> Iterator[Any]:
        with ExitStack() as opened:
            pieces: Iterator[bytes] = iter(())
            for step in walk:
                if isinstance(step, Emit):
                    yield step.value
                    continue
                try:
                    if isinstance(step, Open):
                        opened.close()
                        answer = self._open(step.request)
                        opened.callback(answer.close)
                        pieces = answer.iter_bytes()
                        walk.reply = _response(answer, b"")
                    elif isinstance(step, Read):
                        walk.reply = next(pieces, b"")
                    else:
                        walk.reply = self._do(step)
                except (httpx.TransportError, httpx.StreamError) as error:
                    walk.error = _no_answer(error)
                except Exception as error:
                    walk.error = error

    def _do(self, step: Step) -> Any:
        if isinstance(step, Send):
            answer = self._open(step.request)
            try:
                return _response(answer, answer.read())
            finally:
                answer.close()
        if isinstance(step, Sleep):
            return time.sleep(step.seconds)
        if isinstance(step, Offload):
            return step.function()
        if isinstance(step, Together):
            return self._together(step)
        raise TypeError(f"not a step: {step}")

    def _open(self, request: Request) -> httpx.Response:
        arguments = self.connection.arguments(request)
        if not isinstance(request.content, Path):
            return self._http.send(self._http.build_request(**arguments), stream=True)
        with request.content.open("rb") as file:
            pieces = iter(lambda: file.read(_PIECE), b"")
            return self._http.send(self._http.build_request(**arguments, content=pieces), stream=True)

    def _together(self, step: Together) -> None:
        waiting: Set[Future[Any]] = set()
        with ThreadPoolExecutor(step.limit) as pool:
            try:
                for verb in step.verbs:
                    if len(waiting) >= step.limit:
                        waiting = self._gather(step, waiting)
                    waiting.add(pool.submit(self._run, verb))
                while waiting:
                    waiting = self._gather(step, waiting)
            finally:
                for future in waiting:
                    future.cancel()

    @staticmethod
    def _gather(step: Together, waiting: Set[Future[Any]]) -> Set[Future[Any]]:
        done, rest = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            step.each(future.result())
        return rest


class AwaitedDriver(Awaited):
    """For one event loop."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(**connection.options())

    async def close(self) -> None:
        await self._http.aclose()

    async def _run(self, verb: Op[T]) -> T:
        walk = Walk(verb)
        async for _ in self._walk(walk):
            raise TypeError("a verb emits nothing")
        return walk.result

    def _feed(self, verb: Feed[T]) -> AsyncIterator[T]:
        return self._walk(Walk(verb))

    async def _walk(self, walk: Walk[Any]) -> AsyncIterator[Any]:
        async with AsyncExitStack() as opened:
            pieces: Optional[AsyncIterator[bytes]] = None
            for step in walk:
                if isinstance(step, Emit):
                    yield step.value
                    continue
                try:
                    if isinstance(step, Open):
                        await opened.aclose()
                        answer = await self._open(step.request)
                        opened.push_async_callback(answer.aclose)
                        pieces = answer.aiter_bytes()
                        walk.reply = _response(answer, b"")
                    elif isinstance(step, Read):
                        walk.reply = await _next(pieces)
                    else:
                        walk.reply = await self._do(step)
                except (httpx.TransportError, httpx.StreamError) as error:
                    walk.error = _no_answer(error)
                except Exception as error:
                    walk.error = error

    async def _do(self, step: Step) -> Any:
        if isinstance(step, Send):
            answer = await self._open(step.request)
            try:
                return _response(answer, await answer.aread())
            finally:
                await answer.aclose()
        if isinstance(step, Sleep):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Offload):
            return await asyncio.to_thread(step.function)
        if isinstance(step, Together):
            return await self._together(step)
        raise TypeError(f"not a step: {step}")

    async def _open(self, request: Request) -> httpx.Response:
        arguments = self.connection.arguments(request)
        if isinstance(request.content, Path):
            arguments["content"] = _pieces(request.content)
        return await self._http.send(self._http.build_request(**arguments), stream=True)

    async def _together(self, step: Together) -> None:
        waiting: Set[asyncio.Task[Any]] = set()
        try:
            for verb in step.verbs:
                if len(waiting) >= step.limit:
                    waiting = await self._gather(step, waiting)
                waiting.add(asyncio.create_task(self._run(verb)))
            while waiting:
                waiting = await self._gather(step, waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    @staticmethod
    async def _gather(step: Together, waiting: Set[asyncio.Task[Any]]) -> Set[asyncio.Task[Any]]:
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            step.each(task.result())
        return rest


async def _next(pieces: Optional[AsyncIterator[bytes]]) -> bytes:
    if pieces is not None:
        async for piece in pieces:
            return piece
    return b""


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
