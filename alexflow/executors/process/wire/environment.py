"""The environment of a worker: what a process inherits from its parent comes from the engine, not the fork server.

The template may have been started long before, and a fresh interpreter would see what is there at its own start.
Everything else that a process has of its parent (its limits, its umask) is as it was when the template was started.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

from alexflow.executors.library_threads import apply_thread_share
from alexflow.executors.process.wire.main_module import main_module
from alexflow.executors.process.wire.messages import ProcessEnvironment


def capture_environment(threads: int, token: bytes, levels: dict[str, int], disabled: int) -> ProcessEnvironment:
    """Capture the environment of this process, with what else a worker needs (:class:`ProcessEnvironment`).

    Args:
        threads: how many libraries may start in the worker; 0 leaves them alone.
        token: see :class:`ProcessEnvironment`, also for the rest.
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
    return ProcessEnvironment(
        path, variables, directory, token, levels, disabled, arguments, main_module.file(), main_module.spec()
    )


def apply_environment(captured: ProcessEnvironment) -> None:
    """Apply an environment to this process."""
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
    main_module.remember(os.fsdecode(captured.main_file), captured.main_spec)
    sys.path_importer_cache.clear()  # what has been found where, up to when the template was started
