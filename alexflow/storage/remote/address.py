"""``Address``: a storage's URL and options, and what of them may be shown.

A secret is whatever is in the user part of the URL behind a colon, and the value of every option that is not known to
be harmless. Secrets are in ``options`` and nowhere else; whatever a back end says is shown through ``redact``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from alexflow.errors import UnknownStorage

_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^/@]*)@)?(?P<rest>.*)", re.DOTALL)

#: Options whose values may be seen.
_HARMLESS = frozenset(
    {"account_name", "anon", "asynchronous", "base_url", "consistency", "endpoint_url", "host", "port", "profile"}
    | {"project", "region_name", "requester_pays", "signature_version", "use_ssl", "user", "username", "verify"}
)

#: Shorter ones would turn up in words that are no secrets.
_SHORTEST_SECRET = 4  # characters

_SIGNED = re.compile(
    r"(?i)\b((?:sig|signature|[a-z_]*token|awsaccesskeyid|api_?key|key-pair-id|x-amz-[a-z-]+|x-goog-[a-z-]+)=)[^&\s'\"]+"
)
_USER = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")


#: Options that name a server.
_OF_SERVER = ("endpoint_url", "endpoint", "account_name", "host", "port", "base_url")


class Address:
    """The location of a storage, and the options that it is opened with.

    Args:
        url: ``protocol://…``, perhaps with ``user:password@``.
        options: for fsspec's file system, or the client behind it.

    Attributes:
        protocol: in lower case, such as ``"s3"``.
        url: as given.
        shown: the URL without a password.
        user: from the URL; empty if the URL has none.
        password: from the URL.
        rest: what follows in the URL, without a slash at its end.

    Raises:
        UnknownStorage: it is not a URL, or names nothing.
    """

    def __init__(self, url: str, options: Mapping[str, Any]):
        parts = _URL.fullmatch(url) if isinstance(url, str) else None
        if parts is None:
            raise UnknownStorage("a remote storage is given as a URL such as 's3://bucket/prefix'")
        self.url = url
        self.options = dict(options)
        self.protocol = parts["protocol"].lower()
        self.rest = parts["rest"].rstrip("/")
        user, _, password = (parts["user"] or "").partition(":")
        self.user, self.password = unquote(user), unquote(password)
        login = f"{user}@" if user else ""
        self.shown = _SIGNED.sub(r"\1…", f"{self.protocol}://{login}{self.rest}")
        if not self.rest.strip("/"):
            raise UnknownStorage(f"{self.shown!r} names no place; it is to be like 's3://bucket/prefix'")

    def __repr__(self) -> str:
        options = "".join(f", {name}=…" for name in sorted(self.options))
        return f"{self.shown!r}{options}"

    @property
    def server(self) -> str:
        """The URL with what options say of the server, and no rights: what names the storage among others."""
        named = (f" {name}={self.options[name]}" for name in _OF_SERVER if name in self.options)
        return "".join([self.shown, *named])

    def is_beside(self, other: Address) -> bool:
        """Whether both are on one server, with the same rights."""
        return self._access() == other._access()

    def _access(self) -> tuple[Any, ...]:
        return self.protocol, self.user, self.password, self.options

    def redact(self, text: str) -> str:
        """``text`` without any secret."""
        return redacted(text, (self.password, *texts_in(self.options)))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """``text`` without these secrets, and without what looks like a password or a signature in a URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return _USER.sub(r"\1:…@", _SIGNED.sub(r"\1…", text))


def texts_in(value: Any, name: str = "") -> Iterator[str]:
    """All texts in options, but for those that may be seen."""
    if name in _HARMLESS:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner, item in value.items():
            yield from texts_in(item, str(inner))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
