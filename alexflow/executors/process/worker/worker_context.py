"""``WorkerContext``: the task that a worker process runs, as its own code sees it through :data:`alexflow.current`.

There is one object for all jobs of a worker, so that a task that asks for nothing costs an attribute. What the process
does not know it asks the engine for, once an attempt.

A job that has asked whether it is to stop is not interrupted by SIGTERM: it saves what it needs, and ends. The engine
sees in the status page that there is such a job, and sends the signal to the worker alone: the job's own children, such
as those that load its data, are needed until it has saved.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from alexflow.errors import HookError, NotInTask
from alexflow.executors.attempt_host import AttemptFacts
from alexflow.executors.process.wire.messages import (
    FactsReply,
    FactsRequest,
    Hello,
    JobMessage,
    Reported,
    SpentReport,
    TaskReply,
    TaskRequest,
)
from alexflow.executors.process.wire.status_page import StatusPage
from alexflow.executors.process.worker.unpack import unpacker
from alexflow.executors.task_context import TaskContext
from alexflow.executors.task_report import Reports, TaskReport
from alexflow.forks import contained, this_process
from alexflow.hooks import as_cause, class_name, text_of
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: Sends the engine a question and waits for the answer.
Ask = Callable[[TaskRequest | FactsRequest], TaskReply | FactsReply]

_NO_JOB = JobMessage(0, 0, [], "")


class WorkerContext(TaskContext):
    """The job that is running.

    Args:
        status_page: where the engine sees whether a job asks to be stopped politely.
        ask: asks the engine.
        send: sends it something in the middle of a job.

    Attributes:
        job: the job; set by the worker before each.
        opened: the storage, once it is open.
        reports: those of the running job, if it has made any.
    """

    def __init__(self, status_page: StatusPage, ask: Ask, send: Callable[[Reported | SpentReport], None]):
        self.job = _NO_JOB
        self._pickled_storage = b""
        self._failure: HookError | None = None  # of the initializer
        self.opened: Storage | None = None
        self._status_page = status_page
        self._ask = ask
        self._send = send
        self._process = this_process.generation
        self._pruned = -1
        self.reports: Reports | None = None
        self._asked_for = _NO_JOB
        self._facts = AttemptFacts()
        self._watched_by = _NO_JOB
        self._is_stop_requested = False
        self._stopped = -1

    @property
    def task_id(self) -> str:
        return self.job.task_id

    @property
    def storage(self) -> Storage:
        if self.opened is None:
            if self._failure is not None:
                raise self._failure
            storage: Storage = pickle.loads(self._pickled_storage)
            self.opened = storage.with_read_cache()
        return self.opened

    def begin(self, hello: Hello) -> None:
        """Apply what comes before all jobs, and call the initializer; if that raises, jobs will."""
        self._pickled_storage = hello.storage
        if hello.initializer is not None:
            unpacker.add([hello.initializer])
            try:
                contained(unpacker.thing(hello.initializer.number))
            except BaseException as error:  # whatever it does
                name, why = hello.initializer.name.replace(":", "."), f"{class_name(type(error))}: {text_of(error)}"
                self._failure = HookError("Workers", f"initializer {name}", why)
                self._failure.__cause__ = as_cause(error)

    def fetch_task(self, task_id: str) -> AbstractTask:
        """Fetch the task behind an output from the engine."""
        reply = cast(TaskReply, self._ask(TaskRequest(self.job.number, task_id)))
        if reply.error:
            raise LookupError(reply.error)
        return unpacker.unpack(reply.cls, reply.fields)

    @property
    def facts(self) -> AttemptFacts:
        job = self.job
        if self._asked_for is not job:
            self._facts = cast(FactsReply, self._ask(FactsRequest(job.number))).facts
            self._asked_for = job
        return self._facts

    @property
    def deadline(self) -> float | None:
        timeout = self.facts.timeout
        return None if timeout is None else self._status_page.read().since + timeout

    @property
    def devices(self) -> dict[str, list[int | str]]:
        from alexflow.executors.devices import bound_devices  # deferred: few tasks ask

        return bound_devices()

    def stop_requested(self) -> bool:
        if self._watched_by is not self.job:
            self._watched_by = self.job
            self._status_page.watch_stop(self.job.number)
        return self._is_stop_requested or self._stopped == self.job.number or self.is_pruned()

    @property
    def watches_stop(self) -> bool:
        """Whether the running job asks whether it is to stop, and so ends by itself."""
        return self._watched_by is self.job

    def is_pruned(self) -> bool:
        return self._pruned == self.job.number

    def prune(self, number: int) -> None:
        """Note that a job is to end early."""
        self._pruned = number

    def report(self, report: TaskReport) -> None:
        if this_process.generation != self._process:
            raise NotInTask("a process that a task has forked reports nothing; report from the task's own process")
        if self.reports is None:
            self.reports = Reports(partial(self._send_report, self.job.number))
        self.reports.add(report)

    def spent(self, amounts: Mapping[str, float]) -> None:
        self._send(SpentReport(self.job.number, dict(amounts)))

    def _send_report(self, number: int, report: TaskReport) -> None:
        self._send(Reported(number, report))

    def flush_reports(self) -> None:
        """Send what the job has reported last, as it has ended."""
        reports, self.reports = self.reports, None
        if reports is not None:
            reports.flush()

    def request_stop(self, number: int = 0) -> None:
        """Note that this job is to end; without a number, that the process is."""
        if number:
            self._stopped = number
        else:
            self._is_stop_requested = True


#: The context of the worker that this process is, if it serves.
of_process: list[WorkerContext] = []


def request_stop(number: int, frame: object) -> None:
    """Handle SIGUSR1: the running job is asked to save and end. A function of its module, so that it can be pickled."""
    for context in of_process:
        context.request_stop()
