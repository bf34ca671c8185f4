"""38: storage unreachable, whatever the engine does with it: ``run`` raises within deadline + 1 s."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import alexflow
from alexflow import Engine, JSONOutput, RunFailed, Storage, Task, open_storage
from alexflow.errors import StorageError, StorageUnavailable
from tests.kit.servers.proxy import Proxy

pytestmark = pytest.mark.anyio

DEADLINE = 3.0  # seconds

#: What happens to all requests from some moment on: no answer, a refusal, a connection that is cut off.
FAULTS = ["hang", "busy", "lose the reply"]

proxies: list[Proxy] = []
gates: dict[str, asyncio.Event] = {}


@dataclass(frozen=True)
class Makes(Task):
    n: int = 0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="made.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await output.astore(self.n)


@dataclass(frozen=True)
class Breaks(Makes):
    """The storage cannot be reached from when this runs."""

    fault: str = "hang"

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        proxies[-1].fault = lambda request: self.fault  # type: ignore[return-value]
        await output.astore(self.n)


@dataclass(frozen=True)
class Gated(Makes):
    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await gates["open"].wait()
        await output.astore(self.n)


@contextlib.contextmanager
def in_time(least: float = 0.0, more: float = 0.0) -> Iterator[None]:
    began, waited = time.monotonic(), without_processor()
    yield
    took, waited = time.monotonic() - began, without_processor() - waited
    assert least < took < DEADLINE + 1 + more + waited


def without_processor() -> float:
    """Seconds for which this thread was to run and others had the processors, as Linux counts them."""
    counts = Path("/proc/thread-self/schedstat")
    return int(counts.read_text().split()[1]) / 1e9 if counts.exists() else 0.0


async def reached(opened) -> Storage:
    """A storage that has been reached once by each door: what its clients import is there, and they are open."""
    storage = opened(deadline=DEADLINE)
    await opened().awrite("before", b"[]")
    while True:
        with contextlib.suppress(StorageUnavailable):  # a machine that is busy imports for longer
            assert await storage.aexists_many(["before", *(f"not before {n}" for n in range(20))]) == {"before"}
            assert await asyncio.to_thread(storage.exists_many, ["before"])
            return storage


@pytest.fixture
async def broken(proxied, request):
    """A storage that can be reached, and what ends that."""
    proxy, opened = proxied
    proxies.append(proxy)
    storage = await reached(opened)

    def break_it(fault: str) -> None:
        proxy.fault = lambda request: fault

    yield storage, break_it
    proxies.pop()
    await storage.aclose()


@pytest.mark.parametrize("fault", FAULTS)
async def test_from_the_beginning(broken, fault):
    storage, break_it = broken
    break_it(fault)
    with in_time(DEADLINE - 1), pytest.raises(StorageUnavailable):
        await alexflow.arun(Makes(), storage=storage)


async def test_what_was_never_reached_is_not_waited_for_once_more(caplog):
    """The run ends with its first request; its record is not tried as well, each part for a deadline of its own."""
    pytest.importorskip("s3fs")
    with socket.socket() as silent:  # it accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        where = f"http://127.0.0.1:{silent.getsockname()[1]}"
        storage = open_storage("s3://bucket/p", endpoint_url=where, key="k" * 8, secret="s" * 8, deadline=1)
        with caplog.at_level(logging.WARNING, "alexflow"), pytest.raises(StorageUnavailable):
            await alexflow.arun(Makes(), storage=storage)
    assert any("no answer" in message for message in caplog.messages)
    assert not [message for message in caplog.messages if ".alexflow/record" in message]


@pytest.mark.parametrize("fault", FAULTS)
async def test_when_something_is_published(broken, fault):
    storage, _ = broken
    with in_time(DEADLINE - 1), pytest.raises(RunFailed) as failed:
        await alexflow.arun(Breaks(fault=fault), storage=storage)
    (error,) = failed.value.exceptions
    assert isinstance(error.__cause__, StorageUnavailable)


@pytest.mark.parametrize("fault", ["hang"])
async def test_when_many_are_published_and_more_are_to_come(broken, fault):
    """Each has its own requests, one after the other; they end together all the same.

    Those that come after the first ten have half a second each, which is all but half of the time that is left.
    """
    storage, _ = broken
    tasks = [Breaks(n, fault) for n in range(20)]
    with in_time(DEADLINE - 1, more=1):
        result = await alexflow.arun(tasks, storage=storage, on_error="continue", max_concurrency=10)
    assert len(result.failures) == 20


@pytest.mark.parametrize("fault", FAULTS)
async def test_when_a_value_is_loaded(broken, fault):
    storage, break_it = broken
    await alexflow.arun(Makes(), storage=storage)
    async with Engine(storage) as engine:
        assert await engine.load(Makes().output()) == 0
        break_it(fault)
        with in_time(DEADLINE - 1), pytest.raises(StorageError):
            await engine.load(Makes().output())


@pytest.mark.parametrize("fault", FAULTS)
async def test_when_the_engine_is_left(broken, fault):
    storage, break_it = broken
    async with Engine(storage) as engine:
        assert await engine.load(Makes().output()) == 0
        break_it(fault)
        began, waited = time.monotonic(), without_processor()
    assert time.monotonic() - began < DEADLINE + 1 + without_processor() - waited


@pytest.mark.parametrize("fault", ["hang"])
async def test_while_another_engine_is_waited_for(broken, proxied, fault):
    storage, break_it = broken
    gates["open"] = asyncio.Event()
    _, opened = proxied
    async with Engine(opened(deadline=2 * DEADLINE), lease_ttl=600) as holder:
        held = asyncio.create_task(holder.run(Gated()))
        await asyncio.sleep(0.5)
        async with Engine(storage, lease_ttl=600) as waiting:
            waits = asyncio.create_task(waiting.run(Gated()))
            await asyncio.wait([waits], timeout=3)
            assert not waits.done()
            break_it(fault)
            gates["open"].set()
            with in_time(more=2), pytest.raises((RunFailed, StorageUnavailable)):  # it looks every second or so
                await waits
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
