"""Imports in a warm server, the fork server that workers find modules in.

A module is fit for it if the process can be forked afterwards as it could be before: it has one thread, nothing new is
open, no memory is shared with whatever is forked, no process was started, and there is no context on a device.
Numerical libraries would start threads as they are loaded, and the environment keeps them from it; a worker gets its
share (:func:`alexflow.executors.library_threads.share_among_loaded`). After the first module that is not fit, the
process is of no use any more.

What is printed while modules are imported is kept, and each worker prints it, as if it had imported them itself. The
same holds for what is logged.

Rejected: a check of what a module *will* do (nothing says so but its import); ending the threads that an import has
started (the library would count on them); going on without a thread, as ``fork`` does (locks that it held stay locked).
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from collections.abc import Collection, Sequence
from types import ModuleType

from alexflow.executors.library_threads import ONE_THREAD, can_share_among_loaded
from alexflow.executors.process.wire.defects import Defect
from alexflow.executors.process.wire.environment import apply_environment, imported
from alexflow.executors.process.wire.fork_protocol import WRITING, Preload
from alexflow.executors.process.wire.reentry import reentry
from alexflow.executors.process.worker.import_hook import when_imported
from alexflow.executors.process.worker.random_states import RandomStates
from alexflow.forks import contained
from alexflow.hooks import class_name, text_of

#: Bytes of each stream that are kept of what imports print.
MOST_PRINTED = 16 * 1024

#: New objects after which Python looks for cyclic garbage while modules are imported: hardly any of them is.
IMPORT_GC_THRESHOLD = 200_000

#: Where the packages of an environment are; all else may be edited while an engine is open.
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", os.path.dirname(os.__file__) + os.sep)


class UnfitError(Exception):
    """After an import this process cannot be forked any more.

    Args:
        defect: why.
        number: how many of what is too many.
        text: what was raised.
    """

    def __init__(self, defect: Defect, number: int = 0, text: str = ""):
        super().__init__(defect.name)
        self.defect = defect
        self.number = number
        self.text = text


class Preloading:
    """Imports modules in this process, and has its forks be as if they had imported them.

    Args:
        preload: which, and the process environment.
    """

    def __init__(self, preload: Preload):
        reentry.in_worker = True  # no module opens an engine here
        self._printed = [os.memfd_create("alexflow-printed") for _ in range(2)]
        for stream, file in enumerate(self._printed, start=1):
            os.dup2(file, stream)
        self._random = RandomStates()
        self._files: dict[str, tuple[int, int]] = {}
        gc.set_threshold(IMPORT_GC_THRESHOLD)  # of a worker it is set again
        apply_environment(preload.environment)
        imported.environment = preload.environment
        when_imported("logging", lambda: self._keep_records(preload.environment.levels, preload.environment.disabled))
        self._before = _descriptors()
        self._mapped = _shared_memory()

    def import_module(self, name: str) -> bool:
        """Import a module; False if there is none of that name.

        Raises:
            UnfitError: after this the process must not be forked.
        """
        replaced = {variable: os.environ.get(variable) for variable in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            contained(importlib.import_module, name)
        except BaseException as error:  # whatever a module does when it is imported
            if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
                return False
            raise UnfitError(Defect.RAISED, text=f"{class_name(type(error))}: {text_of(error)}") from None
        finally:
            for variable, value in replaced.items():
                if os.environ.get(variable) == ONE_THREAD[variable]:  # else the module has set it
                    os.environ.pop(variable)
                    if value is not None:
                        os.environ[variable] = value
        return True

    def check(self, workers: Collection[int], held: Collection[int]) -> None:
        """Check that this process can be forked.

        Args:
            workers: its forks.
            held: descriptors that it has for them.

        Raises:
            UnfitError: it cannot.
        """
        if (threads := len(os.listdir("/proc/self/task"))) > 1:
            raise UnfitError(Defect.THREADS, threads - 1)
        if new := {fd for fd, _ in _descriptors() - self._before if fd not in held}:
            raise UnfitError(Defect.DESCRIPTORS, len(new))
        if _shared_memory() - self._mapped:
            raise UnfitError(Defect.MEMORY)
        if children := _children() - {*workers}:
            raise UnfitError(Defect.PROCESSES, len(children))
        if _has_device_context():
            raise UnfitError(Defect.DEVICES)
        if not can_share_among_loaded(os.environ):
            raise UnfitError(Defect.LIMITS)

    def note_files(self) -> None:
        """Note the files of modules that may be edited."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
            if isinstance(file, str) and file not in self._files and not any(part in file for part in INSTALLED):
                self._files[file] = _version(file)

    def is_outdated(self) -> bool:
        """Whether a file has changed since it was imported."""
        return any(_version(file) != version for file, version in self._files.items())

    def make_ready(self) -> None:
        """Prepare for forks."""
        self._random.look()
        gc.freeze()  # the collector of a worker must not touch, and thereby copy, what is shared with all others
        sys.stdout.flush()
        sys.stderr.flush()

    def hand_over(self, descriptors: Sequence[int]) -> None:
        """Make this process, a fork, what it would be if it had imported the modules itself.

        Args:
            descriptors: of the worker that it is about to become.
        """
        self._random.renew()
        for file, pipe in zip(self._printed, descriptors[WRITING], strict=True):
            if printed := os.pread(file, MOST_PRINTED, 0):
                os.write(pipe, printed)
            os.close(file)
        if process := sys.modules.get("multiprocessing.process"):
            process.current_process().authkey = os.urandom(32)  # else forks of two workers could join each other

    def _keep_records(self, levels: dict[str, int], disabled: int) -> None:
        from alexflow.executors.process.worker.log_handler import KeptRecords, install  # imports logging

        install(KeptRecords(), levels, disabled)


def timed(preloading: Preloading, name: str, workers: Collection[int], held: Collection[int]) -> tuple[bool, int]:
    """Import a module and check the process. Return whether it is there, and the microseconds that it took.

    Raises:
        UnfitError: as :meth:`Preloading.check`.
    """
    started = time.monotonic()
    is_there = preloading.import_module(name)
    preloading.check(workers, held)
    preloading.note_files()
    return is_there, int((time.monotonic() - started) * 1e6)


def _descriptors() -> set[tuple[int, str]]:
    """The open descriptors of this process, each with what it is open on."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add((int(fd), os.readlink(f"/proc/self/fd/{fd}")))
        except FileNotFoundError:  # that of the directory itself
            continue
    return found


def _shared_memory() -> set[bytes]:
    """The mappings that a fork would write into together with this process."""
    with open("/proc/self/maps", "rb") as file:
        return {line for line in file if line.split(None, 2)[1] == b"rw-s"}


def _children() -> set[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return {int(pid) for pid in file.read().split()}
    except FileNotFoundError:  # the kernel was built without it
        return set()


def _has_device_context() -> bool:
    cuda = sys.modules.get("torch.cuda")
    return cuda is not None and bool(cuda.is_initialized())


def _version(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
