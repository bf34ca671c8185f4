"""Tasks that do not end as they should, for worker processes to import."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import Output, TaskOptions, TaskStopped
from tests.faults.workflows import Number, note
from tests.kit.fifo import send_line, send_line_and_wait

#: Ignores SIGTERM, and says when it does.
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"


@dataclass(frozen=True)
class Stubborn(Number):
    """Tells its process id, and those of its children."""

    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def report(self, *children: subprocess.Popen[Any]) -> None:
        send_line(self.told, " ".join(str(pid) for pid in (os.getpid(), *(child.pid for child in children))))


@dataclass(frozen=True)
class Grows(Number):
    """Takes so much memory that it is killed, the first times."""

    size: int = 0
    deaths: int = 1_000

    def run(self, input: None, output: Output[int]) -> None:
        with open(self.log, "r+") as file:
            before = len(file.readlines())
            file.write("died\n")
        memory = bytearray(self.size)
        memory[::4096] = b"x" * len(memory[::4096])  # touch every page
        if before < self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        super().run(input, output)


@dataclass(frozen=True)
class HangsInC(Stubborn):
    """Hangs in C code, in one way or another, with children that do not want to end either."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.2)
    how: str = ""

    def run(self, input: None, output: Output[int]) -> None:
        sleeps = subprocess.Popen(["sleep", "300"])
        ignores = subprocess.Popen([sys.executable, "-c", IGNORES], stdout=subprocess.PIPE)
        assert ignores.stdout is not None
        ignores.stdout.readline()
        self.report(sleeps, ignores)
        if self.how == "holding the interpreter lock":
            ctypes.PyDLL(None).sleep(300)
        elif self.how == "a deadlock":  # with the interpreter lock, and no signal ends it
            mutex = ctypes.create_string_buffer(256)
            for _ in range(2):
                ctypes.PyDLL(None).pthread_mutex_lock(mutex)
        elif self.how == "a regular expression":
            re.match(r"(a+)+$", "a" * 60 + "b")
        else:
            time.sleep(300)


@dataclass(frozen=True)
class CleansUp(Stubborn):
    """Stores, and when it is stopped cleans up, and tries what it can."""

    how: str = ""

    def run(self, input: None, output: Output[int]) -> None:
        output.store(self.n)
        try:
            send_line_and_wait(self.told, os.getpid(), self.gate)
        except TaskStopped:
            if self.how == "goes on":
                send_line_and_wait(self.told, "goes on", self.gate)
                return
            if self.how == "returns":
                send_line(self.told, "returns")
                return
            if self.how == "raises":
                raise ValueError("instead") from None
            if self.how == "leaves a thread":  # so that its worker has to end, too
                threading.Thread(target=time.sleep, args=(60.0,), daemon=True).start()
            raise
        finally:
            note(self.log, "finally")


@dataclass(frozen=True)
class CleansUpSlowly(CleansUp):
    """The same with a limit."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.1)


@dataclass(frozen=True)
class CleansUpInThread(CleansUp):
    """In a thread, which nobody can stop."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class CleansUpOnLoop(CleansUp):
    """On the event loop."""

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(self.n)
        send_line(self.told, os.getpid())
        try:
            await asyncio.Event().wait()
        finally:
            note(self.log, "finally")


@dataclass(frozen=True)
class DeafOnLoop(CleansUp):
    """On the event loop: whoever cancels it is not heard."""

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await output.astore(self.n)
        send_line(self.told, os.getpid())
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


@dataclass(frozen=True)
class Starves(Number):
    """Asks for more memory than its process may have."""

    def run(self, input: None, output: Output[int]) -> None:
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, before[1]))
        try:
            output.store(len(bytearray(16 * 1024**3)))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
