"""Outputs are read while their tasks still append to them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Output, Storage
from alexflow.engine import streams
from alexflow.engine.file_watch import FileWatch
from alexflow.engine.streams import OutputStream
from alexflow.errors import DefinitionError, EngineClosed, NoFormat, StreamRestarted, TaskError, TaskStopped
from alexflow.events import EngineEvent, TaskStarted
from alexflow.storage import CacheStorage, OverlayStorage, PrefixStorage, Transaction
from tests.services.stream_tasks import Blob, Both, Lines, Nothing, Told, ToldInThread, ToldOnLoop, Wrong

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    return path


async def tell(pipe: str, *lines: str) -> None:
    """Let the task that reads from the pipe go on."""

    def write() -> None:
        with open(pipe, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))

    await asyncio.to_thread(write)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "results")


def left_in(storage: LocalStorage) -> list[str]:
    """The files that are left in the staging area."""
    directory = Path(storage.base_path, ".alexflow", "staging")
    return [path.name for path in directory.iterdir()] if directory.exists() else []


class Starts:
    """Counts the attempts that an engine starts: before the next one reads the pipe, the last one has closed it."""

    def __init__(self, engine: Engine) -> None:
        self._count = 0
        self._changed = asyncio.Event()
        engine.broadcast.listen(self._hear)

    def _hear(self, event: EngineEvent) -> None:
        if isinstance(event, TaskStarted):
            self._count += 1
            self._changed.set()

    async def reach(self, count: int) -> None:
        while self._count < count:
            self._changed.clear()
            await self._changed.wait()


async def parts_of(stream: AsyncIterator[Any]) -> list[Any]:
    return [part async for part in stream]


async def to_the_end(stream: OutputStream[str]) -> None:
    """Take everything, whatever is void."""
    while True:
        with suppress(StreamRestarted):
            await parts_of(stream)
            return


async def take(stream: OutputStream[str], length: int) -> str:
    """Take parts until there are so many characters."""
    taken = ""
    while len(taken) < length:
        taken += await anext(stream)
    return taken


@pytest.mark.parametrize("kind", [Told, ToldInThread, ToldOnLoop])
async def test_parts_come_while_the_task_runs(storage: LocalStorage, pipe: str, kind: type[Told]) -> None:
    output = kind(pipe).output()
    async with Engine(storage) as engine:
        first = engine.stream(output)
        taking = asyncio.create_task(take(first, 4))
        await tell(pipe, "one")
        assert await taking == "one\n"
        assert not output.assign_storage(storage).exists()
        late = engine.stream(output)
        assert await take(late, 4) == "one\n"
        await tell(pipe, "two", "grün", ".")
        assert "".join(await parts_of(first)) == "two\ngrün\n"
        assert "".join(await parts_of(late)) == "two\ngrün\n"
        returning = engine.stream(output)
        assert await parts_of(returning) == ["one\ntwo\ngrün\n"]
        assert await parts_of(returning) == []
        assert await engine.load(output) == "one\ntwo\ngrün\n"
        assert engine.stats().computed == 1
    assert left_in(storage) == []


@pytest.mark.parametrize("end", ["!", "X"])
async def test_an_attempt_that_fails_makes_a_new_epoch(storage: LocalStorage, pipe: str, end: str) -> None:
    output = Told(pipe).output()
    async with Engine(storage) as engine:
        starts = Starts(engine)
        stream, hasty = engine.stream(output), engine.stream(output)
        taking = asyncio.create_task(take(stream, 4))
        await tell(pipe, "one")
        assert await taking == "one\n"
        await tell(pipe, end)
        await starts.reach(2)
        going_on = asyncio.create_task(take(stream, 1))
        await tell(pipe, "two")
        with pytest.raises(StreamRestarted, match=r"told\.txt is made once more, from its beginning; forget"):
            await going_on
        assert stream.epoch == 2
        assert await take(stream, 4) == "two\n"
        assert await take(hasty, 4) == "two\n"  # it has seen nothing of the first
        assert hasty.epoch == 1
        await tell(pipe, ".")
        assert await parts_of(stream) == []
        assert await engine.load(output) == "two\n"


async def test_a_task_that_fails_for_good_ends_all_streams(storage: LocalStorage, pipe: str) -> None:
    output = ToldInThread(pipe).output()
    async with Engine(storage) as engine:
        starts = Starts(engine)
        streams = [engine.stream(output) for _ in range(3)]
        taking = [asyncio.create_task(take(stream, 4)) for stream in streams]
        await tell(pipe, "one")
        assert await asyncio.gather(*taking) == ["one\n"] * 3
        for attempt in range(1, 4):
            await starts.reach(attempt)
            await tell(pipe, "!")
        for stream in streams:
            with pytest.raises(TaskError, match="told to fail"):
                await to_the_end(stream)
    assert left_in(storage) == []


async def test_another_engine_follows_the_file(storage: LocalStorage, pipe: str) -> None:
    output = Told(pipe).output()
    async with Engine(storage) as one, Engine(storage) as other:
        first = one.stream(output)
        taking = asyncio.create_task(take(first, 4))
        await tell(pipe, "one")
        assert await taking == "one\n"
        second = other.stream(output)
        assert await take(second, 4) == "one\n"
        await tell(pipe, "two", ".")
        assert "".join(await parts_of(second)) == "two\n"
        assert "".join(await parts_of(first)) == "two\n"
        assert (one.stats().computed, other.stats().computed) == (1, 0)


@pytest.fixture(params=["prefix", "overlay", "cache"])
def layered(request: pytest.FixtureRequest, storage: LocalStorage, tmp_path: Path) -> Storage:
    if request.param == "prefix":
        return PrefixStorage(storage, "team/mine")
    if request.param == "cache":
        return CacheStorage(storage, tmp_path / "copies")
    base = LocalStorage(tmp_path / "base")
    base.prepare()
    return OverlayStorage(base, storage)


async def told_one(engine: Engine, output: Any, pipe: str) -> None:
    """Stream an output while its task is told one part, and then its end."""
    stream = engine.stream(output)
    taking = asyncio.create_task(take(stream, 4))
    await tell(pipe, "one")
    assert await taking == "one\n"
    await tell(pipe, ".")
    assert await parts_of(stream) == []


async def test_all_storages_of_this_machine(layered: Storage, pipe: str) -> None:
    output = Told(pipe).output()
    async with Engine(layered) as engine:
        await told_one(engine, output, pipe)
        assert await engine.load(output) == "one\n"


async def test_a_storage_in_memory(pipe: str) -> None:
    output = ToldOnLoop(pipe).output()
    async with Engine(MemoryStorage()) as engine:
        await told_one(engine, output, pipe)
        assert await engine.load(output) == "one\n"


async def test_without_notice_from_the_system_files_are_looked_at(
    storage: LocalStorage, pipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alexflow.engine.file_watch.ctypes.CDLL", lambda *_, **__: object())
    output = ToldInThread(pipe).output()
    async with Engine(storage) as engine:
        await told_one(engine, output, pipe)


async def test_lines_and_bytes(storage: LocalStorage) -> None:
    async with Engine(storage) as engine:
        values = tuple(range(3000))
        lines = [{"value": value} for value in values]
        assert await parts_of(engine.stream(Lines(values).output())) == lines
        assert await engine.load(Lines(values).output()) == lines
        assert b"".join(await parts_of(engine.stream(Blob().output()))) == b"x" * 301_006
        assert await engine.load(Blob().output()) == b"x" * 301_006
        for stores_last, value in ((True, "whole"), (False, "part")):
            assert await engine.load(Both(stores_last).output()) == value
        assert await parts_of(engine.stream(Nothing().output())) == []
        assert await engine.load(Nothing().output()) == ""


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("whole", "BinaryOutput is written as a whole; to append to an output, or to stream it, build it with TextOut"),
        ("text", "a tuple cannot be stored as TextOutput: it is not a string"),
        ("bytes", "a tuple cannot be stored as BytesOutput: it is not bytes"),
        ("lines", "a tuple cannot be stored as JSONLinesOutput: the value is .* would come back as"),
    ],
)
async def test_what_cannot_be_appended_fails(storage: LocalStorage, kind: str, message: str) -> None:
    async with Engine(storage) as engine:
        with pytest.raises(TaskError, match=message):
            await engine.load(Wrong(kind).output())
        if kind == "whole":
            with pytest.raises(NoFormat, match="is written as a whole"):
                engine.stream(Wrong(kind).output())
    assert left_in(storage) == []


async def test_only_a_running_task_appends(storage: LocalStorage) -> None:
    output = Nothing().output()
    with pytest.raises(DefinitionError, match="append to the output that run\\(\\) is given"):
        output.assign_storage(storage).append("x")
    async with Engine(storage) as engine:
        with pytest.raises(DefinitionError, match="stream takes an output, not a Nothing"):
            engine.stream(Nothing())  # type: ignore[arg-type]
    with pytest.raises(EngineClosed):
        engine.stream(output)


@asynccontextmanager
async def half_streamed(storage: Storage, pipe: str) -> AsyncIterator[tuple[Engine, Output[str], OutputStream[str]]]:
    """An engine, and a stream of which one part has come."""
    output = ToldOnLoop(pipe).output()
    async with Engine(storage) as engine:
        stream = engine.stream(output)
        taking = asyncio.create_task(take(stream, 4))
        await tell(pipe, "one")
        await taking
        yield engine, output, stream


async def idle(engine: Engine) -> None:
    while engine.stats().runs:  # noqa: ASYNC110  # the engine has no event for that
        await asyncio.sleep(0.001)


async def test_the_last_reader_takes_the_work_with_it(storage: LocalStorage, pipe: str) -> None:
    async with half_streamed(storage, pipe) as (engine, output, stream):
        other = engine.stream(output)
        await take(other, 4)
        await stream.aclose()
        assert engine.stats().runs == 1
        del other  # as a loop that is left by `break`
        await idle(engine)
        await tell(pipe, "late")  # the thread that reads the pipe is left behind


async def test_a_reader_whose_waiting_is_cancelled_leaves_though_something_holds_it(
    storage: LocalStorage, pipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LEAVES_AFTER", 0.0)
    async with half_streamed(storage, pipe) as (engine, _, stream):
        going_on = asyncio.create_task(parts_of(stream))
        await asyncio.sleep(0)
        going_on.cancel()
        await asyncio.wait([going_on])
        await idle(engine)
        await tell(pipe, "late")  # the thread that reads the pipe is left behind
        again = asyncio.create_task(parts_of(stream))
        with pytest.raises(StreamRestarted):  # else parts of two attempts would be joined
            await again


async def test_a_closed_engine_ends_streams(storage: LocalStorage, pipe: str) -> None:
    async with half_streamed(storage, pipe) as (_, _, stream):
        going_on = asyncio.create_task(parts_of(stream))
        await asyncio.sleep(0)
    with pytest.raises(EngineClosed):
        await going_on
    await tell(pipe, "late")


async def test_a_timeout_around_a_part_loses_none(storage: LocalStorage, pipe: str) -> None:
    async with half_streamed(storage, pipe) as (_, _, stream):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(stream)
        await tell(pipe, "two", ".")
        assert "".join(await parts_of(stream)) == "two\n"


def test_an_attempt_that_was_given_up_disturbs_no_later_one(storage: LocalStorage) -> None:
    storage.prepare()
    output = Nothing().output()
    first, second = (output.assign_storage(Transaction(storage)) for _ in range(2))
    first.append("first")
    second.append("second")
    first.bound_storage.discard_all()  # type: ignore[attr-defined]
    path = storage.appended_place(output.key).path
    assert Path(path).read_text() == "second"
    with pytest.raises(TaskStopped, match="this attempt has been given up; it cannot append any more"):
        first.append("late")
    assert Path(path).read_text() == "second"
    second.bound_storage.stage_appended()  # type: ignore[attr-defined]
    second.bound_storage.publish_all()  # type: ignore[attr-defined]
    assert storage.read(output.key) == b"second"
    assert left_in(storage) == []


async def test_watches_end(tmp_path: Path) -> None:
    watch = FileWatch(asyncio.get_running_loop())
    seen: list[str] = []
    file = tmp_path / "file"
    file.write_text("")
    ends = [watch.file(str(file), lambda n=n: seen.append(n)) for n in "ab"]
    with file.open("a") as opened:
        opened.write("x")
    while len(seen) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    for end in ends:
        end()
    assert watch._calls == {}
    watch.close()
    watch.close()


def test_no_format_but_these_has_parts() -> None:
    with pytest.raises(NoFormat):
        Lines((1,)).build_output(JSONOutput, key="x.json").part_codec()
