"""Containment of forks: a process that a task forks ends when the task's code returns in it.

Both processes return from ``os.fork``, and both return from ``run``. The parent's result counts. The child must not
continue: it would publish the task a second time, take further jobs from the worker's channel, or run the engine's
event loop. So it exits there, with the exit code that a plain Python program would have, after it has joined its own
threads and flushed its own standard streams.

Forks are counted by one hook, which runs in every child: ``os.fork``, ``os.forkpty`` and :mod:`multiprocessing` call
it. Code that calls a task compares the count before and after, which costs two name look-ups.

Rejected: comparing process ids (a system call for each task); raising an exception in the child when it touches
something of the worker's (the task may catch it).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

# a worker notes calls of the signal module's, as if a task made them
from _signal import pthread_sigmask as _sigmask  # type: ignore[import-not-found]
from collections.abc import Callable, Collection
from typing import NoReturn

from alexflow.type_vars import T


class ThisProcess:
    """The current process.

    Attributes:
        generation: number of forks between the process that imported this module and this one.
    """

    def __init__(self) -> None:
        self.generation = 0  # on the instance, where Python finds it faster than on the class


this_process = ThisProcess()


def _count() -> None:
    this_process.generation += 1


os.register_at_fork(after_in_child=_count)


def restore_in_forks(numbers: Collection[int], restore: Callable[[], None]) -> Callable[[], bool]:
    """Have handlers of signals restored in each process that is forked from now on.

    The signals are held back until then. Python forgets one that comes between the fork and its hooks, and runs the
    parent's handler for one that comes during these: the child that it should have ended would live, and a pool of
    :mod:`multiprocessing` wait for it without end.

    Args:
        numbers: the signals that have handlers; asked at each fork.
        restore: restores them.

    Returns:
        A function that says whether this thread is in the hooks of a fork, in which what a handler raises is lost.
    """
    forking = threading.local()

    def hold_back() -> None:
        if numbers:
            forking.mask = _sigmask(signal.SIG_BLOCK, numbers)

    def let_come() -> None:
        if is_forking():
            try:
                _sigmask(signal.SIG_SETMASK, forking.mask)  # handlers of those that have come run here
            finally:
                del forking.mask

    def restore_and_let_come() -> None:
        try:
            restore()
        finally:
            let_come()

    def is_forking() -> bool:
        return hasattr(forking, "mask")

    os.register_at_fork(before=hold_back, after_in_parent=let_come, after_in_child=restore_and_let_come)
    return is_forking


def contained(function: Callable[..., T], *arguments: object) -> T:
    """Call a user's function; a process that it forks ends when the function returns in it."""
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
    """Exit from this process, a fork, as a program exits after its last statement or an exception.

    As in a child of :mod:`multiprocessing`, handlers of :mod:`atexit` are not called: they belong to the parent.
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
    """The exit code that Python gives a program that ends with this exception, which is printed on standard error."""
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
    for thread in threading.enumerate():  # its own threads: of its parent's a fork has only the one that forked
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or the task's own object
            stream.flush()
