"""What a verb of the API is made of, without any input or output.

A verb is written once, as a generator of steps: it yields what it needs done (`Send` this request, `Sleep` so long),
gets the outcome back, and returns its result. `Client` and `AsyncClient` have the very same verbs; they differ only in
the driver that carries the steps out (`drivers.py`). On an object of the one, a verb is a method that gives its result;
on an object of the other, a method to be awaited. A `feed` is a verb that gives values one by one, to be read with
`for` or `async for`.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Generic,
    Iterator,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """An HTTP request; the path is below the server's URL and percent-encoded already."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Union[bytes, Path, None] = None  # a path: the file's bytes, read as they are sent
    file: Optional[Tuple[str, bytes]] = None  # name and bytes of the part `file` of a form …
    parts: Mapping[str, str] = field(default_factory=dict)  # … and its other parts
    repeatable: bool = True  # done twice, it leaves what it leaves when done once
    timeout_s: Optional[float] = None  # None: the client's


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""


class NoAnswer(Exception):
    """How a driver says that a request got no answer, or not all of it."""

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent  # whether the server may have seen it
        self.timed_out = timed_out


class Step:
    """Something that a verb needs done."""


@dataclass(frozen=True)
class Send(Step):
    """Gives the `Response`; raises `NoAnswer`."""

    request: Request


@dataclass(frozen=True)
class Open(Step):
    """Like `Send`, without the body: that is what `Read` is for. Closed when the verb ends or opens another."""

    request: Request


@dataclass(frozen=True)
class Read(Step):
    """Gives the next bytes of what was opened last; b"" at its end."""


@dataclass(frozen=True)
class Sleep(Step):
    seconds: float


@dataclass(frozen=True)
class Offload(Step):
    """Gives what the function returns; for work on files and pictures, which would hold up an event loop."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Together(Step):
    """Carries verbs out, at most `limit` at a time, and gives each one's result to `each`, as they end. The first to
    raise an error ends it all."""

    verbs: Iterator[Op[Any]]
    limit: int
    each: Callable[[Any], None]


@dataclass(frozen=True)
class Emit(Generic[T]):
    """Hands a value of a feed to the one who reads it."""

    value: T


Op = Generator[Step, Any, T]
Feed = Generator[Union[Step, Emit[T]], Any, None]


class Walk(Generic[T]):
    """Iterates over the steps of a verb. Before the next, `reply` takes what a step gave, or `error` its error."""

    def __init__(self, verb: Generator[Any, Any, T]) -> None:
        self._verb = verb
        self.reply: Any = None
        self.error: Optional[BaseException] = None
        self.result: T

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        reply, error = self.reply, self.error
        self.reply = self.error = None
        try:
            return self._verb.send(reply) if error is None else self._verb.throw(error)
        except StopIteration as end:
            self.result = end.value
            raise StopIteration from None


def consume(feed: Feed[T], each: Callable[[T], None]) -> Op[None]:
    """A feed as part of another verb: `each` gets what it emits."""
    walk = Walk(feed)
    for step in walk:
        if isinstance(step, Emit):
            each(step.value)
            continue
        try:
            walk.reply = yield step
        except Exception as error:
            walk.error = error


class Blocking:
    """Base of what carries verbs out at once."""

    def _run(self, verb: Op[T]) -> T:
        raise NotImplementedError

    def _feed(self, verb: Feed[T]) -> Iterator[T]:
        raise NotImplementedError


class Awaited:
    """Base of what carries verbs out when awaited."""

    async def _run(self, verb: Op[T]) -> T:
        raise NotImplementedError

    def _feed(self, verb: Feed[T]) -> AsyncIterator[T]:
        raise NotImplementedError


if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")
    H = TypeVar("H")

    class verb(Generic[H, P, T]):
        """Makes a method of a generator of steps."""

        def __init__(self, body: Callable[Concatenate[H, P], Op[T]]) -> None: ...
        @overload
        def __get__(self, handle: Blocking, owner: Any) -> Callable[P, T]: ...
        @overload
        def __get__(self, handle: Awaited, owner: Any) -> Callable[P, Coroutine[Any, Any, T]]: ...
        def __get__(self, handle: Any, owner: Any) -> Any: ...

    class feed(Generic[H, P, T]):
        """Makes an iterating method of a generator of steps that emits."""

        def __init__(self, body: Callable[Concatenate[H, P], Feed[T]]) -> None: ...
        @overload
        def __get__(self, handle: Blocking, owner: Any) -> Callable[P, Iterator[T]]: ...
        @overload
        def __get__(self, handle: Awaited, owner: Any) -> Callable[P, AsyncIterator[T]]: ...
        def __get__(self, handle: Any, owner: Any) -> Any: ...

else:

    class verb:
        _carry_out, _gives = "_run", "{}"

        def __init__(self, body):
            self._body = body
            # What help() shows: Op[X] and Feed[X] are for the type checker.
            inner = body.__annotations__["return"].partition("[")[2][:-1]
            body.__signature__ = inspect.signature(body).replace(return_annotation=self._gives.format(inner))
            functools.update_wrapper(self, body)

        def __get__(self, handle, owner):
            if handle is None:
                return self._body

            @functools.wraps(self._body)
            def method(*arguments, **options):
                return getattr(handle, self._carry_out)(self._body(handle, *arguments, **options))

            del method.__signature__
            method.__wrapped__ = self._body.__get__(handle)
            return method

    class feed(verb):
        _carry_out, _gives = "_feed", "Iterator[{}]"
