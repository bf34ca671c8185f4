"""The environment of a worker: what a process inherits from its parent comes from the engine, not the fork server.

The fork server may have been started long before, and a fresh interpreter would see what is there at its own start.
Everything else that a process has of its parent (its limits, its umask) is as it was when the fork server was started.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType

from alexflow.executors.library_threads import apply_thread_share, share_among_loaded
from alexflow.executors.process.wire.main_module import main_module
from alexflow.executors.process.wire.messages import ProcessEnvironment

NOTHING: Mapping[str, str] = MappingProxyType({})


def capture_environment(
    threads: int, token: bytes, levels: dict[str, int], disabled: int, devices: Mapping[str, str] = NOTHING
) -> ProcessEnvironment:
    """Capture the environment of this process, with what else a worker needs (:class:`ProcessEnvironment`).

    Args:
        threads: how many libraries may start in the worker; 0 leaves them alone.
        token: see :class:`ProcessEnvironment`, also for the rest.
        devices: variables that make a worker see the devices to which it is bound.
    """
    environment = dict(os.environ)
    apply_thread_share(threads, environment)
    variables = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    path = [os.fsencode(entry) for entry in sys.path if isinstance(entry, str)]  # Python passes over all others, too
    try:
        directory = os.getcwdb()
    except FileNotFoundError:  # it has been removed; on Linux it can still be entered
        directory = b"/proc/%d/cwd" % os.getpid()
    arguments = [os.fsencode(argument) for argument in sys.argv if isinstance(argument, str)]
    main = main_module.file(), main_module.spec()
    bound = {os.fsencode(name): os.fsencode(value) for name, value in devices.items()}
    return ProcessEnvironment(path, variables, directory, token, levels, disabled, arguments, *main, bound)


class Imported:
    """The environment in which this process has imported modules for its forks, if it has."""

    environment: ProcessEnvironment | None = None


imported = Imported()


def is_same(one: ProcessEnvironment, other: ProcessEnvironment) -> bool:
    """Whether a module that is imported finds the same in both."""
    return all(getattr(one, name) == getattr(other, name) for name in ("path", "environment", "directory", "arguments"))


def apply_environment(captured: ProcessEnvironment) -> None:
    """Apply an environment to this process."""
    if imported.environment is not None and is_same(imported.environment, captured):
        share_among_loaded(os.environ)  # all else is as the imports have left it
    else:
        _apply(captured)
    os.environb.update(captured.devices)  # libraries look when they are first used, not when they are imported
    main_module.remember(os.fsdecode(captured.main_file), captured.main_spec)
    sys.path_importer_cache.clear()  # what has been found where, up to when the fork server was started


def _apply(captured: ProcessEnvironment) -> None:
    environment = os.environb
    if environment != captured.environment:
        for name in environment.keys() - captured.environment.keys():
            del environment[name]
        environment.update(captured.environment)
        time.tzset()  # as at the start of an interpreter
    with contextlib.suppress(OSError):  # it has been removed, or the engine itself may not enter it any more
        os.chdir(captured.directory)
    sys.path[:] = [os.fsdecode(entry) for entry in captured.path]
    sys.argv[:] = [os.fsdecode(argument) for argument in captured.arguments]
