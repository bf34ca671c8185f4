"""``Engine.why`` names what a task waits for, and what holds that."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, MemoryStorage, Output, ResourceSpec, Retry, Task, Workers
from alexflow.engine import long_waits
from alexflow.engine.why import MOST_INPUTS, Obstacle
from alexflow.errors import DefinitionError, EngineClosed
from alexflow.events import EngineEvent, TaskWaiting
from alexflow.limits import RateLimit
from tests.kit.reader import Reader

GATE: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    GATE["open"], GATE["begun"] = asyncio.Event(), asyncio.Event()
    yield
    GATE.clear()


@dataclass(frozen=True)
class Held(Task):
    n: int
    tags: ClassVar[tuple[str, ...]] = ("db",)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        await GATE["open"].wait()
        await output.astore(self.n)


@dataclass(frozen=True)
class Fails(Task):
    retry: ClassVar = Retry(1, delay=60.0)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="z.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        raise ValueError("no")


def test_input_limit_and_running() -> None:
    async def main() -> None:
        first, second = Held(1), Held(2)
        reader = Reader(second.output())
        async with Engine(MemoryStorage(), limits={"db": 1}) as engine:
            asked = asyncio.create_task(engine.run([first, reader]))
            await GATE["begun"].wait()
            running, held = (first, second) if engine.why(first).state == "running" else (second, first)
            assert engine.why(running).obstacles == ()
            with pytest.raises(
                DefinitionError, match=r"engine\.why\(\) takes a task, an output or the id of a task, not 7"
            ):
                engine.why(7)  # type: ignore[arg-type]
            found = engine.why(held)
            assert [(each.kind, each.name, each.holders) for each in found.obstacles] == [
                ("limit", "db", (running.task_id,))
            ]
            assert "1 of 1 are taken" in str(found)
            (missing,) = engine.why(reader.output()).obstacles
            assert (missing.kind, missing.name, missing.holders) == ("input", second.output().key, (second.task_id,))
            GATE["open"].set()
            await asked
            assert engine.why(first).state == "unknown"
            assert "done, or was not asked for" in str(engine.why(first.task_id))
        with pytest.raises(EngineClosed):
            engine.why(first)

    asyncio.run(main())


def test_a_rate() -> None:
    async def main() -> None:
        tasks = [Held(1), Held(2)]
        async with Engine(MemoryStorage(), limits={"db": RateLimit(1, per=60.0)}) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            kinds = [[each.kind for each in engine.why(task).obstacles] for task in tasks]
            assert sorted(kinds) == [[], ["rate"]]
            asked.cancel()

    asyncio.run(main())


def test_a_place_on_the_loop() -> None:
    async def main() -> None:
        tasks = [Held(1), Held(2)]
        async with Engine(MemoryStorage(), max_concurrency=1) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            states = {task: engine.why(task) for task in tasks}
            queued = next(found for found in states.values() if found.state == "queued")
            assert [each.kind for each in queued.obstacles] == ["place"]
            assert "1 running there, 1 queued" in str(queued)
            GATE["open"].set()
            await asked

    asyncio.run(main())


def test_the_delay_before_a_retry() -> None:
    async def main() -> None:
        task = Fails()
        async with Engine(MemoryStorage()) as engine:
            asked = asyncio.create_task(engine.run(task))
            await GATE["begun"].wait()
            while engine.why(task).state != "delayed":  # noqa: ASYNC110  # nothing else says so
                await asyncio.sleep(0)
            (delay,) = engine.why(task).obstacles
            assert delay.kind == "delay"
            assert "the delay before attempt 2" in delay.text
            assert float(delay.text.rsplit(", ", 1)[1].split()[0]) <= 60
            asked.cancel()

    asyncio.run(main())


@dataclass(frozen=True)
class Needy(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        await GATE["open"].wait()
        await output.astore(self.n)


async def obstacles_of_the_second(engine: Engine, tasks: list[Task]) -> tuple[Task, list[Obstacle], list[TaskWaiting]]:
    """Run two tasks, of which one waits for what the other has. Gives that one, what it waits for, and its events."""
    waiting: list[TaskWaiting] = []
    engine.broadcast.listen(lambda event: waiting.append(event) if isinstance(event, TaskWaiting) else None)
    asked = asyncio.create_task(engine.run(tasks))
    await GATE["begun"].wait()
    while {engine.why(task).state for task in tasks} != {"running", "queued"}:  # noqa: ASYNC110  # nothing else says so
        await asyncio.sleep(0)
    states = {engine.why(task).state: task for task in tasks}
    found = list(engine.why(states["queued"]).obstacles)
    GATE["open"].set()
    await asked
    assert all(event.task_id == states["queued"].task_id for event in waiting)
    return states["running"], found, waiting


def test_a_device() -> None:
    async def main() -> None:
        tasks: list[Task] = [Needy(n, resource_spec=ResourceSpec(gpus=1)) for n in range(2)]
        async with Engine(MemoryStorage(), devices={"gpu": [0]}) as engine:
            holder, (device,), events = await obstacles_of_the_second(engine, tasks)
        assert (device.kind, device.name, device.holders) == ("device", "gpu", (holder.task_id,))
        assert "asks for 1, and 0 of 1 are free" in device.text
        assert [(event.waits_for, event.name) for event in events] == [("device", "gpu")]

    asyncio.run(main())


def test_memory() -> None:
    async def main() -> None:
        async with Engine(MemoryStorage()) as engine:
            there = engine._capacity.supply.memory
            tasks: list[Task] = [Needy(n, resource_spec=ResourceSpec(memory=there * 2 // 3)) for n in range(2)]
            holder, (memory,), events = await obstacles_of_the_second(engine, tasks)
        assert (memory.kind, memory.name, memory.holders) == ("memory", "", (holder.task_id,))
        assert "memory: it asks for " in memory.text
        assert [event.waits_for for event in events] == ["memory"]

    asyncio.run(main())


def test_cores() -> None:
    async def main() -> None:
        async with Engine(MemoryStorage()) as engine:
            there = engine._capacity.supply.cpus
            tasks: list[Task] = [Needy(n, resource_spec=ResourceSpec(cpus=there)) for n in range(2)]
            holder, (core,), events = await obstacles_of_the_second(engine, tasks)
        assert (core.kind, core.name, core.holders) == ("core", "", (holder.task_id,))
        assert f"CPUs: it asks for {there}, and 0 of {there} are free" in core.text
        assert [event.waits_for for event in events] == ["core"]

    asyncio.run(main())


def test_several_things_and_a_place_at_once() -> None:
    async def main() -> None:
        tasks: list[Task] = [Needy(n, resource_spec=ResourceSpec(cpus=1, gpus=1)) for n in range(2)]
        async with Engine(MemoryStorage(), devices={"gpu": [0]}, max_concurrency=1) as engine:
            _, found, _ = await obstacles_of_the_second(engine, tasks)
        assert [each.kind for each in found if each.kind != "core"] == ["device", "place"]  # machines differ in CPUs

    asyncio.run(main())


@dataclass(frozen=True)
class InWorker(Task):
    place: str
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="w.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        Path(self.place, f"begun{self.n}").touch()
        while not Path(self.place, "open").exists():
            time.sleep(0.01)
        output.store(self.n)


@pytest.mark.processes
def test_a_device_of_worker_processes(tmp_path: Path) -> None:
    begun, storage = [tmp_path / f"begun{n}" for n in range(2)], LocalStorage(tmp_path / "st")

    async def main() -> None:
        tasks = [InWorker(str(tmp_path), n, resource_spec=ResourceSpec(gpus=1)) for n in range(2)]
        async with Engine(storage, workers=Workers(2), devices={"gpu": [0]}) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            while not (asked.done() or any(map(os.path.exists, begun))):  # noqa: ASYNC110  # another process makes it
                await asyncio.sleep(0.01)
            states = {engine.why(task).state: task for task in tasks}
            (device,) = engine.why(states["queued"]).obstacles
            assert (device.kind, device.name, device.holders) == ("device", "gpu", (states["running"].task_id,))
            (tmp_path / "open").touch()
            await asked

    asyncio.run(main())


#: Holds the lease of a task, whose module is this one, until a line comes.
PEER = """
import asyncio, importlib, sys
from alexflow import Engine, LocalStorage
sys.path.append(sys.argv[2])
here = importlib.import_module(sys.argv[3])

async def main():
    here.GATE["begun"], here.GATE["open"] = asyncio.Event(), asyncio.Event()
    async with Engine(LocalStorage(sys.argv[1])) as engine:
        asked = asyncio.create_task(engine.run(here.Needy(7)))
        await here.GATE["begun"].wait()
        print("began", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        here.GATE["open"].set()
        await asked

asyncio.run(main())
"""


@pytest.mark.processes
def test_a_lease_names_its_holder(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    command = [sys.executable, "-c", PEER, str(tmp_path), str(Path(__file__).parent), __name__]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert peer.stdout is not None
        assert peer.stdout.readline() == "began\n"

        async def main() -> None:
            task = Needy(7)
            async with Engine(storage) as engine:
                asked = asyncio.create_task(engine.run(task))
                while not asked.done() and engine.why(task).state != "elsewhere":  # noqa: ASYNC110  # nothing else says so
                    await asyncio.sleep(0.01)
                (lease,) = engine.why(task).obstacles
                assert (lease.kind, lease.name) == ("engine", f"{peer.pid}@{socket.gethostname()}")
                assert f"process {peer.pid} on {socket.gethostname()}, at work since " in lease.text
                assert peer.stdin is not None
                peer.stdin.write("\n")
                peer.stdin.flush()
                await asked

        asyncio.run(main())
    finally:
        peer.kill()
        peer.communicate()


@dataclass(frozen=True)
class ReadsMany(Task):
    read: tuple[Output[int], ...]

    def input(self) -> tuple[Output[int], ...]:
        return self.read

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="m.json")

    async def run(self, input: tuple[Output[int], ...], output: JSONOutput[int]) -> None:
        await output.astore(0)


def test_of_many_inputs_the_first_are_named() -> None:
    async def main() -> None:
        reader = ReadsMany(tuple(Needy(n).output() for n in range(MOST_INPUTS + 5)))
        async with Engine(MemoryStorage()) as engine:
            asked = asyncio.create_task(engine.run(reader))
            await GATE["begun"].wait()
            obstacles = engine.why(reader).obstacles
            assert len(obstacles) == MOST_INPUTS + 1
            assert {each.kind for each in obstacles} == {"input"}
            assert obstacles[-1].text == "further inputs, which are missing, too"
            GATE["open"].set()
            await asked

    asyncio.run(main())


# -- events of those that wait for a limit or a rate


async def second_wait(engine: Engine, tasks: list[Task], enough: int) -> list[TaskWaiting]:
    """Run tasks of which all but the first wait; gives the events until there are so many."""
    waiting: list[TaskWaiting] = []
    there = asyncio.Event()

    def take(event: EngineEvent) -> None:
        if isinstance(event, TaskWaiting):
            waiting.append(event)
            if len(waiting) >= enough:
                there.set()

    engine.broadcast.listen(take)
    asked = asyncio.create_task(engine.run(tasks))
    await GATE["begun"].wait()
    if enough:
        await there.wait()
    GATE["open"].set()
    await asked
    return waiting


def test_a_long_wait_for_a_limit_is_an_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_waits, "LOOK_EVERY", 0.02)

    async def main() -> None:
        tasks: list[Task] = [Held(n) for n in range(4)]
        async with Engine(MemoryStorage(), limits={"db": 1}) as engine:
            events = await second_wait(engine, tasks, 3)
        assert {(event.waits_for, event.name) for event in events} == {("limit", "db")}
        assert len({event.task_id for event in events}) == len(events) == 3
        (holder,) = {event.holders for event in events}
        assert {*holder, *(event.task_id for event in events)} == {task.task_id for task in tasks}
        assert len({event.run_id for event in events} - {""}) == 1

    asyncio.run(main())


def test_a_long_wait_for_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_waits, "LOOK_EVERY", 0.02)

    async def main() -> None:
        GATE["open"].set()
        async with Engine(MemoryStorage(), limits={"db": RateLimit(1, per=0.3)}) as engine:
            events = await second_wait(engine, [Held(n) for n in range(2)], 1)
        assert [(event.waits_for, event.name, event.holders) for event in events] == [("rate", "db", ())]

    asyncio.run(main())


def test_a_short_wait_is_none_and_nothing_looks_without_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Engine(MemoryStorage(), limits={"db": 1}) as engine:
            GATE["open"].set()
            assert await second_wait(engine, [Held(n) for n in range(3)], 0) == []
            assert engine._opened().task_events._long_waits is not None
        async with Engine(MemoryStorage(), limits={"db": 1}) as engine:
            await engine.run([Held(n) for n in range(3)])
            assert engine._opened().task_events._long_waits is None

    asyncio.run(main())
