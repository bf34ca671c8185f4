"""One worker process, from its start until it is reaped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from msgspec.structs import replace

from alexflow.executors.process import lifeline_ends
from alexflow.executors.process.channel import Channel, ReadingSlice
from alexflow.executors.process.fork_servers import Fork
from alexflow.executors.process.log_forwarding import levels
from alexflow.executors.process.output_capture import Echo, OutputReader
from alexflow.executors.process.pending_worker import PendingWorker
from alexflow.executors.process.wire.boundary import STREAMS, TOKEN_SIZE
from alexflow.executors.process.wire.environment import NOTHING, capture_environment
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import Message, ToEngine
from alexflow.executors.process.wire.sessions import end_session_of_reaped, signal_group
from alexflow.executors.process.wire.sockets import new_pair
from alexflow.executors.process.wire.status_page import StatusPage, WorkerStatus, create_status_file

#: Seconds that a terminated worker gets to end while it runs nothing.
IDLE_GRACE = 0.5


class WorkerProcess:
    """A process in a session of its own, and the channels to it; a ``HostedProcess`` of this machine.

    Args:
        fork: forks it.
        on_messages: called with the messages that it sends.
        on_end: called when it has ended, when it has closed its data channel, and when it sends what is no message,
            whichever comes first; perhaps twice.
        echo: shows at once what tasks print, if that was asked for.
        threads: how many libraries may start in it; 0 leaves them alone.
        devices: variables that make it see the devices to which it is bound.
        slice: of a turn, in which its reports are read, with those of others.

    Attributes:
        printed: reads what tasks print.
    """

    def __init__(
        self,
        fork: Fork,
        on_messages: Callable[[list[ToEngine]], None],
        on_end: Callable[[], None],
        echo: Echo | None = None,
        threads: int = 0,
        devices: Mapping[str, str] = NOTHING,
        slice: ReadingSlice | None = None,
    ):
        with ExitStack() as undo:
            data, worker_data = (undo.enter_context(end) for end in new_pair())
            control, worker_control = (undo.enter_context(end) for end in new_pair())
            lifeline, self._lifeline = os.pipe()
            undo.callback(os.close, lifeline)
            undo.callback(os.close, self._lifeline)
            status_page = create_status_file()
            undo.callback(os.close, status_page)
            pipes: list[int] = []
            for _ in STREAMS:
                pipes += os.pipe()
                undo.callback(os.close, pipes[-1])
                undo.callback(os.close, pipes[-2])
            self._status_page = StatusPage(status_page)
            undo.pop_all()
        reading = (os.dup(pipes[0]), os.dup(pipes[2]))
        descriptors = (worker_data.detach(), worker_control.detach(), status_page, lifeline, *pipes)
        self._pending_worker = fork(descriptors, on_end)
        self._data = Channel(data, on_messages, on_end, on_garbage=on_end, slice=slice)
        self._control = Channel(control, on_messages, lambda: None, on_garbage=on_end)
        lifeline_ends.hold(self._lifeline)
        self._is_held = True  # by the lifeline
        token = os.urandom(TOKEN_SIZE)
        self.printed = OutputReader(reading, token, self._status_page, echo)
        self.send(capture_environment(threads, token, *levels(), devices))

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's; 0 until it is known."""
        return self._pending_worker.pid

    @property
    def host(self) -> str:
        """Its machine; "" for this one."""
        return ""

    @property
    def has_started(self) -> bool:
        """Whether it is known whether it has been started."""
        return self._pending_worker.settled.is_set()

    def when_started(self, call: Callable[[], None]) -> None:
        """Call this when that is known."""
        self._pending_worker.on_settled = call

    @property
    def pending(self) -> PendingWorker:
        """The request for it."""
        return self._pending_worker

    @property
    def refused(self) -> OSError | None:
        """The reason why it cannot be started, if the system gave one."""
        return self._pending_worker.refused

    def send(self, message: Message) -> None:
        """Send on the data channel."""
        self._data.send(message)

    def send_control(self, message: Message) -> None:
        """Send on the control channel, which is read while a job runs."""
        self._control.send(message)

    def forward(self, frames: bytes, *, urgent: bool = False) -> None:
        """Send frames that were made elsewhere, on the data channel or the control channel."""
        (self._control if urgent else self._data).write(frames)

    def status(self) -> WorkerStatus:
        """Return the job that it is at, or was when it died."""
        return self._status_page.read()

    def stop_job(self, number: int) -> None:
        """Let the running job end, of this number, and what it has started; the process is to live on."""
        self._status_page.end_job(number)
        self._send_sigterm()

    def hang_up(self) -> None:
        """Close the data channel: it ends by itself when it has nothing left to do."""
        self._data.close()

    def kill(self) -> None:
        """End it and its children, now."""
        if not self._signal(signal.SIGKILL):
            self._let_go()

    async def wait_and_reap(self, patience: float = 0.0, *, terminate: bool = False) -> tuple[ExitStatus, WorkerStatus]:
        """Wait until it has ended, kill it if that takes longer than ``patience`` seconds, and release everything.

        Args:
            patience: in seconds.
            terminate: whether to send SIGTERM to it and its children first.

        Returns:
            How it ended, and where it was among its jobs.
        """
        try:
            end = await self._ended(patience, terminate)
            self._data.drain()  # what it reported last
            return end, self.status()
        finally:
            self._data.close()
            self._control.close()
            self.printed.close()
            self._status_page.close()
            self._pending_worker.forget()
            self._let_go()

    async def _ended(self, patience: float, terminate: bool) -> ExitStatus:
        pending_worker = self._pending_worker
        await pending_worker.settled.wait()
        fork_server = pending_worker.server
        if not pending_worker.pid:
            return ExitStatus(None if self.refused or fork_server.lives else await fork_server.exitcode())
        if terminate and patience:
            self._status_page.end_job(0)
            self._send_sigterm()
            idle = min(patience, IDLE_GRACE)
            await self._give_time(idle)
            patience = patience - idle if self.status().running else 0.0
        await self._give_time(patience)
        lives = not pending_worker.ended.is_set()
        self.kill()  # its own children, too, if it left any
        await pending_worker.ended.wait()
        end = await asyncio.shield(fork_server.reap(pending_worker))
        if lives and not terminate and patience and end.signal == signal.SIGKILL:
            end = replace(end, hung_up=True)
        if not fork_server.lives:  # else it has done so
            from anyio import to_thread  # deferred: fork servers seldom die

            await to_thread.run_sync(end_session_of_reaped, pending_worker.pid)
        return end

    async def _give_time(self, patience: float) -> None:
        if patience:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pending_worker.ended.wait(), patience)

    def _send_sigterm(self) -> None:
        """Send SIGTERM to it and its children, or to it alone if its job is to save first: that may need them."""
        if not self._status_page.watches_stop:
            self._signal(signal.SIGTERM)
        elif self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to its process group; False if there is none yet.

        Once it has ended, and its fork server too, its process id might be another's.
        """
        if not self.pid:
            return False
        if self._pending_worker.server.lives or not self._pending_worker.ended.is_set():
            signal_group(self.pid, number)
        return True

    def _let_go(self) -> None:
        """Cut the lifeline, and so kill it; if it has not begun, as soon as it does."""
        if self._is_held:
            self._is_held = False
            lifeline_ends.let_go(self._lifeline)
