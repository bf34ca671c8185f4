"""40: the application forks with an engine open, the engine is killed; a loop is closed with an engine in it.

The next engine takes over within 1 s. Here leases would last for an hour, so it would not come to its end otherwise.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

import alexflow
from alexflow import Engine
from tests.faults.workflows import NumberInThread, WaitsForEvent, gates, said
from tests.kit.processes import still_alive

TTL = 3600.0  # seconds


def next_engine(place: str) -> None:
    """The next engine, in this process, does what the other one was at."""
    gates["open"] = asyncio.Event()
    gates["open"].set()
    began = time.monotonic()
    result = alexflow.run([WaitsForEvent(1, event="open"), NumberInThread(2)], storage=place, lease_ttl=TTL)
    assert result.ran == 2
    assert time.monotonic() - began < 5  # 1 s on a machine that is not busy


ANOTHER = """
import sys, alexflow
from tests.faults.workflows import NumberInThread
result = alexflow.run([NumberInThread(1), NumberInThread(2)], storage=sys.argv[1], lease_ttl=3600.0)
assert result.ran == 2
"""


def engine_in_another_process(place: str) -> None:
    """The next engine, in another process, does something else."""
    subprocess.run([sys.executable, "-c", ANOTHER, place], check=True, timeout=60)


def test_forked_and_killed(place):
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forking_holder", place], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    fork = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.wait()
        assert still_alive([fork], 0.0) == {fork}
        next_engine(place)
    finally:
        os.kill(fork, signal.SIGKILL)
        holder.stdout.close()


WANTS_THE_SAME = """
import sys, alexflow
from tests.faults.workflows import WaitsForEvent
alexflow.run(WaitsForEvent(1), storage=sys.argv[1], lease_ttl=3600.0)
"""


def test_a_fork_that_ends_takes_nothing_away(place):
    """Leases of its parent stay held; the other engine says that it waits."""

    async def main() -> None:
        async with Engine(place, lease_ttl=TTL) as engine:
            said.clear()
            running = asyncio.create_task(engine.run(WaitsForEvent(1)))
            await said.reach(1)
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0
            other = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", WANTS_THE_SAME, place), stderr=asyncio.subprocess.PIPE
            )
            assert other.stderr is not None
            waits = (await other.stderr.readline()).decode()
            assert f"waiting for 1 task that another engine on this storage holds: process {os.getpid()} on" in waits
            other.kill()
            await other.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


opened: list[object] = []


async def open_and_leave_it(place: str) -> None:
    """Open an engine that is at work, and do not close it."""
    said.clear()
    engine = Engine(place, lease_ttl=TTL)
    await engine.__aenter__()
    opened.append(engine)
    opened.append(asyncio.ensure_future(engine.run(WaitsForEvent(1))))
    await said.reach(1)


def run_and_cancel(place: str) -> None:
    with asyncio.Runner() as runner:
        runner.run(open_and_leave_it(place))


def close(place: str) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(open_and_leave_it(place))
    loop.close()


def close_in_a_thread(place: str) -> None:
    thread = threading.Thread(target=close, args=(place,))
    thread.start()
    thread.join()


def close_of_uvloop(place: str) -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    loop.run_until_complete(open_and_leave_it(place))
    loop.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("next_one", [next_engine, engine_in_another_process])
@pytest.mark.parametrize("leave", [run_and_cancel, close, close_in_a_thread, close_of_uvloop])
def test_the_loop_is_closed(place, leave: Callable[[str], None], next_one: Callable[[str], None]):
    leave(place)
    next_one(place)
