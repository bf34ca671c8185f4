"""One worker process, from its start to its burial."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack

from alexflow.executors.process import lifelines
from alexflow.executors.process.capture import STREAMS, TOKEN_SIZE
from alexflow.executors.process.channel import Channel
from alexflow.executors.process.ending import TOLD_OF_ANY, ended
from alexflow.executors.process.exits import Exit
from alexflow.executors.process.listening import Echo, Listening
from alexflow.executors.process.marker import Mark, Marker, new_marker_file
from alexflow.executors.process.messages import Message, ToEngine
from alexflow.executors.process.records import levels
from alexflow.executors.process.surroundings import present
from alexflow.executors.process.template import Template


class WorkerProcess:
    """A process in a session of its own, and the channels to it.

    Args:
        template: what it is forked from.
        on_messages: called with the messages that it sends.
        on_end: called once when it has closed its data channel, which is the first that is seen of its death.
        echo: who is shown at once what tasks print, if anybody.

    Attributes:
        listening: hears what tasks print.
    """

    def __init__(
        self,
        template: Template,
        on_messages: Callable[[list[ToEngine]], None],
        on_end: Callable[[], None],
        echo: Echo | None = None,
    ):
        with ExitStack() as undo:
            data, worker_data = (undo.enter_context(end) for end in socket.socketpair())
            control, worker_control = (undo.enter_context(end) for end in socket.socketpair())
            lifeline, self._lifeline = os.pipe()
            undo.callback(os.close, lifeline)
            undo.callback(os.close, self._lifeline)
            marker = new_marker_file()
            undo.callback(os.close, marker)
            pipes: list[int] = []
            for _ in STREAMS:
                pipes += os.pipe()
                undo.callback(os.close, pipes[-1])
                undo.callback(os.close, pipes[-2])
            self._marker = Marker(marker)
            undo.pop_all()
        self._template = template
        reading = (os.dup(pipes[0]), os.dup(pipes[2]))
        self._birth = template.fork(worker_data.detach(), worker_control.detach(), marker, lifeline, *pipes)
        self._data = Channel(data, on_messages, on_end)
        self._control = Channel(control, on_messages, lambda: None)
        lifelines.hold(self._lifeline)
        self._is_held = True  # by the lifeline
        token = os.urandom(TOKEN_SIZE)
        self.listening = Listening(reading, token, self._marker, echo)
        self.send(present(token, *levels()))

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's; 0 as long as that is not known."""
        return self._birth.pid

    @property
    def refused(self) -> OSError | None:
        """Why it cannot be started, if the system said so."""
        return self._birth.refused

    def send(self, message: Message) -> None:
        """Send on the data channel."""
        self._data.send(message)

    def send_control(self, message: Message) -> None:
        """Send on the control channel, which is heard while a job runs."""
        self._control.send(message)

    def mark(self) -> Mark:
        """Where it is among its jobs, or was when it died."""
        return self._marker.read()

    def hang_up(self) -> None:
        """Close the data channel: it ends by itself when it has nothing left to do."""
        self._data.close()

    def kill(self) -> None:
        """End it and its children, now."""
        if not self._signal(signal.SIGKILL):
            self._let_go()

    async def bury(self, patience: float = 0.0, *, terminate: bool = False) -> tuple[Exit, Mark]:
        """Wait until it has ended, kill it if that takes longer than ``patience`` seconds, and release everything.

        Args:
            patience: in seconds.
            terminate: whether to tell it, and its children, that they are to end (SIGTERM).

        Returns:
            How it ended, and where it was among its jobs.
        """
        try:
            end = await self._ended(patience, terminate)
            self._data.drain()  # what it reported last
            return end, self.mark()
        finally:
            self._data.close()
            self._control.close()
            self.listening.close()
            self._marker.close()
            self._let_go()

    async def _ended(self, patience: float, terminate: bool) -> Exit:
        await self._birth.settled.wait()
        if not self.pid:
            return Exit() if self.refused else Exit(await self._template.exitcode())
        if terminate and patience:
            self._signal(signal.SIGTERM)
        if TOLD_OF_ANY:
            if patience:
                await ended(self.pid, patience)
            self.kill()  # its own children, too, if it left any
            await ended(self.pid)
            return await self._template.reap(self.pid)
        end = self._template.reap(self.pid)  # at once, as such a system seldom gives a number again soon
        await asyncio.wait([end], timeout=patience)
        self.kill()
        return await end

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to its process group; False if there is none (yet), or it might be another's by now."""
        if not self.pid or not self._template.lives:
            return False
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # on macOS a zombie's group gives EPERM
            pass
        return True

    def _let_go(self) -> None:
        """Cut the lifeline, and so kill it; if it has not begun, as soon as it does."""
        if self._is_held:
            self._is_held = False
            lifelines.let_go(self._lifeline)
