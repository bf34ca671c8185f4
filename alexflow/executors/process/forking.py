"""The template: the process that a pool's workers are forked from.

It is one fresh interpreter that has loaded what every worker needs and then only waits for the engine to ask for
workers. Each is a fork of it, which takes a millisecond or two, and starts with an interpreter in the state in which a
fresh one would be after importing alexflow.

Forking is not safe in general: a fork has one thread and the memory of all, so locks that other threads held stay
locked, and sockets, event loops and what the libraries of the user have started are in it without what drives them. It
is safe here because there is nothing of that kind: the template has one thread, no event loop, and runs no code of the
user, ever; all that it has open are the channel to its engine and its lifeline.

One thing is not in its hands: an interpreter runs ``.pth`` files and ``sitecustomize`` before anything else, and those
may start threads. So threads are counted before each fork. If there is another one, the worker becomes a fresh
interpreter instead, which costs what the template has cost, but is safe with any number of threads, and the engine is
told. It is a child of the template all the same, so that nothing else is different.

Rejected: forking the engine's process (it has all of the above); a fresh interpreter per worker (each costs what the
template costs once, 50 ms of a processor or more); ``multiprocessing.forkserver`` (one for the whole process, and it
imports ``__main__``, runs a resource tracker besides, and ends only with the process).

A worker that has ended stays a zombie until the engine asks for its exit code: the engine may still kill its group, and
must not meet another process under that number.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import resource  # noqa: F401  # what os.wait4 would else import when descriptors may be short
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence

import alexflow.formats.binary
import alexflow.storage.local  # noqa: F401  # what nearly every worker needs, loaded once
from alexflow.executors.process import worker
from alexflow.executors.process.asking import DESCRIPTORS, FORK, FORKED, REAPED, RECORD, REFUSED, SPAWNED
from alexflow.executors.process.exits import peak_rss_of
from alexflow.executors.process.lifeline import end_with

#: What a worker that is not a fork runs.
_WORKER = """\
import sys; sys.path[:] = {path!r}
from alexflow.executors.process.worker import main
main(*{descriptors})
"""


def main(requests: int, lifeline: int) -> None:
    """Entry point of the process; the arguments are inherited descriptors."""
    for fd in (requests, lifeline):
        os.set_inheritable(fd, False)
    if hasattr(fcntl, "F_SETSIG"):  # elsewhere a thread would wait, and there must be none; end-of-file has to do
        end_with(lifeline)
    gc.freeze()  # so that the collector of a worker does not touch, and thereby copy, what is shared with all others
    try:
        Template(socket.socket(fileno=requests), lifeline).serve()
    except OSError:  # the engine has gone
        pass
    os._exit(0)


class Template:
    """Forks workers for the engine, and tells how they ended."""

    def __init__(self, requests: socket.socket, lifeline: int):
        self._requests = requests
        self._lifeline = lifeline
        self._awaited: set[int] = set()
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)

    def serve(self) -> None:
        """Answer requests until end-of-file."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # it only has to wake
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._woken.fileno():
                    self._woken.recv(4096)
                    self._reap()
                elif not self._answer():
                    return

    def _answer(self) -> bool:
        request, descriptors, _, _ = socket.recv_fds(self._requests, RECORD.size, DESCRIPTORS)
        if len(request) < RECORD.size:
            return False
        verb, pid, _, _ = RECORD.unpack(request)
        if verb == FORK:
            self._fork(descriptors)
        else:
            self._awaited.add(pid)
            self._reap()
        return True

    def _fork(self, descriptors: Sequence[int]) -> None:
        try:
            if len(descriptors) < DESCRIPTORS:  # the kernel drops those for which there is no room
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            threads = _threads()
            pid = os.fork() if threads == 1 else _spawn(descriptors)
        except OSError as error:
            self._say(REFUSED, 0, error.errno or 0)
        else:
            if pid == 0:
                self._become_worker(descriptors)
            self._say(FORKED if threads == 1 else SPAWNED, pid, threads)
        for fd in descriptors:
            os.close(fd)

    def _become_worker(self, descriptors: Sequence[int]) -> None:
        """Does not return."""
        try:
            os.setsid()  # Ctrl-C in a terminal is the engine's business; and its group can be killed
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for channel in (self._requests, self._woken, self._wake):
                channel.close()
            os.close(self._lifeline)
            worker.main(*descriptors)
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)  # as an interpreter does
        finally:
            os._exit(1)

    def _reap(self) -> None:
        for pid in list(self._awaited):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                self._awaited.discard(pid)
                self._say(REAPED, pid, os.waitstatus_to_exitcode(status), peak_rss_of(usage.ru_maxrss))

    def _say(self, verb: int, pid: int, value: int, size: int = 0) -> None:
        self._requests.sendall(RECORD.pack(verb, pid, value, size))


def _threads() -> int:
    """How many this process has."""
    try:
        return len(os.listdir("/proc/self/task"))  # those of C code, too
    except OSError:  # not Linux
        return threading.active_count()


def _spawn(descriptors: Sequence[int]) -> int:
    """A worker in a fresh interpreter; its process id."""
    for fd in descriptors:
        os.set_inheritable(fd, True)
    code = _WORKER.format(path=sys.path, descriptors=tuple(descriptors))
    return os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ, setsid=True)
