"""12: the clock jumps by an hour, forth and back: no lease is stolen early, nothing is published twice."""

from __future__ import annotations

import asyncio
import glob
import os
import time
from functools import partial

import pytest

from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from tests.faults.shared_storage import end, has_joined, outcome, start
from tests.kit.fifo import DEADLINE

HOUR = 3600

TTL = 1.5  # seconds

LIBRARY = next(iter(sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))), None)

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


@pytest.fixture
def clock(tmp_path):
    """The wall clock of engines: how far from the true one, and what makes them use it."""
    path = tmp_path / "clock"

    def move(hours):
        new = tmp_path / "new clock"
        new.write_text(f"{hours:+d}h" if hours else "+0")
        new.rename(path)

    move(0)
    environment = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return move, environment


def test_a_lease_is_kept_while_clocks_jump(place, log, fifo, clock, request):
    """Both clocks jump while the one runs a task, and the other waits for it for much longer than the time to live."""
    move, environment = clock
    told, gate, told_other = fifo("told"), fifo("gate"), fifo("told of other")
    holder = start(place, log, TTL, "held", told.path, gate.path, **environment)
    request.addfinalizer(partial(end, holder))
    asyncio.run(told.receive())
    other = start(place, log, TTL, "held", told_other.path, gate.path, **environment)
    request.addfinalizer(partial(end, other))
    has_joined(place, other)
    for hours in (1, -1, 1, 0, -1, 1):
        move(hours)
        wait_for_signs(place, 2)  # each comes a third of the time to live after the one before
    assert told_other.received() == []
    gate.open_gate()
    found = [outcome(engine)[0] for engine in (holder, other)]
    assert [(one["ran"], one["elsewhere"], one["dropped"]) for one in found] == [(1, 0, []), (0, 1, [])]
    assert all(one["clock"] - time.time() > HOUR / 2 for one in found)  # they did go by it
    assert log.read_text().split() == ["1"]


def test_one_that_dies_while_clocks_jump_is_followed_at_once(place, log, fifo, clock, request):
    move, environment = clock
    told, gate, told_other = fifo("told"), fifo("gate"), fifo("told of other")
    holder = start(place, log, 10 * HOUR, "held", told.path, gate.path, **environment)
    request.addfinalizer(partial(end, holder))
    asyncio.run(told.receive())
    other = start(place, log, 10 * HOUR, "held", told_other.path, gate.path, **environment)
    request.addfinalizer(partial(end, other))
    has_joined(place, other)
    move(-1)
    holder.kill()
    asyncio.run(told_other.receive())
    gate.open_gate()
    found, _ = outcome(other)
    assert (found["ran"], found["dropped"]) == (1, [])


def wait_for_signs(place, count):
    """Wait until the engine in the first seat has shown so many more signs of life."""
    deadline = time.monotonic() + DEADLINE
    last = sign(place) + count
    while sign(place) < last:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sign(place):
    with open(os.path.join(place, LEASES), "rb") as file:
        return int.from_bytes(file.read(8), "little")
