"""The time that the machine itself takes: a plain loop in one process, the least that any engine could cost.

For ``fan``, ``chain`` and ``layered`` that is storing the results: a small pickle under a temporary name, renamed to
its own. Nothing is scheduled, sent, or read. For ``grow`` and ``rerun`` it is asking whether the files are there, one
by one; for ``async`` the sleep and storing; for ``cpu`` a process per CPU, each with its share; for ``start`` an
interpreter that imports the module of the task.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from pathlib import Path

from benchmarks import work
from benchmarks.measure import Stopwatch
from benchmarks.protocol import Growth, answer, parser


class Files:
    """Results as files, named as alexflow names them."""

    def __init__(self, directory: Path):
        self._base = str(directory)

    def path(self, kind: str, number: int) -> str:
        return f"{self._base}/benchmarks.workloads.{kind}.{number:040x}.value.pkl"

    def store(self, kind: str, number: int, value: int) -> None:
        temporary = f"{self._base}/{number}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.write(fd, pickle.dumps(value, protocol=5))
        os.close(fd)
        os.rename(temporary, self.path(kind, number))

    def load(self, kind: str, number: int) -> int:
        with open(self.path(kind, number), "rb") as file:
            value: int = pickle.load(file)
        return value


def fan(files: Files, size: int) -> None:
    for number in range(size):
        files.store("Leaf", number, work.leaf(number))
    files.store("Root", 0, work.total(work.leaf(number) for number in range(size)))


def chain(files: Files, size: int) -> None:
    value = work.leaf(0)
    files.store("Link", 0, value)
    for number in range(size - 1):
        value = work.successor(value)
        files.store("Link", number + 1, value)
    files.store("Root", 0, work.successor(value))


def layered(files: Files, size: int) -> None:
    width = work.width_of(size)
    values = [work.leaf(index) for index in range(width)]
    for index, value in enumerate(values):
        files.store("Mix", index, value)
    for layer in range(1, work.LAYERS):
        values = [work.mixed(values[parent] for parent in work.parents(index, width)) for index in range(width)]
        for index, value in enumerate(values):
            files.store("Mix", layer * width + index, value)
    files.store("Root", 0, work.folded(values))


def grow(files: Files, size: int) -> None:
    found = sum(os.path.exists(files.path("Leaf", number)) for number in range(size))
    files.store("New", 0, work.counted(found))


def rerun(files: Files, size: int) -> None:
    if not os.path.exists(files.path("Root", 0)):
        raise FileNotFoundError("the root")


def waiting(files: Files, size: int, seconds: float) -> None:
    async def one(number: int) -> None:
        await asyncio.sleep(seconds)
        files.store("Leaf", number, work.leaf(number))

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(size)))

    asyncio.run(main())


def burning(files: Files, size: int, seconds: float, workers: int) -> None:
    children = []
    for share in range(workers):
        child = os.fork()
        if child == 0:
            for number in range(share, size, workers):
                work.burn(seconds)
                files.store("Leaf", number, work.leaf(number))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def start(files: Files, size: int) -> None:
    subprocess.run([sys.executable, "-c", "import benchmarks.workloads"], check=True)
    files.store("Leaf", size, work.leaf(size))


WORKS = {"fan": fan, "chain": chain, "layered": layered, "grow": grow, "rerun": rerun, "start": start}


def main() -> None:
    """Do what the arguments say."""
    options = parser(description=__doc__).parse_args()
    case, size = options.case, options.size
    files = Files(options.directory)
    if case in ("grow", "rerun"):
        fan(files, size)
    growth = Growth()
    watch = Stopwatch()
    if case == "async":
        waiting(files, size, options.seconds)
    elif case == "cpu":
        burning(files, size, options.seconds, options.workers)
    else:
        WORKS[case](files, size)
    watch.stop()
    peak = growth.peak_mib
    if case in ("async", "cpu"):
        value = sum(files.load("Leaf", number) for number in range(size))
    elif case == "start":
        value = files.load("Leaf", size)
    else:
        value = files.load("New" if case == "grow" else "Root", 0)
    answer(watch.seconds, work.tasks_of(case, size), value, peak, executed=int(case == "grow"))


if __name__ == "__main__":
    main()
