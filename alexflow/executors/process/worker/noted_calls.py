"""Calls by which a task may change its process, noted: that none was made is then known without looking.

What is listed here Python code can change by these functions only. So each is wrapped, under all names that it has, in
a callable that sets a flag. C code calls none of them. A process has such code once it has loaded an extension module
that is neither Python's own nor alexflow's, or ``ctypes``; that is noted, too.

A wrapped function stays so for as long as the process lives. So this is for processes that are alexflow's own: workers,
and the fork server, where a module of the user's may take ``from os import chdir`` before there is a worker.

Rejected: an audit hook, which is called for each file that is opened; wrappers made as functions, which would be bound
as methods where a class has one as an attribute.
"""

from __future__ import annotations

import _imp
import _signal  # type: ignore[import-not-found]
import _socket
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from typing import Any

#: Of the operating system's functions, as ``os`` and ``posix`` have them.
_OF_SYSTEM = (
    *("chdir", "fchdir", "umask", "closerange", "dup", "dup2", "pipe", "pipe2", "nice", "setpriority"),
    *(
        "chroot",
        "setns",
        "unshare",
        "setuid",
        "seteuid",
        "setreuid",
        "setresuid",
        "setgid",
        "setegid",
        "setregid",
        "setresgid",
    ),
)
_OF_SIGNALS = ("signal", "set_wakeup_fd", "pthread_sigmask", "alarm", "setitimer")

#: Modules of Python's own by which any code is called, or the process changed.
_NATIVE = frozenset({"_ctypes", "_lsprof", "_tkinter", "readline", "resource"})

#: Packages that alexflow needs: their extension modules change nothing.
_HARMLESS = frozenset({*sys.stdlib_module_names, "msgspec"})


class Noted:
    """Calls in this process that may have changed it.

    Attributes:
        changed: whether one of the functions has been called since this was set back.
        has_audit_hook: whether an audit hook has been added since this was set back; it could not be removed.
        is_native: whether there is other code that could change the process.
    """

    def __init__(self) -> None:
        self.changed = False
        self.has_audit_hook = False
        self.is_native = False
        self._watches = False

    def watch(self) -> None:
        """Note calls from now on."""
        if self._watches:
            return
        self._watches = True
        posix = sys.modules[os.open.__module__]
        for name in _OF_SYSTEM:
            _wrap(name, posix, os)
        for name in _OF_SIGNALS:  # some are functions of Python's in `signal`, which look up those of `_signal`
            _wrap(name, _signal, signal)
        _wrap("setdefaulttimeout", _socket, socket)
        _wrap("setrecursionlimit", sys)
        sys.addaudithook = _NotedAuditHook(sys.addaudithook)
        _wrap("disable", gc)
        for name in ("create_dynamic", "create_builtin"):
            setattr(_imp, name, _NotedImport(getattr(_imp, name)))
        for name, module in list(sys.modules.items()):
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            if isinstance(loader, ExtensionFileLoader) and name != "resource":  # that one is alexflow's own, so far
                self.load(name)

    def load(self, name: str) -> None:
        """Note that an extension module is loaded."""
        if name in _NATIVE or name.partition(".")[0] not in _HARMLESS:
            self.is_native = True


noted = Noted()


class _NotedCall:
    """A function that sets the flag before it does what it does."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        noted.changed = True
        return self._function(*arguments, **named)

    def __repr__(self) -> str:
        return repr(self._function)

    def __reduce__(self) -> str:
        return self._function.__name__  # pickled by name, as a function is


class _NotedAuditHook(_NotedCall):
    """The call that adds an audit hook."""

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        noted.has_audit_hook = True
        return super().__call__(*arguments, **named)


class _NotedImport(_NotedCall):
    """The call that makes the extension module of a spec."""

    def __call__(self, spec: Any, /, *arguments: Any) -> Any:
        noted.load(spec.name)
        return self._function(spec, *arguments)


def _wrap(name: str, *modules: Any) -> None:
    function = getattr(modules[0], name, None)
    if function is None:  # not on this system
        return
    wrapped = _NotedCall(function)
    for module in modules:
        if getattr(module, name) is function:
            setattr(module, name, wrapped)
    if function in os.supports_fd:
        os.supports_fd.add(wrapped)
