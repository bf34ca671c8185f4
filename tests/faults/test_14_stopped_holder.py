"""14: a lease holder is stopped past its TTL, then goes on: the taker publishes, the zombie cannot."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial

import pytest

import alexflow
from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from tests.faults.shared_storage import end, has_joined, outcome, start
from tests.faults.workflows import Held
from tests.kit.processes import descendants_of, wait_until_stopped

SHORT, LONG = 1.0, 3600.0  # seconds of ttl


class Family:
    """An engine and all its processes."""

    def __init__(self, engine):
        self.engine = engine
        self.pids = [engine.pid, *descendants_of(engine.pid)]

    def stop(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in self.pids:
            wait_until_stopped(pid)

    def go_on(self):
        for pid in reversed(self.pids):  # whoever runs the task first
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def holder(place, log, fifo, request):
    """An engine that runs a task, which waits at a gate."""
    told, gate = fifo("told"), fifo("gate")

    def begin(ttl, workflow="held"):
        engine = start(place, log, ttl, workflow, told.path, gate.path)
        request.addfinalizer(partial(end, engine))
        asyncio.run(told.receive())
        return Family(engine), gate

    return begin


@pytest.mark.parametrize("workflow", ["held", "forced", "forced, and there"])
def test_the_taker_publishes_and_the_zombie_does_not(place, log, fifo, holder, workflow):
    told, gate = fifo("told of taker"), fifo("gate of taker")
    key = Held(1).output().key
    if workflow == "forced, and there":
        alexflow.LocalStorage(place).prepare()
        alexflow.LocalStorage(place).write(key, b"old")
        workflow = "forced"
    zombie, gate_of_zombie = holder(SHORT, workflow)
    zombie.stop()
    taker = start(place, log, SHORT, workflow, told.path, gate.path)
    asyncio.run(told.receive())  # it has waited for the zombie in vain, and runs the task itself
    gate.open_gate()
    found, _ = outcome(taker)
    assert (found["ran"], found["dropped"], found["value"]) == (1, [], 1)
    published = alexflow.LocalStorage(place).version(key)

    zombie.go_on()
    gate_of_zombie.open_gate()
    found, said = outcome(zombie.engine)
    assert (found["ran"], found["dropped"], found["value"]) == (1, [key], 1)
    assert f"its result for {key} was dropped, because another engine or process had published it first" in said
    assert f"engine stalled for longer than its lease TTL ({SHORT:g} s)" in said
    assert alexflow.LocalStorage(place).version(key) == published
    assert log.read_text().split() == ["1", "1"]
    assert not os.path.exists(f"{place}/{LEASES}")


def test_one_that_goes_on_in_time_keeps_its_lease(place, log, fifo, holder):
    stopped, gate = holder(LONG)
    stopped.stop()
    told, unused = fifo("told of other"), fifo("gate of other")
    other = start(place, log, LONG, "held", told.path, unused.path)
    has_joined(place, other)
    stopped.go_on()
    gate.open_gate()
    found, said = outcome(stopped.engine)
    assert (found["ran"], found["dropped"]) == (1, [])
    assert "stood still" not in said
    found, _ = outcome(other)
    assert (found["ran"], found["cached"], found["elsewhere"], found["value"]) == (0, 1, 1, 1)
    assert told.received() == []
    assert log.read_text().split() == ["1"]
