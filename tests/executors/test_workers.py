"""The number of workers and the share of each: ``Workers``, CPUs, threads of libraries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import alexflow
from alexflow import BinaryOutput, Engine, Output, ResourceSpec, Task, TaskOptions, Workers
from alexflow.errors import DefinitionError
from alexflow.executors.cpus import cpus
from alexflow.executors.library_threads import VARIABLES, apply_thread_share

pytestmark = pytest.mark.anyio

AFFINITY = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@dataclass(frozen=True)
class Environment(Task):
    """The variables of libraries in its worker."""

    n: int = 0

    def output(self) -> Output[dict[str, str]]:
        return self.build_output(BinaryOutput[dict[str, str]], key="environment")

    def run(self, input: None, output: Output[dict[str, str]]) -> None:
        output.store({name: os.environ[name] for name in VARIABLES if name in os.environ})


@dataclass(frozen=True)
class Inside(Environment):
    """The same in an engine of its own."""

    workers: int = 1

    def run(self, input: None, output: Output[dict[str, str]]) -> None:
        place = f"{os.environ['PLACE']}-inside"
        output.store(alexflow.run(Environment(self.n), storage=place, workers=self.workers).output.load())


@dataclass(frozen=True)
class Product(Task):
    """The threads that a product of matrices may use here."""

    options: ClassVar[Any] = TaskOptions(executor="thread")

    def output(self) -> Output[list[int]]:
        return self.build_output(BinaryOutput[list[int]], key="threads")

    def run(self, input: None, output: Output[list[int]]) -> None:
        output.store(threads_of_libraries())


def threads_of_libraries(user_api: str = "blas") -> list[int]:
    import numpy
    import threadpoolctl

    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    found = threadpoolctl.threadpool_info()
    return [library["num_threads"] for library in found if library["user_api"] == user_api]


@dataclass(frozen=True)
class Loops(Product):
    """The threads that OpenMP may start for a loop in this task."""

    number: int = 0

    def run(self, input: None, output: Output[list[int]]) -> None:
        output.store(threads_of_libraries("openmp"))


@dataclass(frozen=True)
class Thread(Environment):
    """The same in a thread."""

    options: ClassVar[Any] = TaskOptions(executor="thread")


async def found(place, workers, task=None):
    async with Engine(place, workers=workers) as engine:
        return await engine.load((task or Environment()).output())


@pytest.fixture
def nothing_said(monkeypatch):
    for name in (*VARIABLES, "ALEXFLOW_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("workers", "threads"),
    [
        (1, cpus()),
        (Workers(1), cpus()),
        (2, max(1, cpus() // 2)),
        (1000, 1),
        (None, 1),
        (Workers(threads=3), 3),
        (Workers(1, threads=5), 5),
    ],
)
async def test_each_worker_has_its_share(workers, threads, place, nothing_said):
    assert await found(place, workers) == dict.fromkeys(VARIABLES, str(threads))


async def test_libraries_are_left_alone(place, nothing_said):
    assert await found(place, Workers(1, threads=0)) == {}


async def test_what_the_user_says_comes_first(place, nothing_said, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    environment = await found(place, Workers(1, threads=2))
    assert environment == dict.fromkeys(VARIABLES, "2") | {"OPENBLAS_NUM_THREADS": "7"}


async def test_what_looks_at_openmps_variable_finds_the_users(place, nothing_said, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = await found(place, Workers(1, threads=2))
    assert environment["OMP_NUM_THREADS"] == "7"
    assert not environment.keys() & {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"}
    assert environment["POLARS_MAX_THREADS"] == "2"


async def test_an_engine_in_a_task_shares_what_that_has(place, nothing_said, monkeypatch):
    monkeypatch.setenv("PLACE", str(place))
    assert (await found(place, Workers(1, threads=6), Inside(1, workers=2)))["OMP_NUM_THREADS"] == "3"
    assert (await found(place, Workers(1, threads=6), Inside(2, workers=1)))["OMP_NUM_THREADS"] == "6"


async def test_this_process_is_left_as_it_is(place, nothing_said):
    before = dict(os.environ)
    await found(place, Workers(2, threads=1))
    assert dict(os.environ) == before


def test_idle_threads_of_openblas_sleep_soon():
    environment, of_user = {}, {"OPENBLAS_THREAD_TIMEOUT": "26"}
    apply_thread_share(2, environment)
    apply_thread_share(2, of_user)
    assert environment["OPENBLAS_THREAD_TIMEOUT"] == "20"
    assert of_user["OPENBLAS_THREAD_TIMEOUT"] == "26"


def test_a_share_is_said_to_any_environment():
    environment = {"OMP_NUM_THREADS": "4", "ALEXFLOW_THREADS": "4", "MKL_NUM_THREADS": "5"}
    apply_thread_share(2, environment)
    assert environment["OMP_NUM_THREADS"] == "2"  # an outer engine had said it
    assert environment["MKL_NUM_THREADS"] == "5"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Workers(0),
        lambda: Workers(-1),
        lambda: Workers(1.5),
        lambda: Workers(True),
        lambda: Workers("4"),
        lambda: Workers(1, threads=-1),
        lambda: Workers(1, threads=1.0),
        lambda: Engine("results", workers=0),
        lambda: Engine("results", workers="4"),
        lambda: Engine("results", workers=2.0),
    ],
)
def test_numbers_that_cannot_be_meant(make):
    with pytest.raises(DefinitionError, match=r"(Workers\.(count|threads)|workers) must be a whole number"):
        make()


# -- tasks in threads


async def test_threads_of_this_process_when_asked_for(place):
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numpy")
    before = threads_of_libraries()
    assert set(await found(place, Workers(2, threads=1), Product())) <= {1}
    assert threads_of_libraries() == before


async def test_threads_of_this_process_else(place):
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numpy")
    assert await found(place, 2, Product()) == threads_of_libraries()


@pytest.fixture
def openmp(nothing_said):
    """OpenMP in this process, with three threads."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pytest.importorskip("sklearn.ensemble", reason="brings OpenMP along: pip install --group examples")
    with threadpoolctl.threadpool_limits(3, user_api="openmp"):
        yield
        assert set(threads_of_libraries("openmp")) == {3}, "the application's threads keep their number"


@pytest.mark.usefixtures("openmp")
async def test_openmp_has_a_tasks_share_in_its_thread(place, monkeypatch):
    monkeypatch.setattr("alexflow.executors.supply.cpus", lambda: 8)
    monkeypatch.setattr("alexflow.executors.library_threads.cpus", lambda: 8)
    tasks = [Loops(number=n, resource_spec=ResourceSpec(cpus=n) if n else None) for n in (0, 4, 2, 0.5)]
    async with Engine(place, workers=2) as engine:
        found = [await engine.load(task.output()) for task in [*tasks, Loops(number=6)]]
    assert [set(threads) for threads in found] == [{4}, {4}, {2}, {1}, {4}]


@pytest.mark.usefixtures("openmp")
@pytest.mark.parametrize(
    ("workers", "said", "threads"), [(Workers(2, threads=2), "", 2), (Workers(2, threads=0), "", None), (2, "5", None)]
)
async def test_openmp_is_left_alone_where_the_user_says_so(place, monkeypatch, workers, said, threads):
    import threading

    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    new: list[int] = []
    thread = threading.Thread(target=lambda: new.extend(threads_of_libraries("openmp")))
    thread.start()
    thread.join()
    assert set(await found(place, workers, Loops(number=6))) == ({threads} if threads else set(new))


async def test_threadpoolctl_is_missing(place, monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    async with Engine(place, workers=Workers(2, threads=1)) as engine:
        await engine.run(Thread())
    assert "pip install 'alexflow[threads]'" in caplog.text


# -- CPUs


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "400000 100000\n"}, 1),
        ("0::/../elsewhere\n", {"cpu.max": "10000 100000\n"}, 1),
        ("4:memory:/x\n1:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "100000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 1),
        (
            "1:cpu,cpuacct:/\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "1000\n"},
            None,
        ),
        (
            "1:cpu,cpuacct:/docker/ab\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "70000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            1,
        ),
    ],
)
def test_what_control_groups_allow(own, files, expected, tmp_path):
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    expected = AFFINITY if expected is None else min(AFFINITY, expected)
    assert cpus(str(tmp_path / "groups"), str(tmp_path / "own")) == expected
