"""The promises that every executor keeps, as checks: give each one that makes your executor. ::

    @pytest.mark.parametrize("promise", promises(leaves_process=True), ids=str)
    def test_it_keeps(promise):
        promise.check(MyExecutor)

A check opens an engine of its own in a directory of its own, which the executor's places must see, runs tasks that
alexflow brings, and raises :class:`BrokenPromise`, which says what is wrong. The executor needs at least one place; a
check waits for it. Those of alexflow, for processes, threads, the event loop and agents, pass the same checks.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alexflow.engine.engine import Engine
from alexflow.engine.executor_choice import ExecutorChoice
from alexflow.errors import AlexflowError, RunFailed, ShippingError, TaskFailed, TaskTimeout, WorkerDied
from alexflow.events import TaskPrinted
from alexflow.testing.executor_tasks import (
    AsyncDeed,
    Deed,
    HurriedAsyncDeed,
    HurriedDeed,
    RefusesToTravel,
    begun,
    open_gate,
    times_begun,
)

#: Seconds that one check may take.
CHECK_TIMEOUT = 60.0

#: Seconds that a task which is stopped gets to end.
CHECK_GRACE = 0.3


class BrokenPromise(AssertionError):
    """An executor does not do what every executor does."""


@dataclass
class Subject:
    """An executor in an engine that is open.

    Attributes:
        engine: the engine.
        place: a directory for notes.
        is_async: whether tasks are ``async def run``.
        close: closes the engine.
        printed: what tasks have printed.
        logged: messages of log records that tasks have made.
    """

    engine: Engine
    place: Path
    is_async: bool
    close: Callable[[], Awaitable[None]]
    printed: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def step(self, number: int, does: str = "", *read: Any, hurried: bool = False) -> Any:
        """Return a task."""
        plain, asynchronous = (HurriedDeed, HurriedAsyncDeed) if hurried else (Deed, AsyncDeed)
        return (asynchronous if self.is_async else plain)(number, str(self.place), does, read)

    def start(self, *tasks: Any, **options: Any) -> asyncio.Task[Any]:
        """Ask for tasks and do not wait."""
        return asyncio.create_task(self.engine.run(list(tasks), **options))

    async def begins(self, number: int, times: int = 1) -> None:
        """Wait until a step has begun."""
        await until(lambda: times_begun(self.place)[number] >= times, f"step {number} has not begun")

    async def places_are_free(self, more_than: int) -> None:
        """Expect that so many quick tasks are run."""
        tasks = [self.step(1000 + number) for number in range(more_than)]
        try:
            await asyncio.wait_for(self.engine.run(tasks), 20)
        except TimeoutError:
            raise BrokenPromise("the place of the task that was stopped is not used again") from None


async def until(condition: Callable[[], object], otherwise: str, seconds: float = 30.0) -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # another process or thread makes it so
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise BrokenPromise(f"{otherwise} after {seconds:g} s") from None


def expect(condition: object, otherwise: str) -> None:
    """Raise if something is not so."""
    if not condition:
        raise BrokenPromise(otherwise)


async def failure_of(subject: Subject, task: Any, **options: Any) -> AlexflowError:
    """Run a task that fails; return its error."""
    try:
        await subject.engine.run(task, **options)
    except RunFailed as failed:
        (error,) = failed.exceptions
        expect(isinstance(error, AlexflowError), f"a failure is reported as {error!r}")
        assert isinstance(error, AlexflowError)  # for type checkers
        return error
    raise BrokenPromise("a task that must fail has succeeded")


# -- promises of all


async def runs_each_task_once(subject: Subject) -> None:
    """A graph's tasks run once each, and what they store is there."""
    leaves = [subject.step(number) for number in range(30)]
    result = await subject.engine.run(subject.step(100, "", *(leaf.output() for leaf in leaves)))
    expect(result.ran == 31, f"{result.ran} of 31 tasks were reported to have run")
    expect(set(times_begun(subject.place).values()) == {1}, f"a task ran twice: {times_begun(subject.place)}")
    value = await result.output.aload()
    expect(value == 100 + sum(range(30)), f"the sum is {value}")


async def reports_failures(subject: Subject) -> None:
    """An exception of ``run`` becomes the task's error, with its class and its text; other tasks run."""
    error = await failure_of(subject, [subject.step(1), subject.step(2, "raise")], on_error="stop")
    expect(isinstance(error, TaskFailed), f"the error is {error!r}, not a TaskFailed")
    assert isinstance(error, TaskFailed)  # for type checkers
    expect(error.error_type == "ValueError", f"error_type is {error.error_type!r}, not 'ValueError'")
    expect("step 2 fails" in error.error_message, f"error_message is {error.error_message!r}")
    await subject.engine.run(subject.step(3))


async def never_begins_what_is_withdrawn(subject: Subject) -> None:
    """A task whose request is cancelled before it begins does not begin."""
    waiting = [subject.step(number, "wait") for number in range(300)]
    run = subject.start(*waiting)

    def all_places_are_taken() -> bool:  # a task that has a place may begin just as its request is cancelled
        executors = subject.engine.stats().executors.values()
        places = max([each.places for each in executors if each.queued or each.running], default=0)
        return 0 < min(places, len(waiting)) <= len(begun(subject.place))

    await until(all_places_are_taken, "fewer tasks have begun than there are places")
    run.cancel()
    await asyncio.wait([run])
    before = len(begun(subject.place))
    open_gate(subject.place)
    await subject.engine.run(subject.step(1000))
    after = [number for number in begun(subject.place) if number < 1000]
    expect(len(after) <= before, f"{len(after) - before} tasks began that had been withdrawn")


async def stops_what_is_cancelled(subject: Subject) -> None:
    """A running task whose request is cancelled gives its place back, at the latest after the grace period."""
    run = subject.start(subject.step(1, "wait"))
    await subject.begins(1)
    run.cancel()
    await asyncio.wait([run])
    await subject.places_are_free(4)
    output = subject.step(1, "wait").output().assign_storage(subject.engine.storage)
    expect(not await asyncio.to_thread(output.exists), "a task that was cancelled has published")


async def keeps_timeouts(subject: Subject) -> None:
    """A task that takes longer than its timeout fails with ``TaskTimeout``, and its place is used again."""
    error = await failure_of(subject, subject.step(1, "wait", hurried=True))
    expect(isinstance(error, TaskTimeout), f"the error is {error!r}, not a TaskTimeout")
    await subject.places_are_free(4)


async def lets_the_urgent_go_first(subject: Subject) -> None:
    """A task that is more urgent than a thousand that are ready does not wait for them."""
    await subject.engine.run(subject.step(1))
    bulk = subject.start(*(subject.step(number) for number in range(10_000, 13_000)), priority=-1)
    await until(lambda: len(begun(subject.place)) > 1, "the bulk has not begun")
    await subject.engine.run(subject.step(2), priority=10)
    order = begun(subject.place)
    await bulk
    behind = len(begun(subject.place)) - order.index(2)
    expect(behind > 500, f"the urgent task began as the last but {behind} of 3,000")


async def makes_lost_inputs_again(subject: Subject) -> None:
    """An input that has vanished is no failure of the task that reads it: it is made again."""
    first = subject.step(1)
    blocker = subject.step(2, "wait", first.output())
    second = subject.step(3, "", first.output(), blocker.output())
    run = subject.start(second)
    await subject.begins(2)
    await asyncio.to_thread(first.output().assign_storage(subject.engine.storage).remove)
    open_gate(subject.place)
    (output,) = (await run).output
    expect(await output.aload() == 1 + (2 + 1) + 3, "the result is wrong")
    expect(times_begun(subject.place)[1] == 2, "the input was not made again")


async def answers_current(subject: Subject) -> None:
    """``alexflow.current`` knows the task and its attempt."""
    value = (await subject.engine.run(subject.step(1, "ask"))).output.load
    expect(await asyncio.to_thread(value) == 1, "current has another task, or another attempt than the first")


async def ends_with_its_engine(subject: Subject) -> None:
    """Closing the engine ends what runs, at the latest after the grace period."""
    run = subject.start(*(subject.step(number, "wait") for number in range(3)))
    await until(lambda: begun(subject.place), "no task has begun")
    try:
        await asyncio.wait_for(subject.close(), 20)
    except TimeoutError:
        raise BrokenPromise("an engine with a task that runs cannot be closed") from None
    run.cancel()
    await asyncio.wait([run])


# -- promises of those whose tasks run in processes of their own


async def charges_a_death_to_its_task(subject: Subject) -> None:
    """The death of a process is the failure of the task that it ran, and of no other."""
    others = [subject.step(number) for number in range(100, 160)]
    result = await subject.engine.run([subject.step(1, "die"), *others], on_error="continue")
    (failure,) = result.failures
    expect(isinstance(failure, WorkerDied), f"the error is {failure!r}, not a WorkerDied")
    times = times_begun(subject.place)
    expect(result.ran == 60, f"{result.ran} of 60 other tasks have run")
    expect(times[1] == 2, f"the task was begun {times[1]} times, and may lose its process twice")


async def refuses_what_cannot_travel(subject: Subject) -> None:
    """A task that cannot be pickled fails and does not hang."""
    task = RefusesToTravel(1, str(subject.place), cargo=threading.local())
    error = await failure_of(subject, task)
    cause = error.__cause__ or error
    expect(isinstance(cause, ShippingError | TaskFailed), f"the error is {error!r}")
    await subject.engine.run(subject.step(2))


async def brings_output(subject: Subject) -> None:
    """Text that a task prints becomes an event of that task."""
    await subject.engine.run([subject.step(1, "talk"), subject.step(2, "talk")])
    expect(sorted(subject.printed) == ["step 1 speaks\n", "step 2 speaks\n"], f"printed: {subject.printed}")


async def brings_log_records(subject: Subject) -> None:
    """Log records of a task reach the loggers of the engine's process."""
    await subject.engine.run(subject.step(1, "talk"))
    expect("step 1 logs" in subject.logged, f"logged: {subject.logged}")


PromiseCheck = Callable[[Subject], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Promise:
    """A promise, and the check of it."""

    keep: PromiseCheck

    def __str__(self) -> str:
        return self.keep.__name__

    @property
    def text(self) -> str:
        """The promise, in a sentence."""
        return self.keep.__doc__ or ""

    def check(self, make: Callable[[], ExecutorChoice], *, is_async: bool = False) -> None:
        """Check that an executor keeps the promise.

        Args:
            make: makes the executor, or returns its name.
            is_async: whether tasks are ``async def run``.

        Raises:
            BrokenPromise: it does not.
        """
        with tempfile.TemporaryDirectory(prefix="alexflow-promise-") as directory:
            (Path(directory) / "notes").mkdir()
            asyncio.run(self._check(Path(directory), make, is_async))

    async def _check(self, directory: Path, make: Callable[[], ExecutorChoice], is_async: bool) -> None:
        async with _subject(directory, make(), is_async) as subject:
            try:
                await asyncio.wait_for(self.keep(subject), CHECK_TIMEOUT)
            except TimeoutError:
                raise BrokenPromise(f"nothing happens any more after {CHECK_TIMEOUT:g} s") from None
            except RunFailed as failed:
                raise BrokenPromise(f"a task that must succeed has failed: {failed.exceptions[0]}") from failed
            finally:
                open_gate(subject.place)  # an executor that cannot stop a task could not be closed


@asynccontextmanager
async def _subject(directory: Path, executor: ExecutorChoice, is_async: bool) -> AsyncIterator[Subject]:
    handler = logging.Handler()
    logger = logging.getLogger("alexflow.testing.step")
    async with AsyncExitStack() as stack:
        engine = Engine(directory / "results", executor=executor, workers=2, max_deaths=1, grace=CHECK_GRACE)
        await stack.enter_async_context(engine)
        subject = Subject(engine, directory / "notes", is_async, stack.aclose)
        handler.emit = lambda record: subject.logged.append(record.getMessage())  # type: ignore[method-assign]
        logger.addHandler(handler)
        engine.broadcast.listen(
            lambda event: subject.printed.append(event.stdout) if isinstance(event, TaskPrinted) else None
        )
        try:
            yield subject
        finally:
            logger.removeHandler(handler)


_OF_ALL: tuple[PromiseCheck, ...] = (
    runs_each_task_once,
    reports_failures,
    never_begins_what_is_withdrawn,
    stops_what_is_cancelled,
    keeps_timeouts,
    lets_the_urgent_go_first,
    makes_lost_inputs_again,
    answers_current,
    ends_with_its_engine,
)
_OF_PROCESSES = (charges_a_death_to_its_task, refuses_what_cannot_travel, brings_output, brings_log_records)


def promises(*, leaves_process: bool) -> list[Promise]:
    """Return the promises of an executor.

    Args:
        leaves_process: whether its tasks run in processes of their own, as its kind says
            (:class:`~alexflow.executors.ExecutorKind`).
    """
    return [Promise(check) for check in (*_OF_ALL, *(_OF_PROCESSES if leaves_process else ()))]
