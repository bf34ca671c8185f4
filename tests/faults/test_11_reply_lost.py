"""The reply to a PUT is lost after the server stored it: recognised as our own publication; the task ran once."""

import pytest

import alexflow
from tests.faults.remote_tasks import Make, MakeInWorker
from tests.kit.servers.proxy import first

LARGE = 17 * 1024 * 1024  # bytes; is uploaded in parts


@pytest.mark.anyio
@pytest.mark.parametrize(("size", "method"), [(0, "PUT"), (5, "PUT"), (LARGE, "POST")])
async def test_our_own_is_recognised(proxied, size, method):
    proxy, storage = proxied[0], proxied[1]()
    await storage.acheck_writable()
    proxy.fault = first(1, "lose the reply", method, {"PUT": "key", "POST": "uploadId"}[method])
    assert await storage.awrite("key", bytes(size)) is True
    assert await storage.aread("key") == bytes(size)
    assert await storage.awrite("key", b"another's") is False
    await storage.aclose()


@pytest.mark.anyio
async def test_anothers_is_not_taken_for_ours(proxied):
    proxy, storage = proxied[0], proxied[1]()
    await storage.awrite("key", b"first")
    proxy.fault = first(1, "lose the reply", "PUT", "key")
    assert await storage.awrite("key", b"other") is False
    assert await storage.aread("key") == b"first"
    await storage.aclose()


@pytest.mark.parametrize("kind", [Make, MakeInWorker])
def test_the_task_ran_once(proxied, log, kind):
    proxy, storage = proxied[0], proxied[1]()
    proxy.fault = first(1, "lose the reply", "PUT", "made.json")
    result = alexflow.run(kind(str(log)), storage=storage, workers=1)
    assert result.output.load() == 0
    assert log.read_text() == "0\n"
    assert proxy.count("PUT", "made.json") == 2
