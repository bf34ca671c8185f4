"""The storage hangs: an error at the deadline (± 1 s); the event loop answers all the while."""

import asyncio
import time

import pytest
from anyio import to_thread

from alexflow.errors import StorageUnavailable

pytestmark = pytest.mark.anyio

DEADLINE = 3.0  # seconds


@pytest.mark.parametrize("operation", ["read", "write", "exists_many", "list", "remove_many"])
@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_it_is_cut_off(proxied, form, operation):
    proxy, storage = proxied[0], proxied[1](deadline=DEADLINE)
    await storage.awrite("key", b"value")
    proxy.fault = lambda request: "hang"
    arguments = {
        "read": ("key",),
        "write": ("new", b"value"),
        "exists_many": (["key"],),
        "list": (),
        "remove_many": (["key"],),
    }[operation]

    async def use() -> None:
        if operation == "list":
            async for _ in storage.alist():
                pass
        else:
            await getattr(storage, f"a{operation}")(*arguments)

    def block() -> None:
        if operation == "list":
            list(storage.list())
        else:
            getattr(storage, operation)(*arguments)

    begin = time.monotonic()
    longest = asyncio.create_task(longest_silence())
    with pytest.raises(StorageUnavailable, match=r"within 3 s \(3 attempts\); the last one: no answer") as caught:
        await (use() if form == "async" else to_thread.run_sync(block))
    took = time.monotonic() - begin
    longest.cancel()
    assert DEADLINE - 1 < took < DEADLINE + 1
    assert caught.value.attempts == 3
    assert await longest < DEADLINE / 3, "the event loop did not answer"
    await storage.aclose()


async def longest_silence() -> float:
    """How long the event loop was away, at most, until this is cancelled."""
    longest = 0.0
    last = time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest
