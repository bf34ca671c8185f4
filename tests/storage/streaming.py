"""A process of its own that moves much one way, and tells how much memory that took beyond what it had before.

``python -m tests.storage.streaming write s3://bucket/prefix 1024``: mebibytes, to or from where the environment says.
"""

import asyncio
import sys

from alexflow import open_storage
from alexflow.storage import (
    Transaction,
    async_streams,  # noqa: F401  # loaded already, so that it is not counted
)
from alexflow.storage.local import streams  # noqa: F401

CHUNK = bytes(1024 * 1024)


def peak() -> int:
    """The most that this process has had in memory, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        told = next(line for line in status if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024


def write(transaction: Transaction, times: int) -> None:
    with transaction.writer("large") as file:
        for _ in range(times):
            file.write(CHUNK)


def write_by_path(transaction: Transaction, times: int) -> None:
    with transaction.path("large", "w") as path, open(path, "wb") as file:
        for _ in range(times):
            file.write(CHUNK)


def write_async(transaction: Transaction, times: int) -> None:
    async def main() -> None:
        async with transaction.awriter("large") as file:
            for _ in range(times):
                await file.write(CHUNK)

    asyncio.run(main())


def read(transaction: Transaction, times: int) -> None:
    with transaction.reader("large") as file:
        while file.read(len(CHUNK)):
            pass


def read_async(transaction: Transaction, times: int) -> None:
    async def main() -> None:
        async with transaction.areader("large") as file:
            while await file.read(len(CHUNK)):
                pass

    asyncio.run(main())


def read_by_path(transaction: Transaction, times: int) -> None:
    with transaction.path("large") as path:
        assert path.stat().st_size == times * len(CHUNK)


def main() -> None:
    way, place, times = sys.argv[1:]
    storage = open_storage(place)
    storage.write("small", b"", replace=True)  # with all that has to be imported
    with storage.reader("small") as file:
        file.read()
    transaction = Transaction(storage)
    before = peak()
    globals()[way](transaction, int(times))
    transaction.publish_all()
    assert transaction.size("large") == int(times) * len(CHUNK)
    print(peak() - before)


if __name__ == "__main__":
    main()
