"""Settings of the process that a task may change, and that are put back after it (docs/running-tasks.md lists them).

Nearly all tasks change nothing, so the cost of detecting that counts. What changes settings from Python is noted
(`process/worker/noted_calls.py`), and so is whether there is code of another kind. After a short task of Python code,
of which nothing has been noted, a few comparisons are all. After others the settings are restored, at a system call for
each of those that Python does not know; what takes long to do harm then waits until the worker reports.

What the import of a task's module has changed is meant to stay; so what is put back is what was there when the last
import was over. Some changes cannot be taken back, or not for sure: a worker whose limits have been lowered, or that
has another user, another root directory, a worse priority or an audit hook, is replaced.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time

# without the enumerations that the signal module makes of numbers
from _signal import getsignal as _getsignal  # type: ignore[import-not-found]
from _signal import pthread_sigmask as _sigmask
from operator import call
from typing import Any

from alexflow.executors.process.worker.limits import limits, lowered
from alexflow.executors.process.worker.noted_calls import noted

_names = vars(os)  # a task may delete some
# as they are before calls of them are noted: what is called after each task must not look like a change by the next one
_umask, _fchdir, _alarm = os.umask, os.fchdir, signal.alarm

#: Settings are restored after each task that took so long, whatever has been noted: it costs a hundredth of its time.
LONG = 0.0002  # seconds

#: Signals whose handlers programs set.
SIGNALS = tuple(
    int(getattr(signal, name))
    for name in (
        *("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGCHLD", "SIGPROF"),
    )
)

_gettrace, _getprofile = sys.gettrace, sys.getprofile

#: Settings of which Python has the value: read in one call and compared in one, which costs least.
_PROBES = (sys.getrecursionlimit, socket.getdefaulttimeout, gc.isenabled, _gettrace, _getprofile)


class WatchedEnvironment(type(os.environ)):  # type: ignore[misc]
    """``os.environ`` with a flag for changes: comparing it after each task would take longer."""

    has_changed = False

    def __setitem__(self, key: Any, value: Any) -> None:
        WatchedEnvironment.has_changed = noted.changed = True
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        WatchedEnvironment.has_changed = noted.changed = True
        super().__delitem__(key)


class ProcessSettings:
    """Settings of this process, as every task is to find them."""

    def __init__(self) -> None:
        for environment in (os.environ, os.environb):
            setattr(environment, "__class__", WatchedEnvironment)  # noqa: B010  # one class is as good as the other
        self._terminate = signal.getsignal(signal.SIGTERM)  # the worker's own, whatever a module sets
        self._directory = -1  # a descriptor
        self._directory_identity = (0, 0)
        sys.modules.pop("resource", None)  # imported again, it may have been used to change limits
        self.remember()

    def remember(self) -> None:
        """Take the present settings for those to be put back, as a module has been imported."""
        signal.signal(signal.SIGTERM, self._terminate)
        self._directory = self._hold_directory()
        self._umask = _umask(0o77)
        _umask(self._umask)
        self._text, self._binary = os.environ, os.environb
        self._variables = dict(os.environb)
        WatchedEnvironment.has_changed = False
        self._handlers = list(map(_getsignal, SIGNALS))
        self._mask = _sigmask(signal.SIG_BLOCK, ())
        self._limits = limits()
        self._recursion_limit = sys.getrecursionlimit()
        self._timeout = socket.getdefaulttimeout()
        self._collects = gc.isenabled()
        self._trace, self._profile = sys.gettrace(), sys.getprofile()
        self._priority, self._user, self._root = _priority(), _user(), _root()
        self._probed = list(map(call, _PROBES))
        noted.changed = noted.has_audit_hook = False

    def may_have_changed(self, seconds: float) -> bool:
        """Return whether a task that took so long may have changed anything."""
        return (
            noted.changed
            or noted.is_native
            or seconds > LONG
            or _names.get("environ") is not self._text
            or _names.get("environb") is not self._binary
            or _gettrace() is not self._trace
            or _getprofile() is not self._profile
        )

    def put_back(self) -> str:
        """Restore the settings after a task that may have changed them.

        Returns:
            The changes that cannot be put back, in words; mostly none.
        """
        is_noted, noted.changed = noted.changed, False
        return self._put_back() or (self.look_closer() if is_noted else "")

    def _put_back(self) -> str:
        _umask(self._umask)
        if list(map(_getsignal, SIGNALS)) != self._handlers:
            self._put_back_handlers()
        if list(map(call, _PROBES)) != self._probed:
            self._put_back_probed()
        try:
            same = os.environ is self._text and os.environb is self._binary
        except AttributeError:  # a task has deleted the names
            same = False
        if not same:
            os.environ, os.environb = self._text, self._binary
        if WatchedEnvironment.has_changed:
            self._put_back_environment()
        try:
            _fchdir(self._directory)  # cheaper than to ask where it is
        except OSError as error:  # a task has closed what is held
            return f"its working directory: {error}"
        return self._lowered_limits() if "resource" in sys.modules else ""

    def look_closer(self) -> str:
        """Restore the settings that can wait until the worker reports, unless a call that changes them has been noted.

        Returns:
            As for :meth:`put_back`.
        """
        _alarm(0)
        if _sigmask(signal.SIG_BLOCK, ()) != self._mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            if signal.getitimer(timer)[0]:
                signal.setitimer(timer, 0)
        if _identity(self._directory) != self._directory_identity:
            return "its working directory"
        if _priority() > self._priority:
            return "its priority (nice)"
        if _user() != self._user:
            return "its user or group"
        if _root() != self._root:
            return "its root directory"
        if noted.has_audit_hook:
            return "its audit hooks"
        return self._lowered_limits()

    def _hold_directory(self) -> int:
        """A descriptor of the working directory: it stays good if that is renamed or removed."""
        if self._directory >= 0 and _identity(self._directory) == self._directory_identity:
            os.close(self._directory)
        held = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
        self._directory_identity = _identity(held)
        return held

    def _lowered_limits(self) -> str:
        now = limits()
        return "" if now == self._limits else ", ".join(lowered(self._limits, now))

    def _put_back_probed(self) -> None:
        if sys.getrecursionlimit() < self._recursion_limit:  # modules that are imported late raise it
            sys.setrecursionlimit(self._recursion_limit)
        if socket.getdefaulttimeout() != self._timeout:
            socket.setdefaulttimeout(self._timeout)
        if self._collects and not gc.isenabled():
            gc.enable()
        if sys.gettrace() is not self._trace:
            sys.settrace(self._trace)
        if sys.getprofile() is not self._profile:
            sys.setprofile(self._profile)
        self._probed = list(map(call, _PROBES))  # some may be other than at first, and may stay so

    def _put_back_handlers(self) -> None:
        for number, handler in zip(SIGNALS, self._handlers, strict=True):
            if handler is not None and _getsignal(number) != handler:  # None: not set by Python, which cannot set it
                signal.signal(number, handler)
        signal.set_wakeup_fd(-1)

    def _put_back_environment(self) -> None:
        environment, variables = os.environb, self._variables
        for name in environment.keys() - variables.keys():
            del environment[name]
        for name, value in variables.items():
            if environment.get(name) != value:
                environment[name] = value
        time.tzset()
        WatchedEnvironment.has_changed = False


def _identity(fd: int) -> tuple[int, int]:
    try:
        status = os.fstat(fd)
    except OSError:  # a task has closed it
        return 0, 0
    return status.st_dev, status.st_ino


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _user() -> tuple[int, int]:
    return os.geteuid(), os.getegid()


def _root() -> tuple[int, int]:
    status = os.stat("/")
    return status.st_dev, status.st_ino
