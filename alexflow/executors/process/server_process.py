"""The process of a fork server, as its engine holds it: an interpreter of its own, or a fork of another fork server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Protocol

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.wait import wait_for_child
from alexflow.executors.process.wire.exit_status import ExitStatus


class ServerProcess(Protocol):
    """A process that forks workers."""

    @property
    def pid(self) -> int:
        """Its process id; 0 until it is known."""
        ...

    def is_stopped(self) -> bool:
        """Whether a signal has stopped it, as far as the system says so."""
        ...

    def kill(self) -> None:
        """Send SIGKILL; does nothing after its end."""
        ...

    async def wait(self, patience: float) -> int | None:
        """Wait for its end, kill it if that takes longer than ``patience`` seconds, and return its exit code."""
        ...


class InterpreterProcess:
    """An interpreter that this process has started.

    Args:
        process: it.
    """

    def __init__(self, process: subprocess.Popen[bytes]):
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_stopped(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        except (AttributeError, OSError):  # macOS before Python 3.13; or the application waits for all children itself
            return False

    def kill(self) -> None:
        self._process.kill()

    async def wait(self, patience: float) -> int | None:
        await wait_for_child(self._process, patience)
        self._process.kill()
        await wait_for_child(self._process)
        return self._process.wait()


class ForkedProcess:
    """A fork of a fork server, which is its parent.

    Args:
        pending: the request for it.
        reap: has the parent reap it.
    """

    def __init__(self, pending: PendingWorker, reap: Callable[[PendingWorker], asyncio.Future[ExitStatus]]):
        self._pending = pending
        self._reap = reap

    @property
    def pid(self) -> int:
        return self._pending.pid

    @blocks_briefly("four times a second while it owes an answer: a file of the system's")
    def is_stopped(self) -> bool:
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                return file.read().rpartition(b")")[2].split()[0] == b"T"
        except OSError:
            return False

    def kill(self) -> None:
        if self.pid and not self._pending.ended.is_set():
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    async def wait(self, patience: float) -> int | None:
        await self._pending.settled.wait()
        if not self.pid:
            return None
        try:
            await asyncio.wait_for(self._pending.ended.wait(), patience)
        except TimeoutError:
            self.kill()
            await self._pending.ended.wait()
        end = await asyncio.shield(self._reap(self._pending))
        self._pending.forget()
        return end.code
