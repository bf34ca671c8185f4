"""38: answers that are refused, reset or cut off are tried again until the deadline, alike with every client."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import alexflow
from alexflow import open_storage
from alexflow.errors import StorageUnavailable, UnknownStorage
from tests.faults.remote_tasks import Make
from tests.kit.servers.messages import messages_about
from tests.kit.servers.proxy import first

CLIENTS = ["s3fs", "obstore"]


@pytest.mark.anyio
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", ["reset", "cut off"])
async def test_read_again(proxied, caplog, fault, times):
    proxy, storage = proxied[0], proxied[1]()
    await storage.awrite("key", b"whole" * 1000)
    caplog.clear()
    proxy.fault = first(times, fault, "GET", "key")
    assert await storage.aread("key") == b"whole" * 1000
    assert proxy.count("GET", "key") == times + 1
    told = messages_about(storage, caplog)
    assert len(told) in range(times // 2, times + 1)  # aiohttp asks once more itself on kept connections
    assert all("cannot read 'key'" in message for message in told)
    await storage.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
async def test_reset_and_asked_again(proxied, method):
    proxy, storage = proxied[0], proxied[1]()
    await storage.awrite("before", b"value")
    proxy.fault = first(2, "reset", method, "key")
    assert await storage.awrite("key", b"value") is True
    assert await storage.aexists_many(["key"]) == {"key"}
    assert proxy.count(method, "key") == 3
    await storage.aclose()


@pytest.mark.parametrize("fault", ["reset", "cut off"])
def test_a_run_does_not_notice(proxied, log, fault):
    proxy, storage = proxied[0], proxied[1]()
    assert alexflow.run(Make(str(log)), storage=storage, workers=1).output.load() == 0
    proxy.fault = first(2, fault, "GET", "made.json")
    assert alexflow.run(Make(str(log)), storage=storage, workers=1).output.load() == 0
    assert log.read_text() == "0\n"


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["reset", "cut off"])
async def test_in_the_end_it_is_told(proxied, fault):
    proxy, opened = proxied
    await opened().awrite("key", b"value" * 1000)
    storage = opened(deadline=2)
    proxy.fault = lambda request: fault if request.method == "GET" else None
    begin = time.monotonic()
    with pytest.raises(StorageUnavailable, match=r"cannot read 'key' .* within 2 s"):
        await storage.aread("key")
    assert time.monotonic() - begin < 5
    await storage.aclose()


@contextmanager
def free_port():
    """A port on which nobody listens, yet."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    yield port


@contextmanager
def serving(handler, port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(port, client, **options):
    pytest.importorskip("s3fs" if client == "s3fs" else "obstore")
    options |= {"client": "obstore"} if client == "obstore" else {}
    return open_storage(
        "s3://bucket/p", endpoint_url=f"http://127.0.0.1:{port}", key="test", secret="testtest", **options
    )


class OneObject(BaseHTTPRequestHandler):
    """A server that has one object."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        there = self.path.partition("?")[0].endswith("/key")
        body = b"whole" if there else b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
        self.send_response(200 if there else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("client", CLIENTS)
def test_refused_until_the_server_is_up(client, caplog):
    with free_port() as port:
        storage = opened(port, client, deadline=20)
        read: list[bytes] = []
        reading = threading.Thread(target=lambda: read.append(storage.read("key")))
        reading.start()
        until = time.monotonic() + 15
        while not messages_about(storage, caplog):  # it has been refused once
            assert time.monotonic() < until
            time.sleep(0.01)
        with serving(OneObject, port):
            reading.join()
    assert read == [b"whole"]


@pytest.mark.parametrize("client", CLIENTS)
def test_refused_all_the_while(client):
    with free_port() as port:
        begin = time.monotonic()
        with pytest.raises(StorageUnavailable, match=r"cannot look for 'key' in s3://bucket/p within 2 s"):
            opened(port, client, deadline=2).exists_many(["key"])
        assert time.monotonic() - begin < 5


class Captive(OneObject):
    """A login page: whatever is asked for is found."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<html>please log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "use",
    [
        lambda storage: storage.exists_many(["key"]),
        lambda storage: storage.exists_many([f"key{n}" for n in range(100)]),
        lambda storage: storage.read("key"),
        lambda storage: storage.size("key"),
        lambda storage: storage.write("key", b"value"),
        lambda storage: list(storage.list()),
        lambda storage: storage.check_writable(),
    ],
    ids=["one", "many", "read", "size", "write", "list", "check"],
)
def test_a_login_page_is_no_storage(client, use):
    with serving(Captive) as port, pytest.raises(UnknownStorage, match=r"s3://bucket/p answers .* login page"):
        use(opened(port, client, deadline=5))


def test_nothing_is_taken_for_stored(log):
    with serving(Captive) as port, pytest.raises(UnknownStorage, match="correct the address"):
        alexflow.run(Make(str(log)), storage=opened(port, "s3fs", deadline=5), workers=1)
    assert log.read_text() == ""
