"""An executor of another kind is added in one file: this one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cloudpickle
import pytest

import alexflow
from alexflow import Engine, LocalStorage, MemoryStorage, Task, TaskOptions
from alexflow.cluster import AgentExecutor
from alexflow.errors import DefinitionError, IncompatibleStorage, RunFailed
from alexflow.executors import (
    Done,
    Executor,
    ExecutorKind,
    ExecutorSettings,
    Job,
    JobSource,
    NotDone,
    Outcome,
    Report,
    register_executor,
    unregister_executor,
)
from alexflow.executors.attempt import attempt
from alexflow.executors.captured_error import capture_error, not_done
from alexflow.executors.interface import JOB_METHODS
from alexflow.executors.on_demand import ExecutorOnDemand
from alexflow.formats import JSONOutput
from alexflow.storage import Storage, Transaction

pytestmark = pytest.mark.anyio

KIND = ExecutorKind("fakedask", leaves_process=True)


def run_remotely(work: bytes) -> None:
    """Run on a node of the cluster what arrived there."""
    task, storage = cloudpickle.loads(work)
    attempt(task, Transaction(storage))


class FakeDaskExecutor(Executor):
    """Sends each job to a cluster, as one that is built on Dask would: a client gives a future for each.

    Args:
        settings: of the engine.
    """

    def __init__(self, settings: ExecutorSettings):
        self._size = settings.workers.count or 1
        self._futures: dict[str, Future[None]] = {}
        self.ran: list[str] = []

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._storage = storage
        self._report = report
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._client = ThreadPoolExecutor(self._size)

    @property
    def places(self) -> int:
        return self._size

    def offer(self, task_ids: Sequence[str]) -> None:
        for job in self._source.take(self._size - len(self._futures)):
            self.ran.append(job.task_id)
            future = self._client.submit(run_remotely, cloudpickle.dumps((job.task, self._storage)))
            self._futures[job.task_id] = future
            future.add_done_callback(partial(self._loop.call_soon_threadsafe, self._end, job))

    def cancel(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            self._futures[task_id].cancel()  # one that runs goes on to its end

    def _end(self, job: Job, future: Future[None]) -> None:
        del self._futures[job.task_id]
        self._report([self._outcome(job, future)])
        self.offer([])  # a place is free

    def _outcome(self, job: Job, future: Future[None]) -> Outcome:
        if future.cancelled():
            return NotDone(job.task_id, "cancelled")
        error = future.exception()
        if error is None:
            return Done(job.task_id, 0.0)
        return not_done(job.task_id, job.task, capture_error(error, travels=False), cause=error)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._client.shutdown, cancel_futures=True)


@pytest.fixture
def made() -> Iterator[list[FakeDaskExecutor]]:
    """The executors that engines make."""
    executors: list[FakeDaskExecutor] = []

    def make(settings: ExecutorSettings) -> FakeDaskExecutor:
        executors.append(FakeDaskExecutor(settings))
        return executors[-1]

    register_executor(KIND, make)
    yield executors
    unregister_executor(KIND.name)


@dataclass(frozen=True)
class Square(Task):
    n: int

    def output(self):
        return self.build_output(JSONOutput, key="square")

    def run(self, input, output):
        if self.n < 0:
            raise ValueError("negative")
        output.store(self.n**2)


@dataclass(frozen=True)
class Sum(Task):
    squares: tuple[Square, ...]

    def input(self):
        return [square.output() for square in self.squares]

    def output(self):
        return self.build_output(JSONOutput, key="sum")

    def run(self, input, output):
        output.store(sum(square.load() for square in input))


def test_it_is_the_default_of_an_engine(made, tmp_path):
    target = Sum(tuple(map(Square, range(5))))
    result = alexflow.run(target, storage=tmp_path, executor="fakedask", progress=False)
    assert result.output.load() == 30
    assert [len(executor.ran) for executor in made] == [6]


async def test_classes_name_it(made, tmp_path):
    @dataclass(frozen=True)
    class There(Square):
        options = TaskOptions(executor="fakedask")

    async with Engine(tmp_path, executor="thread") as engine:
        assert (await engine.run([There(3), Square(4)])).ran == 2
    assert made[0].ran == [There(3).task_id]


async def test_a_failure_is_reported(made, tmp_path):
    async with Engine(tmp_path, executor="fakedask") as engine:
        with pytest.raises(RunFailed, match="1 task failed"):
            await engine.run(Square(-1))
        assert (await engine.run(Square(2))).output.load() == 4


async def test_its_tasks_need_a_storage_that_other_processes_reach(made):
    async with Engine(MemoryStorage(), executor="fakedask") as engine:
        with pytest.raises(IncompatibleStorage, match="cannot reach MemoryStorage"):
            await engine.run(Square(2))


def test_other_engines_do_not_know_it(tmp_path):
    with pytest.raises(DefinitionError, match=r"executor must be 'process' or 'thread', .*, not 'fakedask'"):
        Engine(LocalStorage(tmp_path), executor="fakedask")

    @dataclass(frozen=True)
    class Elsewhere(Square):
        options = TaskOptions(executor="fakedask")

    with pytest.raises(DefinitionError, match="Elsewhere runs on the executor 'fakedask', which this engine does not"):
        alexflow.run(Elsewhere(1), storage=str(tmp_path), progress=False)


@pytest.mark.parametrize("name", ["process", "loop", "dynamic"])
def test_a_name_is_given_once(name):
    with pytest.raises(DefinitionError, match="choose another name"):
        register_executor(ExecutorKind(name), FakeDaskExecutor)


def test_an_executor_that_stands_before_another_hands_on_all_that_concerns_jobs() -> None:
    own = {"kind", "open", "places", "workers", "start_workers", "aclose", "kill"}
    public = {name for name in vars(Executor) if not name.startswith("_")}
    assert public - own == {*JOB_METHODS}
    assert all(name in vars(ExecutorOnDemand) and name in vars(AgentExecutor) for name in own - {"kind"})


def test_an_executor_that_has_passed_over_nothing_is_not_made_to_look_again() -> None:
    ExecutorOnDemand(lambda: pytest.fail("made"), 1).offer(())
