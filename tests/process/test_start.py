"""Workers that cannot begin: the error is told once, in words that lead to its cause."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from alexflow import Engine, LocalStorage, Retry, Workers
from alexflow.errors import DefinitionError, ShippingError, TaskFailed, TaskTimeout, WorkerDied
from alexflow.events import TaskSucceeded
from alexflow.executors.process import slow_imports
from alexflow.executors.process.slow_imports import SlowImports
from tests.process.workflows import Environment, Hangs, Held, Value

pytestmark = pytest.mark.anyio


@pytest.mark.local_pool
@pytest.mark.parametrize(
    ("executable", "said"),
    [
        ("/bin/false", "worker processes fail to start: the last one exited with code 1"),
        ("", "worker processes cannot be started: sys.executable is empty"),
        ("/no/such/python", "worker processes cannot be started: "),
    ],
)
async def test_no_interpreter(place, monkeypatch, executable, said):
    async with Engine(place, workers=2, retry=Retry(5)) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", executable)
            result = await engine.run([Value(n) for n in range(10)], on_error="continue")
            assert (result.ran, result.failed) == (0, 10)
            for error in result.failures:
                assert isinstance(error, WorkerDied)
                assert error.message.startswith(said)
                is_another = "; is /bin/false a Python interpreter? Workers(python=...) names one" in error.message
                assert is_another == ("false" in executable)
                assert error.attempts == 1
        assert (await engine.run([Value(n) for n in range(10)])).ran == 10  # once it is there


@pytest.mark.local_pool
@pytest.mark.parametrize("executable", ["", "/bin/false"])
@pytest.mark.parametrize("kind", [str, Path])
async def test_an_interpreter_that_is_named(place, monkeypatch, executable, kind):
    """As in an application that Python is embedded in, and under uWSGI."""
    python = kind(sys.executable)
    monkeypatch.setattr(sys, "executable", executable)
    async with Engine(place, workers=Workers(2, python=python)) as engine:
        assert (await engine.run([Value(n) for n in range(10)])).ran == 10


@pytest.mark.parametrize("python", ["", 3, b"/usr/bin/python3"])
def test_an_interpreter_that_is_no_path(python):
    with pytest.raises(DefinitionError, match=r"Workers\.python must be the path of a Python interpreter, not"):
        Workers(python=python)


async def test_many_that_are_killed_at_once_before_they_begin(place, tmp_path, monkeypatch, fifo):
    """As an operator does, or a machine that is short of memory."""
    told, gate = fifo("told"), fifo("gate")
    (tmp_path / "slow_to_import.py").write_text(
        "import os\n"
        "from tests.kit.fifo import send_line_and_wait\n"
        "from alexflow import TaskOptions\n"
        "from tests.process.workflows import Value\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})\n"
        "class Late(Value): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import slow_to_import

    async with Engine(place, workers=6) as engine:
        run = asyncio.ensure_future(engine.run([slow_to_import.Late(n) for n in range(20)]))
        for pid in await told.receive(6):
            os.kill(int(pid), signal.SIGKILL)
        await told.receive(6)
        gate.open_gate(6)
        assert (await run).ran == 20


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("raise ImportError('not without its licence')", "ImportError: not without its licence"),
        ("compile('1 +', 'fragile.py', 'exec')", "SyntaxError: invalid syntax (fragile.py, line 1)"),
        ("raise RuntimeError('no card')", "RuntimeError: no card"),
        ("raise SystemExit('not here')", "SystemExit: not here"),
    ],
)
async def test_a_module_that_only_the_engine_can_import(place, tmp_path, monkeypatch, statement, reason):
    monkeypatch.delitem(sys.modules, "fragile", raising=False)
    (tmp_path / "fragile.py").write_text(
        "import os\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    {statement}\n"
        "from alexflow import TaskOptions\n"
        "from tests.process.workflows import Value\n"
        "class Fragile(Value): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import fragile

    async with Engine(place, workers=1, retry=Retry(3)) as engine:
        before, _ = (await engine.run(Value(0))).output.load()
        result = await engine.run([fragile.Fragile(1), fragile.Fragile(2), Value(3)], on_error="continue")
        assert (result.ran, result.failed) == (1, 2)
        for error in result.failures:
            assert isinstance(error, TaskFailed)
            assert isinstance(error.__cause__, ShippingError)
            assert error.attempts == 1  # trying again cannot help
            assert error.error_message == (f"fragile.Fragile cannot be imported in a worker process: {reason}")
            assert "fragile.py" in error.traceback
            assert error.traceback.splitlines()[-1].startswith(reason.partition(":")[0])  # the original one
        after, _ = (await engine.run(Value(4))).output.load()
        assert before == after


@pytest.mark.parametrize(
    ("statement", "exitcode"),
    [("os._exit(9)", 9), ("os.kill(os.getpid(), 11)", -signal.SIGSEGV)],
)
async def test_a_module_whose_import_ends_the_process(place, tmp_path, monkeypatch, statement, exitcode):
    """It costs those tasks that need it, though workers import ahead of their jobs."""
    monkeypatch.delitem(sys.modules, "lethal", raising=False)
    (tmp_path / "lethal.py").write_text(
        "import os\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    {statement}\n"
        "from alexflow import TaskOptions\n"
        "from tests.process.workflows import Value\n"
        "class Lethal(Value): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import lethal

    async with Engine(place, workers=2) as engine:
        killers = [lethal.Lethal(n) for n in range(3)]
        result = await engine.run([*killers, *(Value(n) for n in range(40))], on_error="continue")
        assert (result.ran, result.failed) == (40, 3)
        assert {error.task_id for error in result.failures} == {task.task_id for task in killers}
        for error in result.failures:
            assert isinstance(error, WorkerDied)
            assert (error.exitcode, error.attempts) == (exitcode, 4)
        assert (await engine.run([Value(n) for n in range(40, 60)])).ran == 20


async def test_a_slow_import_does_not_count_towards_the_timeout(place, tmp_path, monkeypatch, fifo):
    told, gate, hung = fifo("told"), fifo("gate"), fifo("hung")
    (tmp_path / "long_to_import.py").write_text(
        "import os\n"
        "from tests.kit.fifo import send_line_and_wait\n"
        "from alexflow import TaskOptions\n"
        "from tests.process.workflows import Value\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})\n"
        "class Late(Value):\n"
        "    options = TaskOptions(timeout=0.2)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import long_to_import

    async with Engine(place, workers=1) as engine, Engine(place, workers=1) as other:
        run = asyncio.create_task(engine.run(long_to_import.Late(1)))
        await told.receive()
        result = await other.run(Hangs(0, told=hung.path), on_error="continue")  # it has the same timeout
        assert type(result.failures[0]) is TaskTimeout
        gate.open_gate()
        assert (await run).ran == 1


async def test_an_import_does_not_count_as_the_time_of_a_task(place, tmp_path, monkeypatch):
    (tmp_path / "a_second_to_import.py").write_text(
        "import os, time\n"
        "from tests.process.workflows import Value\n"
        f"if os.getpid() != {os.getpid()}:\n"
        "    began = time.monotonic()\n"
        "    while time.process_time() < 0.5 or time.monotonic() < began + 1:\n"
        "        pass\n"
        "class Late(Value):\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import a_second_to_import

    succeeded: list[TaskSucceeded] = []
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(succeeded.append, [TaskSucceeded])
        await engine.run(a_second_to_import.Late(1))
    (event,) = succeeded
    assert event.seconds < 1
    assert event.cpu_seconds is not None
    assert event.cpu_seconds < 0.5


@pytest.fixture
def looks(monkeypatch) -> asyncio.Queue[None]:
    """Gets an item whenever it has been looked what workers import, which is often."""
    queue: asyncio.Queue[None] = asyncio.Queue()
    look = SlowImports._look

    def spy(self: SlowImports) -> None:
        look(self)
        queue.put_nowait(None)

    monkeypatch.setattr(SlowImports, "_look", spy)
    monkeypatch.setattr(slow_imports, "SLOW_AFTER", 0.05)
    return queue


@pytest.mark.parametrize("what", ["class", "value"])
async def test_a_hanging_import_is_told_once(place, tmp_path, monkeypatch, fifo, caplog, looks, what):
    monkeypatch.delitem(sys.modules, "hanging", raising=False)
    told, gate = fifo("told"), fifo("gate")
    (tmp_path / "hanging.py").write_text(
        "import os\n"
        "from dataclasses import dataclass\n"
        "from tests.kit.fifo import send_line_and_wait\n"
        "from alexflow import TaskOptions\n"
        "from tests.process.workflows import Value\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})\n"
        "class Late(Value):\n"
        "    options = TaskOptions(timeout=0.05)\n"
        "@dataclass(frozen=True)\n"
        "class Cargo: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import hanging

    tasks = {"class": hanging.Late(1), "value": Held(1, hanging.Cargo())}
    cls = type(tasks[what])
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(Value(0))).ran == 1
        caplog.clear()  # that was an import, and perhaps a long one
        run = asyncio.create_task(engine.run(tasks[what]))
        (pid,) = await told.receive()
        while not looks.empty():
            looks.get_nowait()
        for _ in range(6):
            await looks.get()
        gate.open_gate()
        assert (await run).ran == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"worker process {pid} has been importing module {cls.__module__}, or its dependencies, for more than 0.05 s; "
        f"tasks of {cls.__name__} wait for the import, which no timeout ends"
    ]


async def test_a_long_task_is_no_long_import(place, fifo, caplog, looks):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(Held(0))).ran == 1
        caplog.clear()  # that was an import, and perhaps a long one
        tasks = [Held(n, held=1, told=told.path, gate=gate.path) for n in range(1, 3)]
        run = asyncio.create_task(engine.run(tasks))
        await told.receive()
        while not looks.empty():
            looks.get_nowait()
        for _ in range(4):
            await looks.get()
        gate.open_gate()
        assert (await run).ran == 2
    assert caplog.records == []


async def test_paths_that_are_no_text(place, monkeypatch):
    """Python passes them over."""
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/tmp/some path"), None, 7])
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(Value(0))).ran == 1


@pytest.mark.local_pool
async def test_the_workers_see_what_the_engine_sees(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SAID_BY_THE_TEST", "yes")
    monkeypatch.syspath_prepend(str(tmp_path))
    async with Engine(place, workers=1) as engine:
        _, (directory, environment, path) = (await engine.run(Environment(0))).output.load()
        assert directory == str(Path.cwd())
        assert environment["SAID_BY_THE_TEST"] == "yes"
        assert path == sys.path


async def test_an_engine_with_thousands_of_descriptors(place):
    """Descriptors of a worker are numbered as in the engine, beyond what select() takes."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2_000:
        pytest.skip("too few descriptors allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2_000), limits[1]))
    with contextlib.ExitStack() as stack:
        for _ in range(1_100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        async with Engine(place, workers=1) as engine:
            assert (await engine.run([Value(n) for n in range(20)])).ran == 20
            assert (await engine.run(Value(20))).ran == 1
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@dataclass(frozen=True, init=False)
class Locked(LocalStorage):
    """Cannot leave its process, and says so badly."""

    def __reduce__(self):
        raise TypeError("cannot pickle '_thread.lock' object")


def _refuse():
    raise ConnectionError("no such host")


@dataclass(frozen=True, init=False)
class Unreachable(LocalStorage):
    """Cannot be opened elsewhere."""

    def __reduce__(self):
        return _refuse, ()


@pytest.mark.local_pool
@pytest.mark.parametrize("kind", [Locked, Unreachable])
def test_a_storage_that_does_not_travel(place, kind):
    storage = kind(place)

    async def main():
        async with Engine(storage, workers=1) as engine:
            return await engine.run([Value(0), Value(1)], on_error="continue")

    result = asyncio.run(main())
    assert (result.ran, result.failed) == (0, 2)
    for error in result.failures:
        assert isinstance(error, TaskFailed)
        if kind is Locked:
            assert isinstance(error.__cause__, ShippingError)
            assert "the storage, a Locked, cannot be sent to a worker process" in str(error)
            assert "cannot pickle '_thread.lock' object" in str(error)
        else:
            assert (error.error_type, error.error_message) == ("ConnectionError", "no such host")
