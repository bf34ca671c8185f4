"""The engine for threads: views that are not async, and threads beside an application that is."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from alexflow import MemoryStorage, RunFailed, TaskFailed
from alexflow.blocking import BlockingPortal
from alexflow.errors import DefinitionError, EngineClosed
from tests.engine.workflows import BreaksOnLoop, ProcessStep, Slow, Step
from tests.kit.fifo import Fifo
from tests.services.tasks import Endless, begun, ended


def test_many_threads_share_what_is_computed() -> None:
    with BlockingPortal(MemoryStorage()) as engine, ThreadPoolExecutor(16) as threads:
        outputs = [Step(n % 10).output() for n in range(200)]
        assert list(threads.map(lambda output: engine.load(output, timeout=30), outputs)) == [
            n % 10 for n in range(200)
        ]
        assert engine.stats().computed == 10
        assert engine.healthy
    assert not engine.healthy
    with pytest.raises(EngineClosed, match="not open"):
        engine.load(outputs[0])


@pytest.mark.processes
def test_tasks_in_worker_processes(place: str) -> None:
    with BlockingPortal(place, workers=2) as engine:
        engine.start_workers([ProcessStep])
        assert engine.run([ProcessStep(n) for n in range(10)], attributes={"view": "all"}).ran == 10
        assert engine.load([ProcessStep(n).output() for n in range(10)]) == list(range(10))
        assert engine.drain(timeout=30)


def test_a_call_that_is_out_of_time_withdraws_its_request() -> None:
    with BlockingPortal(MemoryStorage()) as engine:
        with pytest.raises(TimeoutError, match=r"not there within 0\.05 s"):
            engine.load(Endless(1).output(), timeout=0.05)
        while not ended:
            time.sleep(0.001)
        while engine.stats().runs:
            time.sleep(0.001)
    assert begun == ended == [1]


def test_errors_are_those_of_the_task() -> None:
    with BlockingPortal(MemoryStorage()) as engine:
        for _ in range(3):
            with pytest.raises(TaskFailed, match="broken 1"):
                engine.load(BreaksOnLoop(1).output())
        with pytest.raises(RunFailed):
            engine.run(BreaksOnLoop(1))
        with pytest.raises(DefinitionError, match="load takes an output"):
            engine.load(3)  # type: ignore[arg-type]


def test_closing_ends_what_is_under_way() -> None:
    engine = BlockingPortal(MemoryStorage()).open()
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            engine.load(Endless(2).output())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not begun:
        time.sleep(0.001)
    engine.close()
    thread.join(30)
    assert isinstance(errors[0], EngineClosed)
    engine.close()  # once more does nothing
    assert ended == [2]


def test_it_can_be_opened_again_but_not_twice(place: str) -> None:
    portal = BlockingPortal(place)
    for _ in range(2):
        with portal as engine:
            assert engine.load(Step(1).output()) == 1
            with pytest.raises(EngineClosed, match="open already"):
                portal.open()


def test_an_engine_that_cannot_be_opened(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    portal = BlockingPortal(tmp_path / "file" / "results")
    with pytest.raises(Exception, match="file"):
        portal.open()
    assert not portal.healthy
    with pytest.raises(TypeError, match="did you mean workers"):
        BlockingPortal(n_jobs=3)  # type: ignore[call-arg]


def test_a_call_from_its_own_loop_would_wait_for_itself() -> None:
    with BlockingPortal(MemoryStorage()) as portal:
        seen: list[BaseException] = []

        def listener(event: Any) -> None:
            try:
                portal.load(Step(9).output())
            except BaseException as error:
                seen.append(error)

        portal.engine.broadcast.listen(listener)
        portal.run(Step(1))
        assert isinstance(seen[0], EngineClosed)
        assert "would wait for itself" in str(seen[0])


def test_it_is_not_closed_in_its_own_loop() -> None:
    with BlockingPortal(MemoryStorage()) as portal:

        async def closes() -> None:
            portal.close()

        future = asyncio.run_coroutine_threadsafe(closes(), portal.engine.event_loop)  # type: ignore[arg-type]
        with pytest.raises(EngineClosed, match="would wait for itself; use a thread"):
            future.result(30)
        assert portal.load(Step(1).output()) == 1


def test_wrong_arguments() -> None:
    with BlockingPortal(MemoryStorage()) as portal:
        for timeout in ("2", -1, float("nan"), True):
            with pytest.raises(DefinitionError, match="timeout must be a number of seconds, not"):
                portal.load(Step(1).output(), timeout=timeout)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="unexpected keyword argument 'prority'; did you mean priority"):
            portal.load(Step(1).output(), prority=3)  # type: ignore[call-overload]


@pytest.mark.processes
def test_after_a_fork() -> None:
    with BlockingPortal(MemoryStorage()) as portal:
        assert portal.load(Step(1).output()) == 1
        pid = os.fork()
        if not pid:
            code = 1
            try:
                portal.load(Step(1).output())
            except EngineClosed as error:
                code = 0 if "forked" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert portal.load(Step(2).output()) == 2


@pytest.mark.processes
def test_beside_an_application_that_is_async(place: str, fifo: Callable[[str], Fifo]) -> None:
    said, gate = fifo("told"), fifo("gate")

    async def application(engine: BlockingPortal) -> int:
        slow = asyncio.create_task(asyncio.to_thread(engine.load, Slow(4, said.path, gate.path).output()))
        await said.receive()
        assert await asyncio.to_thread(engine.load, Step(3).output()) == 3
        gate.open_gate()
        return await slow

    with BlockingPortal(place, workers=1) as engine:
        assert asyncio.run(application(engine)) == 4


def test_views_of_flask() -> None:
    flask = pytest.importorskip("flask")
    app = flask.Flask("test")
    with BlockingPortal(MemoryStorage()) as engine:

        @app.get("/step/<int:n>")
        def step(n: int) -> Any:
            return {"value": engine.load(Step(n).output(), timeout=30)}

        client = app.test_client()
        assert client.get("/step/5").json == {"value": 5}
        assert client.get("/step/5").json == {"value": 5}
        assert engine.stats().hits == 1


def test_views_of_django() -> None:
    pytest.importorskip("django")
    from django.conf import settings
    from django.http import HttpRequest, JsonResponse
    from django.test import RequestFactory

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], DEFAULT_CHARSET="utf-8")
    with BlockingPortal(MemoryStorage()) as engine:

        def step(request: HttpRequest, n: int) -> JsonResponse:
            return JsonResponse({"value": engine.load(Step(n).output(), timeout=30)})

        assert step(RequestFactory().get("/step/6"), 6).content == b'{"value": 6}'
