"""14 on an object store: a lease holder is stopped past its TTL, then goes on: the taker publishes, it cannot."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.faults.shared_storage import left_behind, outcome
from tests.kit.processes import descendants_of, wait_until_stopped

SHORT = 3.0  # seconds of ttl


@pytest.mark.parametrize(("how", "what"), [("killed", "held"), ("stopped", "held"), ("stopped", "large")])
def test_it_is_taken_over_when_the_holder_shows_no_sign_of_life(bucket, log, fifo, how, what):
    storage, begin = bucket
    told, gate, told_other, gate_other = (fifo(name) for name in ("told", "gate", "told other", "gate other"))
    holder = begin(log, SHORT, what, told.path, gate.path)
    asyncio.run(told.receive())
    pids = [holder.pid, *descendants_of(holder.pid)]
    if how == "killed":
        holder.kill()
    else:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            wait_until_stopped(pid)
    other = begin(log, SHORT, what, told_other.path, gate_other.path)
    asyncio.run(told_other.receive())  # it has waited in vain, and runs the task itself
    gate_other.open_gate()
    found, _ = outcome(other)
    assert (found["ran"], found["dropped"], found["value"]) == (1, [], 1)
    [key] = storage.list()
    published = storage.version(key)
    if how == "stopped":
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        gate.open_gate()
        found, said = outcome(holder)
        dropped = [key] if what == "large" else []  # equal bytes are its own publication
        assert (found["ran"], found["dropped"], found["value"]) == (1, dropped, 1)
        assert (f"its result for {key} was dropped" in said) == bool(dropped)
        assert f"engine stalled for longer than its lease TTL ({SHORT:g} s)" in said
    assert storage.version(key) == published
    assert left_behind(storage) == []
    assert storage.sweep(older_than=-3600) == 0  # nothing is left of what the zombie uploaded
