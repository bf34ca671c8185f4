"""The live page of an engine in the same process: what is to do, what runs, and what waits for what."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import alexflow.web
from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Output, ResourceSpec, Task, run
from alexflow.engine.survey import Survey
from alexflow.web.engine_questions import EngineQuestions
from alexflow.web.folding import Folding
from alexflow.web.folding_elsewhere import FoldingElsewhere, FoldingLost
from alexflow.web.messages import RunUnderWay
from tests.kit.reader import Reader
from tests.timeline.recorded_runs import RUN, WrittenRun
from tests.web.served import Viewer, get, served

GATE: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    GATE["begun"], GATE["open"] = asyncio.Event(), asyncio.Event()
    yield
    GATE.clear()


@dataclass(frozen=True)
class Step(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        await GATE["open"].wait()
        await output.astore(self.n)


@dataclass(frozen=True)
class Limited(Step):
    tags: ClassVar[tuple[str, ...]] = ("db",)


@dataclass(frozen=True)
class Sum(Task):
    parts: tuple[Output[int], ...]

    def input(self) -> tuple[Output[int], ...]:
        return self.parts

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: tuple[Output[int], ...], output: JSONOutput[int]) -> None:
        await output.astore(0)


async def the_run(engine: Engine, page: EngineQuestions) -> RunUnderWay:
    """Return the page's answer about the only run."""
    (found,) = (await page.of_runs(set(engine.run_ids().values()))).values()
    return found


def named(counts: dict[str, int]) -> dict[str, int]:
    return {cls.rpartition(".")[2]: count for cls, count in counts.items()}


def test_what_is_to_do_and_what_runs() -> None:
    async def main() -> None:
        async with Engine(MemoryStorage(), max_concurrency=1) as engine:
            page = EngineQuestions(engine)
            asked = asyncio.create_task(engine.run([Step(n) for n in range(3)]))
            await GATE["begun"].wait()
            found = await the_run(engine, page)
            assert (named(found.remaining), named(found.running)) == ({"Step": 3}, {"Step": 1})
            ((task, where, _),) = found.attempts
            assert (task.partition(".")[0], where) == ("Step", "the engine's process")
            ((cls, waits_for, count),) = found.waiting
            assert (cls, count) == ("Step", "2")
            assert waits_for.startswith("a place in the executor 'loop': 1 running there, 2 queued: Step.")
            assert not engine.broadcast.has_listeners  # events cost more than all of this
            later = asyncio.create_task(engine.run(Limited(1)))  # counted as it comes
            while len(engine.run_ids()) < 2 or len(await page.of_runs(set(engine.run_ids().values()))) < 2:  # noqa: ASYNC110  # the same
                await asyncio.sleep(0)
            GATE["open"].set()
            await asyncio.gather(asked, later)
            assert await page.of_runs({"any"}) == {}
            assert engine.survey().remaining() == {}
        assert await page.of_runs({"any"}) == {}

    asyncio.run(main())


@pytest.mark.parametrize(("inputs", "more"), [(3, "2 more"), (20, "19 more"), (30, "more than 19 more")])
def test_how_many_inputs_more_are_missing_is_not_understated(inputs: int, more: str) -> None:
    async def main() -> None:
        async with Engine(MemoryStorage(), max_concurrency=1) as engine:
            total = Sum(tuple(Step(n).output() for n in range(inputs)))
            asked = asyncio.create_task(engine.run(total))
            await GATE["begun"].wait()
            while any(each.kind == "graph" for each in engine.why(total).obstacles):  # noqa: ASYNC110  # the rest
                await asyncio.sleep(0)
            found = await the_run(engine, EngineQuestions(engine))
            (waits_for,) = [each for cls, each, _ in found.waiting if cls == "Sum"]
            assert waits_for.endswith(f"; and {more}")
            GATE["open"].set()
            await asked

    asyncio.run(main())


def test_what_the_first_of_each_class_waits_for() -> None:
    async def main() -> None:
        steps = [Step(n, resource_spec=ResourceSpec(gpus=1)) for n in range(2)]
        tasks: list[Task] = [Limited(1), Limited(2), Limited(3), *steps, *(Reader(each.output()) for each in steps)]
        async with Engine(MemoryStorage(), limits={"db": 1}, devices={"gpu": [0]}) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            while len(engine.survey().at_work()) < 2:  # noqa: ASYNC110  # nothing else says so
                await asyncio.sleep(0)
            rows = (await the_run(engine, EngineQuestions(engine))).waiting
            found = {cls: (why, count) for cls, why, count in rows}
            assert found["Limited"][1] == "2"
            assert found["Limited"][0].startswith("the limit of 'db': 1 of 1 are taken: Limited.")
            assert found["Step"][1] == "1"
            assert "'gpu': it asks for 1, and 0 of 1 are free" in found["Step"][0]
            assert found["Reader"][1] == "2"
            assert found["Reader"][0].startswith("the input Step.")
            GATE["open"].set()
            await asked

    asyncio.run(main())


def test_an_engine_of_another_loop_answers() -> None:
    async def engines(ready: threading.Event, ended: threading.Event, kept: list[Engine]) -> None:
        async with Engine(MemoryStorage()) as engine:
            asked = asyncio.create_task(engine.run([Step(1)]))
            await GATE["begun"].wait()
            kept.append(engine)
            ready.set()
            await asyncio.to_thread(ended.wait)
            GATE["open"].set()
            await asked

    ready, ended = threading.Event(), threading.Event()
    kept: list[Engine] = []
    thread = threading.Thread(target=lambda: asyncio.run(engines(ready, ended, kept)))
    thread.start()
    try:
        assert ready.wait(30)
        found = asyncio.run(the_run(kept[0], EngineQuestions(kept[0])))
        assert named(found.running) == {"Step": 1}
    finally:
        ended.set()
        thread.join()


class Owners:
    """Stands for a scheduler: the run for which each task counts."""

    def __init__(self) -> None:
        self.owner: dict[str, int] = {}

    def owners_of(self, task_ids: list[str]) -> list[int]:
        return [self.owner.get(task_id, 0) for task_id in task_ids]


def test_counts_are_those_of_a_recount_whatever_comes_and_goes() -> None:
    chance, owners, tasks = random.Random(5), Owners(), dict[str, Any]()

    def come(many: int) -> list[str]:
        ids = [f"a.{chance.choice('BCD')}.{chance.getrandbits(60):x}" for _ in range(many)]
        tasks.update(dict.fromkeys(ids))
        owners.owner.update((each, chance.randrange(3)) for each in ids)
        return ids

    come(1_300)
    survey = Survey(tasks, owners, {})  # type: ignore[arg-type]
    more = True
    while more:
        more = survey.count_more()
        survey.entered(come(7))
        gone = chance.sample(sorted(tasks), 200)
        for each in gone:
            del tasks[each]
        survey.forgotten(gone)
    for each in tasks:  # run 1 leaves, and run 2 takes over what it wanted, or some of it
        if owners.owner[each] == 1:
            owners.owner[each] = chance.choice([2, 0])
    survey.move_to_owners((2).__eq__)
    counted: dict[tuple[int, str], int] = {}
    for each in tasks:
        key = owners.owner[each], each.rpartition(".")[0]
        counted[key] = counted.get(key, 0) + 1
    assert survey.remaining() == counted
    assert survey.by_class(tasks) == counted
    survey.forgotten(list(tasks))
    assert survey.remaining() == {}


# -- the process that folds


@pytest.mark.processes
def test_it_makes_the_same_bytes_as_this_one_would(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    written = WrittenRun(300, 3, failing=0.05, seed=7)
    written.write(storage)
    here, elsewhere = Folding(storage), FoldingElsewhere(storage)
    failed = written.task_id(written.failed[0][0])
    here.look()
    elsewhere.call(methodcaller("look"))
    for call in (
        methodcaller("has", RUN),
        methodcaller("has", "none"),
        methodcaller("runs_page", "/at"),
        methodcaller("run_page", "", "none"),
        methodcaller("failed_attempts", failed),
        methodcaller("beginning", RUN, None),
    ):
        assert elsewhere.call(call) == call(here)
    with pytest.raises(RuntimeError, match="KeyError: 'none'"):
        elsewhere.call(methodcaller("beginning", "none", None))
    assert elsewhere.call(methodcaller("has", RUN))  # and goes on
    assert elsewhere._process is not None
    process = elsewhere._process
    del elsewhere
    gc.collect()
    assert process.wait(30) == 0  # it is waited for in a thread


class Refuses(MemoryStorage):
    """Its record cannot be read at times."""

    refuses = True

    def reserved_below(self, space: Any) -> Any:
        if self.refuses:
            raise ConnectionError("no network")
        return super().reserved_below(space)


@pytest.mark.processes
def test_a_storage_that_refuses_is_asked_again() -> None:
    storage = Refuses()
    folding = FoldingElsewhere(storage)
    with pytest.raises(ConnectionError, match="no network"):
        folding.call(methodcaller("look"))
    storage.refuses = False
    folding.call(methodcaller("look"))
    assert folding.call(methodcaller("has", RUN)) is False
    assert folding._process is not None
    folding._process.kill()
    folding._process.wait()
    with pytest.raises(FoldingLost):
        folding.call(methodcaller("has", RUN))


@pytest.mark.processes
def test_a_page_goes_on_when_the_process_is_killed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    written = WrittenRun(300, 3, failing=0.05, seed=7)
    written.write(storage)
    engine = Engine(storage)
    page = alexflow.web.app(engine)
    with served(page) as port:
        viewer = Viewer(port, RUN)
        _, _, snapshot = viewer.next()
        viewer.close()
        (process,) = {each for each in children() if b"folding_process" in command_of(each)}
        os.kill(process, signal.SIGKILL)
        status, _, text = get(port, "/")
        assert (status, RUN in text) == (200, True)
        again = Viewer(port, RUN)
        assert again.next()[2]["header"] == snapshot["header"]
        again.close()


def children() -> list[int]:
    """Processes that this one has started, in whichever thread."""
    return [int(each) for file in Path("/proc/self/task").glob("*/children") for each in file.read_text().split()]


def command_of(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.processes
def test_the_process_shows_an_engine_whose_storage_is_in_memory() -> None:
    storage = MemoryStorage()
    GATE["open"].set()
    run([Step(1), Step(2)], storage=storage, progress=False)
    with served(alexflow.web.app(Engine(storage))) as port:
        status, _, text = get(port, "/")
    assert status == 200
    assert "/runs/" in text


WATCHED = """
import asyncio, sys
from dataclasses import dataclass
import uvicorn
import alexflow.web
from alexflow import Engine, JSONOutput, MemoryStorage, Task

@dataclass(frozen=True)
class Waits(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[int], key="n.json")
    async def run(self, input, output):
        await over.wait()
        await output.astore(self.n)

over = asyncio.Event()

async def asked(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
    found = await reader.readuntil(b"event: " if path.endswith("/events") else b"</html>")
    writer.close()
    return found

async def main():
    async with Engine(MemoryStorage()) as engine:
        config = uvicorn.Config(alexflow.web.app(engine), port=0, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving, running = asyncio.ensure_future(server.serve()), asyncio.ensure_future(engine.run(Waits(1)))
        while not (server.started and engine.run_ids()):
            await asyncio.sleep(0.01)
        (run,), port = engine.run_ids().values(), server.servers[0].sockets[0].getsockname()[1]
        await asked(port, "/")
        before = {*sys.modules}
        await asked(port, f"/runs/{run}/events")
        print(sorted({*sys.modules} - before))
        over.set()
        await running
        server.should_exit = True
        await serving

asyncio.run(main())
"""


@pytest.mark.processes
def test_the_first_viewer_has_nothing_imported_on_the_loop() -> None:
    program = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=100, check=False)
    assert program.stdout == "[]\n", program.stderr
