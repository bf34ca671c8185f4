"""Threads of numerical libraries that a process has loaded already: bounded with threadpoolctl, where that is there."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from contextlib import ExitStack
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.library_threads import bound_openmp

logger = logging.getLogger("alexflow")

#: What has been imported where anything is that may start OpenMP's threads: before that there is nothing to look for.
_COMES_WITH_OPENMP = frozenset(("numpy", "torch"))


class LoadedLibraries:
    """Bounds the threads that libraries start for tasks in threads of this process.

    OpenMP has a number for each thread, and a task's thread is the executor's own: it gets the task's share. BLAS has
    one number for the process, which is the application's. That is set only if it was asked for, by the one thread that
    may do it, the event loop's, and until this is closed.

    Args:
        share: how many a task may use that asks for nothing.
        asked: how many libraries may use in this process; 0 if that was not asked for.
    """

    def __init__(self, share: int, asked: int):
        self._share = share
        self._asked = asked
        self._bounded = ExitStack()
        self._modules = 0  # that were loaded when BLAS was bounded
        self._seen = threading.local()
        self._limits: Any = None  # threadpoolctl's function, with the first task

    @blocks_briefly("once for what is loaded, and only where it is asked for")
    def bound_process(self) -> None:
        """On the event loop, before each task: bound what has been loaded since the last time."""
        if not self._asked:
            return
        if not self._modules:
            self._load()
        modules = len(sys.modules)
        if self._limits is not None and modules != self._modules:
            self._modules = modules
            self._bounded.enter_context(self._limits(self._asked, user_api="blas"))

    @blocks_briefly("once for what is loaded, and only where it is asked for")
    def _load(self) -> None:
        self._modules = -1
        try:
            self._limits = importlib.import_module("threadpoolctl").threadpool_limits
        except ImportError:
            logger.warning(
                "Workers(threads=%d) does not hold for tasks in threads, as threadpoolctl is missing: "
                "pip install 'alexflow[threads]'",
                self._asked,
            )

    def bound_thread(self, threads: int = 0) -> None:
        """In a task's thread, before the task: bound what OpenMP starts for it.

        Args:
            threads: how many; 0 for as many as for any task.
        """
        bound = len(sys.modules), threads or self._share
        if bound != getattr(self._seen, "bound", None) and not sys.modules.keys().isdisjoint(_COMES_WITH_OPENMP):
            self._seen.bound = bound
            bound_openmp(bound[1])

    def close(self) -> None:
        """On the event loop: give back what was before."""
        self._bounded.close()
