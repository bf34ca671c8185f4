"""Events of an engine are recorded in a journal, and no run fails or waits because of it."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field

import msgspec
import pytest

from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Output, Retry, Task
from alexflow.events import EventsDropped, RunFinished, RunStarted, TaskStarted, TaskSucceeded, journal
from alexflow.events.broadcast import Broadcast
from alexflow.events.history import history_of, read_history
from alexflow.events.journal import JournalRecorder, read
from alexflow.record import writer
from alexflow.record.format import MAGIC, Header, frame
from alexflow.record.reader import journals
from tests.faults.disks import small_disk

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    """Runs on the loop, and fails as often as ``failures`` has items."""

    n: int
    failures: list[int] = field(default_factory=list, compare=False)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n")

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        if self.failures:
            self.failures.pop()
            raise ConnectionError("not yet")
        await output.astore(self.n)


@dataclass(frozen=True)
class Talker(Task):
    """In a worker process."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n")

    def run(self, input: None, output: Output[int]) -> None:
        print("seven")
        output.store(self.n)


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "some" / "runs")


async def run(directory, tasks, storage=None, **options):
    async with Engine(storage or MemoryStorage(), journal=directory, **options) as engine:
        return await engine.run(tasks, on_error="continue")


def events_in(path):
    return [entry.event for entry in read(path).entries]


def test_a_run(directory):
    asyncio.run(run(directory, [Number(0), Number(1, [0]), Number(2, [0, 0])], retry=Retry(1, delay=0)))
    (path,) = journals(directory)
    recorded = read(path)
    assert recorded.header is not None
    assert recorded.header.storage.startswith("MemoryStorage")
    assert not recorded.is_torn
    assert isinstance(recorded.entries[0].event, RunStarted)
    assert all(recorded.header.started <= entry.time < recorded.header.started + 60 for entry in recorded.entries)

    history = read_history(path)
    assert not history.was_cut_short
    (end,) = history.finished
    assert (end.ran, end.failed) == (2, 1)
    assert set(history.in_state("done")) == {Number(0).task_id, Number(1).task_id}
    assert history.in_state("failed") == [Number(2).task_id]
    assert [history.tasks[Number(n).task_id].attempts for n in range(3)] == [1, 2, 2]
    assert [len(history.tasks[Number(n).task_id].errors) for n in range(3)] == [0, 1, 2]
    assert history.tasks[Number(1).task_id].seconds > 0


@pytest.mark.processes
def test_output_of_tasks_is_recorded(directory, tmp_path):
    asyncio.run(run(directory, Talker(7), LocalStorage(tmp_path / "results"), workers=1))
    (path,) = journals(directory)
    task = read_history(path).tasks[Talker(7).task_id]
    assert (task.stdout, task.stderr) == ("seven\n", "")


def test_nothing_is_written_unless_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asyncio.run(run(None, Number(0)))
    assert os.listdir(tmp_path) == []


def test_an_engine_that_does_nothing_leaves_no_journal(directory):
    async def do_nothing():
        async with Engine(MemoryStorage(), journal=directory):
            pass

    asyncio.run(do_nothing())
    assert journals(directory) == []


async def test_each_engine_has_its_own(directory):
    await asyncio.gather(*(run(directory, Number(n)) for n in range(5)))
    paths = await asyncio.to_thread(journals, directory)
    assert len(paths) == 5
    for path in paths:
        assert len((await asyncio.to_thread(read_history, path)).in_state("done")) == 1


def test_only_the_latest_are_kept(directory, monkeypatch):
    monkeypatch.setattr(writer, "MAX_JOURNALS", 3)
    for n in range(5):
        asyncio.run(run(directory, Number(n)))
    last = [read_history(path).in_state("done") for path in journals(directory)]
    assert last == [[Number(n).task_id] for n in (2, 3, 4)]


def test_it_does_not_grow_beyond_its_limit(directory, monkeypatch):
    monkeypatch.setattr(writer, "MAX_BYTES", 1000)
    result = asyncio.run(run(directory, [Number(n) for n in range(100)]))
    assert result.ran == 100
    (path,) = journals(directory)
    assert os.path.getsize(path) < 1500
    last = events_in(path)[-1]
    assert isinstance(last, EventsDropped)
    assert last.count > 200


async def test_a_slow_disk_costs_events_not_memory(directory, monkeypatch):
    monkeypatch.setattr(journal, "MAX_WAITING", 10)
    broadcast = Broadcast()
    recorder = JournalRecorder(directory, "")
    recorder.open(broadcast)
    for n in range(25):
        broadcast.emit(TaskStarted(str(n)))
    await recorder.aclose()
    (path,) = await asyncio.to_thread(journals, directory)
    *events, last = await asyncio.to_thread(events_in, path)
    assert events == [TaskStarted(str(n)) for n in range(10)]
    assert last == EventsDropped(15)


@pytest.mark.processes
def test_a_full_disk_is_warned_of_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(journal, "SECONDS_BETWEEN_WRITES", 0.0)
    with small_disk(tmp_path / "disk", "size=64k") as disk:

        async def much():
            async with Engine(MemoryStorage(), journal=f"{disk}/runs") as engine:
                for n in range(0, 4000, 500):
                    result = await engine.run([Number(n + i) for i in range(500)])
                    assert result.ran == 500

        asyncio.run(much())
        (path,) = journals(f"{disk}/runs")
        assert isinstance(events_in(path)[0], RunStarted)
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "no longer writing the journal" in warning.getMessage()
    assert "No space left on device" in warning.getMessage()


def test_a_place_that_cannot_be(tmp_path, caplog):
    (tmp_path / "file").touch()
    assert asyncio.run(run(str(tmp_path / "file" / "runs"), Number(0))).ran == 1
    assert len(caplog.records) == 1


def test_events_of_a_later_version_are_passed_over(tmp_path):
    encoder = msgspec.msgpack.Encoder()
    header = encoder.encode(Header(0.0, "", 1, ""))
    batch = encoder.encode((1.0, [{"type": "TaskDreamt", "of": "sheep"}, TaskSucceeded("a", 1.0)]))
    path = tmp_path / "later.journal"
    path.write_bytes(MAGIC + frame(header) + frame(batch))
    assert events_in(path) == [TaskSucceeded("a", 1.0)]
    assert not read(path).is_torn


def test_another_file_is_no_journal(tmp_path):
    path = tmp_path / "other.journal"
    path.write_bytes(b"something else, and long enough to be seen as such\n")
    with pytest.raises(ValueError, match="is not a journal that this version of alexflow can read"):
        read(path)


def test_journals_where_there_is_no_directory(tmp_path):
    assert journals(tmp_path / "none") == []


def test_a_run_that_was_cut_short():
    history = history_of([RunStarted(1, 1), TaskStarted("a"), TaskStarted("b"), TaskSucceeded("a", 0.5)])
    assert history.was_cut_short
    assert history.in_state("under way") == ["b"]
    history.add(RunFinished(1, 2, 0, 0, 0, 1.0))
    assert not history.was_cut_short
