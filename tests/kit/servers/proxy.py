"""A proxy for HTTP on loopback that counts, and does to requests what networks and servers do to them."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

#: What happens to a request: an answer of 503; no answer; the server's answer is lost on its way, or the second half of
#: it; the connection is reset instead.
Fault = Literal["busy", "hang", "lose the reply", "cut off", "reset"]


class Request(NamedTuple):
    """One request; the names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Proxy:
    """One that runs.

    Attributes:
        port: where it listens.
        requests: what has come, in order.
        fault: asked for each request, in the order of their coming, what happens to it.
    """

    def __init__(self, upstream: int):
        self.upstream = upstream
        self.requests: list[Request] = []
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def take(self, method: str, path: str, headers: dict[str, str]) -> Fault | None:
        """Note a request; gives what happens to it."""
        request = Request(method, path, headers)
        with self._lock:
            self.requests.append(request)
            return self.fault(request)

    def count(self, method: str, within: str = "") -> int:
        """Requests of a method whose path holds ``within``."""
        return sum(request.method == method and within in request.path for request in self.requests)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def proxy(upstream: int) -> Iterator[Proxy]:
    """A proxy to a port of loopback."""
    running = Proxy(upstream)
    try:
        yield running
    finally:
        running.close()


def first(count: int, fault: Fault, method: str, within: str = "") -> Callable[[Request], Fault | None]:
    """A fault that meets the first ``count`` requests of a method whose path holds ``within``."""
    left = count

    def meet(request: Request) -> Fault | None:
        nonlocal left
        if left and request.method == method and within in request.path:
            left -= 1
            return fault
        return None

    return meet


def _handler(owner: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = owner.take(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
            if fault == "hang":
                owner.over.wait()
            if fault in ("busy", "hang"):
                self._answer(503, [], b"<Error><Code>SlowDown</Code><Message>too busy</Message></Error>")
                return
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            status, headers, answer = self._ask(body)
            if fault == "cut off":
                headers = [*headers, ("Content-Length", str(len(answer)))]
                self._answer(status, headers, answer[: len(answer) // 2])
                self.close_connection = True
            elif fault is None:
                self._answer(status, headers, answer)
            else:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", owner.upstream, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("expect", "connection"):
                        connection.putheader(name, value)
                connection.endheaders(body)
                reply = connection.getresponse()
                return reply.status, reply.getheaders(), reply.read()
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            length = str(len(body))
            for name, value in headers:
                if name.lower() == "content-length":
                    length = value  # of a HEAD's answer, which has no body, or of one that is cut off
                elif name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                try:
                    self.wfile.write(body)
                except ConnectionError:  # who asked has given up
                    self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
