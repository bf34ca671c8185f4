"""``python -m tests.services.soak --minutes 15``: one engine with all features of services, used without a pause.

Clients load what exists and what does not, in lists, streams and one by one, join each other, leave early, are
refused, and ask for what fails, while workers are killed. No value may be wrong, no call may hang, nothing may be left
in the end, and the memory of the engine's process may not grow after the first third.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import select
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from alexflow import Engine, TaskError
from alexflow.errors import Overloaded
from alexflow.limits import Queue, RateLimit
from alexflow.storage import MemoryCache
from tests.kit.processes import descendants_of
from tests.services.soak_tasks import Call, Fails, InProcess, OnLoop, Slow, Sum, Words

CLIENTS = 16

#: Seconds after which a call counts as hung.
LONGEST = 60.0

#: Of the memory, from a third of the way to the end.
ALLOWED_GROWTH = 1.05

#: Values that exist are among this many.
KNOWN = 500


class Soak:
    """The clients of one engine.

    Args:
        engine: it.
        until: when they end, in seconds of ``time.monotonic``.
    """

    def __init__(self, engine: Engine, until: float):
        self._engine = engine
        self._until = until
        self._next = KNOWN
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.mebibytes: list[float] = []
        self._processes: dict[int, int] = {}  # descriptors, by the ids of processes

    async def run(self) -> None:
        """Run the clients, beside what kills workers and what measures."""
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(random.Random(number)))
            group.create_task(self._kill_workers())
            group.create_task(self._measure())

    def _new(self) -> int:
        self._next += 10
        return self._next

    async def _client(self, chance: random.Random) -> None:
        kinds: list[tuple[Callable[[random.Random], Awaitable[object]], int]] = [
            *((self._hit, 40), (self._hits, 5), (self._on_loop, 20), (self._in_process, 15), (self._join, 5)),
            *((self._dynamic, 2), (self._failing, 3), (self._leaving, 8), (self._limited, 3), (self._map, 1)),
            *((self._stream, 3), (self._aged, 3), (self._flood, 1), (self._stats, 1)),
        ]
        uses, weights = zip(*kinds, strict=True)
        while time.monotonic() < self._until:
            use = chance.choices(uses, weights)[0]
            self.counts[use.__name__.strip("_")] += 1
            try:
                async with asyncio.timeout(LONGEST):
                    await use(chance)
            except Overloaded:
                self.counts["refused"] += 1
            except TimeoutError:
                self.wrong.append(f"{use.__name__} hung")
            except Exception as error:
                self.wrong.append(f"{use.__name__}: {error!r}")

    def _check(self, value: object, expected: object) -> None:
        if value != expected:
            self.wrong.append(f"{value!r} instead of {expected!r}")

    # -- what a client does

    async def _hit(self, chance: random.Random) -> None:
        n = chance.randrange(KNOWN)
        self._check(await self._engine.load(OnLoop(n).output()), n)

    async def _hits(self, chance: random.Random) -> None:
        numbers = [chance.randrange(KNOWN) for _ in range(20)]
        self._check(await self._engine.load([OnLoop(n).output() for n in numbers]), numbers)

    async def _on_loop(self, chance: random.Random) -> None:
        n = self._new()
        key = f"tenant-{chance.randrange(3)}"
        self._check(await self._engine.load(OnLoop(n).output(), fairness_key=key), n)

    async def _in_process(self, chance: random.Random) -> None:
        n = self._new()
        self._check(await self._engine.load(InProcess(n).output(), priority=chance.randrange(-1, 2)), n)

    async def _join(self, chance: random.Random) -> None:
        n = self._new()
        output = InProcess(n).output()
        self._check(await asyncio.gather(*(self._engine.load(output) for _ in range(5))), [n] * 5)

    async def _dynamic(self, chance: random.Random) -> None:
        n = self._new()
        self._check(await self._engine.load(Sum(n).output()), n)

    async def _failing(self, chance: random.Random) -> None:
        n = self._new()
        try:
            await self._engine.load(Fails(n).output())
        except TaskError as error:
            if f"Refused: {n}" not in str(error):
                self.wrong.append(f"another error: {error}")
        else:
            self.wrong.append("a failing task gave a value")

    async def _leaving(self, chance: random.Random) -> None:
        n = self._new()
        try:
            async with asyncio.timeout(chance.random() * 0.06):
                self._check(await self._engine.load(Slow(n).output()), n)
        except TimeoutError:
            self.counts["left"] += 1

    async def _limited(self, chance: random.Random) -> None:
        n = self._new()
        self._check(await self._engine.load(Call(n).output()), n)

    async def _map(self, chance: random.Random) -> None:
        numbers = [self._new() for _ in range(50)]
        values = [one.value async for one in self._engine.map(InProcess, numbers, window=16, ordered=True)]
        self._check(values, numbers)

    async def _stream(self, chance: random.Random) -> None:
        n = self._new()
        parts = [part async for part in self._engine.stream(Words(n).output())]
        self._check("".join(parts).split(), [str(n + word) for word in range(5)])

    async def _aged(self, chance: random.Random) -> None:
        n = KNOWN + chance.randrange(5)
        self._check(await self._engine.load(Call(n).output(), max_age=1.0, stale_while_revalidate=5.0), n)

    async def _flood(self, chance: random.Random) -> None:
        numbers = [self._new() for _ in range(300)]
        loads = (self._engine.load(OnLoop(n).output(), max_wait=0.05) for n in numbers)
        for n, value in zip(numbers, await asyncio.gather(*loads, return_exceptions=True), strict=True):
            if not isinstance(value, Overloaded):
                self._check(value, n)
            else:
                self.counts["refused"] += 1

    async def _stats(self, chance: random.Random) -> None:
        stats = self._engine.stats()
        if not (stats.open and stats.storage_ok and self._engine.healthy):
            self.wrong.append(f"not well: {stats}")

    # -- beside them

    async def _kill_workers(self) -> None:
        """Kill processes by descriptors: the workers of a fork server that was killed are no descendants any more."""
        chance = random.Random(0)
        while time.monotonic() < self._until:
            await asyncio.sleep(1.0)
            if living := self.living():
                signal.pidfd_send_signal(self._processes[chance.choice(living)], signal.SIGKILL)
                self.counts["kills"] += 1

    def living(self) -> list[int]:
        """Return the ids of the engine's processes that are alive."""
        for pid in descendants_of(os.getpid()) - self._processes.keys():
            with suppress(ProcessLookupError):
                self._processes[pid] = os.pidfd_open(pid)
        for pid, descriptor in list(self._processes.items()):
            if select.select([descriptor], [], [], 0)[0]:  # it has ended
                os.close(descriptor)
                del self._processes[pid]
        return sorted(self._processes)

    async def _measure(self) -> None:
        while time.monotonic() < self._until:
            await asyncio.sleep(1.0)
            self.mebibytes.append(_mebibytes())


def _mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _batches(values: list[float], size: int) -> list[list[float]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


async def soak(directory: Path, minutes: float) -> list[str]:
    """Run for some minutes, print what was done, and return what went wrong."""
    async with Engine(
        directory,
        workers=2,
        limits={"api": RateLimit(50, per=1.0, burst=5)},
        queue=Queue(max_queued=2_000, reserve={"process": 1}),
        memory_cache=MemoryCache(max_bytes=2**20, max_age=5),
    ) as engine:
        await engine.load([OnLoop(n).output() for n in range(KNOWN)])
        engine.stats()
        clients = Soak(engine, time.monotonic() + minutes * 60)
        await clients.run()
        if not await engine.drain(timeout=LONGEST):
            clients.wrong.append("requests were left")
        stats = engine.stats()
    if stats.runs or any(executor.queued or executor.running for executor in stats.executors.values()):
        clients.wrong.append(f"left in the end: {stats}")
    if left := clients.living():
        clients.wrong.append(f"processes were left: {left}")
    third = max(1, len(clients.mebibytes) // 3)
    first, last = statistics.median(clients.mebibytes[third : 2 * third]), statistics.median(clients.mebibytes[-third:])
    print(f"{sum(clients.counts.values()):,} uses in {minutes:g} minutes: {dict(clients.counts.most_common())}")
    print(f"{stats.workers.deaths} deaths; {first:.1f} MiB in the second third, {last:.1f} in the last")
    by_minute = [statistics.median(some) for some in _batches(clients.mebibytes, 60)]
    print(f"minute by minute: {', '.join(f'{median:.1f}' for median in by_minute)} MiB")
    if last > first * ALLOWED_GROWTH:
        clients.wrong.append(f"memory grew from {first:.1f} to {last:.1f} MiB")
    return clients.wrong


def main() -> int:
    """Return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alexflow-soak-") as directory:
        wrong = asyncio.run(soak(Path(directory), options.minutes))
    for what in wrong[:20]:
        print("WRONG", what)
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
