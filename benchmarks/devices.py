"""``python -m benchmarks.devices``: tasks that ask for GPUs, on those of this machine or on simulated ones.

It says what it saw: whether a device was ever over its share, how many processes each device has had, what torch sees
in them, and how soon after the SIGKILL of its process a device is free and the next task on it has begun. Beside that
stands what the machine takes in the same run for a child of this process that is killed, and for a first task on a
device that was free: what is left of the second figure is the start of a process.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alexflow import Engine, ResourceSpec
from alexflow.executors.devices import find_gpus
from benchmarks.device_tasks import IsKilled, Occupies, OccupiesInThread

TASKS = 200

SIMULATED = (0, 1)

#: Bound by which a device is free again after a SIGKILL, besides what a killed child takes to be noticed.
FREED_SECONDS = 0.010

ROUNDS = 5


def main() -> int:
    """Try it. Returns 1 if a device was over its share."""
    found = find_gpus()
    uses_torch = bool(found) and find_spec("torch") is not None
    devices = found or SIMULATED
    print(f"devices: {', '.join(map(str, devices))}{'' if found else ' (simulated: no GPU was found)'}")
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_try(devices, Path(directory), uses_torch))


async def _try(devices: Sequence[int | str], directory: Path, uses_torch: bool) -> int:
    chooser = random.Random(0)
    amounts = [chooser.choice([1, 1, 0.5, 0.5, min(2, len(devices))]) for _ in range(TASKS)]
    tasks = [
        Occupies(number, uses_torch=uses_torch, resource_spec=ResourceSpec(gpus=amount))
        for number, amount in enumerate(amounts)
    ]
    async with Engine(directory / "shares", workers=2 * len(devices), devices={"gpu": list(devices)}) as engine:
        await engine.run([task.output() for task in tasks])
        spans = [await engine.load(task.output()) for task in tasks]
    most = _most_at_once(spans, amounts)
    _say_processes(spans)
    over = any(share > 1 for share in most.values())
    shown = ", ".join(f"{device}: {share:g}" for device, share in sorted(most.items()))
    print(f"{TASKS} tasks; the most of each device at once was {shown} ({'WRONG' if over else 'ok'})")
    if uses_torch:
        seen = Counter(str(sorted(span["torch"].items())) for span in spans)
        print(f"torch saw: {dict(seen)}")
    elif not find_spec("torch"):
        print("torch is not installed")
    rounds = [await _kill(devices, directory, number) for number in range(ROUNDS)]
    freed, child, began, first = (
        f"{statistics.median(each) * 1e3:.1f} ({min(each) * 1e3:.1f})" for each in zip(*rounds, strict=True)
    )
    late = statistics.median(round[0] - round[1] for round in rounds)
    print(
        f"after a SIGKILL, in ms, medians (least) of {ROUNDS}: the device is free after {freed}, and a child of this "
        f"process is noticed after {child} ({'ok' if late <= FREED_SECONDS else 'LATE'}, ≤ {FREED_SECONDS * 1e3:.0f} "
        f"more); the next task on the device has begun after {began}, and a first one on a free device after {first}"
    )
    return int(over)


def _most_at_once(spans: Sequence[dict[str, Any]], amounts: Sequence[float]) -> dict[str, float]:
    changes = []
    for span, amount in zip(spans, amounts, strict=True):
        share = min(1.0, amount)
        for device in span["devices"]:
            changes += [(span["from"], 1, str(device), share), (span["to"], 0, str(device), -share)]
    used: defaultdict[str, float] = defaultdict(float)
    most: defaultdict[str, float] = defaultdict(float)
    for _, _, device, share in sorted(changes):
        used[device] += share
        most[device] = max(most[device], used[device])
    return dict(most)


def _say_processes(spans: Sequence[dict[str, Any]]) -> None:
    processes: defaultdict[str, set[int]] = defaultdict(set)
    for span in spans:
        processes[str(span["devices"])].add(span["pid"])
    print(f"processes by set of devices: { {devices: len(pids) for devices, pids in processes.items()} }")


async def _kill(devices: Sequence[int | str], directory: Path, number: int) -> tuple[float, float, float, float]:
    """Seconds from a SIGKILL until the device is free, until a child has been noticed to be killed, until the next task
    in a process for the device has begun, and from a request until a first one on a free device has.
    """
    first = Occupies(-1, 0.0, resource_spec=ResourceSpec(gpus=1))
    one = {"gpu": [devices[0]]}
    async with Engine(directory / f"freed-{number}", workers=2, devices=one, max_deaths=0) as engine:
        for cls in (Occupies, OccupiesInThread):
            await engine.load(cls(-2, 0.0).output())  # the fork server and a thread are there
        asked = time.monotonic()
        began_first = (await engine.load(first.output()))["from"] - asked
        free, began = [
            await _after_a_kill(engine, waits, directory / f"killed-{number}-{cls.__name__}")
            for cls in (OccupiesInThread, Occupies)
            for waits in [cls(number, 0.0, resource_spec=ResourceSpec(gpus=1))]
        ]
    return free, await _notice_a_child(), began, began_first


async def _after_a_kill(engine: Engine, waits: Occupies, notes: Path) -> float:
    """Seconds from the SIGKILL of a process until a task has begun that waits for its device."""
    killed = IsKilled(str(notes), resource_spec=ResourceSpec(gpus=1))
    run = asyncio.ensure_future(engine.run(killed, on_error="continue"))
    await asyncio.sleep(0.1)
    span = await engine.load(waits.output())
    await run
    return float(span["from"]) - float(await asyncio.to_thread(notes.read_text))


async def _notice_a_child() -> float:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    await asyncio.sleep(0.1)
    at = time.monotonic()
    child.kill()
    await child.wait()
    return time.monotonic() - at


if __name__ == "__main__":
    raise SystemExit(main())
