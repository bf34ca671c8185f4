"""``python -m benchmarks.devices``: tasks that ask for GPUs, on those of this machine or on simulated ones.

It says what it saw: whether a device was ever over its share, how many processes each device has had, what torch sees
in them, and how soon a device is free after a SIGKILL, beside the start of a process for a device that was free.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alexflow import Engine, ResourceSpec
from alexflow.executors.devices import find_gpus
from benchmarks.device_tasks import IsKilled, Occupies

TASKS = 200

SIMULATED = (0, 1)

#: Bound by which a device is free again after a SIGKILL, besides what the start of a process takes.
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
    freed, probe = await _freed(devices, directory)
    print(
        f"after a SIGKILL the next task on the device began in {freed * 1e3:.1f} ms; a first task on a free one in "
        f"{probe * 1e3:.1f} ms; freed within {max(0.0, freed - probe) * 1e3:.1f} ms (≤ {FREED_SECONDS * 1e3:.0f})"
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


async def _freed(devices: Sequence[int | str], directory: Path) -> tuple[float, float]:
    """Seconds from a SIGKILL to the next task on the device, and from a request to a first task on a free device."""
    freed, probe = [], []
    for number in range(ROUNDS):
        notes = directory / f"killed-{number}"
        killed = IsKilled(str(notes), resource_spec=ResourceSpec(gpus=1))
        waits = Occupies(number, 0.0, resource_spec=ResourceSpec(gpus=1))
        first = Occupies(-1, 0.0, resource_spec=ResourceSpec(gpus=1))
        async with Engine(directory / f"freed-{number}", workers=2, devices={"gpu": [devices[0]]}) as engine:
            await engine.load(Occupies(-2, 0.0).output())  # the fork server is there
            asked = time.monotonic()
            probe.append((await engine.load(first.output()))["from"] - asked)
            run = asyncio.ensure_future(engine.run(killed))
            await asyncio.sleep(0.1)
            span = await engine.load(waits.output())
            await run
            freed.append(span["from"] - float(notes.read_text()))
    return min(freed), min(probe)


if __name__ == "__main__":
    raise SystemExit(main())
