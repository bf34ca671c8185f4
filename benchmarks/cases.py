"""The cases. Each measures alexflow and its limit in the same rounds, checks the results, and says what was seen."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import alexflow
from alexflow.engine import Result
from benchmarks import limit
from benchmarks.measure import Sample, fresh_directory, interleaved, stopwatch
from benchmarks.waiting import Wait
from benchmarks.workloads import Burn, Count, Leaf, chain, fan

WORKERS = 2


@dataclass(frozen=True)
class Line:
    """One line of the report.

    Attributes:
        case: what was measured.
        figure: what alexflow took, with its unit.
        beside: the limit or reference, with its unit.
        ratio: the quantity that the bar is about.
        bar: what it should not exceed.
    """

    case: str
    figure: str
    beside: str
    ratio: float
    bar: float
    seconds: tuple[float, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return self.ratio <= self.bar


@dataclass(frozen=True)
class Setting:
    """How to measure: rounds, and a directory on memory and one on a disk."""

    rounds: int
    memory: Path
    disk: Path


def timed_run(target: Any, directory: Path, check: Callable[[Result], bool], **options: Any) -> float:
    """Seconds of one ``arun``, from the call to the result, its workers' start and end included."""

    async def main() -> float:
        with stopwatch() as seconds:
            result = await alexflow.arun(target, storage=directory / "storage", workers=WORKERS, **options)
        if not check(result):
            raise RuntimeError(f"wrong result: {result}")
        return seconds[0]

    return asyncio.run(main())


def fan_in_processes(setting: Setting, width: int = 10_000) -> Iterator[Line]:
    """A fan of trivial tasks, every output its own file, and a sum over all."""
    total = width * (width - 1) // 2
    for name, where, bar in (("tmpfs", setting.memory, 5.0), ("disk", setting.disk, 3.0)):
        ours, plain = interleaved(
            setting.rounds,
            where,
            lambda directory: timed_run(fan(width), directory, lambda result: result.output.load() == total),
            lambda directory: limit.write_files(directory, width),
        )
        yield Line(
            f"fan of {width:,}, processes, {name}",
            f"{ours.median / width * 1e6:.1f} µs/task",
            f"{plain.median / width * 1e6:.1f} µs/file",
            ours.ratio(plain),
            bar,
            ours.seconds,
        )


def new_root_over_existing(setting: Setting, width: int = 10_000) -> Iterator[Line]:
    """The same fan asked for again through a new root: existence checks only, but for the root."""

    def ours(directory: Path) -> float:
        leaves = [Leaf(number) for number in range(width)]
        storage = alexflow.LocalStorage(directory / "storage")
        storage.prepare()
        for leaf in leaves:
            leaf.output().assign_storage(storage).store(leaf.number)
        root = Count([leaf.output() for leaf in leaves])
        check = lambda result: (result.ran, result.cached) == (1, width)  # noqa: E731
        return timed_run(root, directory, check)

    def nothing(directory: Path) -> float:
        return timed_run(Count([]), directory, lambda result: result.ran == 1)

    mine, start, plain = interleaved(
        setting.rounds, setting.memory, ours, nothing, lambda directory: limit.check_files(directory, width)
    )
    above = Sample(tuple(a - b for a, b in zip(mine.seconds, start.seconds, strict=True)))
    yield Line(
        f"new root over {width:,} existing outputs",
        f"{above.median / width * 1e6:.1f} µs/output (start of {start.median * 1e3:.0f} ms taken off)",
        f"{plain.median / width * 1e6:.1f} µs/check",
        above.median / width * 1e6,
        10.0,
        mine.seconds,
    )


def chain_is_linear(setting: Setting) -> Iterator[Line]:
    """Four times as long a chain costs four times as much."""

    def of_length(length: int) -> Callable[[Path], float]:
        return lambda directory: timed_run(
            chain(length, 0), directory, lambda result: result.output.load() == length and result.ran == length + 1
        )

    short, long, plain = interleaved(
        setting.rounds,
        setting.memory,
        of_length(1000),
        of_length(4000),
        lambda directory: limit.write_files(directory, 1000),
    )
    yield Line(
        "chain of 4,000 against 1,000, processes",
        f"{long.median / 4000 * 1e6:.0f} and {short.median / 1000 * 1e6:.0f} µs/link",
        f"{plain.median / 1000 * 1e6:.1f} µs/file",
        long.ratio(short),
        4.5,
        long.seconds,
    )


def busy_workers(setting: Setting, tasks: int = 64, seconds: float = 0.05) -> Iterator[Line]:
    """CPU-bound tasks: how much of the ideal is reached once the workers are there."""

    def ours(directory: Path) -> float:
        async def main() -> float:
            async with alexflow.Engine(directory / "storage", workers=WORKERS) as engine:
                await engine.run([Burn(-1 - n, 0.02) for n in range(WORKERS)])
                with stopwatch() as taken:
                    await engine.run([Burn(n, seconds) for n in range(tasks)])
                return taken[0]

        return asyncio.run(main())

    (mine,) = interleaved(setting.rounds, setting.memory, ours)
    ideal = tasks * seconds / WORKERS
    yield Line(
        f"{tasks} CPU-bound tasks of {seconds * 1e3:.0f} ms",
        f"{ideal / mine.median:.1%} of ideal",
        f"{ideal:.2f} s",
        mine.median / ideal,
        1 / 0.95,
        mine.seconds,
    )


def waiting_tasks(setting: Setting, tasks: int = 5000, seconds: float = 0.05) -> Iterator[Line]:
    """Async tasks that wait, all at once on the loop."""
    mine, plain = interleaved(
        setting.rounds,
        setting.memory,
        lambda directory: timed_run(
            [Wait(number, seconds) for number in range(tasks)], directory, lambda result: result.ran == tasks
        ),
        lambda directory: limit.write_files(directory, tasks),
    )
    yield Line(
        f"{tasks:,} async tasks that wait {seconds * 1e3:.0f} ms",
        f"{mine.median:.3f} s",
        f"{seconds + plain.median:.3f} s (wait + files)",
        mine.median,
        0.5,
        mine.seconds,
    )


def import_time(setting: Setting) -> Iterator[Line]:
    """``import alexflow`` over a bare interpreter."""

    def start(code: str) -> Callable[[Path], float]:
        def measured(directory: Path) -> float:
            with stopwatch() as seconds:
                subprocess.run([sys.executable, "-c", code], check=True)
            return seconds[0]

        return measured

    ours, bare = interleaved(max(setting.rounds, 7), setting.memory, start("import alexflow"), start("pass"))
    yield Line(
        "import alexflow",
        f"{ours.median * 1e3:.0f} ms",
        f"{bare.median * 1e3:.0f} ms (bare interpreter)",
        (ours.median - bare.median) * 1e3,
        100.0,
        ours.seconds,
    )


_MEMORY = """
import asyncio
import alexflow
import alexflow.engine
from benchmarks.workloads import fan

def resident(field):  # getrusage would tell what the parent's peak was when it started this process
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024

before = resident("VmRSS:")
asyncio.run(alexflow.arun(fan({width}), storage={storage!r}, workers=2))
print(resident("VmHWM:") - before)
"""


def memory(setting: Setting, width: int = 10_000) -> Iterator[Line]:
    """Peak memory of the engine's process for the fan, its description included, over what it is after the import."""
    with fresh_directory(setting.memory) as directory:
        code = _MEMORY.format(width=width, storage=str(directory / "storage"))
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    peak = float(done.stdout)
    yield Line(f"peak memory, fan of {width:,}", f"{peak:.0f} MiB over import", "", peak, 80.0)


def identity(setting: Setting) -> Iterator[Line]:
    """The id of a task with four fields, two of them outputs, beside encoding and hashing the same fields."""
    from alexflow.model.task import compute_task_id
    from benchmarks.identity import Four

    task = Four(Leaf(1).output(), Leaf(2).output(), "Ridge", 0.5)
    plain = {"alpha": 0.5, "model": "Ridge", "x": task.x.output_id, "y": task.y.output_id}

    def ours() -> None:
        task.__dict__.pop("_task_id", None)
        compute_task_id(task)

    def bare() -> None:
        hashlib.blake2b(msgspec.msgpack.encode(plain), digest_size=20).hexdigest()

    count = 20_000
    pairs = [
        (timeit.timeit(ours, number=count) / count, timeit.timeit(bare, number=count) / count)
        for _ in range(max(setting.rounds, 5))
    ]
    mine, theirs = Sample(tuple(pair[0] for pair in pairs)), Sample(tuple(pair[1] for pair in pairs))
    yield Line(
        "id of a task with four fields",
        f"{mine.median * 1e6:.2f} µs",
        f"{theirs.median * 1e6:.2f} µs (encode + hash)",
        mine.ratio(theirs),
        5.0,
        mine.seconds,
    )


CASES: dict[str, Callable[[Setting], Iterator[Line]]] = {
    "fan": fan_in_processes,
    "grow": new_root_over_existing,
    "chain": chain_is_linear,
    "cpu": busy_workers,
    "async": waiting_tasks,
    "import": import_time,
    "memory": memory,
    "identity": identity,
}
