"""A process of its own that moves a gigabyte one way, and tells how much memory that took beyond what it had before."""

import asyncio
import sys

from alexflow import LocalStorage
from alexflow.storage import (
    Transaction,
    asyncstreams,  # noqa: F401  # loaded already, so that it is not counted
    localstreams,  # noqa: F401
)

CHUNK = bytes(1024 * 1024)
TIMES = 1024


def peak() -> int:
    """The most that this process has had in memory, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        told = next(line for line in status if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024


def write(transaction: Transaction) -> None:
    with transaction.writer("large") as file:
        for _ in range(TIMES):
            file.write(CHUNK)


def write_by_path(transaction: Transaction) -> None:
    with transaction.path("large", "w") as path, open(path, "wb") as file:
        for _ in range(TIMES):
            file.write(CHUNK)


def write_async(transaction: Transaction) -> None:
    async def main() -> None:
        async with transaction.awriter("large") as file:
            for _ in range(TIMES):
                await file.write(CHUNK)

    asyncio.run(main())


def read(transaction: Transaction) -> None:
    with transaction.reader("large") as file:
        while file.read(len(CHUNK)):
            pass


def read_async(transaction: Transaction) -> None:
    async def main() -> None:
        async with transaction.areader("large") as file:
            while await file.read(len(CHUNK)):
                pass

    asyncio.run(main())


def main() -> None:
    way, place = sys.argv[1:]
    transaction = Transaction(LocalStorage(place))
    before = peak()
    globals()[way](transaction)
    transaction.publish_all()
    assert transaction.size("large") == TIMES * len(CHUNK)
    print(peak() - before)


if __name__ == "__main__":
    main()
