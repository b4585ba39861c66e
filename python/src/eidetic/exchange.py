"""One request and its answer: the URL's parts, retries, and errors. Nothing here does input or output."""

from __future__ import annotations

import json
import random
from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote

from .errors import EideticError, Unreachable, error_of
from .steps import NoAnswer, Op, Open, Read, Request, Response, Send, Sleep

FIRST_PAUSE_S = 0.25  # doubled with every try, with jitter
LONGEST_PAUSE_S = 30.0
JSON = {"Content-Type": "application/json"}


def segment(name: str) -> str:
    """A name as one segment of a path. Dots too, where there is nothing else: '.' and '..' mean something in URLs."""
    return name.replace(".", "%2E") if name.strip(".") == "" else quote(name, safe="")


def query(**values: Any) -> Dict[str, str]:
    """The query string; what is None is left out."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def document(**values: Any) -> Dict[str, Any]:
    """A JSON object; what is None is left out."""
    return {name: value for name, value in values.items() if value is not None}


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def exchange(request: Request, *, retries: int) -> Op[Response]:
    """The answer, when it is a good one.

    A request that was refused for now (429, 503) is sent again after the time the server names, one that got no answer
    when that can do no harm; at most `retries` times. Raises `EideticError`.
    """
    return (yield from _try(Send(request), request, retries))


def exchange_json(request: Request, *, retries: int) -> Op[Any]:
    """The JSON document of the answer."""
    response = yield from exchange(request, retries=retries)
    try:
        return json.loads(response.body)
    except ValueError:
        raise error_of(f"not a JSON document: {response.body[:80]!r}", status=response.status) from None


def open_stream(request: Request, *, retries: int) -> Op[Response]:
    """Like `exchange`, with the body left to be read."""
    return (yield from _try(Open(request), request, retries))


def read(request: Request) -> Op[bytes]:
    """The next bytes of the body that `open_stream` left; b"" at its end."""
    try:
        piece: bytes = yield Read()
        return piece
    except NoAnswer as lost:
        raise Unreachable(f"{request.method} {request.path}: {lost}") from lost


def _try(step: Any, request: Request, retries: int) -> Op[Response]:
    for attempt in range(retries + 1):
        last = attempt == retries
        try:
            response: Response = yield step
        except NoAnswer as lost:
            if last or (lost.sent and not request.repeatable):
                raise Unreachable(f"{request.method} {request.path}: {lost}") from lost
            yield Sleep(_pause(attempt))
            continue
        if response.status < 300:
            return response
        if last or response.status not in (429, 503):
            raise problem(response if response.body or isinstance(step, Send) else (yield from _with_body(response)))
        yield Sleep(_pause(attempt, response.headers.get("retry-after")))
    raise AssertionError("the last attempt returns or raises")


def _with_body(response: Response) -> Op[Response]:
    body = b""
    try:
        while piece := (yield Read()):
            body += piece
    except NoAnswer:
        pass
    return Response(response.status, response.headers, body)


def _pause(attempt: int, retry_after: Optional[str] = None) -> float:
    """Seconds until the next try: those the server asks for, else twice those of the last time; up to a half more, so
    that many clients do not come back together."""
    asked = float(retry_after) if retry_after is not None and retry_after.isdigit() else FIRST_PAUSE_S * 2.0**attempt
    return min(asked * random.uniform(1, 1.5), LONGEST_PAUSE_S)


def problem(response: Response) -> EideticError:
    """The error that a problem document (RFC 9457) tells of, or else its status."""
    try:
        said = json.loads(response.body)
    except ValueError:
        said = None
    if not isinstance(said, Mapping):
        said = {}
    return error_of(
        str(
            said.get("detail") or said.get("title") or response.body[:200].decode(errors="replace") or "no explanation"
        ),
        code=str(said.get("code") or ""),
        status=response.status,
        request_id=str(said.get("request_id") or response.headers.get("x-request-id", "")),
    )
