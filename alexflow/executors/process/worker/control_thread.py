"""The thread of a worker that reads the control channel, while a job runs in the main thread."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from alexflow.executors.process.wire.messages import Prune, Revoked, frame
from alexflow.executors.process.worker.inbox import Inbox


def read_control(channel: socket.socket, prune: Callable[[int], None], give_back: Callable[[], list[int]]) -> None:
    """Do what the engine wants meanwhile, until end-of-file.

    Args:
        channel: to the engine.
        prune: lets the job of this number end early.
        give_back: takes the jobs that have not begun out of the queue, and returns their numbers, the last one first.
    """
    inbox = Inbox(channel)
    with suppress(BrokenPipeError, ConnectionResetError):  # the engine has gone, and reads no more
        while (message := inbox.receive()) is not None:
            if isinstance(message, Prune):
                prune(message.number)
            else:
                channel.sendall(frame(Revoked(give_back())))
