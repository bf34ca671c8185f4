"""A live page that is really served, on a port of this machine, in a thread or with an engine on one loop."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[int]:
    """Serve an application while the block runs; gives the port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Return the status, the headers and the text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(headers.pop("method", "GET"), path, headers={"Host": f"localhost:{port}"} | headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


class Viewer:
    """A reader of a run's events, as a browser is one."""

    def __init__(self, port: int, run: str, below: str = ""):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request("GET", f"{below}/runs/{run}/events", headers={"Host": f"localhost:{port}"})
        self._answer = self._connection.getresponse()

    def next(self) -> tuple[str, int, dict[str, Any]]:
        """Return the next event: its kind, number and data."""
        fields: dict[str, str] = {}
        while line := self._answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields["event"], int(fields["id"]), json.loads(fields["data"])

    def close(self) -> None:
        self._answer.close()
        self._connection.close()
