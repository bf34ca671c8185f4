"""``Engine.load`` of an output that exists reads it: one look at the storage, and no request."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Task

pytestmark = pytest.mark.anyio

PACKAGE = str(Path(alexflow.__file__).parent)
STARTS: list[int] = []


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="number.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        STARTS.append(self.number)
        await output.astore(self.number + len(STARTS) - 1)


class Looked(MemoryStorage):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: Counter[str] = Counter()

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        self.looks["exists"] += 1
        return super().exists_many(keys)

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        self.looks["exists"] += 1
        return await super().aexists_many(keys)

    async def aread(self, key: str) -> bytes:
        self.looks["read"] += 1
        return await super().aread(key)


@pytest.fixture(autouse=True)
def none_has_started() -> None:
    STARTS.clear()


async def test_an_output_that_exists_costs_one_look_and_emits_no_event() -> None:
    storage = Looked()
    async with Engine(storage) as engine:
        assert await engine.load(Number(7).output()) == 7
        events: list[Any] = []
        reader = engine.events()
        storage.looks.clear()
        assert await engine.load(Number(7).output()) == 7
        assert storage.looks == {"read": 1}
    events = [event async for event in reader]
    assert events == []
    assert STARTS == [7]


async def test_an_output_that_exists_costs_few_calls(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        output = Number(1).output()
        await engine.load(output)
        calls = 0

        def count(frame: FrameType, event: str, _: Any) -> None:
            nonlocal calls
            name = frame.f_code.co_name
            calls += event == "call" and frame.f_code.co_filename.startswith(PACKAGE) and not name.startswith("<")

        sys.setprofile(count)
        try:
            await engine.load(output)
        finally:
            sys.setprofile(None)
    assert 0 < calls <= 15  # of which two are JSONOutput's decode


async def test_a_forced_task_is_waited_for() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert await engine.load(Number(5).output()) == 5
        forced = asyncio.ensure_future(engine.run(Number(5), force=True))
        await asyncio.sleep(0)
        assert await engine.load(Number(5).output()) == 6  # not what was there before
        await forced


async def test_a_removed_output_is_made_again() -> None:
    storage = MemoryStorage()
    async with Engine(storage) as engine:
        await engine.load(Number(3).output())
        storage.remove_many(storage.list())
        assert await engine.load(Number(3).output()) == 4
    assert STARTS == [3, 3]


def damage(path: str) -> None:
    Path(path).chmod(0o600)
    Path(path).write_bytes(b"33")


@pytest.fixture
def checking(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path, check=True)


async def test_a_damaged_output_is_made_again(checking: LocalStorage) -> None:
    async with Engine(checking) as engine:
        await engine.load(Number(3).output())
        damage(checking.path_of(Number(3).output().key))
        assert await engine.load(Number(3).output()) == 4


async def test_a_loop_of_loads_lets_others_have_their_turns(tmp_path: Path) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with Engine(tmp_path) as engine:
        output = Number(1).output()
        await engine.load(output)
        beside = asyncio.create_task(count())
        for _ in range(1000):
            await engine.load(output)
        beside.cancel()
    assert turns >= 20
