"""The engine's side of the fork server (`process/worker/fork_server.py` says what that is, and why)."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence

from alexflow.executors.process import lifeline_ends
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.started_server import StartedServer
from alexflow.executors.process.wait import wait_for_child
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.fork_protocol import FORK, REAP, REAPED, RECORD, REFUSED, SPAWNED
from alexflow.logs import logger

#: Requests for workers that are under way at once. More wait here, so that a request never meets a full buffer, or the
#: limit for descriptors in flight.
MAX_REQUESTS = 16

#: Seconds that a fork server gets to end by itself.
CLOSE_TIMEOUT = 1.0

#: Seconds between checks whether a fork server that owes an answer has been stopped.
STOPPED_CHECK_EVERY = 0.25


class ForkServerClient:
    """A fork server, as its engine sees it: a process that forks workers.

    Args:
        started: that process.
    """

    def __init__(self, started: StartedServer) -> None:
        started.is_taken = True
        self._process = started.process
        self._lifeline = started.lifeline
        self._python = started.python
        self._requests = requests = started.requests
        self._waiting: deque[PendingWorker] = deque()
        self._asked: deque[PendingWorker] = deque()
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._ends: dict[int, asyncio.Future[ExitStatus]] = {}
        self._has_answered = False
        self._look: asyncio.TimerHandle | None = None
        self._reaping: asyncio.Task[int] | None = None
        self._has_said_so = False  # that it cannot fork
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(requests.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it can fork workers, as far as is known."""
        return self._reaping is None

    @property
    def is_reaped(self) -> bool:
        """Whether it has ended and been reaped."""
        return self._reaping is not None and self._reaping.done()

    def fork(self, descriptors: tuple[int, ...], on_end: Callable[[], None]) -> PendingWorker:
        """Ask for a worker.

        Args:
            descriptors: what it gets; the pending worker closes them.
            on_end: called once when the worker has ended.
        """
        pending_worker = PendingWorker(descriptors, on_end)
        self._waiting.append(pending_worker)
        self._ask()
        return pending_worker

    def reap(self, pending_worker: PendingWorker) -> asyncio.Future[ExitStatus]:
        """Reap a worker: a future of its exit status.

        After that, the system may give its process id to another process.
        """
        if pending_worker.exit is None:
            pending_worker.exit = self._loop.create_future()
            if self.lives:
                self._ends[pending_worker.pid] = pending_worker.exit
                self._send(RECORD.pack(REAP, pending_worker.pid, 0, 0))
                self._expect_answer()
            else:
                pending_worker.exit.set_result(ExitStatus())
        return pending_worker.exit

    def give_up(self) -> None:
        """Drop the requests for workers that have not been answered."""
        while self._waiting:
            self._waiting.popleft().settle()
        if self._asked and not self._has_answered:  # it is still starting, which may take any time
            self._discard()

    async def exitcode(self) -> int:
        """Return its exit code, when it has ended."""
        if self._reaping is None:
            raise RuntimeError("it lives")
        return await asyncio.shield(self._reaping)

    async def aclose(self) -> None:
        """End it."""
        self._hang_up()
        await self.exitcode()

    def kill(self) -> None:
        """Make it kill all its workers and end; do not wait."""
        self._let_go()

    # -- asking

    def _ask(self) -> None:
        while self._waiting and len(self._asked) < MAX_REQUESTS:
            pending_worker = self._waiting.popleft()
            self._asked.append(pending_worker)
            self._send(RECORD.pack(FORK, 0, 0, 0), pending_worker.descriptors)
            self._expect_answer()

    def _send(self, record: bytes, descriptors: Sequence[int] = ()) -> None:
        self._unsent.append((record, descriptors))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            record, descriptors = self._unsent[0]
            try:
                socket.send_fds(self._requests, [record], descriptors)  # a record goes as a whole or not at all
            except BlockingIOError:
                self._loop.add_writer(self._requests.fileno(), self._flush)
                return
            except OSError:  # it has died; the reading side will see the end
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._requests.fileno())

    # -- hearing

    def _readable(self) -> None:
        try:
            data = self._requests.recv(RECORD.size * 256)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        self._has_answered = True
        for verb, pid, value, size in RECORD.iter_unpack(data):
            if verb == REAPED:
                _tell(self._ends.pop(pid), ExitStatus(value, size))
            elif verb == REFUSED:
                self._asked.popleft().settle(refused=OSError(value, os.strerror(value)))
            else:
                if verb == SPAWNED:
                    self._say_it_cannot_fork(threads=value)
                self._settle(self._asked.popleft(), pid)
        self._ask()

    def _settle(self, pending_worker: PendingWorker, pid: int) -> None:
        """Watch a new worker: the system reports its end, or else the fork server does."""
        pending_worker.settle(pid)
        if not pending_worker.watch():
            end = self.reap(pending_worker)
            end.add_done_callback(lambda _: pending_worker.has_ended() if self.lives else pending_worker.look())

    def _expect_answer(self) -> None:
        if self._look is None:
            self._look = self._loop.call_later(STOPPED_CHECK_EVERY, self._look_whether_stopped)

    def _look_whether_stopped(self) -> None:
        """Replace a fork server that is stopped (SIGSTOP), as it would keep all waiting."""
        self._look = None
        if self._asked or self._ends:
            if _is_stopped(self.pid):
                logger.warning("the fork server, process %d, is stopped (SIGSTOP); another one replaces it", self.pid)
                self._discard()
            else:
                self._expect_answer()

    def _say_it_cannot_fork(self, threads: int) -> None:
        if not self._has_said_so:
            self._has_said_so = True
            logger.warning(
                "worker processes start as fresh interpreters, which is slower than forking them: a new %s "
                "has %d threads before it runs anything, and a process with threads cannot be forked safely; a .pth "
                "file or sitecustomize of this environment starts them",
                self._python,
                threads,
            )

    def _hang_up(self) -> None:
        """Take in that it has ended, or end it: it answers no more."""
        if not self.lives:
            return
        self._loop.remove_reader(self._requests.fileno())
        self._loop.remove_writer(self._requests.fileno())
        if self._look is not None:
            self._look.cancel()
        self._requests.close()
        self._let_go()  # a forked child of the application may hold the socket
        self._reaping = self._loop.create_task(self._wait_and_reap())
        for pending_worker in (*self._asked, *self._waiting):
            pending_worker.settle()
        for end in self._ends.values():
            _tell(end, ExitStatus())

    async def _wait_and_reap(self) -> int:
        await wait_for_child(self._process, CLOSE_TIMEOUT)
        self._process.kill()
        await wait_for_child(self._process)
        return self._process.wait()

    def _let_go(self) -> None:
        lifeline_ends.let_go(self._lifeline)
        self._lifeline = -1

    def _discard(self) -> None:
        self._process.kill()
        self._hang_up()


def _is_stopped(pid: int) -> bool:
    """Whether a child has been stopped by a signal."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except (AttributeError, OSError):  # macOS before Python 3.13; or the application waits for all children itself
        return False


def _tell(waiting: asyncio.Future[ExitStatus], end: ExitStatus) -> None:
    if not waiting.done():  # the waiter may have been cancelled
        waiting.set_result(end)


class ForkServers:
    """The fork servers of an executor: one is started for its first worker, and another when that has died.

    Args:
        python: their interpreter, a path or a command; by default the one that runs this.
        started: the process of the first one, if it has been started ahead.
    """

    def __init__(self, python: str | os.PathLike[str] | None = None, started: StartedServer | None = None) -> None:
        self._python = python
        self._started = started
        self._fork_servers: list[ForkServerClient] = []  # those that are not buried; the last one may live

    def python(self) -> str:
        """Return the interpreter of the workers.

        Raises:
            OSError: none is known.
        """
        python = self._python or sys.executable
        if not python:
            raise OSError(
                "sys.executable is empty, as in a Python that is embedded in another program; name an interpreter, "
                "such as workers=Workers(python='/usr/bin/python3')"
            )
        return os.fspath(python)

    def fork_server(self) -> ForkServerClient:
        """Return a fork server that lives; start one if need be.

        Raises:
            OSError: it cannot be started.
        """
        if not self._fork_servers or not self._fork_servers[-1].lives:
            started, self._started = self._started, None
            if started is None or started.is_taken:
                started = StartedServer(self.python())
            fork_server = ForkServerClient(started)
            self._fork_servers = [*(earlier for earlier in self._fork_servers if not earlier.is_reaped), fork_server]
        return self._fork_servers[-1]

    def give_up(self) -> None:
        """Drop the requests for workers that have not been answered."""
        for fork_server in self._fork_servers:
            fork_server.give_up()

    async def aclose(self) -> None:
        """End all of them."""
        await asyncio.gather(*(fork_server.aclose() for fork_server in self._fork_servers))

    def kill(self) -> None:
        """End all of them now; do not wait."""
        for fork_server in self._fork_servers:
            fork_server.kill()
