"""Threads of numerical libraries that a process has loaded already: bounded with threadpoolctl, where that is there."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from contextlib import ExitStack
from typing import Any

from alexflow.blocks_briefly import blocks_briefly

logger = logging.getLogger("alexflow")


class LoadedLibraries:
    """Bounds the threads of libraries that this process has loaded, until it is closed.

    BLAS has one number for the process, and one thread that may set it: the event loop's. OpenMP has a number for each
    thread.

    Args:
        threads: how many each may use.
    """

    def __init__(self, threads: int):
        self._threads = threads
        self._bounded = ExitStack()
        self._modules = 0  # that were loaded when BLAS was bounded
        self._seen = threading.local()
        self._limits: Any = None  # threadpoolctl's function, with the first task

    @blocks_briefly("once for what is loaded, and only where it is asked for")
    def bound_process(self) -> None:
        """On the event loop, before each task: bound what has been loaded since the last time."""
        if not self._modules:
            self._load()
        modules = len(sys.modules)
        if self._limits is not None and modules != self._modules:
            self._modules = modules
            self._bounded.enter_context(self._limits(self._threads, user_api="blas"))

    @blocks_briefly("once for what is loaded, and only where it is asked for")
    def _load(self) -> None:
        self._modules = -1
        try:
            self._limits = importlib.import_module("threadpoolctl").threadpool_limits
        except ImportError:
            logger.warning(
                "Workers(threads=%d) does not hold for tasks in threads, as threadpoolctl is missing: "
                "pip install 'alexflow[threads]'",
                self._threads,
            )

    def bound_thread(self, threads: int = 0) -> None:
        """In a task's thread, before the task: the same for the thread.

        Args:
            threads: how many; 0 for as many as for any task. (BLAS has one number for all threads, which stays.)
        """
        bound = len(sys.modules), threads or self._threads
        if self._limits is not None and bound != getattr(self._seen, "bound", None):
            self._seen.bound = bound
            self._limits(bound[1], user_api="openmp")

    def close(self) -> None:
        """On the event loop: give back what was before."""
        self._bounded.close()
