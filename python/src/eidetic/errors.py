"""What can go wrong, by kind. Every error of this package that is not a mistake in its use is an `EideticError`."""

from __future__ import annotations

from typing import Dict, Optional, Type


class EideticError(Exception):
    """The server's answer to something it could not do, or the lack of an answer.

    Attributes:
        code: the kind, stable over versions: "not_found", "invalid_argument", … (see `Problem` in docs/openapi.yaml).
        detail: what is wrong and the way out, for a person.
        status: the HTTP status; None where there was no answer, or where one item of many failed.
        request_id: finds the request in the server's log; "" where there is none.
    """

    code = "internal"

    def __init__(self, detail: str, *, code: str = "", status: Optional[int] = None, request_id: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        facts = [str(self.status)] if self.status else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        return f"{self.code}: {self.detail}" + (f" ({', '.join(facts)})" if facts else "")


class InvalidArgument(EideticError):
    """The request is not valid."""

    code = "invalid_argument"


class Unauthorized(EideticError):
    """No token, or not one of the server's."""

    code = "unauthorized"


class Forbidden(EideticError):
    """The token's role does not allow it."""

    code = "forbidden"


class NotFound(EideticError):
    """No such collection, item, model, job or route."""

    code = "not_found"


class AlreadyExists(EideticError):
    """There is another one of that name."""

    code = "already_exists"


class TooLarge(EideticError):
    """The body or the picture is larger than the server takes."""

    code = "too_large"


class Unsupported(EideticError):
    """Understood, but this cannot be done: a format, a kind of model, a content type."""

    code = "unsupported"


class Corrupt(EideticError):
    """A damaged picture or file."""

    code = "corrupt"


class Unavailable(EideticError):
    """The server, or what it needs to answer, is not there now. Raised after the last retry."""

    code = "unavailable"


class Unreachable(Unavailable):
    """No answer: no server at the URL, a broken connection, a timeout, or TLS that cannot be trusted; or a service
    that the server needs does not answer it, such as the search engine of a collection."""

    code = "unreachable"


class Conflict(EideticError):
    """What is stored there is of another shape or version than the server knows, or somebody else has changed it."""

    code = "conflict"


class Overloaded(Unavailable):
    """A queue is full, the disk is, the server is stopping, or this client asks too often. After the last retry."""

    code = "overloaded"


class JobFailed(EideticError):
    """A job that was waited for failed or was cancelled; `code` is the job's error, or "cancelled"."""


_BY_CODE: Dict[str, Type[EideticError]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        Unauthorized,
        Forbidden,
        NotFound,
        AlreadyExists,
        TooLarge,
        Unsupported,
        Corrupt,
        Unavailable,
        Unreachable,
        Conflict,
        Overloaded,
    )
}
_BY_CODE.update(unsupported_media_type=Unsupported, too_many_requests=Overloaded, timeout=Unavailable)

# For answers without a problem document, as something between client and server gives them.
_BY_STATUS = {
    400: "invalid_argument",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    409: "already_exists",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unsupported",
    429: "too_many_requests",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}


def error_of(detail: str, *, code: str = "", status: Optional[int] = None, request_id: str = "") -> EideticError:
    """The error of the class that belongs to the code, or else to the status."""
    code = code or _BY_STATUS.get(status or 0, "internal")
    return _BY_CODE.get(code, EideticError)(detail, code=code, status=status, request_id=request_id)
