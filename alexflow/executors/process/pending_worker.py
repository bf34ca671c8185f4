"""A worker that has been requested: its start and its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from alexflow.executors.process import wait
from alexflow.executors.process.wait import ExitWatch, wait_until_gone
from alexflow.executors.process.wire.exit_status import ExitStatus


class Parent(Protocol):
    """The fork server of a worker."""

    @property
    def lives(self) -> bool:
        """Whether it can fork workers, as far as is known."""
        ...

    def reap(self, pending_worker: PendingWorker) -> asyncio.Future[ExitStatus]:
        """Reap a worker: a future of its exit status."""
        ...

    async def exitcode(self) -> int | None:
        """Return its exit code, when it has ended; None if it is unknown."""
        ...


class PendingWorker:
    """A worker that has been requested, and what became of the request.

    Args:
        descriptors: what the worker gets; they are closed here when it has them.
        on_end: called once when the worker has ended.

    Attributes:
        settled: set when it is known whether there is a worker.
        ended: set when the worker has ended, as a zombie too.
        descriptors: what the worker gets, as long as it has not got them.
        modules: how many modules a warm server has to have imported first.
        names: modules that the worker will need.
        server: the fork server that was asked last.
        is_warm_server: whether it is to be a warm server, and no worker.
        on_settled: called when it is settled, if set.
        pid: the process id; 0 if there is none, as far as is known.
        refused: why there can be none, if the system said so.
        exit: how the worker ended, once that has been asked for.
    """

    def __init__(self, descriptors: tuple[int, ...], on_end: Callable[[], None]):
        self.settled = asyncio.Event()
        self.ended = asyncio.Event()
        self.pid = 0
        self.refused: OSError | None = None
        self.descriptors = descriptors
        self.modules = 0
        self.names: Sequence[str] = ()
        self.server: Parent
        self.is_warm_server = False
        self.on_settled: Callable[[], None] | None = None
        self.exit: asyncio.Future[ExitStatus] | None = None
        self._on_end: Callable[[], None] | None = on_end
        self._watch: ExitWatch | None = None
        self._look: asyncio.Task[None] | None = None

    def settle(self, pid: int = 0, refused: OSError | None = None) -> None:
        """Handle the answer: the worker has its descriptors, or there is none."""
        self.pid = pid
        self.refused = refused
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = ()
        self.settled.set()
        if self.on_settled is not None:
            self.on_settled()

    def watch(self) -> bool:
        """Let the system report the end of the worker; False if it cannot."""
        if not wait.HAS_PIDFD:
            return False
        try:
            self._watch = ExitWatch(self.pid, self.has_ended)
        except ProcessLookupError:
            asyncio.get_running_loop().call_soon(self.has_ended)
        except OSError:
            return False
        return True

    def look(self) -> None:
        """Poll for the end of the worker: neither the system nor its parent reports it."""
        if self._look is None and not self.ended.is_set():
            self._look = asyncio.get_running_loop().create_task(self._look_again())

    async def _look_again(self) -> None:
        await wait_until_gone(self.pid)
        self._look = None
        self.has_ended()

    def has_ended(self) -> None:
        """Note that the worker has ended."""
        if not self.ended.is_set():
            self.ended.set()
            on_end = self._on_end
            self.forget()
            if on_end is not None:
                on_end()

    def forget(self) -> None:
        """Report nothing any more, and release what that needs."""
        self._on_end = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._look is not None:
            self._look.cancel()
            self._look = None
