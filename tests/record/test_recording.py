"""Lines that an engine writes to the record of its storage."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import (
    BinaryOutput,
    DynamicTask,
    JSONOutput,
    LocalStorage,
    MemoryStorage,
    Output,
    Retry,
    Task,
    TaskOptions,
)
from alexflow.errors import NotRecorded, RunFailed
from alexflow.record import Record
from alexflow.record.code_lists import CodeLists
from tests.kit.fifo import Fifo, send_line_and_wait


@dataclass(frozen=True)
class Part(Task):
    number: int
    note: str = field(default="", compare=False)

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="part.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self.number)


@dataclass(frozen=True)
class Total(Task):
    parts: tuple[Output[int], ...]
    like: Part | None = None
    fails: int = field(default=0, compare=False)

    options = TaskOptions(executor="thread")

    def input(self) -> Any:
        return self.parts

    def output(self) -> Any:
        return (
            self.build_output(JSONOutput[int], key="total.json"),
            self.build_output(BinaryOutput[int], key="total.pkl"),
        )

    def run(self, input: Any, output: Any) -> None:
        if self.fails:
            raise ValueError("no total")
        total = sum(part.load() for part in input)
        output[0].store(total)
        output[1].store(total)


@dataclass(frozen=True)
class Gives(DynamicTask):
    count: int

    def generate(self, input: Any, output: Any) -> Any:
        return [Part(number) for number in range(self.count)]


@dataclass(frozen=True)
class InProcess(Task):
    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="number.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.number)


TOTAL = Total(tuple(Part(n).output() for n in range(3)), like=Part(9))


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "results")


def test_what_is_known_of_an_output(storage: LocalStorage) -> None:
    alexflow.run(TOTAL, storage=storage)
    record = alexflow.open_record(storage)
    entry = record.entry(TOTAL.output()[1])
    assert entry.key == TOTAL.output()[1].key
    assert entry.outputs == tuple(
        (output.key, storage.size(output.key), digest(storage.read(output.key))) for output in TOTAL.output()
    )
    assert entry.inputs == tuple((part.key, digest(storage.read(part.key))) for part in TOTAL.parts)
    assert (entry.executor, entry.attempts, entry.reason, entry.is_intact) == ("thread", 1, "upstream", True)
    assert entry.task() == TOTAL
    assert entry.run_id == record.runs()[0].id
    assert entry.python == ".".join(map(str, sys.version_info[:3]))
    assert max(record.entry(part).finished for part in TOTAL.parts) <= entry.queued <= entry.started <= entry.finished
    assert record.entry(Part(9)).finished is None  # a parameter, which has not run
    assert [each.cls.rpartition(".")[2] for each in record.entries()].count("Part") == 3


@pytest.mark.processes
def test_a_worker_process_says_what_it_has_used(storage: LocalStorage) -> None:
    alexflow.run(InProcess(1), storage=storage, workers=1)
    entry = alexflow.open_record(storage).entry(InProcess(1))
    assert entry.worker not in (0, os.getpid())
    assert entry.cpu_seconds is not None
    assert entry.peak_rss_bytes is not None
    assert entry.peak_rss_bytes > 2**20
    assert entry.outputs[0].digest == digest(storage.read(InProcess(1).output().key))


@dataclass(frozen=True)
class Waiting(InProcess):
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: Any, output: Any) -> None:
        send_line_and_wait(self.told, "begun", self.gate)
        super().run(input, output)


@pytest.mark.processes
@pytest.mark.anyio
async def test_where_tasks_run_is_found_out_while_the_first_worker_starts(
    storage: LocalStorage, fifo: Callable[[str], Fifo]
) -> None:
    told, gate = fifo("told"), fifo("gate")
    async with alexflow.Engine(storage, workers=1) as engine:
        running = asyncio.create_task(engine.run(Waiting(1, told.path, gate.path)))
        await told.receive()
        names = os.listdir(f"{storage.base_path}/.alexflow/record")
        gate.open_gate()
        await running
    assert [name for name in names if name.startswith("packages-")] != []


def test_a_run_with_nothing_to_do_writes_nothing(storage: LocalStorage) -> None:
    alexflow.run(TOTAL, storage=storage)
    space = storage.reserved("record")
    before = {name: space.read(name) for name in space.names()}
    assert alexflow.run(TOTAL, storage=storage).ran == 0
    assert alexflow.run([TOTAL, Part(0)], storage=storage, limits={"x": 1}).ran == 0
    assert {name: space.read(name) for name in space.names()} == before


def test_without_a_record(storage: LocalStorage) -> None:
    alexflow.run(TOTAL, storage=storage, record=False)
    assert storage.reserved("record").names() == []
    with pytest.raises(NotRecorded):
        alexflow.open_record(storage).entry(TOTAL)


def test_generations(storage: LocalStorage) -> None:
    alexflow.run(Part(1), storage=storage)
    alexflow.run(Part(1, note="again"), storage=storage, force=True)
    entries = alexflow.open_record(storage).generations(Part(1))
    assert [(entry.reason, entry.fields["note"]) for entry in entries] == [("forced", "again"), ("missing", "")]


def test_reasons(storage: LocalStorage) -> None:
    def reason(task: Task) -> str:
        return alexflow.open_record(storage).entry(task).reason

    alexflow.run(Part(1), storage=storage)
    alexflow.run(Total((Part(1).output(), Part(2).output())), storage=storage)
    assert reason(Part(1)) == reason(Part(2)) == "missing"
    assert reason(Total((Part(1).output(), Part(2).output()))) == "upstream"
    alexflow.run(Total((Part(1).output(),)), storage=storage)
    assert reason(Total((Part(1).output(),))) == "missing"

    storage.remove_many([Part(1).output().key])
    alexflow.run(Part(1), storage=storage)
    assert reason(Part(1)) == "lost"

    Path(storage.path_of(Part(2).output().key)).write_text("spoilt")
    assert [damaged.key for damaged in storage.verify().damaged] == [Part(2).output().key]
    alexflow.run(Part(2), storage=storage)
    assert reason(Part(2)) == "damaged"
    assert "its output was damaged" in str(alexflow.open_record(storage).explain(Part(2)))


def test_a_run_that_fails(storage: LocalStorage) -> None:
    failing = Total((Part(1).output(),), fails=1)
    with pytest.raises(RunFailed):
        alexflow.run(failing, storage=storage, retry=Retry(1, delay=0.001))
    record = alexflow.open_record(storage)
    (run,) = record.runs()
    assert (run.outcome, run.ran, run.failed, run.targets) == ("failed", 1, 1, (failing.task_id,))
    assert [(attempt.attempt, attempt.is_last, attempt.error) for attempt in run.attempts] == [
        (1, False, "ValueError: no total"),
        (2, True, "ValueError: no total"),
    ]
    assert 'raise ValueError("no total")' in run.attempts[0].traceback
    with pytest.raises(NotRecorded):
        record.entry(failing)


def test_a_run_has_the_options_that_are_not_defaults(storage: LocalStorage) -> None:
    alexflow.run(Part(1), storage=storage, retry=Retry(2), workers=1, limits={"db": 4}, on_error="continue")
    (run,) = alexflow.open_record(storage).runs()
    assert {**run.options, "retry": run.options["retry"][:13]} == {
        "retry": "Retry(count=2",
        "workers": 1,
        "limits": {"db": 4},
        "on_error": "continue",
    }
    alexflow.run(Part(2), storage=storage)
    assert alexflow.open_record(storage).runs()[0].options == {}


@dataclass(frozen=True)
class Waits(Task):
    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="never.json")

    async def run(self, input: Any, output: Any) -> None:
        started.set()
        await asyncio.Event().wait()


started = asyncio.Event()


async def cancelled_run(storage: LocalStorage) -> None:
    async with alexflow.Engine(storage) as engine:
        asked = asyncio.ensure_future(engine.run([Waits(1), Part(1)]))
        await started.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


def test_a_run_that_is_cancelled_names_what_was_under_way(storage: LocalStorage) -> None:
    asyncio.run(cancelled_run(storage))
    (run,) = alexflow.open_record(storage).runs()
    assert run.outcome == "cancelled"
    assert Waits(1).task_id in run.cancelled_tasks


def test_a_dynamic_task(storage: LocalStorage) -> None:
    alexflow.run(Gives(3), storage=storage)
    record = alexflow.open_record(storage)
    assert record.entry(Gives(3)).fields["count"] == 3
    assert len(list(record.entries(Part))) == 3


@dataclass(frozen=True)
class StoresTwo(DynamicTask):
    """Stores one of its outputs itself, and gives a task that stores the other."""

    def output(self) -> Any:
        return (
            self.build_output(JSONOutput[int], key="own.json"),
            self.build_output(JSONOutput[str], key="given.json"),
        )

    def generate(self, input: Any, output: Any) -> Any:
        output[0].store(1)
        return StoresFor(self.output()[1])


@dataclass(frozen=True)
class StoresFor(Task):
    place: Output[str]

    def output(self) -> Any:
        return self.place

    async def run(self, input: Any, output: Any) -> None:
        await output.astore("for another task")


@pytest.mark.parametrize("force", [False, True])
def test_the_outputs_of_a_dynamic_task_have_sizes_and_digests(storage: LocalStorage, force: bool) -> None:
    task = StoresTwo()
    reads = Total((task.output()[0],))
    for _ in range(1 + force):
        alexflow.run(reads, storage=storage, force=[task] if force else ())
    record = alexflow.open_record(storage)
    for output, stored in zip(task.output(), record.entry(task).outputs, strict=True):
        data = storage.read(output.key)
        assert stored == (output.key, len(data), blake2b(data, digest_size=16).hexdigest())
    (read,) = record.entry(reads).inputs
    assert read.digest == record.entry(task).outputs[0].digest


@dataclass(frozen=True)
class GivesSlowly(DynamicTask):
    """Gives a task in each of two pulls; ``in_generate`` gets the time that it spends there."""

    in_generate: ClassVar[list[float]] = []

    def generate(self, input: Any, output: Any) -> Any:
        for number in range(2):
            began = time.monotonic()
            time.sleep(0.02)  # the work
            self.in_generate.append(time.monotonic() - began)
            yield Rests(number)


@dataclass(frozen=True)
class Rests(Task):
    number: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.sleep(0.1)  # the work, after the last of generate
        await output.astore(self.number)


def test_a_dynamic_task_took_its_time_in_generate(storage: LocalStorage) -> None:
    GivesSlowly.in_generate.clear()
    alexflow.run(GivesSlowly(), storage=storage)
    record = alexflow.open_record(storage)
    seconds = record.entry(GivesSlowly()).seconds
    (run,), child = record.runs(), record.entry(Rests(1).output())
    assert seconds is not None
    assert run.seconds is not None
    assert child.seconds is not None
    assert seconds > sum(GivesSlowly.in_generate) - 1e-6  # it is recorded in microseconds
    assert seconds < run.seconds - child.seconds + 0.01  # what the last child took is not in it


def test_several_engines_and_a_storage_in_memory() -> None:
    storage = MemoryStorage()
    for number in range(3):
        alexflow.run(Part(number), storage=storage)
    record: Record = alexflow.open_record(storage)
    assert [run.outcome for run in record.runs()] == ["done"] * 3
    segments = [name for name in storage.reserved("record").names() if name.endswith(".segment")]
    assert len(segments) == 3


@pytest.mark.processes
def test_it_is_read_without_the_code(storage: LocalStorage, tmp_path: Path) -> None:
    alexflow.run(TOTAL, storage=storage)
    moved = tmp_path / "elsewhere"
    os.rename(storage.base_path, moved)
    code = (
        "import alexflow, sys; entry = alexflow.open_record(sys.argv[1]).entry(sys.argv[2]);"
        "print(entry.fields['parts']['$'], len(entry.inputs), 'tests' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(moved), TOTAL.task_id]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["tuple", "3", "False"]


@pytest.mark.anyio
async def test_the_code_of_tasks_is_recorded_once_there_are_descriptors_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []
    line = CodeLists.line

    def short(self: CodeLists, shape: int, state: Any) -> Any:
        tried.append(state.digest)
        if len(tried) == 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return line(self, shape, state)

    monkeypatch.setattr(CodeLists, "line", short)
    result = await alexflow.arun(Part(1), storage=tmp_path)
    async with alexflow.Engine(tmp_path) as engine:
        for number in range(2, 5):
            await engine.run(Part(number))
            await asyncio.sleep(0.1)
    assert len(tried) > 1
    assert "not recorded" not in caplog.text
    assert any(entry.code for entry in alexflow.open_record(tmp_path).entries())
    assert result.ran == 1
