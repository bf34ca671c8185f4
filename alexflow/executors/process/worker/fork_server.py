"""The fork server: the process that a pool's workers are forked from.

It is one fresh interpreter that has loaded what every worker needs and then only waits for the engine to ask for
workers. Each is a fork of it, which takes a millisecond or two, and starts with an interpreter in the state in which a
fresh one would be after importing alexflow.

Forking is not safe in general: a fork has one thread and the memory of all, so locks that other threads held stay
locked, and sockets, event loops and what the libraries of the user have started are in it without what drives them. It
is safe here because there is nothing of that kind: the fork server has one thread, no event loop, and runs no code of
the user, ever; all that it has open are the channel to its engine and its lifeline.

One thing is not in its hands: an interpreter runs ``.pth`` files and ``sitecustomize`` before anything else, and those
may start threads. So threads are counted before each fork. If there is another one, the worker becomes a fresh
interpreter instead, which costs what the fork server has cost, but is safe with any number of threads; the engine logs
it. It is a child of the fork server all the same, so that nothing else is different.

Rejected: forking the engine's process (it has all of the above); a fresh interpreter per worker (each costs what the
fork server costs once, 50 ms of a processor or more); ``multiprocessing.forkserver`` (one for the whole process, and it
imports ``__main__``, runs a resource tracker besides, and ends only with the process).

A *warm server* is a fork of a fork server that imports modules which workers will need, and is a fork server itself
from then on, for as long as it can be forked safely (`process/worker/preload.py` says when). Its workers share the
memory of what it has imported. The fork server that it is forked from stays as it is.

A worker that has ended stays a zombie until the engine asks for its exit code: the engine may still kill its group, and
must not meet another process under that number. What its tasks have left in its session is killed at once.

The fork server outlives its engine by a moment, in which it kills the sessions of all its workers: of those that live,
and of those that died shortly before the engine, which could not do it any more.
"""

from __future__ import annotations

import errno
import gc
import os
import resource  # noqa: F401  # what os.wait4 would else import when descriptors may be short
import select
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec

import alexflow.formats.binary
import alexflow.storage.local.storage  # noqa: F401  # what nearly every worker needs, loaded once
from alexflow.executors.process.wire.exit_status import peak_rss_of
from alexflow.executors.process.wire.fork_protocol import (
    DESCRIPTORS,
    FORKED,
    IMPORTED,
    LIFELINE,
    NOT_FOUND,
    OUTDATED,
    REAP,
    REAPED,
    RECORD,
    REFUSED,
    SPAWNED,
    UNFIT,
    WARM,
    WARM_DESCRIPTORS,
    Preload,
)
from alexflow.executors.process.wire.lifeline import end_with, go_on_with
from alexflow.executors.process.wire.messages import LENGTH
from alexflow.executors.process.wire.sessions import end_sessions, signal_group
from alexflow.executors.process.wire.sockets import received
from alexflow.executors.process.worker import main as worker
from alexflow.executors.process.worker.noted_calls import noted
from alexflow.storage.descriptors import raise_limit

if TYPE_CHECKING:
    from alexflow.executors.process.worker.preload import Preloading

#: Whether a child that has ended can be seen without being reaped; not on macOS before Python 3.13.
_CAN_LOOK = hasattr(os, "waitid")

#: What a worker that is not a fork runs.
_WORKER = """\
import sys; sys.path[:] = {path!r}
from alexflow.executors.process.worker.main import main
main(*{descriptors})
"""


def main(requests: int, lifeline: int) -> None:
    """Entry point of the process; the arguments are inherited descriptors."""
    for fd in (requests, lifeline):
        os.set_inheritable(fd, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # signals that the engine blocks, its workers get
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    go_on_with(lifeline)
    noted.watch()  # before a module of the user's takes functions by name
    raise_limit()  # of descriptors: workers are the engine's own, and run what opens any number of files
    gc.enable()
    gc.freeze()  # so that the collector of a worker does not touch, and thereby copy, what is shared with all others
    _serve(ForkServer(requests, lifeline))


def _serve(fork_server: ForkServer) -> NoReturn:
    """Serve until the engine has gone, then end this process."""
    try:
        fork_server.serve()
    except OSError:  # the engine has gone
        pass
    fork_server.end_workers()
    os._exit(0)


def _become_warm_server(requests: int, lifeline: int) -> NoReturn:
    """Import what the engine wants imported, and fork workers that have it."""
    from alexflow.executors.process.worker.preload import (  # deferred: few fork servers have a warm server
        Preloading,
        UnfitError,
        timed,
    )

    end_with(lifeline)  # an import may take any time, and look at nothing
    fork_server = ForkServer(requests, lifeline)
    preload = fork_server.receive_preload()
    preloading = fork_server.preloading = Preloading(preload)
    for place, name in enumerate(preload.modules):
        try:
            is_there, duration = timed(preloading, name, fork_server.workers, fork_server.held())
        except UnfitError as error:
            fork_server.report(UNFIT, place, int(error.defect), error.number, error.text.encode())
            os._exit(1)
        fork_server.report(IMPORTED if is_there else NOT_FOUND, place, 0, duration)
        fork_server.count_import()
    go_on_with(lifeline)
    _serve(fork_server)


class ForkServer:
    """Forks workers for the engine, and reports their exit status.

    Attributes:
        workers: those that have not been reaped, each with its lifeline (`process/wire/lifeline.py`).
        preloading: has imported modules for them, in a warm server.
    """

    preloading: Preloading | None = None

    def __init__(self, requests: int, lifeline: int):
        self._requests = received(requests)
        self._lifeline = lifeline
        self.workers: dict[int, int] = {}
        self._ended: set[int] = set()  # of the workers
        self._awaited: set[int] = set()
        self._asked: deque[tuple[int, list[int]]] = deque()  # workers that want modules to be imported first
        self._imported = 0  # modules
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def serve(self) -> None:
        """Answer requests until the engine hangs up or ends."""
        self._watch_children()
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        poll.register(self._lifeline, select.POLLIN)  # nothing comes but its end
        while True:
            for fd, _ in poll.poll():
                if fd == self._lifeline:
                    return
                if fd == self._woken:
                    os.read(self._woken, 4096)
                    self._reap()
                elif not self._answer():
                    return

    def receive_preload(self) -> Preload:
        """Receive what a warm server is to import.

        Raises:
            OSError: the engine has gone.
        """
        (size,) = LENGTH.unpack(self._receive(LENGTH.size))
        return msgspec.msgpack.decode(self._receive(size), type=Preload)

    def count_import(self) -> None:
        """Note that another module has been imported: some workers may have waited for no more."""
        self._imported += 1
        self._watch_children()
        while select.select([self._requests], [], [], 0)[0]:
            if not self._answer():
                os._exit(0)
        self._fork_waiting()

    def held(self) -> set[int]:
        """Return the descriptors that are kept for workers."""
        return {*self.workers.values(), *(fd for _, descriptors in self._asked for fd in descriptors)}

    def report(self, verb: int, pid: int, value: int, size: int = 0, text: bytes = b"") -> None:
        """Send a record to the engine."""
        self._requests.sendall(RECORD.pack(verb, pid, value, size) + text)

    def end_workers(self) -> None:
        """Kill all workers, and what their tasks have started."""
        for pid in self.workers:
            signal_group(pid, signal.SIGKILL)  # one that has just been forked has no session yet
        end_sessions(self.workers)

    def _receive(self, size: int) -> bytes:
        data = self._requests.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        return data

    def _watch_children(self) -> None:
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # it only has to wake

    def _answer(self) -> bool:
        request, descriptors, _, _ = socket.recv_fds(self._requests, RECORD.size, DESCRIPTORS, socket.MSG_WAITALL)
        if len(request) < RECORD.size:
            return False
        verb, pid, value, _ = RECORD.unpack(request)
        if verb == REAP:
            self._awaited.add(pid)
            self._reap()
        elif verb == WARM:
            self._fork(descriptors, WARM_DESCRIPTORS)
        else:
            self._asked.append((value, descriptors))
            self._fork_waiting()
        return True

    def _fork_waiting(self) -> None:
        while self._asked and self._asked[0][0] <= self._imported:
            _, descriptors = self._asked.popleft()
            if self.preloading is not None and self.preloading.is_outdated():
                self.report(OUTDATED, 0, 0)
                for fd in descriptors:
                    os.close(fd)
            else:
                self._fork(descriptors, DESCRIPTORS)

    def _fork(self, descriptors: Sequence[int], expected: int) -> None:
        kept = -1
        try:
            if len(descriptors) < expected:  # the kernel drops those for which there is no room
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            lifeline = descriptors[LIFELINE if expected == DESCRIPTORS else 1]
            threads = _threads()
            pid = self._fork_safely(descriptors, expected, threads)
        except OSError as error:
            self.report(REFUSED, 0, error.errno or 0)
        else:
            self.workers[pid] = kept = lifeline
            self.report(FORKED if threads == 1 else SPAWNED, pid, threads)
        for fd in descriptors:
            if fd != kept:
                os.close(fd)

    def _fork_safely(self, descriptors: Sequence[int], expected: int, threads: int) -> int:
        """Fork a worker or a warm server, or start a worker afresh where this process has threads; return its id."""
        if threads > 1:
            if expected == WARM_DESCRIPTORS:
                raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
            return _spawn(descriptors)
        if self.preloading is not None:
            self.preloading.make_ready()
        pid = os.fork()
        if pid == 0:
            self._become_another(descriptors, expected)
        return pid

    def _become_another(self, descriptors: Sequence[int], expected: int) -> None:
        """Become a worker, or a warm server; does not return."""
        try:
            os.setsid()  # Ctrl-C in a terminal is the engine's business; and its group can be killed
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._requests.close()
            for fd in (self._woken, self._wake, self._lifeline, *self.workers.values()):
                os.close(fd)
            for _, waiting in self._asked:
                for fd in waiting:
                    os.close(fd)
            if expected == WARM_DESCRIPTORS:
                _become_warm_server(*descriptors)
            if self.preloading is not None:
                self.preloading.hand_over(descriptors)
            worker.main(*descriptors)
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)  # as an interpreter does
        finally:
            os._exit(1)

    def _reap(self) -> None:
        self._look_for_the_dead()
        for pid in self._awaited & self._ended if _CAN_LOOK else set(self._awaited):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                self._forget(pid)
                self.report(REAPED, pid, os.waitstatus_to_exitcode(status), peak_rss_of(usage.ru_maxrss))

    def _look_for_the_dead(self) -> None:
        """Kill what ended workers have left, while no other process has their ids."""
        if _CAN_LOOK:
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            dead = {pid for pid in self.workers.keys() - self._ended if os.waitid(os.P_PID, pid, how) is not None}
            end_sessions(dead)
            self._ended |= dead

    def _forget(self, pid: int) -> None:
        if not _CAN_LOOK:
            end_sessions({pid})
        self._awaited.discard(pid)
        self._ended.discard(pid)
        os.close(self.workers.pop(pid))


def _threads() -> int:
    """Return the number of threads of this process."""
    try:
        return len(os.listdir("/proc/self/task"))  # those of C code, too
    except OSError:  # not Linux
        return threading.active_count()


def _spawn(descriptors: Sequence[int]) -> int:
    """A worker in a fresh interpreter; its process id."""
    code = _WORKER.format(path=sys.path, descriptors=tuple(descriptors))
    for fd in descriptors:
        os.set_inheritable(fd, True)
    try:
        return os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ, setsid=True)
    finally:
        os.set_inheritable(descriptors[LIFELINE], False)  # it stays open here; later workers have their own
