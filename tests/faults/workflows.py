"""Tasks that worker processes can import."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from alexflow import BinaryOutput, JSONOutput, Output, Task, TaskOptions
from tests.kit.fifo import DEADLINE, send_line, send_line_and_wait


def note(log: str, line: object) -> None:
    """Append a line to a file, in one write."""
    fd = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


@dataclass(frozen=True)
class Number(Task):
    """Stores its number, and says so in a log."""

    n: int
    log: str = field(default="", compare=False)

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="number")

    def run(self, input: None, output: Output[int]) -> None:
        if self.log:
            note(self.log, self.n)
        output.store(self.n)


@dataclass(frozen=True)
class Sum(Task):
    """Adds up what it reads."""

    parts: tuple[Output[int], ...]
    name: str = ""
    log: str = field(default="", compare=False)

    def input(self) -> tuple[Output[int], ...]:
        return self.parts

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="sum")

    def run(self, input: tuple[Output[int], ...], output: Output[int]) -> None:
        if self.log:
            note(self.log, self.name)
        output.store(sum(part.load() for part in input))


@dataclass(frozen=True)
class Held(Number):
    """Tells its process id and waits at a gate before it stores."""

    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        send_line_and_wait(self.told, os.getpid(), self.gate)
        super().run(input, output)


@dataclass(frozen=True)
class HeldInThread(Held):
    """The same in a thread."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class NumberInThread(Number):
    """The same in a thread."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class KilledOnce(Number):
    """The one with the number ``fatal`` kills its process at its first attempt."""

    fatal: int = -1
    attempts: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        if self.n == self.fatal:
            note(self.log, self.n)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.attempts, os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), signal.SIGKILL)
            output.store(self.n)
        else:
            super().run(input, output)


@dataclass(frozen=True)
class KillsItself(Number):
    """Kills every process that it meets."""

    def run(self, input: None, output: Output[int]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Carrier(Number):
    """Carries whatever it is given, and stores the value or its number."""

    cargo: Any = field(default=None, compare=False)

    def run(self, input: None, output: Output[Any]) -> None:
        output.store(self.n)


class Unpicklable:
    """Says how it feels about being pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("I stay here")


class BreaksOnArrival:
    """Can be pickled, not unpickled."""

    def __setstate__(self, state: Any) -> None:
        raise RuntimeError("I do not arrive")

    def __getstate__(self) -> Any:
        return {"n": 1}


@dataclass(frozen=True)
class StoresUnpicklable(Number):
    """Stores what cannot be stored."""

    def run(self, input: None, output: Output[Any]) -> None:
        output.store(Unpicklable())


@dataclass(frozen=True)
class StoresSet(Task):
    """Stores in JSON what JSON does not have."""

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput, key="page.json")

    def run(self, input: None, output: Output[Any]) -> None:
        output.store({"when": object()})


@dataclass(frozen=True)
class Exclusive(Number):
    """Fails if another one runs at the same time."""

    lock: str = field(default="", compare=False)

    @property
    def tags(self) -> set[str]:
        return {"gpu"}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        path = Path(self.lock)
        path.touch(exist_ok=False)
        yield
        path.unlink()

    def run(self, input: None, output: Output[int]) -> None:
        with self.alone():
            super().run(input, output)


@dataclass(frozen=True)
class StoresNothing(Number):
    """Returns without having stored."""

    def run(self, input: None, output: Output[int]) -> None:
        return None


@dataclass(frozen=True)
class StoresNothingOnLoop(Number):
    """The same on the event loop."""

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        return None


@dataclass(frozen=True)
class StoresHalf(Task):
    """Declares two outputs and stores one."""

    def output(self) -> dict[str, Output[int]]:
        return {name: self.build_output(BinaryOutput[int], key=name) for name in ("stored", "forgotten")}

    def run(self, input: None, output: dict[str, Output[int]]) -> None:
        output["stored"].store(1)


@dataclass(frozen=True)
class DependsOnProcess(Number):
    """Another task in every process."""

    pid: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pid", os.getpid())
        super().__post_init__()


@dataclass(frozen=True)
class Link(Task):
    """One more than the link before, on the event loop."""

    before: Output[int] | None = None
    place: int = 0

    def input(self) -> Output[int] | None:
        return self.before

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="n")

    async def run(self, input: Output[int] | None, output: Output[int]) -> None:
        await output.astore(1 if input is None else await input.aload() + 1)


@dataclass(frozen=True)
class ProcessLink(Link):
    """The same in a worker process."""

    def run(self, input: Output[int] | None, output: Output[int]) -> None:  # type: ignore[override]
        output.store(1 if input is None else input.load() + 1)


@dataclass(frozen=True)
class InCircle(Task):
    """Needs the next of as many as ``size``; the last one needs the first."""

    place: int
    size: int
    log: str = field(default="", compare=False)

    def input(self) -> Output[int]:
        return InCircle((self.place + 1) % self.size, self.size, self.log).output()

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="n")

    def run(self, input: Output[int], output: Output[int]) -> None:
        note(self.log, self.place)


@dataclass(frozen=True)
class NamesItsKey(Task):
    """Stores under whatever key it is told to."""

    n: int
    key: str
    log: str = field(default="", compare=False)

    def output(self) -> Output[int]:
        return BinaryOutput[int](src_task=self, key=self.key)

    def run(self, input: None, output: Output[int]) -> None:
        note(self.log, self.n)
        output.store(self.n)


@dataclass(frozen=True)
class Reader(Number):
    """Loads its source, which it tells of first, and stores what it read; may wait before it loads."""

    source: Output[int] | None = None
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def input(self) -> Output[int] | None:
        return self.source

    def run(self, input: Output[int] | None, output: Output[int]) -> None:
        if self.told:
            send_line_and_wait(self.told, self.n, self.gate)
        note(self.log, f"reader-{self.n}")
        output.store(input.load() if input is not None else self.n)


@dataclass(frozen=True)
class HangsAfter(Sum):
    """Once its parts are there, hangs as ``how`` says while the file ``hang`` exists."""

    how: str = "child"
    hang: str = field(default="", compare=False)
    told: str = field(default="", compare=False)

    def run(self, input: tuple[Output[int], ...], output: Output[int]) -> None:
        if os.path.exists(self.hang):
            if self.how == "child":
                child = subprocess.Popen(["sleep", "300"])
                send_line(self.told, child.pid)
                child.wait()
            else:  # in C, without letting go of the interpreter lock
                send_line(self.told, os.getpid())
                ctypes.PyDLL(None).sleep(300)
        super().run(input, output)


def hanging_workflow(log: str, hang: str, told: str) -> Sum:
    """Twenty quick tasks, two that hang after those, and one that needs the two."""
    quick = tuple(Number(n, log).output() for n in range(20))
    behind = [HangsAfter(quick, how, log, how, hang, told).output() for how in ("child", "interpreter")]
    return Sum(tuple(behind), "total", log)


class Said(list[str]):
    """The words that tasks added; code on the same loop can wait for them."""

    _more = asyncio.Event()

    def append(self, line: str) -> None:
        super().append(line)
        self._more.set()

    async def reach(self, count: int) -> None:
        """Wait until so much has been said."""
        async with asyncio.timeout(DEADLINE):
            while len(self) < count:
                self._more = asyncio.Event()
                await self._more.wait()


#: For tasks on the loop, which is that of the test: what they said, and events that they wait for, by name.
said = Said()
gates: dict[str, asyncio.Event] = {}


@dataclass(frozen=True)
class WaitsForEvent(Number):
    """On the event loop: waits for an event of the test's, for ever if there is none."""

    event: str = field(default="", compare=False)

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        said.append(f"began {self.n}")
        try:
            await gates.get(self.event, asyncio.Event()).wait()
        except asyncio.CancelledError:
            said.append(f"cancelled {self.n}")
            raise
        await output.astore(self.n)


@dataclass(frozen=True)
class ExclusiveOnLoop(Exclusive):
    """Fails if another one runs at the same time, on the event loop."""

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        assert "alone" not in said
        said.append("alone")
        for _ in range(10):  # others get their turns
            await asyncio.sleep(0)
        said.remove("alone")
        await output.astore(self.n)
