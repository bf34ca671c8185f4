"""The engine's side of a fork server (`process/worker/fork_server.py` says what that is, and why)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from alexflow.executors.process import lifeline_ends
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.server_process import ServerProcess
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.fork_protocol import (
    FORK,
    IMPORTED,
    NOT_FOUND,
    OUTDATED,
    REAP,
    REAPED,
    RECORD,
    REFUSED,
    SPAWNED,
    UNFIT,
    WARM,
)
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
        process: that process.
        requests: the engine's end of the socket to it; closed here.
        lifeline: the engine's end of its lifeline; closed here.
        unanswered: takes the requests that it leaves unanswered when it ends before it is closed; without this they
            are settled as refused.
        python: its interpreter, for messages.

    Attributes:
        reported: takes what a warm server reports of its imports.
        workers: how many of its workers have not ended.
    """

    def __init__(
        self,
        process: ServerProcess,
        requests: socket.socket,
        lifeline: int,
        unanswered: Callable[[list[PendingWorker]], None] | None = None,
        python: str = "",
    ) -> None:
        lifeline_ends.hold(lifeline)
        self._lifeline = lifeline
        self._process = process
        self._requests = requests
        self._unanswered = unanswered
        self._waiting: deque[PendingWorker] = deque()
        self._asked: deque[PendingWorker] = deque()
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._ends: dict[int, asyncio.Future[ExitStatus]] = {}
        self._received = b""
        self._python = python
        self._has_answered = False
        self._look: asyncio.TimerHandle | None = None
        self._reaping: asyncio.Task[int | None] | None = None
        self._has_said_so = False  # that it cannot fork
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(requests.fileno(), self._readable)
        self._is_unfit = False  # a warm server that cannot be forked
        self._is_retired = False
        self._is_closed = False
        self.reported: Callable[[int, int, int, int], None] | None = None
        self.workers = 0

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
        self.ask_for(pending_worker)
        return pending_worker

    def ask_for(self, pending_worker: PendingWorker) -> None:
        """Ask for a worker, or a warm server, that was requested before."""
        pending_worker.server = self
        self._waiting.append(pending_worker)
        self._ask()

    def begin(self, message: bytes) -> None:
        """Send a warm server what comes before all requests."""
        self._send(message)

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

    @property
    def text_at_end(self) -> str:
        """The text that a warm server that is not fit has sent."""
        return self._received.decode(errors="replace") if self._is_unfit else ""

    def give_up(self) -> None:
        """Drop the requests for workers that have not been answered; it is about to be closed."""
        self._is_closed = True
        while self._waiting:
            self._waiting.popleft().settle()
        if self._asked and not self._has_answered:  # it is still starting, which may take any time
            self.discard()

    async def exitcode(self) -> int | None:
        """Return its exit code, when it has ended; None if it is unknown."""
        if self._reaping is None:
            raise RuntimeError("it lives")
        return await asyncio.shield(self._reaping)

    async def aclose(self) -> None:
        """End it."""
        self._is_closed = True
        self._hang_up()
        await self.exitcode()

    def retire(self) -> None:
        """End it as soon as its last worker has ended and been reaped."""
        self._is_retired = True
        self._end_if_retired()

    def abandon(self) -> None:
        """Kill it now; nothing that it was asked for is wanted any more."""
        self._is_closed = True
        self.discard()

    def discard(self) -> None:
        """Kill it now; its workers go on."""
        self._process.kill()
        self._hang_up()

    def kill(self) -> None:
        """Make it kill all its workers and end; do not wait."""
        self._is_closed = True
        self._let_go()

    # -- asking

    def _ask(self) -> None:
        while self._waiting and len(self._asked) < MAX_REQUESTS:
            pending_worker = self._waiting.popleft()
            self._asked.append(pending_worker)
            verb = WARM if pending_worker.is_warm_server else FORK
            self._send(RECORD.pack(verb, 0, pending_worker.modules, 0), pending_worker.descriptors)
            self._expect_answer()

    def _send(self, record: bytes, descriptors: Sequence[int] = ()) -> None:
        self._unsent.append((record, descriptors))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            record, descriptors = self._unsent[0]
            try:
                sent = socket.send_fds(self._requests, [record], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._requests.fileno(), self._flush)
                return
            except OSError:  # it has died; the reading side will see the end
                return
            if sent < len(record):
                self._unsent[0] = record[sent:], ()
            else:
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
        self._received += data
        lost: list[PendingWorker] = []
        while len(self._received) >= RECORD.size and not self._is_unfit:
            record, self._received = self._received[: RECORD.size], self._received[RECORD.size :]
            self._take_in(RECORD.unpack(record), lost)
        if lost and self._unanswered is not None:
            self._unanswered(lost)
        self._ask()

    def _take_in(self, record: tuple[int, int, int, int], lost: list[PendingWorker]) -> None:
        verb, pid, value, size = record
        if verb == REAPED:
            self.workers -= 1
            _tell(self._ends.pop(pid), ExitStatus(value, size))
            self._end_if_retired()
        elif verb == REFUSED:
            self._asked.popleft().settle(refused=OSError(value, os.strerror(value)))
        elif verb == OUTDATED:
            lost.append(self._asked.popleft())
        elif verb in (IMPORTED, NOT_FOUND, UNFIT):
            self._is_unfit = verb == UNFIT  # all that follows is text
            if self.reported is not None:
                self.reported(verb, pid, value, size)
        else:
            if verb == SPAWNED:
                self._say_it_cannot_fork(threads=value)
            self._settle(self._asked.popleft(), pid)

    def _settle(self, pending_worker: PendingWorker, pid: int) -> None:
        """Watch a new worker: the system reports its end, or else the fork server does."""
        self.workers += 1
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
            if self._process.is_stopped():
                logger.warning("the fork server, process %d, is stopped (SIGSTOP); another one replaces it", self.pid)
                self.discard()
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
        """Note that it has ended, or end it: it answers no more."""
        if not self.lives:
            return
        self._loop.remove_reader(self._requests.fileno())
        self._loop.remove_writer(self._requests.fileno())
        if self._look is not None:
            self._look.cancel()
        self._requests.close()
        self._let_go()  # a forked child of the application may hold the socket
        self._reaping = self._loop.create_task(self._process.wait(CLOSE_TIMEOUT))
        unanswered = [*self._asked, *self._waiting]
        self._asked.clear()
        self._waiting.clear()
        if self._unanswered is not None and not self._is_closed:
            self._unanswered(unanswered)
        else:
            for pending_worker in unanswered:
                pending_worker.settle()
        for end in self._ends.values():
            _tell(end, ExitStatus())

    def _let_go(self) -> None:
        lifeline_ends.let_go(self._lifeline)
        self._lifeline = -1

    def _end_if_retired(self) -> None:
        if self._is_retired and not (self.workers or self._asked or self._waiting):
            self._hang_up()


def _tell(waiting: asyncio.Future[ExitStatus], end: ExitStatus) -> None:
    if not waiting.done():  # the waiter may have been cancelled
        waiting.set_result(end)
