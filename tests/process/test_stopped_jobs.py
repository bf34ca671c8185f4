"""A job that is stopped does not cost its worker, if it ends within its grace and leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alexflow import Engine, Output, TaskOptions, current
from alexflow.errors import RunFailed, TaskTimeout
from alexflow.executors.process import job_stops
from tests.faults.workflows import Number
from tests.kit.fifo import send_line, send_line_and_wait
from tests.kit.processes import still_alive
from tests.process.workflows import Value

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

FOREVER = 300.0


@dataclass(frozen=True)
class MeetsItsDeadline(Number):
    """Reports its process, and does something for longer than it may."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.2)
    how: str = ""
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)
    directory: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        send_line(self.told, os.getpid())
        getattr(self, self.how)()
        output.store(self.n)

    def sleeps(self) -> None:
        time.sleep(FOREVER)

    def raises_something_else(self) -> None:
        try:
            time.sleep(FOREVER)
        finally:
            raise ValueError("instead")

    def reports_in_finally(self) -> None:
        try:
            time.sleep(FOREVER)
        finally:
            for step in range(3):
                current.report(step=step)
            send_line(self.told, "reported")

    def asks(self) -> None:
        while not current.should_stop:
            time.sleep(0.001)
        raise RuntimeError("all is saved")

    def asks_seldom(self) -> None:
        """Ends long after another worker has been started."""
        current.should_stop  # noqa: B018  # from now on it is not interrupted
        send_line_and_wait(self.told, "asked", self.gate)
        raise RuntimeError("all is saved")

    def leaves_a_thread(self) -> None:
        threading.Thread(target=time.sleep, args=(FOREVER,), daemon=True).start()
        time.sleep(FOREVER)

    def leaves_a_process(self) -> None:
        """Starts one that ignores SIGTERM."""
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        send_line(self.told, process.pid)
        time.sleep(FOREVER)

    def imports(self) -> None:
        Path(self.directory, "imports_for_ever.py").write_text(f"import time\ntime.sleep({FOREVER})")
        sys.path.append(self.directory)
        __import__("imports_for_ever")


@pytest.fixture
def make(fifo: Any, log: Any, tmp_path: Path) -> Any:
    told = fifo("told")
    gate = fifo("gate")

    def make(how: str) -> MeetsItsDeadline:
        return MeetsItsDeadline(0, str(log), how=how, told=told.path, gate=gate.path, directory=str(tmp_path))

    make.told, make.gate = told, gate  # type: ignore[attr-defined]
    return make


async def meets(engine: Engine, task: MeetsItsDeadline) -> None:
    with pytest.raises(RunFailed) as caught:
        await engine.run(task)
    (error,) = caught.value.exceptions
    assert type(error) is TaskTimeout


async def next_worker(engine: Engine, number: int = 0) -> int:
    pid, _ = await engine.load(Value(number).output())
    return int(pid)


@pytest.fixture
def is_never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no job be late: on a busy machine the worker itself may be."""
    monkeypatch.setattr(job_stops, "PROMPT", 30.0)


@pytest.mark.parametrize("how", ["sleeps", "raises_something_else", "asks", "reports_in_finally"])
async def test_the_next_job_runs_in_the_same_worker(place, make, is_never_late, how):
    async with Engine(place, workers=1, grace=30.0) as engine:
        task = make(how)
        await meets(engine, task)
        worker, *reported = make.told.received()
        assert reported == (["reported"] if how == "reports_in_finally" else [])
        assert await next_worker(engine) == int(worker)
        assert engine.stats().workers.deaths == 0
        assert not await task.output().assign_storage(engine.storage).aexists()


async def test_a_worker_whose_job_ends_late_makes_way_for_another(place, make):
    async with Engine(place, workers=1, grace=30.0) as engine:
        first = asyncio.create_task(meets(engine, make("asks_seldom")))
        (worker, _) = await make.told.receive(2)
        assert await next_worker(engine) != int(worker)
        make.gate.open_gate()
        await first
        assert await asyncio.to_thread(still_alive, {int(worker)}, 30.0) == set()
        assert engine.stats().workers.deaths == 0


@pytest.mark.parametrize(
    ("how", "what"), [("leaves_a_thread", "a thread"), ("leaves_a_process", "a process"), ("imports", "half-imported")]
)
async def test_a_worker_in_which_something_is_left_is_replaced(place, make, caplog, how, what):
    caplog.set_level(logging.INFO, "alexflow")
    async with Engine(place, workers=1, grace=30.0) as engine:
        await meets(engine, make(how))
        reported = {int(pid) for pid in make.told.received()}
        assert still_alive(reported, 2.0) == set()
        assert await next_worker(engine) not in reported
        assert engine.stats().workers.deaths == 0
    assert any(what in record.message for record in caplog.records)


async def test_sigterm_that_another_has_sent_ends_the_worker(place, make):
    async with Engine(place, workers=1, grace=30.0, max_deaths=0) as engine:
        run = asyncio.create_task(engine.run(make("asks"), on_error="continue"))
        (worker,) = await make.told.receive()
        os.kill(int(worker), signal.SIGTERM)
        assert (await run).failed == 1
        assert await next_worker(engine) != int(worker)


async def test_a_hundred_of_them_in_turn(place, make, is_never_late):
    async with Engine(place, workers=1, grace=30.0) as engine:
        first = await next_worker(engine)
        for number in range(1, 101):
            task = asyncio.create_task(engine.load(make("sleeps").output()))
            await make.told.receive()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await next_worker(engine, number) == first
