"""Hooks that are not a task's: listeners, handlers and filters of logging, storages; and code that does not end."""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

import alexflow
from alexflow import DynamicTask, Engine, LocalStorage, RunFailed, Task
from alexflow.errors import AlexflowError, DefinitionError, TaskFailed
from tests.hooks.broken import GoodInThread, GoodOnLoop, made
from tests.hooks.exceptions import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

SOON = 15  # seconds


@pytest.mark.parametrize("kind", KINDS)
async def test_a_listener_that_raises_is_told_no_more(tmp_path: Path, kind: str) -> None:
    heard: list[str] = []
    seen: list[object] = []

    def raises(event: object) -> None:
        heard.append(type(event).__name__)
        raise KINDS[kind]()

    async with asyncio.timeout(SOON), Engine(tmp_path / "results") as engine:
        engine.broadcast.listen(raises)
        engine.broadcast.listen(seen.append)
        assert (await engine.run([GoodInThread(1), GoodOnLoop(2)])).ran == 2
    assert heard == ["RunStarted"]
    assert len(seen) > 3


#: Of exceptions that raise where they are looked at.
SEALED = ("Sealed", "SealedExit", "SealedInterrupt", "Anonymous", "after Sealed")


@pytest.mark.parametrize("kind", SEALED)
async def test_a_listener_that_raises_is_not_heard_of_by_who_loads(tmp_path: Path, kind: str) -> None:
    def raises(event: object) -> None:
        raise KINDS[kind]()

    async with asyncio.timeout(SOON), Engine(tmp_path / "results") as engine:
        engine.broadcast.listen(raises)
        assert await engine.load(GoodOnLoop(1).output()) == 1


@pytest.mark.parametrize("where", ["loop, async", "thread", "dynamic", "process"])
@pytest.mark.parametrize("kind", SEALED)
def test_what_a_run_raises_can_be_shown(tmp_path: Path, kind: str, where: str) -> None:
    with pytest.raises(RunFailed) as failed:
        alexflow.run(made(where, "run", kind, 1), storage=tmp_path / "results", workers=1)
    (error,) = failed.value.exceptions
    assert isinstance(error, TaskFailed)
    assert error.error_type.startswith("tests.hooks.exceptions.") or kind == "after Sealed"
    assert error.error_type in "".join(traceback.format_exception(failed.value))


@dataclass(frozen=True)
class Fails(Task):
    async def run(self, input: object, output: object) -> None:
        raise ValueError("so that it is logged")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_filter_of_logging_that_raises_changes_nothing(tmp_path: Path, kind: str) -> None:
    asked: list[object] = []

    def raises(record: object) -> bool:
        asked.append(record)
        raise KINDS[kind]()

    logger = logging.getLogger("alexflow")
    logger.addFilter(raises)
    logger.setLevel(logging.INFO)
    try:
        async with asyncio.timeout(SOON), Engine(tmp_path / "results", retry=alexflow.Retry(1, delay=0)) as engine:
            with pytest.raises(RunFailed):
                await engine.run(Fails())
            assert (await engine.run(GoodOnLoop(2))).ran == 1
    finally:
        logger.removeFilter(raises)
        logger.setLevel(logging.NOTSET)
    assert asked


class Odd(LocalStorage):
    """A storage whose texts and answers raise."""

    kind = "ValueError"
    armed = False

    def __repr__(self) -> str:
        raise KINDS[self.kind]()

    async def aexists_many(self, keys: object) -> set[str]:
        if self.armed:
            raise KINDS[self.kind]()
        return await super().aexists_many(keys)  # type: ignore[arg-type]

    def exists_many(self, keys: object) -> set[str]:
        if self.armed:
            raise KINDS[self.kind]()
        return super().exists_many(keys)  # type: ignore[arg-type]


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return Odd(tmp_path / "results")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_storage_that_raises_fails_the_request(tmp_path: Path, odd: Odd, kind: str) -> None:
    storage = odd
    storage.kind = kind
    async with asyncio.timeout(SOON), Engine(storage, lease_ttl=None) as engine:
        assert (await engine.run(GoodInThread(1))).ran == 1
        storage.armed = True
        with pytest.raises((Exception, BaseExceptionGroup)):  # the storage's own, if it is one
            await engine.run(GoodInThread(2))
        storage.armed = False
        assert (await engine.run(GoodInThread(3))).ran == 1


class Endless(dict[str, object]):
    """A target that raises where it is gone through."""

    def __init__(self, kind: str):
        super().__init__(a=GoodOnLoop(1))
        self.kind = kind

    def values(self):  # type: ignore[no-untyped-def]
        raise KINDS[self.kind]()

    items = __iter__ = keys = values


@pytest.mark.parametrize("kind", KINDS)
async def test_targets_and_force_that_raise_fail_the_request(tmp_path: Path, kind: str) -> None:
    async with asyncio.timeout(SOON), Engine(tmp_path / "results") as engine:
        with pytest.raises(AlexflowError):
            await engine.run(Endless(kind))
        with pytest.raises(AlexflowError):
            await engine.run(GoodOnLoop(1), force=[made("process", "task_id", kind, 1)])
        with pytest.raises(AlexflowError):
            await engine.run([GoodOnLoop(1), made("thread", "input", kind, 1)], force=True)
        assert (await engine.run(GoodOnLoop(1))).ran == 1


async def test_targets_that_contain_themselves_are_refused(tmp_path: Path) -> None:
    target: list[object] = [GoodOnLoop(1)]
    target.append(target)
    async with asyncio.timeout(SOON), Engine(tmp_path / "results") as engine:
        with pytest.raises(DefinitionError, match="contains itself"):
            await engine.run(target)


@dataclass(frozen=True)
class Clings(DynamicTask):
    """Does not end when it is told."""

    where: str

    async def generate(self, input: object, output: object):  # type: ignore[override, no-untyped-def]
        begun.set()
        if self.where == "generate":
            await cling()
        return self.each()

    async def each(self):  # type: ignore[no-untyped-def]
        try:
            yield GoodOnLoop(7)
            await cling() if self.where == "iterator" else await asyncio.sleep(SOON * 10)
        finally:
            if self.where == "finally":
                await cling()


begun = asyncio.Event()
let_go = asyncio.Event()


async def cling() -> None:
    while not let_go.is_set():
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize("where", ["generate", "iterator", "finally"])
async def test_an_engine_is_left_though_generate_does_not_end(tmp_path: Path, where: str) -> None:
    global begun, let_go
    begun, let_go = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(SOON):
        async with Engine(tmp_path / "results", grace=0.1) as engine:
            request = asyncio.create_task(engine.run(Clings(where)))
            await begun.wait()
        with pytest.raises(AlexflowError):
            await request
        let_go.set()
