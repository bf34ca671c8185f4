"""The storage hangs: an error at the deadline (± 1 s); the event loop answers all the while."""

import asyncio
import time
from typing import Any

import pytest
from anyio import to_thread

from alexflow import Storage
from alexflow.errors import StorageUnavailable

pytestmark = pytest.mark.anyio

DEADLINE = 3.0  # seconds


@pytest.mark.parametrize("operation", ["read", "write", "exists_many", "list", "remove_many"])
@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_it_is_cut_off(proxied, form, operation):
    proxy, opened = proxied
    patient, storage = opened(), opened(deadline=DEADLINE)
    await patient.awrite("key", b"value")
    await be_open(storage, form)
    proxy.fault = lambda request: "hang"
    arguments = {
        "read": ("key",),
        "write": ("new", b"value"),
        "exists_many": (["key"],),
        "list": (),
        "remove_many": (["key"],),
    }[operation]

    begin = time.monotonic()
    longest = asyncio.create_task(longest_silence())
    with pytest.raises(StorageUnavailable, match=r"within 3 s \(3 attempts\); the last one: no answer") as caught:
        await use(storage, form, operation, *arguments)
    took = time.monotonic() - begin
    longest.cancel()
    assert DEADLINE - 1 < took < DEADLINE + 1
    assert caught.value.attempts == 3
    assert await longest < DEADLINE / 3, "the event loop did not answer"
    await storage.aclose()
    await patient.aclose()


async def be_open(storage: Storage, form: str) -> None:
    """The deadline tried is that of one request; opening is another, which on a busy machine may take longer."""
    while True:
        try:
            return await use(storage, form, "exists_many", ["key"])
        except StorageUnavailable:
            continue


async def use(storage: Storage, form: str, operation: str, *arguments: Any) -> None:
    """Call a method of the storage; a listing is read to its end."""
    if form == "blocking":
        await to_thread.run_sync(block, storage, operation, *arguments)
    elif operation == "list":
        async for _ in storage.alist():
            pass
    else:
        await getattr(storage, f"a{operation}")(*arguments)


def block(storage: Storage, operation: str, *arguments: Any) -> None:
    answer = getattr(storage, operation)(*arguments)
    if operation == "list":
        list(answer)


async def longest_silence() -> float:
    """Measure the longest time that the event loop is away, until this is cancelled."""
    longest = 0.0
    last = time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest
