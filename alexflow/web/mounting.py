"""``Mounting``: below which path the page is mounted, where a framework does not say it as ASGI has it."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send


class Mounting:
    """Sets ``root_path``, below which all links of the page are, for frameworks that only cut it off ``path``.

    Litestar does so, and puts a slash at the end. What was asked for is in ``raw_path``.

    Args:
        app: answers requests.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            scope = {**scope, **_placed(scope["path"], scope.get("raw_path") or b"")}
        await self._app(scope, receive, send)


def _placed(path: str, raw_path: bytes) -> dict[str, str]:
    """Return where the page is mounted, and the path of the request with that; nothing where it is at the top."""
    asked, below = unquote(raw_path.partition(b"?")[0].decode("latin-1")).rstrip("/"), path.rstrip("/")
    mount = asked.removesuffix(below)
    if not mount or asked == below or (below and mount == asked):
        return {}
    return {"root_path": mount, "path": f"{mount}{below or '/'}"}
