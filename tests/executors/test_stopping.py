"""Coroutines that ignore their being cancelled, and threads, which cannot be: what they publish comes too late."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from alexflow import Engine, LocalStorage, Output, Task, TaskOptions
from alexflow.errors import EngineClosed, RunFailed, TaskTimeout
from alexflow.formats import BinaryOutput
from alexflow.storage.staged import Staged
from tests.kit.stored_files import stored_files

pytestmark = pytest.mark.anyio

DEADLINE = 30.0


class Gate:
    """A place where a task waits for its test, and the test for the task."""

    def __init__(self) -> None:
        self.entered: asyncio.Queue[str] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open_to_threads = threading.Event()
        self.tasks: set[asyncio.Task[Any]] = set()  # of asyncio, in which tasks were run
        self._loop = asyncio.get_running_loop()

    def enter(self, what: str) -> None:
        self._loop.call_soon_threadsafe(self.entered.put_nowait, what)


gate: Gate


@pytest.fixture(autouse=True)
async def new_gate() -> Any:
    global gate
    gate = Gate()
    yield
    gate.open.set()
    gate.open_to_threads.set()
    await all_have_ended()


async def all_have_ended() -> None:
    """Wait until nothing that was left behind goes on: coroutines and threads."""
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*gate.tasks, return_exceptions=True)
    for thread in threading.enumerate():
        if thread.name == "alexflow-task":
            await asyncio.to_thread(thread.join, DEADLINE)
            assert not thread.is_alive()


@dataclass(frozen=True)
class Base(Task):
    n: int
    how: str = field(default="", compare=False)

    def output(self) -> Sequence[Output[str]]:
        return [self.build_output(BinaryOutput[str], key=key) for key in ("early", "late")]


@dataclass(frozen=True)
class Swallows(Base):
    """Stores one output, takes no notice of being cancelled, and stores the other one."""

    async def run(self, input: Any, output: Any) -> None:
        gate.tasks.add(cast(Any, asyncio.current_task()))
        await output[0].astore("early")
        gate.enter("waits")
        while not gate.open.is_set():
            try:
                await gate.open.wait()
            except asyncio.CancelledError:
                gate.enter("cancelled")
                if self.how == "returns":
                    break
        await output[1].astore("late")


@dataclass(frozen=True)
class InThread(Base):
    """Stores one output, waits, and stores the other one."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")

    def run(self, input: Any, output: Any) -> None:
        output[0].store("early")
        gate.enter("waits")
        gate.open_to_threads.wait(DEADLINE)
        output[1].store("late")


@dataclass(frozen=True)
class Quick(Base):
    options: ClassVar[TaskOptions] = TaskOptions(timeout=DEADLINE)  # a busy machine makes it late

    async def run(self, input: Any, output: Any) -> None:
        for one in output:
            await one.astore("quick")


@dataclass(frozen=True)
class QuickInThread(Base):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread", timeout=DEADLINE)

    def run(self, input: Any, output: Any) -> None:
        for one in output:
            one.store("quick")


KINDS = [(Swallows, Quick), (InThread, QuickInThread)]


def files_in(place: Path) -> list[str]:
    """Everything that is in a storage, what is on its way too."""
    return stored_files(place)


def open_gates() -> None:
    gate.open.set()
    gate.open_to_threads.set()


async def test_one_that_returns_when_it_is_cancelled_has_published_nothing(tmp_path, caplog):
    async with Engine(str(tmp_path), grace=DEADLINE) as engine:
        run = asyncio.create_task(engine.run(Swallows(0, "returns")))
        assert await gate.entered.get() == "waits"
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert await gate.entered.get() == "cancelled"
    assert files_in(tmp_path) == []
    assert not caplog.records


async def test_nor_when_its_time_is_over(tmp_path, caplog):
    async with Engine(str(tmp_path), grace=DEADLINE, timeout=0.05) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Swallows(0, "returns"))
        assert type(caught.value.exceptions[0]) is TaskTimeout
    assert files_in(tmp_path) == []
    assert not caplog.records


@pytest.mark.parametrize(("kind", "quick"), KINDS)
async def test_one_that_goes_on_after_its_timeout_is_left_behind(tmp_path, caplog, kind, quick):
    """Its place is free, and what it stores is dropped, whether the engine is still there or not."""
    async with Engine(str(tmp_path), grace=0.05, timeout=0.05, max_concurrency=1, workers=1) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(kind(0))
        assert type(caught.value.exceptions[0]) is TaskTimeout
        assert (await engine.run([quick(n) for n in range(1, 9)])).ran == 8
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert kind(0).task_id in record.getMessage()
    assert "stopped at its timeout of 0.05 s" in record.getMessage()
    assert "it cannot publish any more" in record.getMessage()
    open_gates()
    await all_have_ended()
    assert len(files_in(tmp_path)) == 16  # of the others


@pytest.mark.parametrize(("kind", "quick"), KINDS)
async def test_one_that_goes_on_after_it_was_cancelled(tmp_path, caplog, kind, quick):
    async with Engine(str(tmp_path), grace=0.05, max_concurrency=1, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "waits"
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await engine.run([quick(n) for n in range(1, 9)])).ran == 8
        open_gates()
    await all_have_ended()
    assert len(files_in(tmp_path)) == 16
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "was cancelled" in record.getMessage()


@pytest.mark.parametrize(("kind", "quick"), KINDS)
async def test_one_that_goes_on_is_asked_for_again(tmp_path, kind, quick):
    """The second attempt does not wait for the first, and the result is the second one's."""
    async with Engine(str(tmp_path), grace=0.05, max_concurrency=1, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "waits"
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        again = asyncio.create_task(engine.run(kind(0)))
        while await gate.entered.get() != "waits":
            pass
        open_gates()
        assert (await again).ok
    await all_have_ended()
    assert len(files_in(tmp_path)) == 2


@pytest.mark.parametrize(("kind", "quick"), KINDS)
async def test_closing_does_not_wait_for_it(tmp_path, kind, quick):
    async with Engine(str(tmp_path), grace=0.05, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "waits"
    with pytest.raises(EngineClosed):
        await run
    open_gates()
    await all_have_ended()
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(("kind", "quick"), KINDS)
async def test_killing_gives_no_grace(tmp_path, kind, quick):
    async with Engine(str(tmp_path), grace=1_000.0, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "waits"
        engine.kill()
    with pytest.raises(EngineClosed):
        await run
    open_gates()
    await all_have_ended()
    assert files_in(tmp_path) == []


# -- stopped in the middle of publishing


@dataclass(frozen=True, init=False)
class Slow(LocalStorage):
    """Lets the test know when it publishes the first of several outputs, and waits for it before the others."""

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        published = super().publish(staged, replace=replace)
        gate.enter("publishes")
        gate.open_to_threads.wait(DEADLINE)
        return published

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        published = super().publish(staged, replace=replace)
        gate.enter("publishes")
        await gate.open.wait()
        return published


@pytest.fixture
def slow(tmp_path: Path) -> Slow:
    return Slow(str(tmp_path))


@pytest.mark.parametrize("kind", [Quick, QuickInThread])
async def test_who_is_publishing_already_may_finish(slow, tmp_path, kind):
    """All outputs of a task become visible, or none."""
    async with Engine(slow, grace=DEADLINE, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "publishes"
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        open_gates()
    assert len(files_in(tmp_path)) == 2


#: Seconds that a task has in the tests below: enough to begin to publish on a busy machine.
TIME = 1.0


@dataclass(frozen=True)
class Timed(Quick):
    options: ClassVar[TaskOptions] = TaskOptions(timeout=TIME)


@dataclass(frozen=True)
class TimedInThread(QuickInThread):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread", timeout=TIME)


@pytest.mark.parametrize("kind", [Timed, TimedInThread])
async def test_whose_time_is_over_while_it_publishes_has_succeeded(slow, tmp_path, kind):
    async with Engine(slow, grace=DEADLINE, workers=1) as engine:
        run = asyncio.create_task(engine.run(kind(0)))
        assert await gate.entered.get() == "publishes"
        asyncio.get_running_loop().call_later(1.1 * TIME, open_gates)  # after the timeout, or it proves nothing
        assert (await run).ran == 1
    assert len(files_in(tmp_path)) == 2


@pytest.mark.parametrize("kind", [Timed, TimedInThread])
async def test_publishing_that_hangs_is_left_behind(slow, caplog, kind):
    async with Engine(slow, grace=0.05, workers=1) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(kind(0))
        assert type(caught.value.exceptions[0]) is TaskTimeout
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "it was publishing, so its outputs may still become visible" in record.getMessage()
    open_gates()
    await all_have_ended()
