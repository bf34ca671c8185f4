"""What a process takes over from the one that starts it: a worker gets it from its engine, not from the template.

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


def present(threads: int, token: bytes, levels: dict[str, int], disabled: int) -> ProcessEnvironment:
    """Those of this process, now, and what else a worker has to know (:class:`ProcessEnvironment`).

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


def enter(surroundings: ProcessEnvironment) -> None:
    """Make them those of this process."""
    environment = os.environb
    if environment != surroundings.environment:
        for name in environment.keys() - surroundings.environment.keys():
            del environment[name]
        environment.update(surroundings.environment)
        time.tzset()  # as at the start of an interpreter
    with contextlib.suppress(OSError):  # it has been removed, or the engine itself may not enter it any more
        os.chdir(surroundings.directory)
    sys.path[:] = [os.fsdecode(entry) for entry in surroundings.path]
    sys.argv[:] = [os.fsdecode(argument) for argument in surroundings.arguments]
    main_module.remember(os.fsdecode(surroundings.main_file), surroundings.main_spec)
    sys.path_importer_cache.clear()  # what has been found where, up to when the template was started
