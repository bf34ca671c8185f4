"""SIGTERM in a worker: it ends the job that is running, and the worker, too, unless it is meant for that job only.

The engine notes in the page which job it means before it sends the signal; what others send is meant for the process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from alexflow.errors import TaskStopped
from alexflow.executors.process.wire.status_page import StatusPage
from alexflow.executors.process.worker.leftovers import ThreadsBefore, is_importing, leftovers
from alexflow.executors.process.worker.worker_context import WorkerContext
from alexflow.storage import Transaction
from alexflow.type_vars import T

#: Seconds after which a signal is sent again that came during a fork.
_SENT_AGAIN_AFTER = 0.001


class JobInterruption:
    """The interruption of the running job, or of the process, by SIGTERM.

    Args:
        page: where the engine notes which job it means.
        context: of the job that is running.
        end: ends this process.

    Attributes:
        is_due: whether the job that is running is to end.
        terminated: whether the process is.
        transaction: of the job that is running.
        is_waiting: whether the worker waits for work.
        is_asking: whether it is in the middle of a job's conversation with the engine, which nothing must interrupt.
        threads: those that there were before the job.
        is_forking: whether the job is in the hooks of a fork.
    """

    def __init__(self, page: StatusPage, context: WorkerContext, end: Callable[[], NoReturn]):
        self._page = page
        self._context = context
        self._end = end
        self.is_due = False
        self.terminated = False
        self.transaction: Transaction | None = None
        self.is_waiting = False
        self.is_asking = False
        self.threads = ThreadsBefore()
        self.is_forking: Callable[[], bool] = bool
        self._was_importing = False  # where it was interrupted
        self._has_raised = False

    def take_sigterm(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal; called between any two steps of the main thread."""
        if self.is_forking():  # what is raised would be lost in the hook of the fork
            threading.Timer(_SENT_AGAIN_AFTER, os.kill, (os.getpid(), number)).start()
            return
        job = self._page.take_job_to_end()
        if job and job != self._page.read().running:  # it is over
            return
        self.is_due = True
        if not job:
            self.terminated = True
            if self.is_waiting:
                self._end()
        self._context.request_stop(job)
        self._interrupt(frame)

    def end_early(self) -> None:
        """End the process, or the job, which has not begun its own work."""
        if self.terminated:
            self._end()
        self._raise()

    def undisturbed(self, converse: Callable[[], T]) -> T:
        """Write or read in the middle of a job: SIGTERM, which only the main thread handles, must not interrupt it."""
        self.is_asking = True
        try:
            return converse()
        finally:
            self.is_asking = False
            if self.is_due:
                self._interrupt(None)

    def end(self) -> str:
        """Note that the job has ended that was to end; end the process if that is.

        Returns:
            The leftovers of the job, because of which the process has to end after all; "" for none.
        """
        if self.terminated:
            self._end()
        left = "a half-imported module" if self._was_importing else leftovers(self.threads)
        self.is_due = self._was_importing = self._has_raised = False
        return left

    def _interrupt(self, frame: FrameType | None) -> None:
        """Raise in the running job that it is to end, once, unless it asks for that itself, or publishes."""
        if self._has_raised or self.is_asking or self._context.watches_stop:
            return
        if self.transaction is not None and self.transaction.revoke():
            self._was_importing = is_importing(frame)
            self._raise()

    def _raise(self) -> NoReturn:
        self._has_raised = True
        raise TaskStopped("the run was cancelled, the task took longer than its timeout, or its process is to end")
