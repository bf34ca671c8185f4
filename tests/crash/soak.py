"""``python -m tests.crash.soak``: many tasks, some of which kill their worker or fail; what does the engine grow to?

Of 200,000 tasks in worker processes one in a hundred kills its worker at its first attempt, and another one raises. All
must end with the right value, and the engine's memory and descriptors must not be more at the end than after a fifth of
the way.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import alexflow
from alexflow import BinaryOutput, DynamicTask, LocalStorage, Output, Retry, Task

ALLOWED_GROWTH = 1.10


class Size(NamedTuple):
    """The resources of an engine's process."""

    mebibytes: float
    descriptors: int


#: The engine's size by how many tasks had been given.
sizes: dict[int, Size] = {}


def size() -> Size:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return Size(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(os.listdir("/proc/self/fd")))


@dataclass(frozen=True)
class Leaf(Task):
    """Stores its square; now and then only at a second attempt."""

    n: int
    attempts: str = field(default="", compare=False)  # a directory

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="square")

    def run(self, input: None, output: Output[int]) -> None:
        fate = int.from_bytes(hashlib.blake2b(str(self.n).encode(), digest_size=4).digest(), "big") % 200
        if fate < 2 and self._is_first("killed"):
            if fate:
                output.store(-1)  # never to be seen
            os.kill(os.getpid(), signal.SIGKILL)
        if fate in (2, 3) and self._is_first("failed"):
            raise ConnectionError(f"{self.n}, the first time")
        output.store(self.n**2)

    def _is_first(self, how: str) -> bool:
        try:
            os.close(os.open(f"{self.attempts}/{how}-{self.n}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class Many(DynamicTask):
    """Gives so many leaves, and looks at the engine meanwhile."""

    count: int
    attempts: str = field(default="", compare=False)

    def generate(self, input: None, output: None) -> Iterator[Task]:
        for n in range(self.count):
            if n % (self.count // 200) == 0:
                sizes[n] = size()
            yield Leaf(n, self.attempts)


def typical(first: float, last: float, count: int) -> Size:
    """The engine's size between two parts of the way; workers that have just died come and go."""
    between = [size for n, size in sizes.items() if first <= n / count <= last]
    return Size(
        statistics.median(size.mebibytes for size in between),
        round(statistics.median(size.descriptors for size in between)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    shared_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="alexflow-soak-", dir=shared_memory) as directory:
        sys.exit(0 if soak(options.tasks, options.workers, directory) else 1)


def soak(count: int, workers: int, directory: str) -> bool:
    """Run it and print the figures. Returns whether they are within the bounds."""
    attempts, storage = f"{directory}/attempts", LocalStorage(f"{directory}/results")
    os.mkdir(attempts)
    started = time.monotonic()
    result = alexflow.run(
        Many(count, attempts), storage=storage, workers=workers, retry=Retry(1, delay=0.01), progress=False
    )
    seconds = time.monotonic() - started
    fates = [name.partition("-")[0] for name in os.listdir(attempts)]
    wrong = sum(Leaf(n).output().assign_storage(storage).load() != n**2 for n in range(count))
    early, late = typical(0.15, 0.25, count), typical(0.9, 1.0, count)
    print(
        f"{result.ran - 1:,} tasks in {seconds:.0f} s, {fates.count('killed'):,} workers killed, "
        f"{fates.count('failed'):,} errors, {wrong} wrong values\n"
        f"engine after a fifth: {early.mebibytes:.1f} MiB, {early.descriptors} descriptors; "
        f"at the end: {late.mebibytes:.1f} MiB, {late.descriptors} descriptors; "
        f"peak: {max(size.mebibytes for size in sizes.values()):.1f} MiB, "
        f"{max(size.descriptors for size in sizes.values())} descriptors"
    )
    return (
        result.ran == count + 1
        and wrong == 0
        and late.mebibytes <= early.mebibytes * ALLOWED_GROWTH
        and late.descriptors <= early.descriptors * ALLOWED_GROWTH
    )


if __name__ == "__main__":
    main()
