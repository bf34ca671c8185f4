"""A process that a task forks ends where the task's code ends in it.

Both processes return from ``os.fork``, and both return from ``run``. The parent's result counts. The child must not go
on: it would publish the task a second time, take further jobs from the worker's channel, or run the engine's event
loop. So it ends there, with the exit code that a plain Python program would have, after it has waited for the threads
that it has started and has flushed its own standard streams.

Forks are counted by one hook, which runs in every child: ``os.fork``, ``os.forkpty`` and :mod:`multiprocessing` call
it. Code that calls a task compares the count before and after, which costs two look-ups of a name.

Rejected: comparing process ids (a system call for each task); an exception that is raised in the child when it touches
something of the worker's (the task may catch it).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")


class ThisProcess:
    """The process in which this runs.

    Attributes:
        generation: how many forks lie between the process in which this module was imported and this one.
    """

    def __init__(self) -> None:
        self.generation = 0  # of the instance: Python finds those at once, those of a class by a search


this_process = ThisProcess()


def _count() -> None:
    this_process.generation += 1


os.register_at_fork(after_in_child=_count)


def contained(function: Callable[..., T], *arguments: object) -> T:
    """Call a function of the user's; a process that it forks ends where the function ends in it."""
    before = this_process.generation
    try:
        result = function(*arguments)
    except BaseException as error:
        if this_process.generation != before:
            end_fork(error)
        raise
    if this_process.generation != before:
        end_fork()
    return result


def end_fork(error: BaseException | None = None) -> NoReturn:
    """End this process, a fork, as a program ends that has come to its end or was left by an exception.

    As in a child of :mod:`multiprocessing`, handlers of :mod:`atexit` are not called: they are the parent's.
    """
    code = 1
    try:
        code = _exit_code(error)
        _join_threads()
        _flush()
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        os._exit(code)


def _exit_code(error: BaseException | None) -> int:
    """What Python makes of the exception that leaves a program, which is told on standard error."""
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _join_threads() -> None:
    for thread in threading.enumerate():  # of this process: a fork has none of its parent's but the one that forked
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or the task's own object
            stream.flush()
