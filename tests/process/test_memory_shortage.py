"""Tasks for which memory does not suffice: each is run once more, alone, and then fails saying how much it has used."""

from __future__ import annotations

import os
import re
import resource
import signal
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from alexflow import Engine, JSONOutput, ResourceSpec, Task
from alexflow.errors import RunFailed, TaskFailed, WorkerDied
from alexflow.executors import control_groups
from alexflow.executors.control_groups import limits_of_memory, memory_kills

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

MIB = 1 << 20


@dataclass(frozen=True)
class Allocates(Task):
    """Allocates so much under a limit, as often as it is run, and notes that in a file."""

    number: int
    notes: str
    mebibytes: int = 4096

    def output(self):
        return self.build_output(JSONOutput, key="span.json")

    def run(self, input, output):
        started = time.time()
        with open(self.notes, "a", encoding="utf-8") as file:
            file.write(f"{self.number}\n")
        is_first = Path(self.notes).read_text(encoding="utf-8").split().count(str(self.number)) == 1
        if is_first or self.mebibytes > 100:
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (1024 * MIB, most))
            bytearray(max(self.mebibytes, 4096) * MIB)
        time.sleep(0.02)
        output.store([started, time.time()])


@dataclass(frozen=True)
class Killed(Allocates):
    """Is killed as the system would do it."""

    def run(self, input, output):
        with open(self.notes, "a", encoding="utf-8") as file:
            file.write(f"{self.number}\n")
        if self.mebibytes:
            os.kill(os.getpid(), signal.SIGKILL)
        started = time.time()
        time.sleep(0.02)
        output.store([started, time.time()])


def attempts(notes: Path) -> int:
    return len(notes.read_text(encoding="utf-8").split())


async def test_a_task_that_had_too_little_memory_runs_again_alone(tmp_path):
    notes = tmp_path / "notes"
    tasks = [Allocates(n, str(notes), 1) for n in range(4)]
    async with Engine(tmp_path / "results", workers=4) as engine:
        await engine.run([task.output() for task in tasks])
        spans = sorted([await engine.load(task.output()) for task in tasks])
    assert attempts(notes) == 8
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


async def test_one_that_has_too_little_alone_fails_saying_what_it_has_used(tmp_path):
    notes = tmp_path / "notes"
    async with Engine(tmp_path / "results", workers=2) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Allocates(1, str(notes)))
    (error,) = caught.value.exceptions
    assert isinstance(error, TaskFailed)
    assert re.search(r"MemoryError; its process has used \S+ [MG]iB of \S+ GiB, though it ran alone", str(error))
    assert attempts(notes) == 2


@pytest.fixture
def kills(monkeypatch):
    """Let the system count a kill at each look, as if each SIGKILL were for memory."""
    counted = iter(range(100))
    monkeypatch.setattr(control_groups, "memory_kills", lambda: next(counted))


@pytest.mark.local_pool
@pytest.mark.usefixtures("kills")
async def test_a_task_that_was_killed_for_memory_is_not_killed_for_ever(tmp_path):
    notes = tmp_path / "notes"
    async with Engine(tmp_path / "results", workers=2) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Killed(1, str(notes)))
    (error,) = caught.value.exceptions
    assert isinstance(error, WorkerDied)
    assert "the system has killed it for want of memory" in str(error)
    assert "though it ran alone" in str(error)
    assert attempts(notes) == 2


@pytest.mark.local_pool
@pytest.mark.usefixtures("kills")
async def test_other_tasks_of_its_class_claim_what_it_has_used(tmp_path, monkeypatch):
    monkeypatch.setattr("alexflow.executors.supply.memory", lambda: MIB)  # each process uses more than half of it
    notes = tmp_path / "notes"
    tasks = [Killed(n, str(notes), 0) for n in range(2, 8)]
    async with Engine(tmp_path / "results", workers=4) as engine:
        with pytest.raises(RunFailed):
            await engine.run(Killed(1, str(notes)))
        await engine.run([task.output() for task in tasks])
        spans = sorted([await engine.load(task.output()) for task in tasks])
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


async def test_tasks_run_together_as_long_as_their_memory_suffices(tmp_path, monkeypatch):
    monkeypatch.setattr("alexflow.executors.supply.memory", lambda: 1000 * MIB)
    notes = str(tmp_path / "notes")
    tasks = [Sleeps(n, notes, resource_spec=ResourceSpec(memory="400MiB")) for n in range(6)]
    async with Engine(tmp_path / "results", workers=4) as engine:
        await engine.run([task.output() for task in tasks])
        spans = [await engine.load(task.output()) for task in tasks]
    together = max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)
    assert together <= 2


@dataclass(frozen=True)
class Sleeps(Allocates):
    def run(self, input, output):
        started = time.time()
        time.sleep(0.05)
        output.store([started, time.time()])


@pytest.mark.parametrize(
    ("files", "own", "limits"),
    [
        ({"memory.max": "max"}, "0::/", []),
        ({"a/b/memory.max": "max", "a/memory.max": "1048576"}, "0::/a/b", [1048576]),
        ({"memory/a/memory.limit_in_bytes": "4096"}, "9:memory:/a\n1:cpu:/", [4096]),
        ({"memory/memory.limit_in_bytes": str((1 << 63) - 4096)}, "9:memory:/", []),
    ],
)
def test_limits_are_those_of_the_groups_and_of_all_above(tmp_path, files, own, limits):
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{text}\n")
    (tmp_path / "own").write_text(f"{own}\n")
    assert list(limits_of_memory(str(tmp_path / "groups"), str(tmp_path / "own"))) == limits


def test_kills_are_counted_in_both_versions(tmp_path):
    for name, text in (("a/memory.events", "oom 4\noom_kill 3\n"), ("memory/b/memory.oom_control", "oom_kill 2\n")):
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    (tmp_path / "own").write_text("0::/a\n4:memory:/b\n")
    assert memory_kills(str(tmp_path / "groups"), str(tmp_path / "own")) == 5
