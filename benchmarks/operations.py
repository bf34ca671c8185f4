"""Single operations of alexflow, each done as often as asked, in one process: ``python operations.py NAME COUNT``.

For counting instructions: what is done for two counts differs by the operation alone.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any


def identify(count: int) -> None:
    """Describe a task of four fields, two of them outputs, and compute its id."""
    from benchmarks.workloads import Leaf, Mixed

    parts = (Leaf(1).output(), Leaf(2).output())
    for number in range(count):
        Mixed(1, number, parts).task_id  # noqa: B018


def describe(count: int) -> None:
    """Describe a task and its output."""
    from benchmarks.workloads import Leaf

    for number in range(count):
        Leaf(number).output()


def write_document(count: int) -> None:
    """Write a task of a graph into a document."""
    from alexflow import serialize
    from benchmarks.workloads import fan

    serialize(fan(count))


def read_document(count: int) -> None:
    """Write a task of a graph into a document, and read it."""
    from alexflow import deserialize, serialize
    from benchmarks.workloads import fan

    deserialize(serialize(fan(count)))


def schedule(count: int) -> None:
    """All events and instructions of a task of a fan."""
    from alexflow.scheduler import Scheduler, TaskSpec
    from alexflow.scheduler.events import Event, Inspected, Resumed, RunRequested, Succeeded, Verified
    from alexflow.scheduler.instructions import Finish, Inspect, Resume, Start, Verify

    parts = [f"k{number}" for number in range(count)]
    makers = {key: TaskSpec(f"t{key}", outputs=(key,)) for key in parts}
    makers["root"] = TaskSpec("troot", tuple(parts), outputs=("root",))
    scheduler = Scheduler()
    events: list[Event] = [RunRequested(1, ("root",))]
    finished = False
    while events:
        for instruction in scheduler.handle(events.pop(0)):
            match instruction:
                case Inspect(keys=keys):
                    missing = tuple((key, makers[key].task_id) for key in keys)
                    events.append(Inspected(missing=missing, specs=tuple(makers[key] for key in keys)))
                case Start(tasks=tasks):
                    scheduler.begin("", tasks)
                    events += [Succeeded(tasks[first : first + 32]) for first in range(0, len(tasks), 32)]
                case Verify(run_id=run_id):
                    events.append(Verified(run_id))
                case Resume():
                    events.append(Resumed())
                case Finish(ran=ran):
                    finished = ran == count + 1
    if not finished:
        raise RuntimeError("the scheduler did not come to the end")


def publish(count: int) -> None:
    """Stage an output, and give it its name."""
    import tempfile

    from alexflow import LocalStorage

    with tempfile.TemporaryDirectory() as directory:
        storage = LocalStorage(directory)
        storage.prepare()
        for number in range(count):
            storage.publish(storage.stage(f"benchmarks.Leaf.{number:040x}.value.pkl", b"a small pickle"))


def run_on_the_loop(count: int) -> None:
    """All of the engine for an async task whose output goes into memory."""
    import alexflow
    from benchmarks.waiting import fan

    result = alexflow.run(fan(count), storage=alexflow.MemoryStorage(), progress=False)
    if result.ran != count + 1:
        raise RuntimeError(str(result))


def run_plain(count: int) -> None:
    """Requests for one task that runs in a worker process, one after the other: what they cost the engine's process."""
    from benchmarks.workloads import Leaf

    _in_an_open_engine(count, lambda engine, number: engine.run(Leaf(number)))


def run_async(count: int) -> None:
    """Requests for one async task, one after the other."""
    from benchmarks.waiting import AsyncLeaf

    _in_an_open_engine(count, lambda engine, number: engine.run(AsyncLeaf(number)))


def load(count: int) -> None:
    """Load an output that exists."""
    from benchmarks.waiting import AsyncLeaf

    _in_an_open_engine(count, lambda engine, _: engine.load(AsyncLeaf(0).output()))


def _in_an_open_engine(count: int, request: Callable[[Any, int], Awaitable[Any]]) -> None:
    import asyncio
    import tempfile

    from alexflow import Engine

    async def ask() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with Engine(directory, workers=1) as engine:
                for number in range(count):
                    await request(engine, number)

    asyncio.run(ask())


#: By name: what to do, and how often at least.
OPERATIONS: dict[str, tuple[Callable[[int], Any], int]] = {
    "id": (identify, 500),
    "description": (describe, 500),
    "document, written": (write_document, 200),
    "document, written and read": (read_document, 200),
    "scheduler": (schedule, 500),
    "publication": (publish, 200),
    "async task, whole engine": (run_on_the_loop, 200),
    "request for a task, engine's process": (run_plain, 100),
    "request for an async task": (run_async, 100),
    "load of an output that exists": (load, 100),
}


if __name__ == "__main__":
    OPERATIONS[sys.argv[1]][0](int(sys.argv[2]))
