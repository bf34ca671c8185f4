"""Requests that the page answers: reads, for a host that it serves, and not from another site's scripts.

A page on the loopback address is in reach of every site that its user has open: a name that resolves to 127.0.0.1
(DNS rebinding) carries its own Host, and a script its Origin. Both are compared with the hosts that are served.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Hosts of a page that only its own machine sees.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

#: Scripts and connections of its own only; of styles also those of elements, as widths of bars are.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Guard:
    """Refuses other requests before anything is looked up.

    Args:
        app: answers the rest.
        hosts: names that are served; a port makes no difference.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]):
        self._app = app
        self._hosts = frozenset(each for host in hosts for each in (host.lower(), _name(f"//{host}")) if each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *_HEADERS]
                if b"content-security-policy" not in given:
                    message["headers"].append((b"content-security-policy", POLICY.encode()))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("this page only reads", 405)
        host = headers.get("host", "")
        if _name(f"//{host}") not in self._hosts:
            return PlainTextResponse(
                f"this page is not served as {host!r}; name the host: alexflow serve --allow-host NAME, or "
                "alexflow.web.app(hosts=…)",
                403,
            )
        origin = headers.get("origin")
        if origin is not None and _name(origin) not in self._hosts:
            return PlainTextResponse("this page is for its own scripts only", 403)
        return None


def _name(url: str) -> str:
    """Return the host in a URL, without the port and the brackets of an IPv6 address; "" if there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
