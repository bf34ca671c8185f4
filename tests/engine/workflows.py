"""Tasks that worker processes can import."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import BinaryOutput, DynamicTask, JSONOutput, Output, Retry, Task, TaskOptions
from tests.kit.fifo import send_line_and_wait

#: What tasks of this process said when they ran.
ran: list[str] = []


@dataclass(frozen=True)
class Step(Task):
    """On the loop: adds its number to what it reads."""

    n: int
    before: tuple[Output[int], ...] = ()

    def input(self) -> Any:
        return self.before

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Any) -> None:
        ran.append(f"step-{self.n}")
        await output.astore(self.n + sum([await part.aload() for part in input]))


@dataclass(frozen=True)
class ProcessStep(Step):
    """The same in a worker process, or wherever the engine says."""

    log: str = field(default="", compare=False)

    def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        note(self.log, f"step-{self.n}")
        output.store(self.n + sum(part.load() for part in input))


@dataclass(frozen=True)
class ThreadStep(ProcessStep):
    """The same in a thread."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


def note(log: str, line: str) -> None:
    """Say it, here and in a file."""
    ran.append(line)
    if log:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.write(fd, f"{line}\n".encode())
        os.close(fd)


Pair = namedtuple("Pair", ["left", "right"])


@dataclass(frozen=True)
class Tree(Task):
    """Has outputs in every kind of container."""

    def output(self) -> Any:
        def leaf(name: str) -> Output[str]:
            return self.build_output(BinaryOutput[str], key=name)

        return {"list": [leaf("a"), (leaf("b"), None)], "pair": Pair(leaf("c"), leaf("d")), "none": None}

    async def run(self, input: None, output: Any) -> None:
        leaves = [output["list"][0], output["list"][1][0], output["pair"].left, output["pair"].right]
        for leaf, value in zip(leaves, "abcd", strict=True):
            await leaf.astore(value)
        assert output["none"] is None
        assert output["list"][1][1] is None


@dataclass(frozen=True)
class Flaky(Task):
    """Fails until it has been tried often enough; ``attempts`` is a file that grows by a byte for each attempt."""

    good_attempt: int
    attempts: str = field(default="", compare=False)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def attempt(self) -> int:
        fd = os.open(self.attempts, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, b".")
        attempt = os.fstat(fd).st_size
        os.close(fd)
        if attempt < self.good_attempt:
            raise ConnectionError(f"attempt {attempt}")
        return attempt

    def run(self, input: None, output: Output[int]) -> None:
        output.store(self.attempt())


@dataclass(frozen=True)
class FlakyInThread(Flaky):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


tries: list[int] = []


@dataclass(frozen=True)
class FlakyOnLoop(Flaky):
    def attempt(self) -> int:
        tries.append(1)
        if len(tries) < self.good_attempt:
            raise ConnectionError(f"attempt {len(tries)}")
        return len(tries)

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(self.attempt())


@dataclass(frozen=True)
class Retrying(Flaky):
    """Its class says how often."""

    retry: ClassVar[Retry] = Retry(4, delay=0.001)


@dataclass(frozen=True)
class RetryingAsTold(Flaky):
    """Its instance says how often."""

    retries: int = field(default=0, compare=False, kw_only=True)

    @property
    def retry(self) -> Retry:  # type: ignore[override]
        return Retry(self.retries, delay=0.001)


@dataclass(frozen=True)
class Slow(Task):
    """Waits at a gate, after it has said so."""

    where: ClassVar[Any] = None
    n: int = 0
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)
    timeout: float | None = field(default=None, compare=False, kw_only=True)

    @property
    def options(self) -> TaskOptions:  # type: ignore[override]
        return TaskOptions(executor=self.where, timeout=self.timeout)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[int]) -> None:
        send_line_and_wait(self.told, os.getpid(), self.gate)
        output.store(self.n)


@dataclass(frozen=True)
class SlowInThread(Slow):
    where: ClassVar[Any] = "thread"


@dataclass(frozen=True)
class SlowOnLoop(Slow):
    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        ran.append(f"slow-{self.n}")
        await asyncio.Event().wait()


@dataclass(frozen=True)
class SlowClass(Slow):
    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.1)


class OwnError(Exception):
    """An error of the user's."""


@dataclass(frozen=True)
class Breaks(Task):
    """Raises."""

    n: int = 0
    before: tuple[Output[int], ...] = ()

    def input(self) -> Any:
        return self.before

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Output[int]) -> None:
        try:
            {}["no such key"]
        except KeyError as error:
            raise OwnError(f"broken {self.n}") from error


@dataclass(frozen=True)
class BreaksInThread(Breaks):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class BreaksOnLoop(Breaks):
    async def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        raise OwnError(f"broken {self.n}")


@dataclass(frozen=True)
class ReadsMissing(Breaks):
    """Loads an output that nobody made, by a way of its own."""

    def run(self, input: Any, output: Output[int]) -> None:
        output.load()


@dataclass(frozen=True)
class Exits(Breaks):
    """Ends as scripts do."""

    def run(self, input: Any, output: Output[int]) -> None:
        raise SystemExit(3)


@dataclass(frozen=True)
class ExitsInThread(Exits):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class ExitsOnLoop(Exits):
    async def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        raise SystemExit(3)


@dataclass(frozen=True)
class Context(Task):
    """Stores the value of a context variable, and sets it."""

    n: int
    kind: str = "loop"

    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="context")

    async def run(self, input: None, output: Output[str]) -> None:
        seen = variable.get()
        variable.set(f"set by {self.n}")
        await output.astore(seen)


@dataclass(frozen=True)
class ContextInThread(Context):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")

    def run(self, input: None, output: Output[str]) -> None:  # type: ignore[override]
        seen = variable.get()
        variable.set(f"set by {self.n}")
        output.store(seen)


@dataclass(frozen=True)
class ContextOfGenerate(DynamicTask):
    n: int

    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="context")

    async def generate(self, input: None, output: Output[str]) -> Any:
        await output.astore(variable.get())


@dataclass(frozen=True)
class LogsInProcess(Task):
    """Logs a line in a worker process."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[int]) -> None:
        logging.getLogger("tests.engine.context").warning("task %d", self.n)
        output.store(self.n)


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody's")


@dataclass(frozen=True)
class ReadsEphemeral(Task):
    """Reads outputs that may go afterwards."""

    n: int
    sources: tuple[Output[int], ...]

    def input(self) -> Any:
        return [source.as_ephemeral() for source in self.sources]

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        await output.astore(self.n + sum([await part.aload() for part in input]))
