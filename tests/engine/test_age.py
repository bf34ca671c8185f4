"""Outputs that are too old are made again: at once, or behind the reader's back."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Output, Task, TaskOptions
from alexflow.errors import DefinitionError, RunFailed, TaskError
from alexflow.model import options
from alexflow.storage import MemoryCache

pytestmark = pytest.mark.anyio

runs: list[str] = []

#: Set to let `Price` fail, or wait.
trouble: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def nothing_has_run() -> Iterator[None]:
    runs.clear()
    trouble.clear()
    yield
    options.AGED.clear()


@dataclass(frozen=True)
class Price(Task):
    name: str

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="price.json")

    async def run(self, input: None, output: Output[int]) -> None:
        runs.append(self.name)
        if "gate" in trouble:
            await trouble["gate"].wait()
        if "error" in trouble:
            raise trouble["error"]
        await output.astore(len(runs))


@dataclass(frozen=True)
class Total(Task):
    prices: tuple[Output[int], ...]

    def input(self) -> Any:
        return self.prices

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="total.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        runs.append("total")
        await output.astore(sum([await price.aload() for price in input]))


def age_by(storage: LocalStorage, output: Output[Any], seconds: float) -> None:
    """Let an output be older."""
    path = storage.path_of(output.key)
    at = os.stat(path).st_mtime - seconds
    os.utime(path, (at, at))


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "results")


async def settled(engine: Engine) -> None:
    """Wait until nothing is under way."""
    await asyncio.sleep(0)  # a refresh begins
    while engine.stats().runs:  # noqa: ASYNC110  # the engine has no event for that
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # and is over


async def test_what_is_too_old_is_made_again(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as engine:
        assert await engine.load(output, max_age=60) == 1
        assert await engine.load(output, max_age=60) == 1
        age_by(storage, output, 61)
        assert await engine.load(output) == 1
        assert await engine.load(output, max_age=120) == 1
        assert await engine.load(output, max_age=60) == 2
        assert await engine.load(output, max_age=60) == 2
        age_by(storage, output, 61)
        assert (await engine.run(Price("a"), max_age=60)).ran == 1
        assert (await engine.run([Price("a"), Price("b")], max_age=60)).ran == 1
        age_by(storage, output, 61)
        assert await engine.load([output, Price("b").output()], max_age=60) == [5, 4]
        assert runs == ["a", "a", "a", "b", "a"]


async def test_a_stale_value_is_given_while_one_refresh_runs(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as engine:
        assert await engine.load(output) == 1
        age_by(storage, output, 100)
        trouble["gate"] = gate = asyncio.Event()
        for _ in range(100):
            assert await engine.load(output, max_age=60, stale_while_revalidate=300) == 1
            assert (await engine.run(output, max_age=60, stale_while_revalidate=300)).ran == 0
        gate.set()
        await settled(engine)
        assert await engine.load(output, max_age=60, stale_while_revalidate=300) == 2
        assert runs == ["a", "a"]


async def test_beyond_the_window_all_wait_for_one_run(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as engine:
        await engine.load(output)
        age_by(storage, output, 1000)
        loads = [engine.load(output, max_age=60, stale_while_revalidate=300) for _ in range(50)]
        assert await asyncio.gather(*loads) == [2] * 50


async def test_an_upstream_that_is_down_is_left_alone_for_a_while(
    storage: LocalStorage, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    output = Price("a").output()
    async with Engine(storage) as engine:
        engine._ages.clock = lambda: now
        await engine.load(output)
        age_by(storage, output, 100)
        trouble["error"] = OSError("down")
        for _ in range(20):
            assert await engine.load(output, max_age=60, stale_while_revalidate=300) == 1
            await settled(engine)
        assert len(runs) == 2
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "next try in 1 s" in caplog.text
        for _ in range(3):  # too old to be given: the error of the last try
            with pytest.raises(TaskError, match="down"):
                await engine.load(output, max_age=60)
        assert len(runs) == 2
        now += 1.5
        for _ in range(3):
            with pytest.raises(TaskError, match="down"):
                await engine.load(output, max_age=60)
        assert len(runs) == 3
        now += 1.5  # the pause has doubled
        assert await engine.load(output, max_age=60, stale_while_revalidate=300) == 1
        await settled(engine)
        assert len(runs) == 3
        now += 1.5
        trouble.clear()
        assert await engine.load(output, max_age=60) == 4
        age_by(storage, output, 100)
        assert await engine.load(output, max_age=60) == 5


async def test_a_class_says_how_old_its_results_may_be(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Price, "options", TaskOptions(max_age=60))
    total = Total((Price("a").output(), Price("b").output()))
    async with Engine(storage) as engine:
        assert await engine.load(total.output()) == 3
        age_by(storage, Price("a").output(), 100)
        assert await engine.load(total.output()) == 3  # nothing behind what exists is looked at
        age_by(storage, total.output(), 100)
        assert await engine.load(total.output(), max_age=60) == 4 + 2
        assert runs == ["a", "b", "total", "a", "total"]
        age_by(storage, Price("a").output(), 100)
        assert await engine.load(Price("a").output(), max_age=300) == 4
        assert (await engine.run(Price("a"), max_age=300)).ran == 0
        assert [each.value async for each in engine.map([Price("a")])] == [6]
        age_by(storage, Price("a").output(), 100)
        assert [(group.reason, group.count) for group in (await engine.plan(Price("a"))).run] == [("too old", 1)]
        assert (await engine.run(Price("a"))).ran == 1
        assert await engine.load(Price("a").output()) == 7


async def test_what_another_engine_has_made_again_is_not_made_twice(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as one, Engine(storage) as other:
        await one.load(output)
        age_by(storage, output, 100)
        loads = [engine.load(output, max_age=60) for engine in (one, other) for _ in range(10)]
        assert await asyncio.gather(*loads) == [2] * 20
        age_by(storage, output, 100)
        for engine in (one, other):
            await engine.load(output, max_age=60, stale_while_revalidate=300)
        await settled(one)
        await settled(other)
        assert runs == ["a"] * 3


async def test_what_is_kept_in_memory_has_an_age_too(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as engine:
        await engine.load(output)
    age_by(storage, output, 100)
    for values in (False, True):
        async with Engine(storage, memory_cache=MemoryCache(values=values)) as engine:
            assert await engine.load(output) == await engine.load(output, max_age=101)
            before = len(runs)
            assert await engine.load(output, max_age=60) == before + 1
            assert await engine.load(output, max_age=60) == before + 1
            age_by(storage, output, 100)


async def test_a_storage_in_memory_keeps_times() -> None:
    async with Engine(MemoryStorage()) as engine:
        output = Price("a").output()
        assert await engine.load(output, max_age=60) == 1
        assert await engine.load(output, max_age=0) == 2


class Untimed(MemoryStorage):
    def modified(self, key: str) -> float | None:
        return None


async def test_a_storage_without_times_is_refused() -> None:
    async with Engine(Untimed()) as engine:
        output = Price("a").output()
        assert await engine.load(output, max_age=60) == 1
        with pytest.raises(DefinitionError, match=r"does not say when .* was stored, so max_age cannot"):
            await engine.load(output, max_age=60)


@pytest.mark.parametrize("wrong", [-1, "60", True, float("nan")])
async def test_a_wrong_age_is_refused(wrong: Any) -> None:
    async with Engine(MemoryStorage()) as engine:
        for name in ("max_age", "stale_while_revalidate"):
            with pytest.raises(DefinitionError, match=f"{name} must be a number of seconds"):
                await engine.load(Price("a").output(), **{name: wrong})
            with pytest.raises(DefinitionError, match=f"{name} must be a number of seconds"):
                await engine.run(Price("a"), **{name: wrong})
        with pytest.raises(DefinitionError, match=r"TaskOptions.max_age must be a number of seconds"):
            TaskOptions(max_age=wrong)
        with pytest.raises(DefinitionError, match="load takes an output, not a Price"):
            await engine.load(Price("a"), max_age=60)  # type: ignore[call-overload]


async def test_a_run_that_fails_says_so(storage: LocalStorage) -> None:
    async with Engine(storage) as engine:
        await engine.run(Price("a"))
        age_by(storage, Price("a").output(), 100)
        trouble["error"] = OSError("down")
        with pytest.raises(RunFailed):
            await engine.run(Price("a"), max_age=60)
        result = await engine.run([Price("a")], max_age=60, on_error="continue")
        assert result.failed == 1
        assert await engine.load(Price("a").output()) == 1
        assert (await engine.run(Price("a"))).ran == 0  # nothing is left of it


async def test_who_leaves_does_not_spoil_it_for_others(storage: LocalStorage) -> None:
    output = Price("a").output()
    async with Engine(storage) as engine:
        await engine.load(output)
        age_by(storage, output, 100)
        trouble["gate"] = gate = asyncio.Event()
        first, second = (asyncio.create_task(engine.load(output, max_age=60)) for _ in range(2))
        while len(runs) < 2:  # noqa: ASYNC110  # it is about to begin
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        gate.set()
        assert await second == 2
