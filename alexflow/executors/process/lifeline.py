"""How a worker ends with its engine, whatever either of them is doing.

Each worker (and the template that it is forked from) holds the read end of a pipe whose write end only the engine has;
nothing is ever written. When the engine ends, however it ends, the kernel closes the write end. On Linux it has been
asked for a signal then (``O_ASYNC``, ``F_SETSIG``): SIGKILL, to the worker's whole process group, its own children
included. That needs no thread and no interpreter lock, so it works while a task hangs in C code. Elsewhere a thread
waits for the end of the pipe.

Rejected: ``PR_SET_PDEATHSIG`` (tied to the thread that started the worker, and it misses grandchildren), polling
``getppid``.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading


def end_with(lifeline: int) -> None:
    """End this process and its group when the other end of ``lifeline`` is closed.

    Each process needs a pipe of its own: the signal belongs to the open file, not to the descriptor.
    """
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    else:
        threading.Thread(target=_wait, args=(lifeline,), name="alexflow-lifeline", daemon=True).start()
    poll = select.poll()  # not select(): descriptors are numbered as in the engine, which may have thousands
    poll.register(lifeline)
    if poll.poll(0):  # it ended before we asked
        _end_group()


def _wait(lifeline: int) -> None:
    os.read(lifeline, 1)
    _end_group()


def _end_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
