"""A dynamic task's timeout is for what `generate` itself takes, not for the tasks that it gave."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest

from alexflow import DynamicTask, JSONOutput, MemoryStorage, RunFailed, Task, TaskOptions, arun
from alexflow.errors import TaskTimeout
from alexflow.events import TaskStarted
from alexflow.events.broadcast import Broadcast


@dataclass(frozen=True)
class Slow(Task):
    """Takes longer than its parent may."""

    def output(self):
        return self.build_output(JSONOutput, key="slow.json")

    async def run(self, input, output):
        await asyncio.sleep(0.3)  # the work
        await output.astore(1)


@dataclass(frozen=True)
class Patient(DynamicTask):
    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.2)

    async def generate(self, input, output):
        yield Slow()


@dataclass(frozen=True)
class Stuck(DynamicTask):
    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.05)

    async def generate(self, input, output):
        yield Slow()
        await asyncio.Event().wait()


@pytest.mark.anyio
async def test_waiting_for_what_it_gave_does_not_count():
    assert (await arun(Patient(), storage=MemoryStorage())).ran == 2


@pytest.mark.anyio
async def test_a_generate_that_hangs_is_given_up():
    with pytest.raises(RunFailed) as failed:
        await arun(Stuck(), storage=MemoryStorage())
    (error,) = failed.value.exceptions
    assert isinstance(error, TaskTimeout)
    assert "generate() took longer than its timeout of 0.05 s" in str(error)


def test_a_listener_that_raises_is_told_no_more(caplog):
    broadcast = Broadcast()
    seen = []

    def bad(event):
        seen.append(event)
        raise ValueError("of its own")

    broadcast.listen(bad)
    broadcast.listen(seen.append)
    first, second = TaskStarted("a"), TaskStarted("b")
    broadcast.emit(first)
    broadcast.emit(second)
    assert seen == [first, first, second]
    assert "of its own" in caplog.text
