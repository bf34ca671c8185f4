"""A fork server is started ahead of its engine where a worker process will be wanted, and nowhere else."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import BinaryOutput, DynamicTask, MemoryStorage, Output, Task, TaskOptions, Workers
from alexflow.engine.ahead import server_ahead
from alexflow.executors.process.started_server import StartedServer
from alexflow.storage import LocalStorage

pytestmark = pytest.mark.processes


@dataclass(frozen=True)
class InProcess(Task):
    number: int = 1

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input, output):
        output.store(os.getppid())


@dataclass(frozen=True)
class Faulty(InProcess):
    def input(self):
        raise ValueError("no inputs")


@dataclass(frozen=True)
class InThread(InProcess):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class OnLoop(Task):
    before: Output[int] | None = None

    def input(self):
        return self.before

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")

    async def run(self, input, output):
        await output.astore(1)


@dataclass(frozen=True)
class Gives(DynamicTask):
    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")

    def generate(self, input, output):
        yield InProcess()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StartedServer]]:
    """The servers that are started."""
    servers: list[StartedServer] = []
    start = StartedServer.__init__

    def noted(self: StartedServer, python: str) -> None:
        servers.append(self)
        start(self, python)

    monkeypatch.setattr(StartedServer, "__init__", noted)
    yield servers
    assert all(server.process.returncode is not None for server in servers)  # reaped


@pytest.mark.parametrize(
    ("target", "options", "count"),
    [
        (InProcess(), {}, 1),
        (InProcess().output(), {}, 1),
        ([OnLoop(), {"a": InProcess()}], {}, 1),
        (InProcess(), {"executor": "thread"}, 0),
        (InThread(), {}, 0),
        (OnLoop(), {}, 0),
        (OnLoop(InProcess().output()), {}, 0),
        (Gives(), {}, 0),
        ([], {}, 0),
        (3, {}, 0),
        (InProcess(), {"workers": Workers(python="/nowhere/python")}, 1),
    ],
)
def test_for_which_targets(
    target: Any, options: dict[str, Any], count: int, started: list[StartedServer], tmp_path: Path
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with server_ahead(target, LocalStorage(tmp_path), options):
        pass
    started[:] = [server for server in started if hasattr(server, "process")]
    assert len(started) == (count if "workers" not in options else 0)
    assert set(os.listdir("/proc/self/fd")) == before


def test_not_for_a_storage_that_no_other_process_reaches(started: list[StartedServer]) -> None:
    with server_ahead(InProcess(), MemoryStorage(), {}) as server:
        assert server is None
    assert started == []


@pytest.mark.local_pool
def test_the_engine_takes_it_over(started: list[StartedServer], tmp_path: Path) -> None:
    for target, run in (
        (InProcess(1), alexflow.run),
        (InProcess(2), lambda *a, **k: asyncio.run(alexflow.arun(*a, **k))),
    ):
        started.clear()
        result = run(target, storage=tmp_path, workers=1)
        (server,) = started
        assert result.output.load() == server.process.pid


def test_nothing_is_left_where_the_graph_is_wrong(started: list[StartedServer], tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(alexflow.errors.HookError, match="no inputs"):
        alexflow.run(Faulty(), storage=tmp_path)
    (server,) = started
    assert server.process.returncode == -9
    assert set(os.listdir("/proc/self/fd")) == before


def test_it_ends_with_a_program_that_is_killed_meanwhile(tmp_path: Path) -> None:
    code = """
import os, signal, sys, threading
from tests.process.test_server_ahead import InProcess
from alexflow.engine.ahead import server_ahead
from alexflow.storage import LocalStorage
with server_ahead(InProcess(), LocalStorage(sys.argv[1]), {}) as server:
    print(server.process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    pid = int(done.stdout)
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    assert select.select([end], [], [], 30)[0]
    os.close(end)
