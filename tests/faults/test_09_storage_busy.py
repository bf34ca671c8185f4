"""The storage answers 503 three times, then works: success, three retries logged. A steady 503: StorageUnavailable."""

import time

import pytest
from anyio import to_thread

import alexflow
from alexflow.errors import RunFailed, StorageUnavailable
from tests.faults.remote_tasks import Make, MakeInWorker
from tests.kit.servers.messages import messages_about
from tests.kit.servers.proxy import first


@pytest.mark.anyio
@pytest.mark.parametrize("operation", ["publish", "read", "look for"])
async def test_three_times_busy(proxied, caplog, operation):
    proxy, storage = proxied[0], proxied[1]()
    await storage.awrite("key", b"before")
    caplog.clear()
    method = {"publish": "PUT", "read": "GET", "look for": "HEAD"}[operation]
    proxy.fault = first(3, "busy", method)
    if operation == "publish":
        assert await storage.awrite("other", b"value") is True
    elif operation == "read":
        assert await storage.aread("key") == b"before"
    else:
        assert await storage.aexists_many(["key"]) == {"key"}
    told = messages_about(storage, caplog)
    assert len(told) == 3
    assert all(f"cannot {operation}" in message and "503" in message for message in told)
    await storage.aclose()


@pytest.mark.parametrize("kind", [Make, MakeInWorker])
def test_a_run_succeeds(proxied, log, kind):
    proxy, storage = proxied[0], proxied[1]()
    proxy.fault = first(3, "busy", "PUT", "made.json")
    assert alexflow.run(kind(str(log)), storage=storage, workers=1).output.load() == 0
    assert log.read_text() == "0\n"
    assert proxy.count("PUT", "made.json") == 4


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_steadily_busy(proxied, form):
    proxy, opened = proxied
    await opened().awrite("key", b"value")
    storage = opened(deadline=3)
    proxy.fault = lambda request: "busy"
    begin = time.monotonic()
    reading = storage.aread("key") if form == "async" else to_thread.run_sync(storage.read, "key")
    with pytest.raises(StorageUnavailable, match=r"cannot read 'key' in s3://.* within 3 s \(\d+ attempts\)") as caught:
        await reading
    assert 2 < time.monotonic() - begin < 4
    assert (caught.value.operation, caught.value.key) == ("read", "key")
    assert caught.value.attempts > 2
    assert "secret" not in str(caught.value)
    await storage.aclose()


def test_a_run_tells_who_is_busy(proxied, log):
    proxy, opened = proxied
    opened().write("before", b"value")
    storage = opened(deadline=2)
    proxy.fault = lambda request: "busy" if request.method == "PUT" and "made.json" in request.path else None
    with pytest.raises(RunFailed) as caught:
        alexflow.run(Make(str(log)), storage=storage)
    assert "StorageUnavailable: cannot publish" in str(caught.value.exceptions[0])
