"""Lifelines: a worker ends with its engine, whatever either of them is doing.

For each worker there is a pipe whose write end only the engine has; nothing is ever written. When the engine ends,
however it ends, the kernel closes the write end. On Linux it has been asked for a signal then (``O_ASYNC``,
``F_SETSIG``): SIGKILL, to the worker's whole process group, its own children included. That needs no thread and no
interpreter lock, so it works while a task hangs in C code. Elsewhere a thread waits for the end of the pipe.

The signal belongs to the open file, and so it is sent as long as any process has the read end open. The fork server
keeps it open until the worker is reaped: children of a worker that has died are killed with the engine, too,
if it ends before it could kill them itself.

The fork server has a lifeline of its own. It is killed by it only while it is starting, however long that takes. Later
it has to kill first whatever its workers have left in other groups (`process/wire/sessions.py`), and its signal is
SIGCONT, so that it does so even if it was stopped.

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
        belongs_to(-os.getpgrp(), lifeline)
        _ask_for(signal.SIGKILL, lifeline)
    else:
        threading.Thread(target=_wait, args=(lifeline,), name="alexflow-lifeline", daemon=True).start()
    poll = select.poll()  # not select(): descriptors are numbered as in the engine, which may have thousands
    poll.register(lifeline)
    if poll.poll(0):  # it ended before we asked
        _end_group()


def kill_with(lifeline: int) -> None:
    """Have a process that is about to be started killed when the other end of ``lifeline`` is closed; Linux only.

    That is so from :func:`belongs_to` on, and until the process asks for something else itself.
    """
    if hasattr(fcntl, "F_SETSIG"):
        _ask_for(signal.SIGKILL, lifeline)


def belongs_to(pid: int, lifeline: int) -> None:
    """Say which process it is. The process may have said so itself already, and what it wants."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, pid)


def go_on_with(lifeline: int) -> None:
    """Have this process go on, should it be stopped, when the other end of ``lifeline`` is closed; Linux only."""
    if hasattr(fcntl, "F_SETSIG"):
        belongs_to(os.getpid(), lifeline)
        _ask_for(signal.SIGCONT, lifeline)


def _ask_for(number: signal.Signals, lifeline: int) -> None:
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, number)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _wait(lifeline: int) -> None:
    os.read(lifeline, 1)
    _end_group()


def _end_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
