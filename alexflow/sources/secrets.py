"""Removal of the secrets in a source's URL.

A URL can have a password (``https://user:password@host/x``) and a signature (``?X-Amz-Signature=…``). They are kept
with the source's options, and are in no document, text or record. A server's error message may repeat them, and is
shown without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from alexflow.storage.remote.address import redacted, texts_in

#: The option for the URL as it was given, if it has secrets. (``source(url, …)`` takes no option of this name.)
URL_OPTION = "url"

#: A protocol, and what stands before the host: all up to the last ``@``, also where a password's slash was not escaped.
_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/@\s?#]*:(?!\d+(?:[/?#]|$))\S*|[^/\s?#]*)@")

#: Protocols in which that part is a container or a repository.
_NO_USER = frozenset({"abfs", "abfss", "adl", "az", "git", "github", "wasb", "wasbs"})

#: A name and a value in a query or a fragment.
_PARAMETER = re.compile(r"([?&;#])([^=&;#\s?]+)=([^&;#\s]*)")

_SECRET_NAME = re.compile(
    r"(?i)sig|token|secret|key|pass|pwd|auth|cred|session|jwt|policy|hmac|^sign$|^code$|^sas$|^x-amz-|^x-goog-|^expires$"
)


def shown(url: str) -> str:
    """A URL without its user, password and signature; a path as it is."""
    if "://" not in url:
        return url
    links = url.split("::")  # of a chain, such as zip://x.csv::https://…
    return "::".join(_without_parameters(_USER.sub(_without_user, link)) for link in links)


def with_secrets(url: str, options: Mapping[str, Any]) -> str:
    """The URL before :func:`shown` removed its secrets."""
    given: str = options.get(URL_OPTION, url)
    return given


def without_secrets(text: str, options: Mapping[str, Any]) -> str:
    """A text about a source, without the secrets in its options."""
    given = str(options.get(URL_OPTION, ""))
    secrets = {*_secrets_in(given), *texts_in({name: value for name, value in options.items() if name != URL_OPTION})}
    return redacted(shown(text.replace(given, shown(given)) if given else text), secrets)


def _secrets_in(url: str) -> Iterator[str]:
    found = [user[0].partition("://")[2].rstrip("@").partition(":")[2] for user in _USER.finditer(url)]
    found += [value for _, name, value in _PARAMETER.findall(url) if _is_secret(name)]
    for secret in found:
        yield from (secret, unquote(secret))


def _without_user(found: re.Match[str]) -> str:
    return found[0] if found[1].lower() in _NO_USER else f"{found[1]}://"


def _without_parameters(url: str) -> str:
    kept = _PARAMETER.sub(lambda found: found[1] if _is_secret(found[2]) else found[0], url)
    if kept == url:
        return url
    kept = re.sub(r"([?&;#])[&;]+", r"\1", kept)  # where some were taken out
    return re.sub(r"[?&;#]+(?=$|\s)", "", kept)


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(unquote(name)) is not None
