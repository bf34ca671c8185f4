"""Tasks that keep files open."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

from alexflow import JSONOutput, Task, TaskOptions
from alexflow.formats import BytesOutput

#: Larger than what waits in memory.
LARGE = 300_000


@dataclass(frozen=True)
class Streams(Task):
    """Has a stream open for as long as others need to come and want one, too."""

    n: int

    def output(self) -> Any:
        return self.build_output(BytesOutput, key="bytes")

    async def run(self, input: Any, output: Any) -> None:
        async with output.aopen("wb") as file:
            await self.let_others_come()
            await file.write(b"1")

    async def let_others_come(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


class Large(Streams):
    """A task with output that waits in a file until it is published."""

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(b"1" * LARGE)
        await self.let_others_come()


class ReadsBack(Streams):
    """Reads what it has just written, from the file that waits."""

    async def run(self, input: Any, output: Any) -> None:
        async with output.aopen("wb") as file:
            await file.write(b"1" * LARGE)
        async with output.aopen("rb") as file:
            await self.let_others_come()
            assert len(await file.read()) == LARGE


class Paths(Streams):
    """Writes to a path."""

    async def run(self, input: Any, output: Any) -> None:
        async with output.apath("w") as path:
            with open(path, "wb") as file:  # noqa: ASYNC230  # a few bytes
                await self.let_others_come()
                file.write(b"1")


class Reads(Streams):
    """Has what is stored open for reading."""

    async def run(self, input: Any, output: Any) -> None:
        async with output.bound_storage.areader("given") as file:
            await self.let_others_come()
            await output.astore(await file.read())


@dataclass(frozen=True)
class TwoStreams(Task):
    """Has two streams open at the same time: all wait for each other, if a second one is waited for like the first."""

    n: int

    def output(self) -> Any:
        return [self.build_output(BytesOutput, key="one"), self.build_output(BytesOutput, key="two")]

    async def run(self, input: Any, output: Any) -> None:
        async with output[0].aopen("wb") as one:
            await asyncio.sleep(0)
            async with output[1].aopen("wb") as two:
                await one.write(b"1")
                await two.write(b"2")


@dataclass(frozen=True)
class Hoards(Task):
    """Wants more at once than there are."""

    n: int

    def output(self) -> Any:
        return [self.build_output(BytesOutput, key=f"{number}") for number in range(400)]

    async def run(self, input: Any, output: Any) -> None:
        async with AsyncExitStack() as files:
            for each in output:
                await (await files.enter_async_context(each.aopen("wb"))).write(b"1")


@dataclass(frozen=True)
class Limit(Task):
    """Stores the number of descriptors that its process may have."""

    where: str

    def output(self) -> Any:
        return self.build_output(JSONOutput[Any], key="limit")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(list(resource.getrlimit(resource.RLIMIT_NOFILE)))


@dataclass(frozen=True)
class LimitInWorker(Task):
    """The same, in a worker process."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="process")

    where: str

    def output(self) -> Any:
        return self.build_output(JSONOutput[Any], key="limit")

    def run(self, input: Any, output: Any) -> None:
        output.store(list(resource.getrlimit(resource.RLIMIT_NOFILE)))
