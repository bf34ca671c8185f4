"""``Retry(on=…, not_on=…)``: which errors are followed by another attempt, wherever they were raised."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alexflow import DynamicTask, Engine, JSONOutput, Output, Retry, Task, TaskOptions
from alexflow.errors import TaskFailed, TaskTimeout
from alexflow.events import TaskGivenUp, TaskRetrying

pytestmark = pytest.mark.anyio


class Busy(ConnectionError):
    """A subclass of a subclass of what ``on`` has."""


class Untold(Exception):
    """Cannot be brought over: only its name and those of its bases arrive."""

    def __reduce__(self) -> Any:
        raise RuntimeError("it stays here")


class UntoldToo(Untold):
    """So can't its subclass."""


def nth_attempt(path: str) -> int:
    """Count an attempt in a file, and give its number."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b".")
    attempt = os.fstat(fd).st_size
    os.close(fd)
    return attempt


@dataclass(frozen=True)
class Raising(Task):
    """Raises at its first attempt what it is told to, and then succeeds."""

    kind: str
    attempts: str = field(compare=False)
    tries: Retry = field(compare=False)

    @property
    def retry(self) -> Retry:  # type: ignore[override]
        return self.tries

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def attempt(self) -> int:
        attempt = nth_attempt(self.attempts)
        if attempt == 1:
            raise {"Busy": Busy, "UntoldToo": UntoldToo, "KeyError": KeyError}[self.kind]("no luck")
        return attempt

    def run(self, input: None, output: Output[int]) -> None:
        output.store(self.attempt())


@dataclass(frozen=True)
class RaisingInThread(Raising):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class RaisingOnLoop(Raising):
    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(await asyncio.to_thread(self.attempt))


@dataclass(frozen=True)
class RaisingGenerate(DynamicTask):
    kind: str
    attempts: str = field(compare=False)
    tries: Retry = field(compare=False)

    @property
    def retry(self) -> Retry:  # type: ignore[override]
        return self.tries

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def generate(self, input: None, output: Output[int]) -> Iterator[Task]:
        output.store(Raising.attempt(self))  # type: ignore[arg-type]
        yield from ()


def quick(**which: Any) -> Retry:
    return Retry(1, delay=0.0, **which)


@pytest.mark.parametrize("cls", [Raising, RaisingInThread, RaisingOnLoop, RaisingGenerate])
@pytest.mark.parametrize(
    ("kind", "tries", "again"),
    [
        ("Busy", quick(), True),
        ("Busy", quick(on=(OSError,)), True),
        ("Busy", quick(on=OSError), True),
        ("Busy", quick(on=(Busy,)), True),
        ("Busy", quick(on=(KeyError, ValueError)), False),
        ("Busy", quick(on=()), False),
        ("Busy", quick(not_on=(ConnectionError,)), False),
        ("Busy", quick(on=(OSError,), not_on=(Busy,)), False),
        ("Busy", quick(on=(OSError,), not_on=(BrokenPipeError,)), True),
        ("UntoldToo", quick(on=(Untold,)), True),
        ("UntoldToo", quick(not_on=(Untold,)), False),
        ("UntoldToo", quick(on=(OSError,)), False),
        ("KeyError", quick(on=(LookupError,)), True),
    ],
    ids=str,
)
async def test_which_errors(place: str, tmp_path: Path, cls: Any, kind: str, tries: Retry, again: bool) -> None:
    events: list[Any] = []
    task = cls(kind, str(tmp_path / "attempts"), tries)
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(events.append)
        result = await engine.run(task, on_error="continue")
    if again:
        assert result.output.load() == 2
        assert [event.attempts for event in events if isinstance(event, TaskRetrying)] == [1]
    else:
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        assert error.attempts == 1
        assert [event.attempts for event in events if isinstance(event, TaskGivenUp)] == [1]


@dataclass(frozen=True)
class TooLong(Task):
    """Takes too long at its first attempt."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.1)
    attempts: str = field(compare=False)
    tries: Retry = field(compare=False)

    @property
    def retry(self) -> Retry:  # type: ignore[override]
        return self.tries

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        attempt = await asyncio.to_thread(nth_attempt, self.attempts)
        if attempt == 1:
            await asyncio.Event().wait()
        await output.astore(attempt)


@pytest.mark.parametrize(("tries", "again"), [(quick(on=(TaskTimeout,)), True), (quick(on=(OSError,)), False)])
async def test_a_timeout_is_an_error_like_others(place: str, tmp_path: Path, tries: Retry, again: bool) -> None:
    async with Engine(place) as engine:
        result = await engine.run(TooLong(str(tmp_path / "attempts"), tries), on_error="continue")
    assert (result.ran, result.failed) == ((1, 0) if again else (0, 1))


async def test_delays_vary_by_the_jitter(place: str, tmp_path: Path) -> None:
    events: list[Any] = []
    tries = Retry(1, delay=0.01, jitter=0.5)
    tasks = [RaisingOnLoop("Busy", str(tmp_path / f"attempts-{n}"), tries) for n in range(20)]
    async with Engine(place) as engine:
        engine.broadcast.listen(events.append)
        for task in tasks:
            await engine.run(task, force=True)  # of one id: only its file differs
    delays = [event.delay for event in events if isinstance(event, TaskRetrying)]
    assert len(delays) == 20
    assert all(0.005 <= delay <= 0.015 for delay in delays)
    assert len(set(delays)) > 1


async def test_of_the_engine_and_of_a_class_that_wants_none(place: str, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Never(RaisingOnLoop):
        retry: ClassVar[Retry] = Retry(0)  # type: ignore[assignment]

    async with Engine(place, retry=quick(on=(OSError,))) as engine:
        result = await engine.run(Never("Busy", str(tmp_path / "attempts"), quick()), on_error="continue")
        assert result.failures[0].attempts == 1
