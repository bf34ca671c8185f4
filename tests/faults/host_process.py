"""A multithreaded application that cancels a run, closes its loop, and runs again in a fresh one.

``python -W error -m tests.faults.host_process storage log directory``; prints what it found as JSON.
"""

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import alexflow
from alexflow import Task
from tests.faults.workflows import Held, HeldInThread, Number, NumberInThread, WaitsForEvent, said
from tests.kit.fifo import DEADLINE, Fifo
from tests.kit.processes import descendants_of, open_descriptors

COUNT = 4


async def cancelled(place: str, log: str, told: Fifo, gate: Fifo) -> dict[str, object]:
    """Cancel a run while tasks are in processes, in threads and on the loop."""
    tasks: Sequence[Task] = [
        *(Held(n, log, told.path, gate.path) for n in range(COUNT)),
        *(HeldInThread(n, log, told.path, gate.path) for n in range(COUNT)),
        *(WaitsForEvent(n) for n in range(COUNT)),
    ]
    run = asyncio.create_task(alexflow.arun(tasks, storage=place, workers=2))
    await told.receive(4)  # two processes and two threads are busy
    run.cancel()
    passed_through = False
    try:
        await run
    except asyncio.CancelledError:
        passed_through = True
    gate.open_gate(4)  # threads cannot be stopped; let them end
    return {
        "passed_through": passed_through,
        "loop": sorted(said),
        "children": len(descendants_of(os.getpid())),
        "tasks": [repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}],
    }


async def complete(place: str, first: int) -> tuple[int, int]:
    """Run something in processes, threads and on the loop."""
    numbers = range(first, first + 20)
    result = await alexflow.arun(
        [*(Number(n) for n in numbers), *(NumberInThread(n) for n in numbers)], storage=place, workers=2
    )
    return result.ran, len(descendants_of(os.getpid()))


def await_threads(but: Sequence[threading.Thread]) -> None:
    """Wait until all have ended, or until they have had time enough."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread not in but:
            thread.join(DEADLINE)


def main(place: str, log: str, directory: str) -> None:
    """Everything, with threads around."""
    over = threading.Event()
    others = [threading.Thread(target=over.wait) for _ in range(3)]
    for thread in others:
        thread.start()
    before_anything = asyncio.run(complete(place, 0))  # whatever is opened once is open now
    descriptors = open_descriptors()
    with Fifo(Path(directory, "told")) as told, Fifo(Path(directory, "gate")) as gate:
        found = asyncio.run(cancelled(place, log, told, gate))
    await_threads(but=others)  # those that could not be stopped have files open until they end
    gc.collect()
    found["descriptors"] = sorted(set(open_descriptors().items()) ^ set(descriptors.items()))
    found["again"] = [before_anything, asyncio.run(complete(place, 1000))]

    def elsewhere() -> None:
        found["in_a_thread"] = asyncio.run(complete(place, 2000))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    over.set()
    await_threads(but=[])
    found["threads"] = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
