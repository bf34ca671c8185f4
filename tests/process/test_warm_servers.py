"""Libraries are imported once, before workers are forked, and a worker is as if it had imported them itself."""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import signal

import pytest

from alexflow import Engine, Workers
from alexflow.events import TaskPrinted
from alexflow.executors.library_threads import ONE_THREAD
from alexflow.executors.process import fork_servers, warm_server
from alexflow.executors.process.library_imports import libraries_of
from tests.kit.processes import descendants_of, open_descriptors, parent_of, still_alive
from tests.process.preloading import Libraries, ask_at_once
from tests.process.test_fork_server import assert_are_a_worker_s

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not fork_servers.CAN_PRELOAD, reason="this system does not show what imports do"),
]


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    monkeypatch.setattr(fork_servers, "_left_out", set())
    made = Libraries(tmp_path, monkeypatch)
    yield made
    made.forget()


def warnings_of(caplog, name):
    return [record.getMessage() for record in caplog.records if f" {name} " in record.getMessage()]


@pytest.mark.local_pool
async def test_a_library_is_imported_once(place, fifo, libraries):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    assert libraries_of([ask]) == ["made_up"]
    async with Engine(place, workers=3) as engine:
        answers = await ask_at_once(engine, fifo, ask, "'made_up' in sys.modules", 3)
        (server,) = libraries.imported_by("made_up")
        assert [(parent, answer) for _, parent, answer in answers] == [(server, True)] * 3
        assert len({pid for pid, _, _ in answers}) == 3
        bare = parent_of(server)
        assert parent_of(bare) == os.getpid()
        assert len(os.listdir(f"/proc/{server}/task")) == 1
    assert still_alive({server, bare}, 0) == set()


async def test_or_by_each_worker(place, fifo, libraries):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=Workers(3, preload=None)) as engine:
        answers = await ask_at_once(engine, fifo, ask, "'made_up' in sys.modules", 3)
        assert sorted(libraries.imported_by("made_up")) == sorted(pid for pid, _, _ in answers)


async def test_modules_of_the_program_are_imported_by_each_worker(place, fifo, libraries):
    libraries.install("made_up")
    libraries.write("helper", "import os, made_up\npid = os.getpid()")
    ask = libraries.program("asks", "import helper")
    async with Engine(place, workers=3) as engine:
        answers = await ask_at_once(engine, fifo, ask, "helper.pid", 3)
        assert [answer for _, _, answer in answers] == [pid for pid, _, _ in answers]
        assert len(libraries.imported_by("made_up")) == 1


async def test_a_module_that_is_named(place, fifo, libraries):
    libraries.install("made_up")
    libraries.write("helper", "import os, made_up\npid = os.getpid()")
    ask = libraries.program("asks", "")
    async with Engine(place, workers=Workers(3, preload=["helper"])) as engine:
        answers = await ask_at_once(engine, fifo, ask, "__import__('helper').pid", 3)
        assert [answer for _, _, answer in answers] == libraries.imported_by("made_up") * 3


async def test_a_worker_has_nothing_of_the_server(place, libraries):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=2) as engine:
        opened = (await engine.run(ask(0, "__import__('tests').kit.processes.open_descriptors()"))).output.load()[2]
        assert_are_a_worker_s(opened)
    before = open_descriptors()
    for n in range(3):
        async with Engine(place, workers=2) as engine:
            await engine.run([ask(10 * n + m, "1") for m in range(4)])
    assert len(open_descriptors()) == len(before)


UNFIT = {
    "a thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "threads started (1)",
    ),
    "a socket": ("import socket\nopened = socket.socket()", "descriptors stayed open (1)"),
    "a file": ("opened = open(__file__)", "descriptors stayed open (1)"),
    "shared memory": ("import mmap\nshared = mmap.mmap(-1, 4096)", "memory was mapped"),
    "a process": (
        "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nimport atexit",
        "processes started (1)",
    ),
    "its end": ("import sys\nif 'asks' not in sys.modules: os._exit(0)", "its process ended"),
}


@pytest.mark.local_pool
@pytest.mark.parametrize("how", UNFIT)
async def test_what_cannot_be_forked_is_imported_by_each_worker(place, fifo, libraries, caplog, how):
    caplog.set_level("INFO", "alexflow")
    source, why = UNFIT[how]
    bare = "open(f'/proc/{os.getppid()}/cmdline').read().count('fork_server')"
    libraries.install(
        "made_up", f"if os.getpid() != {os.getpid()}:\n" + "".join(f"    {line}\n" for line in source.splitlines())
    )
    libraries.install("harmless")
    ask = libraries.program("asks", "import harmless, made_up")
    for n in range(2):
        async with Engine(f"{place}{n}", workers=2) as engine:
            answers = await ask_at_once(engine, fifo, ask, bare, 2, name=str(n))
            workers = {pid for pid, _, _ in answers}
            assert workers <= {*libraries.imported_by("made_up")}
            assert workers.isdisjoint(libraries.imported_by("harmless"))
    tried = len(libraries.imported_by("made_up")) - 4
    assert tried == 1  # not by the second engine
    (warning,) = warnings_of(caplog, "made_up")
    assert why in warning
    levels = {record.levelname for record in caplog.records if record.getMessage() == warning}
    assert levels == {"WARNING" if how == "its end" else "INFO"}
    assert descendants_of(os.getpid()) == set()


@pytest.mark.local_pool
async def test_what_cannot_be_forked_is_a_warning_if_it_is_named(place, fifo, libraries, caplog):
    libraries.install("made_up", f"import os\nif os.getpid() != {os.getpid()}:\n    opened = open(os.devnull)")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=Workers(1, preload=["made_up"])) as engine:
        await ask_at_once(engine, fifo, ask, "1", 1)
    assert [record.levelname for record in caplog.records if " made_up " in record.getMessage()] == ["WARNING"]


@pytest.mark.local_pool
async def test_what_raises(place, fifo, libraries, caplog):
    libraries.install(
        "made_up",
        f"if os.getpid() != {os.getpid()} and 'asks' not in __import__('sys').modules:\n"
        "    raise RuntimeError('not before the program')",
    )
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=2) as engine:
        answers = await ask_at_once(engine, fifo, ask, "'made_up' in sys.modules", 2)
        assert [answer for _, _, answer in answers] == [True, True]
    (warning,) = warnings_of(caplog, "made_up")
    assert "it raised RuntimeError: not before the program" in warning


@pytest.mark.local_pool
async def test_what_hangs(place, fifo, libraries, caplog, monkeypatch):
    monkeypatch.setattr(warm_server, "IMPORT_LIMIT", 0.3)
    libraries.install(
        "made_up",
        "if 'alexflow.executors.process.worker.preload' in __import__('sys').modules:\n"
        "    __import__('signal').pause()",
    )
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=2) as engine:
        answers = await ask_at_once(engine, fifo, ask, "'made_up' in sys.modules", 2)
        assert [answer for _, _, answer in answers] == [True, True]
    (warning,) = warnings_of(caplog, "made_up")
    assert "it took more than" in warning


@pytest.mark.local_pool
async def test_a_module_that_there_is_not(place, libraries, caplog):
    ask = libraries.program("asks", "")
    async with Engine(place, workers=Workers(2, preload=["no_such_module"])) as engine:
        assert (await engine.run([ask(n, "1") for n in range(3)])).ran == 3
    assert warnings_of(caplog, "no_such_module;") or "there is no module no_such_module" in caplog.text


@pytest.mark.local_pool
async def test_libraries_that_are_left_alone(place, libraries, caplog):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=Workers(2, threads=0, preload=["made_up"])) as engine:
        pid, _, _ = (await engine.run(ask(0, "1"))).output.load()
        assert libraries.imported_by("made_up") == [pid]
    assert "threads=0" in caplog.text


#: What a module finds when it is imported.
FOUND = """
import os, random, signal, socket, sys, threading
found = (
    sys.argv, os.getcwd(), sys.path, dict(os.environ), sys.flags.hash_randomization, sys.stdin.read(),
    threading.current_thread().name, socket.getdefaulttimeout(), sys.getrecursionlimit(), __name__, __file__,
)
os.environ["MADE_UP"] = "set"
os.environ.pop("TAKEN_AWAY", None)
sys.path.append("/made/up")
sys.setrecursionlimit(1234)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
"""

NOW = (
    "(made_up.found, dict(os.environ), sys.path, sys.argv, os.getcwd(), sys.getrecursionlimit(), sys.stdin.read(), "
    "__import__('signal').getsignal(12), os.fstat(0).st_rdev, sys.modules['__main__'].__dict__.get('__file__'), "
    "__import__('gc').get_threshold(), __import__('threading').active_count())"
)


@pytest.mark.local_pool
async def test_a_worker_finds_what_it_would_find_by_itself(place, fifo, libraries, monkeypatch, tmp_path):
    monkeypatch.setenv("TAKEN_AWAY", "1")
    monkeypatch.setattr("sys.argv", ["program", "--argument"])
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    monkeypatch.chdir(tmp_path)
    libraries.install(
        "made_up", f"if os.getpid() != {os.getpid()}:\n" + "".join(f"    {line}\n" for line in FOUND.splitlines())
    )
    ask = libraries.program("asks", "import made_up")
    found = []
    for preload in ((), None):
        async with Engine(f"{place}{preload}", workers=Workers(2, preload=preload)) as engine:
            answers = await ask_at_once(engine, fifo, ask, NOW, 2, name=str(preload))
            assert answers[0][2] == answers[1][2]
            found.append(answers[0][2])
    warm, cold = found
    threads = {name for name, value in warm[0][3].items() if value != cold[0][3].get(name)}
    assert threads <= {"JE_ARROW_MALLOC_CONF", *ONE_THREAD}  # while it is imported, and only then
    assert (*warm[0][:3], *warm[0][4:]) == (*cold[0][:3], *cold[0][4:])
    assert warm[1:] == cold[1:]


async def test_no_two_workers_have_a_random_state_in_common(place, fifo, libraries):
    libraries.install("made_up", "import random\nown = random.Random()\ngiven = random.Random(6)\n")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=3) as engine:
        expression = "(random.random(), made_up.own.random(), made_up.given.random(), __import__('uuid').uuid4())"
        answers = [answer for _, _, answer in await ask_at_once(engine, fifo, ask, expression, 3)]
        assert [len({answer[part] for answer in answers}) for part in range(4)] == [3, 3, 1, 3]
        assert answers[0][2] == random.Random(6).random()


async def test_a_seed_that_a_module_gives_stays(place, fifo, libraries):
    libraries.install("made_up", "import random\nrandom.seed(5)\nfirst = random.random()\n")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=2) as engine:
        answers = await ask_at_once(engine, fifo, ask, "(random.random(), random.seed.__func__.__name__)", 2)
        assert len(libraries.imported_by("made_up")) == 1
    expected = random.Random(5)
    expected.random()
    assert {answer for _, _, answer in answers} == {(expected.random(), "seed")}


async def test_what_an_import_prints_and_logs_is_each_workers(place, fifo, libraries, caplog):
    libraries.install(
        "made_up",
        f"import logging, sys\nif os.getpid() != {os.getpid()}:\n"
        "    print('printed', flush=True)\n    os.write(2, b'written')\n"
        "    logging.getLogger('made_up').warning('logged %d', 1)\n",
    )
    ask = libraries.program("asks", "import made_up")
    printed = []

    def listen(event):
        if isinstance(event, TaskPrinted):
            printed.append((event.stdout, event.stderr))

    async with Engine(place, workers=2) as engine:
        engine.broadcast.listen(listen)
        await ask_at_once(engine, fifo, ask, "print('task')", 2)
    assert printed == [("printed\ntask\n", "written")] * 2
    assert [record.getMessage() for record in caplog.records if record.name == "made_up"] == ["logged 1"] * 2


async def test_a_worker_that_has_died_is_replaced_from_it(place, fifo, libraries):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=1) as engine:
        pid, server, _ = (await engine.run(ask(0, "1"))).output.load()
        os.kill(pid, signal.SIGKILL)
        other, parent, _ = (await engine.run(ask(1, "1"))).output.load()
        assert (parent, libraries.imported_by("made_up")) == (server, [server])
        assert other != pid


async def test_a_killed_server_is_replaced(place, fifo, libraries, caplog):
    libraries.install("made_up")
    ask = libraries.program("asks", "import made_up")
    async with Engine(place, workers=1) as engine:
        pid, server, _ = (await engine.run(ask(0, "1"))).output.load()
        os.kill(server, signal.SIGKILL)
        assert (await engine.run(ask(1, "1"))).output.load()[0] == pid
        os.kill(pid, signal.SIGKILL)
        _, parent, _ = (await engine.run(ask(2, "1"))).output.load()
        assert libraries.imported_by("made_up") == [server, parent]
    assert not warnings_of(caplog, "made_up")


async def test_tasks_that_need_no_library_do_not_wait_for_one(place, fifo, libraries):
    told, gate = fifo("imports"), fifo("goes-on")
    libraries.install(
        "slow",
        f"from tests.kit.fifo import send_line_and_wait\nif os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})",
    )
    slow, light = libraries.program("heavy", "import slow"), libraries.program("light", "")
    async with Engine(place, workers=2) as engine:
        heavy = asyncio.create_task(engine.run(slow(0, "1")))
        (server,) = await told.receive()
        (answer,) = await ask_at_once(engine, fifo, light, "'slow' in sys.modules", 1)
        assert answer[1:] == (parent_of(int(server)), False)
        gate.open_gate(2)  # the worker without libraries may have got the heavy task, too, and imports it itself
        assert (await heavy).ran == 1


@pytest.mark.local_pool
async def test_another_environment_or_file_is_seen_by_the_next_worker(place, libraries, monkeypatch):
    file = libraries.write("helper", "import os\nvalue = os.environ['VALUE'], 1")
    ask = libraries.program("asks", "")
    monkeypatch.setenv("VALUE", "a")
    async with Engine(place, workers=Workers(1, preload=["helper"])) as engine:

        async def value(n):
            pid, _, value = (await engine.run(ask(n, "__import__('helper').value"))).output.load()
            os.kill(pid, signal.SIGKILL)
            return value

        assert await value(0) == ("a", 1)
        monkeypatch.setenv("VALUE", "b")
        assert await value(1) == ("b", 1)
        file.write_text("import os\nvalue = os.environ['VALUE'], 22")
        importlib.invalidate_caches()
        assert await value(2) == ("b", 22)
        assert await value(3) == ("b", 22)


async def test_an_engine_that_is_left_meanwhile(place, fifo, libraries):
    told = fifo("imports")
    libraries.install(
        "slow",
        f"from tests.kit.fifo import send_line\nif os.getpid() != {os.getpid()}:\n"
        f"    send_line({told.path!r}, os.getpid())\n    __import__('signal').pause()",
    )
    ask = libraries.program("asks", "import slow")
    async with Engine(place, workers=2) as engine:
        run = asyncio.create_task(engine.run([ask(n, "1") for n in range(2)]))
        (server,) = await told.receive()
        run.cancel()
        await asyncio.wait([run])
    assert still_alive({int(server)}, 0) == set()
    assert descendants_of(os.getpid()) == set()


async def test_a_worker_that_lacks_libraries_is_replaced(place, fifo, libraries):
    told, gate = fifo("imports"), fifo("goes-on")
    libraries.install(
        "slow",
        f"from tests.kit.fifo import send_line_and_wait\nif os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})\n    import time\n    time.sleep(0.2)",
    )
    slow, light = libraries.program("heavy", "import slow"), libraries.program("light", "")
    async with Engine(place, workers=2) as engine:
        cold, bare, _ = (await engine.run(light(0, "1"))).output.load()
        heavy = asyncio.create_task(engine.run(slow(0, "1")))
        importing = {int(pid) for pid in await told.receive(2)}  # it imports for itself, as it would without a server
        (server,) = importing - {cold}
        gate.open_gate(2)
        assert (await heavy).output.load()[:2] == (cold, bare)
        await asyncio.to_thread(still_alive, {cold}, 30)
        answers = await ask_at_once(engine, fifo, light, "'slow' in sys.modules", 2)
        assert {(parent, there) for _, parent, there in answers} == {(server, True)}


async def test_a_reloaded_module_reaches_the_next_task(place, libraries):
    file = libraries.write("helper", "value = 1")
    ask = libraries.program("asks", "")
    helper = importlib.import_module("helper")
    async with Engine(place, workers=Workers(1, preload=["helper"])) as engine:
        assert (await engine.run(ask(0, "__import__('helper').value"))).output.load()[2] == 1
        file.write_text("value = 'another'")
        importlib.reload(helper)
        assert (await engine.run(ask(1, "__import__('helper').value"))).output.load()[2] == "another"


async def test_a_module_of_its_own_that_is_changed_is_not_even_noticed(place, libraries):
    libraries.install("made_up")
    file = libraries.write("helper", "import made_up\nvalue = 1")
    ask = libraries.program("asks", "import helper")
    async with Engine(place, workers=1) as engine:
        pid, server, value = (await engine.run(ask(0, "helper.value"))).output.load()
        file.write_text("import made_up\nvalue = 'another'")
        os.kill(pid, signal.SIGKILL)
        _, parent, other = (await engine.run(ask(1, "helper.value"))).output.load()
        assert (value, other, parent) == (1, "another", server)


async def test_scikit_learn(place, fifo, libraries):
    pytest.importorskip("sklearn")
    ask = libraries.program("asks", "import numpy\nimport sklearn.ensemble\nshared = numpy.random.default_rng()")
    fit = "sklearn.ensemble.RandomForestClassifier(3, random_state=1).fit([[0], [1]], [0, 1]).predict([[1]]).tolist()"
    chance = "float(numpy.random.random()), float(shared.random()), float(numpy.random.mtrand._rand.random())"
    async with Engine(place, workers=2) as engine:
        answers = await ask_at_once(engine, fifo, ask, f"({fit}, {chance})", 2)
    ((one, server, first), (other, same, second)) = answers
    assert server == same != os.getpid()
    assert one != other
    assert first[0] == second[0] == [1]
    assert all(mine != others for mine, others in zip(first[1:], second[1:], strict=True))


@pytest.mark.local_pool
async def test_each_worker_has_its_share_of_threads(place, fifo, libraries):
    pytest.importorskip("numpy")
    pytest.importorskip("threadpoolctl")
    ask = libraries.program("asks", "import numpy, numpy.linalg, threadpoolctl")
    threads = "({pool['num_threads'] for pool in threadpoolctl.threadpool_info()}, dict(os.environ))"
    found = []
    for preload in ((), None):
        async with Engine(f"{place}{preload}", workers=Workers(2, threads=3, preload=preload)) as engine:
            (answer, other) = await ask_at_once(engine, fifo, ask, threads, 2, name=str(preload))
            assert answer[2] == other[2]
            found.append(answer[2])
    assert found[0] == found[1]
    assert found[0][0] == {min(3, os.cpu_count() or 1)}


async def test_torch(place, fifo, libraries):
    pytest.importorskip("torch")
    ask = libraries.program("asks", "import torch")
    threads = "torch.get_num_threads()"
    loss = "torch.nn.Linear(3, 1)(torch.randn(2, 3)).square().mean()"
    async with Engine(place, workers=Workers(2, threads=2)) as engine:
        answers = await ask_at_once(engine, fifo, ask, f"({loss}.backward(), float({loss}), {threads})", 2)
    ((_, server, first), (_, same, second)) = answers
    assert server == same
    assert first[1] != second[1]
    assert first[2] == second[2] == 2
