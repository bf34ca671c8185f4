"""Tasks that fork."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from alexflow import BinaryOutput, DynamicTask, Output, Task, TaskOptions
from alexflow.formats import BytesOutput
from tests.faults.workflows import Number


def _raise(error: BaseException) -> NoReturn:
    raise error


#: What the child does, and what its parent sees of it: an exit code, or minus the number of a signal.
WAYS: dict[str, tuple[Callable[[], object], int]] = {
    "returns": (lambda: None, 0),
    "raises": (lambda: _raise(ValueError("in the child")), 1),
    "sys.exit()": (sys.exit, 0),
    "sys.exit(3)": (lambda: sys.exit(3), 3),
    "sys.exit(300)": (lambda: sys.exit(300), 300 & 0xFF),
    "sys.exit(text)": (lambda: sys.exit("an explanation"), 1),
    "is interrupted": (lambda: _raise(KeyboardInterrupt()), -signal.SIGINT),
    "os._exit": (lambda: os._exit(5), 5),
    "is killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), -signal.SIGKILL),
    "is terminated": (lambda: os.kill(os.getpid(), signal.SIGTERM), -signal.SIGTERM),
    "has a thread": (lambda: threading.Thread(target=print, args=("thread of the child",)).start(), 0),
}


def exit_of(pid: int) -> int:
    """Return the way in which a child ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass(frozen=True)
class Forks(Number):
    """Stores how its child ended."""

    way: str = "returns"

    def run(self, input: None, output: Output[int]) -> None:
        output.store(-1)  # a child that published would publish this
        pid = os.fork()
        if pid == 0:
            print("printed by the child")
            WAYS[self.way][0]()
            return
        output.store(exit_of(pid))


@dataclass(frozen=True)
class ForksInThread(Forks):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class ForksOnLoop(Forks):
    awaits: bool = False

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        pid = os.fork()
        if pid == 0:
            WAYS[self.way][0]()
            if self.awaits:
                await asyncio.sleep(0)  # the engine's loop is not the child's
                os._exit(99)
            return
        await output.astore(exit_of(pid))


@dataclass(frozen=True)
class ForksBesideItself(Number):
    """Forks in other ways than ``os.fork`` in its own thread."""

    how: str = ""

    def run(self, input: None, output: Output[int]) -> None:
        output.store(getattr(self, self.how)())

    def forkpty(self) -> int:
        pid, terminal = os.forkpty()
        if pid == 0:
            sys.exit(7)
        end = exit_of(pid)
        os.close(terminal)
        return end

    def multiprocessing(self) -> int:
        process = multiprocessing.get_context("fork").Process(target=sys.exit, args=(7,))
        process.start()
        process.join()
        return process.exitcode or 0

    def thread(self) -> int:
        ends: list[int] = []

        def fork() -> None:
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            ends.append(exit_of(pid))

        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        return ends[0]

    def asks(self) -> int:
        """The child asks the engine for a task, which is not its business."""
        pid = os.fork()
        if pid == 0:
            try:
                self.source.src_task  # noqa: B018
            except LookupError:
                os._exit(7)
        return exit_of(pid)

    source: Any = None


@dataclass(frozen=True)
class ForksWithinStream(Task):
    """Both processes leave the block in which an output is written, the child without waiting."""

    way: str
    how: str = "open"

    def output(self) -> Output[bytes]:
        return self.build_output(BytesOutput, key="stream")

    def run(self, input: None, output: Output[bytes]) -> None:
        if self.how == "path":
            with output.path("w") as path:
                path.write_bytes(b"begun")
                pid = self._fork()
                path.write_bytes(b"begun, ended")
        else:
            with output.open("wb") as stream:
                stream.write(b"begun")
                pid = self._fork()
                if pid:
                    stream.write(b", ended")
        if pid == 0:
            return
        os.waitpid(pid, 0)

    def _fork(self) -> int:
        pid = os.fork()
        if pid == 0:
            if self.way == "leaves":
                sys.exit(0)
            return 0
        exit_of_child = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # before anything more is written
        assert exit_of_child is not None
        return pid


@dataclass(frozen=True)
class ForksInGenerate(DynamicTask):
    way: str

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="generated")

    def generate(self, input: None, output: Output[int]) -> list[Task]:
        pid = os.fork()
        if pid == 0:
            WAYS[self.way][0]()
            return []
        output.store(exit_of(pid))
        return [Number(1), Number(2)]


@dataclass(frozen=True)
class LeavesChildren(Number):
    """Its children live until the gate is opened, and then leave."""

    gate: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        if os.fork() == 0:
            with open(self.gate, "rb") as gate:
                gate.read(1)
            sys.exit(0)
        super().run(input, output)
