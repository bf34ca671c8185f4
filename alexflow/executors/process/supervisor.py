"""One worker process, from its start to its burial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from anyio import to_thread

from alexflow.executors.process.channel import Channel
from alexflow.executors.process.marker import Mark, Marker, new_marker_file
from alexflow.executors.process.messages import Message, ToEngine

_START = (
    "import sys; sys.path[:] = {path!r}\n"
    "from alexflow.executors.process.worker import main\n"
    "main({data}, {control}, {marker}, {lifeline})"
)


class WorkerProcess:
    """A fresh interpreter in a session of its own, and the channels to it.

    Args:
        on_messages: called with the messages that it sends.
        on_end: called once when it has closed its data channel, which is the first that is seen of its death.
    """

    def __init__(self, on_messages: Callable[[list[ToEngine]], None], on_end: Callable[[], None]):
        data, worker_data = socket.socketpair()
        control, worker_control = socket.socketpair()
        marker = new_marker_file()
        lifeline, self._lifeline = os.pipe()
        theirs = (worker_data.fileno(), worker_control.fileno(), marker, lifeline)
        path = [entry for entry in sys.path if isinstance(entry, str)]  # Python passes over all others, too
        code = _START.format(path=path, data=theirs[0], control=theirs[1], marker=marker, lifeline=lifeline)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=theirs,
                start_new_session=True,  # Ctrl-C in a terminal is the engine's business; and its group can be killed
            )
            self._marker = Marker(marker)
        except BaseException:
            data.close()
            control.close()
            os.close(self._lifeline)
            raise
        finally:
            worker_data.close()
            worker_control.close()
            os.close(marker)
            os.close(lifeline)
        self._data = Channel(data, on_messages, on_end)
        self._control = Channel(control, on_messages, lambda: None)

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

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
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has ended; on macOS a zombie's group gives EPERM
            pass

    async def bury(self, patience: float = 0.0) -> int:
        """Wait until it has ended, kill it if that takes longer than ``patience`` seconds, and release everything.

        Returns:
            The exit code, negative for a signal.
        """
        if patience:
            await self._ended(patience)
        self.kill()  # its own children, too, if it left any
        await self._ended(None)
        exitcode = self._process.wait()
        self._data.close()
        self._control.close()
        self._marker.close()
        os.close(self._lifeline)
        return exitcode

    async def _ended(self, patience: float | None) -> None:
        """Wait until the process has ended, or until ``patience`` is at an end."""
        if not hasattr(os, "pidfd_open"):  # Linux only
            with contextlib.suppress(subprocess.TimeoutExpired):
                await to_thread.run_sync(self._process.wait, patience)
            return
        descriptor = os.pidfd_open(self._process.pid)  # readable once it has ended; it is a zombie until we wait for it
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), patience)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


def describe_exit(exitcode: int) -> str:
    """An exit code in words."""
    if exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:  # a real-time signal
            name = f"signal {-exitcode}"
        hint = "; possibly out of memory" if exitcode == -signal.SIGKILL else ""
        return f"was killed by {name}{hint}"
    return f"exited with code {exitcode}"
