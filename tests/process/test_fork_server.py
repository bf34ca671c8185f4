"""Workers are forked from a process that does nothing else."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import resource
import signal
import sys
import time
import venv
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, Output, Retry, Workers
from alexflow.errors import WorkerDied
from alexflow.executors.library_threads import SHARE_VARIABLE, VARIABLES
from alexflow.executors.process import wait
from alexflow.executors.process.fork_servers import ForkServers
from alexflow.executors.process.worker_process import WorkerProcess
from tests.kit.processes import descendants_of, open_descriptors, parent_of, still_alive
from tests.process.workflows import Chance, Descriptors, Ends, Environment, Held, LooksForTyping, Threads, Value

pytestmark = pytest.mark.anyio


async def held(engine, fifo, count, suffix=""):
    """That many workers at once: their process ids, and how to let them go."""
    told, gate = fifo(f"told{suffix}"), fifo(f"gate{suffix}")
    tasks = [Held(n, value=n, held=n, told=told.path, gate=gate.path) for n in range(count)]
    run = asyncio.create_task(engine.run(tasks))
    pids = {int(line) for line in await told.receive(count)}

    async def let_go():
        gate.open_gate(count)
        assert (await run).ran == count

    return pids, let_go


@pytest.mark.local_pool
async def test_one_process_is_the_parent_of_all_workers(place, fifo):
    async with Engine(place, workers=4) as engine:
        workers, let_go = await held(engine, fifo, 4)
        assert len(workers) == 4
        (fork_server,) = {parent_of(worker) for worker in workers}
        assert parent_of(fork_server) == os.getpid()
        assert len(os.listdir(f"/proc/{fork_server}/task")) == 1  # one thread
        assert {os.getsid(pid) for pid in (*workers, fork_server)} == {*workers, fork_server}
        assert {os.getpgid(pid) for pid in (*workers, fork_server)} == {*workers, fork_server}
        assert descendants_of(os.getpid()) == {*workers, fork_server}
        await let_go()
    assert still_alive({*workers, fork_server}, 0) == set()


def spent_by_children():
    """CPU time, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def test_a_worker_costs_a_fraction_of_an_interpreter(place, fifo, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # else each worker compiles this suite's tasks anew
    ratios = []
    for n in range(3):  # the least of three: a machine becomes slower from one moment to the next
        before = spent_by_children()
        async with Engine(f"{place}-{n}", workers=1) as engine:
            await engine.run(Value(100))
        one = spent_by_children() - before
        before = spent_by_children()
        async with Engine(f"{place}-{n}", workers=9) as engine:
            _, let_go = await held(engine, fifo, 9, suffix=n)
            await let_go()
        ratios.append((spent_by_children() - before) / one)
    assert min(ratios) < 5  # of fresh interpreters: 9


@dataclass(frozen=True)
class OnLoop(Value):
    """Needs no process."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        await output.astore(self.n)


async def test_a_run_that_needs_no_process_starts_none(place):
    async with Engine(place, workers=2) as engine:
        assert (await engine.run([OnLoop(n) for n in range(20)])).ran == 20
        assert descendants_of(os.getpid()) == set()


async def test_a_worker_has_nothing_of_others(place):
    async with Engine(place, workers=3) as engine:
        await engine.run([Value(n) for n in range(40)])
        results = [(await engine.run(Descriptors(n))).output.load() for n in range(3)]
        for _, opened in results:
            assert_are_a_worker_s(opened)


def assert_are_a_worker_s(opened):
    # libffi keeps itself open where it has trampolines in a file of its own
    own = {fd: name for fd, name in opened.items() if fd > 2 and "libffi" not in name}
    # the working directory, and what it links files from, once it has published any
    directories = [fd for fd, name in own.items() if name == os.getcwd() or re.fullmatch(r"/proc/\d+", name)]
    assert len(directories) <= 2
    for fd in directories:
        del own[fd]
    kinds = sorted(name.partition(":")[0] for name in own.values())
    # standard input, status page, what it watches pipes with, lifeline and both ends of two pipes for output,
    # data and control
    assert kinds == [os.devnull, "/memfd", "anon_inode", *["pipe"] * 5, "socket", "socket"]
    assert opened[0] == os.devnull
    assert all(sum(name == opened[stream] for name in own.values()) == 2 for stream in (1, 2))


async def test_nothing_is_left_open(place):
    async with Engine(place, workers=1) as engine:
        await engine.run(Value(0))
    before = open_descriptors()
    for n in range(1, 4):
        async with Engine(place, workers=3) as engine:
            tasks = [Ends(n, how="os._exit(7)"), *(Value(100 * n + m) for m in range(30))]
            assert (await engine.run(tasks, on_error="continue")).ran == 30
    assert len(open_descriptors()) == len(before)


async def test_each_worker_has_its_own_chances(place, fifo):
    random.seed(1)
    async with Engine(place, workers=3) as engine:
        told, gate = fifo("told"), fifo("gate")
        run = asyncio.create_task(
            engine.run([Chance(n, held=n, told=told.path, gate=gate.path) for n in range(3)], on_error="continue")
        )
        await told.receive(3)
        gate.open_gate(3)
        values = [value for output in (await run).output for value in output.load()]
        assert len(set(values)) == len(values)


@pytest.mark.local_pool
async def test_a_worker_sees_what_the_engine_sees_when_it_is_wanted(place, tmp_path, fifo, monkeypatch):
    monkeypatch.setenv("REMOVED_LATER", "yes")
    async with Engine(place, workers=Workers(2, threads=0)) as engine:  # else it sets variables for libraries
        _, let_go = await held(engine, fifo, 1)
        monkeypatch.delenv("REMOVED_LATER")
        monkeypatch.setenv("SAID_LATER", "yes")
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "written_later.py").write_text(
            "from tests.process.workflows import Value\nclass Late(Value): ...\n"
        )
        import written_later

        _, (directory, environment, path) = (await engine.run(Environment(0))).output.load()
        assert directory == str(tmp_path)
        of_libraries = {*VARIABLES, SHARE_VARIABLE}  # their threads are bounded
        assert {name: value for name, value in environment.items() if name not in of_libraries} == dict(os.environ)
        assert path == sys.path
        assert (await engine.run(written_later.Late(1))).ran == 1
        await let_go()
    monkeypatch.undo()
    time.tzset()


async def test_a_killed_fork_server_harms_nobody(place, fifo):
    async with Engine(place, workers=2) as engine:
        (worker,), let_go = await held(engine, fifo, 1)
        fork_server = parent_of(worker)
        os.kill(fork_server, signal.SIGKILL)
        assert still_alive({fork_server}, 2.0) == set()
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20  # by a worker of another fork_server
        others = descendants_of(os.getpid())
        assert fork_server not in others
        await let_go()
        assert still_alive({worker}, 0) == {worker}
    assert still_alive({worker, *others}, 0) == set()
    assert descendants_of(os.getpid()) == set()


async def test_a_worker_that_dies_after_its_fork_server(place, fifo):
    told = fifo("told")
    async with Engine(place, workers=1) as engine:
        worker, _ = (await engine.run(Value(0))).output.load()
        fork_server = parent_of(worker)
        os.kill(fork_server, signal.SIGKILL)
        assert still_alive({fork_server}, 2.0) == set()
        os.kill(worker, signal.SIGKILL)
        assert still_alive({worker}, 2.0) == set()
        (pid, _) = (await engine.run(Value(1))).output.load()
        assert parent_of(pid) not in (fork_server, 1)
        result = await engine.run(Ends(0, how="os._exit(7)", told=told.path), on_error="continue")
        (error,) = result.failures
        assert isinstance(error, WorkerDied)
        assert error.exitcode == 7


async def test_a_system_that_refuses(place):
    async with Engine(place, workers=2, retry=Retry(5)) as engine:
        worker, _ = (await engine.run(Value(0))).output.load()
        fork_server = parent_of(worker)
        limits = resource.prlimit(fork_server, resource.RLIMIT_NOFILE)
        resource.prlimit(fork_server, resource.RLIMIT_NOFILE, (5, limits[1]))
        tasks = [Ends(0, how="os._exit(7)"), *(Value(n) for n in range(1, 20))]
        result = await engine.run(tasks, on_error="continue")
        assert result.ran + result.failed == 20
        assert result.failed
        for error in result.failures:
            assert isinstance(error, WorkerDied)
            assert error.message == "worker processes cannot be started: [Errno 24] Too many open files"
        resource.prlimit(fork_server, resource.RLIMIT_NOFILE, limits)
        assert (await engine.run([Value(n) for n in range(100, 120)])).ran == 20


async def test_killed_before_it_is_known(place):
    await start_and_kill(40)


async def start_and_kill(count):
    fork_servers = ForkServers()
    workers = [WorkerProcess(fork_servers.forker([]), lambda messages: None, lambda: None) for _ in range(count)]
    for worker in workers:
        assert worker.pid == 0
        worker.kill()
    ends = await asyncio.gather(*(worker.wait_and_reap() for worker in workers))
    assert [end.code for end, _ in ends] == [-signal.SIGKILL] * count
    assert still_alive({worker.pid for worker in workers}, 0) == set()
    await fork_servers.aclose()
    assert descendants_of(os.getpid()) == set()


@pytest.mark.parametrize("has_pidfd", [True, False])
async def test_how_workers_ended(place, fifo, monkeypatch, has_pidfd):
    """Also where a system tells only of children that they have ended."""
    monkeypatch.setattr(wait, "HAS_PIDFD", has_pidfd)
    async with Engine(place, workers=2) as engine:
        for how, exitcode in {"os._exit(7)": 7, "abort": -signal.SIGABRT}.items():
            result = await engine.run(Ends(0, how=how), on_error="continue")
            (error,) = result.failures
            assert isinstance(error, WorkerDied)
            assert error.exitcode == exitcode
        (worker,), let_go = await held(engine, fifo, 1)
        pids = descendants_of(os.getpid())
        assert worker in pids
        await let_go()
    assert descendants_of(os.getpid()) == set()
    assert still_alive(pids, 0) == set()


@pytest.mark.local_pool
async def test_a_fork_server_that_is_killed_before_it_answers(place):
    """All that were to come from it are lost at once; that is one failure, not many."""
    async with Engine(place, workers=8) as engine:
        run = asyncio.create_task(engine.run([Value(n) for n in range(200)]))
        while not (started := descendants_of(os.getpid())):  # noqa: ASYNC110  # a process that begins tells nobody
            await asyncio.sleep(0)
        for fork_server in started:
            os.kill(fork_server, signal.SIGKILL)
        assert (await run).ran == 200
    assert descendants_of(os.getpid()) == set()


STARTS_A_THREAD = (
    "import threading; threading.Thread(target=threading.Event().wait, name='watches', daemon=True).start()"
)


@pytest.fixture(params=["sitecustomize", ".pth"])
def watched(request, tmp_path, monkeypatch):
    """An environment in which Python starts a thread before anything else."""
    if request.param == "sitecustomize":
        (tmp_path / "sitecustomize.py").write_text(STARTS_A_THREAD)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    else:
        venv.create(tmp_path / "environment", symlinks=True)
        (packages,) = (tmp_path / "environment").glob("lib/python*/site-packages")
        (packages / "watches.pth").write_text(STARTS_A_THREAD)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "environment" / "bin" / "python"))


@pytest.mark.local_pool
@pytest.mark.usefixtures("watched")
async def test_what_has_threads_is_not_forked(place, fifo, caplog):
    async with Engine(place, workers=3) as engine:
        workers, let_go = await held(engine, fifo, 3)
        (fork_server,) = {parent_of(worker) for worker in workers}
        in_fork_server = len(os.listdir(f"/proc/{fork_server}/task"))
        assert in_fork_server > 1
        assert {os.getsid(pid) for pid in (*workers, fork_server)} == {*workers, fork_server}
        await let_go()
        _, threads = (await engine.run(Threads(0))).output.load()
        assert "watches" in threads  # in a fork it would be as good as dead
        _, opened = (await engine.run(Descriptors(0))).output.load()
        assert_are_a_worker_s(opened)
        (error,) = (await engine.run(Ends(0, how="os._exit(7)"), on_error="continue")).failures
        assert isinstance(error, WorkerDied)
        assert error.exitcode == 7
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20
    assert still_alive({*workers, fork_server}, 0) == set()
    assert descendants_of(os.getpid()) == set()
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said.startswith("worker processes start as fresh interpreters")
    assert f"a new {sys.executable} has {in_fork_server} threads before it runs anything" in said
    assert ".pth file or sitecustomize" in said


@pytest.mark.usefixtures("watched")
async def test_what_is_not_forked_is_killed_before_it_is_known(place):
    await start_and_kill(6)


async def test_what_msgspec_can_do_without_is_there_for_users(place):
    async with Engine(place, workers=1) as engine:
        assert await engine.load(LooksForTyping(1).output()) == (False, True)
