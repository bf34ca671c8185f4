"""Classes of back ends' errors. Exceptions are recognized by name: none of the back ends' packages is imported here."""

from __future__ import annotations

import errno
from typing import Any, Literal

Meaning = Literal["absent", "exists", "passing", "denied", "full", "other"]

#: Answers that may change at the next attempt: too busy, a gateway's trouble, a conflict of two writers at once, of
#: which WebDAV may lock one out (423).
PASSING_STATUS = frozenset({408, 409, 423, 425, 429, 500, 502, 503, 504})

_BY_STATUS: dict[int, Meaning] = {404: "absent", 410: "absent", 412: "exists", 401: "denied", 403: "denied"}
_BY_STATUS |= {413: "full", 507: "full"}

_BY_NUMBER: dict[int, Meaning] = {
    errno.ENOENT: "absent",
    errno.EEXIST: "exists",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}

#: Errors of the way to the server: top-level package, and a class that they are or descend from.
_OF_THE_WAY = frozenset(
    {
        ("aiohttp", "ClientConnectionError"),
        ("aiohttp", "ClientPayloadError"),
        ("azure", "ServiceRequestError"),
        ("azure", "ServiceResponseError"),
        ("botocore", "ConnectionError"),
        ("botocore", "HTTPClientError"),
        ("botocore", "IncompleteReadError"),
        ("botocore", "ResponseParserError"),
        ("httpx", "TransportError"),
        ("paramiko", "SSHException"),
        ("requests", "ConnectionError"),
        ("builtins", "ConnectionError"),
        ("builtins", "EOFError"),
        ("builtins", "TimeoutError"),
        ("socket", "gaierror"),
    }
)
#: Among these, what will be no better the next time: a certificate that is not accepted.
_FOR_GOOD = frozenset({("botocore", "SSLError"), ("aiohttp", "ClientSSLError")})

_REFUSED = frozenset({("azure", "ClientAuthenticationError"), ("botocore", "NoCredentialsError")})
_REFUSED |= {("botocore", "PartialCredentialsError"), ("paramiko", "AuthenticationException")}
_REFUSED |= {("google", "RefreshError"), ("google", "DefaultCredentialsError")}

#: Text that botocore adds, although botocore does not retry here.
_NO_RETRIES = " (reached max retries: 0)"

_CHAIN = 5  # causes that are looked at


def meaning_of(error: BaseException) -> Meaning:
    """The meaning of an error for the request that it ended."""
    if isinstance(error, FileNotFoundError):
        return "absent"
    if isinstance(error, FileExistsError):
        return "exists"
    names = _names_of(error)
    if names & _REFUSED:
        return "denied"
    if names & _FOR_GOOD:
        return "other"
    if names & _OF_THE_WAY:  # before the status: an answer that was cut off may have had a good one
        return "passing"
    status = status_of(error)
    if status is not None:
        return _BY_STATUS.get(status) or ("passing" if status in PASSING_STATUS else "other")
    if isinstance(error, OSError):
        if error.errno in _BY_NUMBER:
            return _BY_NUMBER[error.errno]
        if error.errno in (errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EBUSY):
            return "passing"
    return "other"


def status_of(error: BaseException) -> int | None:
    """The HTTP status that the server answered with, if it did."""
    cause: BaseException | None = error
    for _ in range(_CHAIN):
        if cause is None:
            return None
        status = _status_told(cause)
        if status is not None:
            return status
        cause = cause.__cause__
    return None


def _status_told(error: Any) -> int | None:
    status: Any
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore's
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
        status = status or getattr(error, "status", None) or getattr(error, "code", None)
        if ("aiohttp", "HttpProcessingError") in _names_of(error):
            status = None  # its own opinion of what came; the server gave no such answer
    number = int(status) if isinstance(status, int) or str(status).isdecimal() else 0  # gcsfs gives texts
    return number if 300 <= number < 600 else None


def _names_of(error: BaseException) -> set[tuple[str, str]]:
    return {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(error).__mro__}


def describe_error(error: BaseException) -> str:
    """The text of an error in one line, with the HTTP status of the answer."""
    text = " ".join(str(error).replace(_NO_RETRIES, "").split())
    status = status_of(error)
    name = (
        f"{type(error).__name__} ({status})" if status is not None and str(status) not in text else type(error).__name__
    )
    return f"{name}: {text}" if text else name
