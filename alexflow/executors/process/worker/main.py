"""The worker process: it takes jobs from the engine and runs them one after the other, in the main thread.

    data channel     engine ──ProcessEnvironment, Hello, Work, TaskReply, FactsReply──▶ worker
                     worker ──JobsDone, JobFailed, TaskRequest, FactsRequest, Reported, Logged, MemoryExceeded──▶ engine
    control channel  engine ──Revoke, Prune──▶ worker ──Revoked──▶ engine   (a thread of its own, while a job runs)

Successes are reported together, at the latest when there is nothing left to do or ``REPORT_EVERY`` has passed;
failures at once. End-of-file on the data channel ends the worker.

SIGTERM ends the job that is running: :class:`TaskStopped` is raised there, so that ``finally`` blocks run, and what the
job has stored is discarded. A job that has begun to publish may finish, and one that asks whether it is to stop ends by
itself (`process/worker/worker_context.py`). If the engine has noted that it means this job, the worker goes on with the
next one, unless the job has left something behind (`process/worker/leftovers.py`). Else it ends as if the signal had
killed it at once: for the engine, which sent the signal or did not, nothing else has happened.

After each job what it has changed in its process is put back (`process/worker/settings.py`). Where that
cannot be done the worker ends after its report; for the engine it has died between two jobs.

A process that a task forks takes no part: it closes the channels at once, and ends where the task's code ends in it
(:mod:`alexflow.forks`).
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from alexflow.executors.attempt import attempt
from alexflow.executors.captured_error import capture_error
from alexflow.executors.enclosing_tasks import of_worker
from alexflow.executors.library_threads import ThreadShare
from alexflow.executors.process.wire.environment import apply_environment
from alexflow.executors.process.wire.lifeline import end_with
from alexflow.executors.process.wire.messages import (
    DefinitionsImported,
    FactsReply,
    FactsRequest,
    Hello,
    JobFailed,
    JobMessage,
    JobsDone,
    Logged,
    MemoryExceeded,
    Message,
    ProcessEnvironment,
    Reported,
    SpentReport,
    TaskReply,
    TaskRequest,
    ToWorker,
    Work,
    frame,
)
from alexflow.executors.process.wire.reentry import reentry
from alexflow.executors.process.wire.sockets import received
from alexflow.executors.process.wire.status_page import StatusPage
from alexflow.executors.process.worker.control_thread import read_control
from alexflow.executors.process.worker.import_hook import when_imported
from alexflow.executors.process.worker.inbox import Inbox
from alexflow.executors.process.worker.job_interruption import JobInterruption
from alexflow.executors.process.worker.noted_calls import noted
from alexflow.executors.process.worker.process_end import shut_down_process
from alexflow.executors.process.worker.request_context import attempt_in
from alexflow.executors.process.worker.settings import ProcessSettings
from alexflow.executors.process.worker.stdio import StdioCapture
from alexflow.executors.process.worker.unpack import unpacker
from alexflow.executors.process.worker.usage import UsageMeter, peak_at
from alexflow.executors.process.worker.worker_context import WorkerContext, of_process, request_stop
from alexflow.forks import end_fork, restore_in_forks, this_process
from alexflow.identity import set_main_module_name
from alexflow.storage import Transaction

if TYPE_CHECKING:
    from alexflow.executors.interface import Usage
    from alexflow.executors.process.worker.log_handler import ForwardingHandler

INFO = 20  # as in logging, which is not loaded

REPORT_EVERY = 0.002  # seconds between reports while there is work

#: New objects after which Python looks for cyclic garbage: a task with very many inputs has as many, and none of it.
WORKER_GC_THRESHOLD = 10_000

#: Numbers of failed jobs that are kept, for jobs that come after them: many times what a worker has at once.
MOST_FAILED = 1 << 15


def main(data: int, control: int, status_page: int, lifeline: int, *pipes: int) -> None:
    """Entry point of the process; the arguments are descriptors that are its own (:data:`DESCRIPTORS`)."""
    for fd in (data, control, status_page, lifeline, *pipes):
        os.set_inheritable(fd, False)  # a task's own children must not keep them open
    end_with(lifeline)
    noted.watch()
    gc.freeze()  # what is there now stays; the collector need not look at it again
    gc.set_threshold(WORKER_GC_THRESHOLD)
    page = StatusPage(status_page)
    os.close(status_page)
    channel = received(data)
    inbox = Inbox(channel)
    first = inbox.receive()
    if isinstance(first, ProcessEnvironment):
        apply_environment(first)
        reading_out, writing_out, reading_err, writing_err = pipes
        capture = StdioCapture((reading_out, reading_err), (writing_out, writing_err), first.token, page)
        worker = Worker(channel, inbox, received(control), page, capture)
        when_imported("logging", lambda: worker.forward_logging(first.levels, first.disabled))
        with suppress(BrokenPipeError, ConnectionResetError):  # the engine has gone, and reads no more
            worker.serve()
        shut_down_process(capture)
    os._exit(0)


class Worker:
    """Runs jobs until the engine closes the channel."""

    def __init__(
        self,
        data: socket.socket,
        inbox: Inbox,
        control: socket.socket,
        status_page: StatusPage,
        capture: StdioCapture,
    ):
        self._data = data
        self._inbox = inbox  # on it
        self._control = control
        self._status_page = status_page
        self._capture = capture
        self._jobs: deque[JobMessage] = deque()  # popped by both threads; each pop is atomic
        self._receiving = threading.Lock()
        self._telling = threading.RLock()  # a report may cause a record to be logged
        self._done: deque[tuple[int, float, Usage]] = deque()  # number and seconds of what has not been reported
        self._usage = UsageMeter()
        self._printed: deque[int] = deque()  # jobs that may have printed something
        self._overtaken: dict[int, tuple[str, ...]] = {}  # of jobs that have not been reported
        self._reported_at = 0.0
        self._running = 0
        self._share = ThreadShare()
        self._failed: set[int] = set()
        self._most_memory = 0
        self._handler: ForwardingHandler | None = None  # once logging is imported
        self._cache_epoch = 0  # another number than before once cached outputs are invalid
        self._is_spoiled = False  # by what a task has changed for good
        self._context = WorkerContext(status_page, self._ask, self._tell)
        self._interruption = JobInterruption(status_page, self._context, self._end_as_terminated)
        self._process = this_process.generation
        reentry.in_worker = True
        unpacker.fetch_task = self._context.fetch_task
        unpacker.importing = status_page.importing
        unpacker.imported = lambda count: self._send(DefinitionsImported(count))

    def serve(self) -> None:
        """Take jobs and run them, until end-of-file."""
        signal.signal(signal.SIGTERM, self._interruption.take_sigterm)
        of_process.append(self._context)
        signal.signal(signal.SIGUSR1, request_stop)
        self._interruption.is_forking = restore_in_forks((signal.SIGTERM, signal.SIGUSR1), self._let_go)
        self._settings = ProcessSettings()
        control = partial(read_control, self._control, self._context.prune, self._give_back)
        threading.Thread(target=control, name="alexflow-control", daemon=True).start()
        interruption = self._interruption
        while not interruption.terminated and not self._is_spoiled:
            try:
                job = self._jobs.popleft()
            except IndexError:
                if not self._has_more():
                    self._pause()
                    if self._is_spoiled:
                        break
                    unpacker.resolve()
                message = self._await_work()
                if message is None:
                    return
                self._take_in(message)
                continue
            self._run(job)
        if interruption.terminated:
            self._end_as_terminated()
        self._report()

    def _let_go(self) -> None:
        """Release what a process that a task has forked has inherited: it is the worker's."""
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        self._data.close()
        self._control.close()
        self._capture.let_go()
        unpacker.let_go()

    def _has_more(self) -> bool:
        if not self._receiving.acquire(blocking=False):  # the other thread reads
            return False
        try:
            return self._inbox.has_more()
        finally:
            self._receiving.release()

    def _await_work(self) -> ToWorker | None:
        with self._receiving:
            self._interruption.is_waiting = True
            if self._interruption.terminated:
                self._end_as_terminated()
            self._interruption.threads.remember()
            message = self._inbox.receive()
            self._interruption.is_waiting = False
            self._usage.start()
        return message

    def _take_in(self, message: ToWorker) -> None:
        if isinstance(message, Work):
            if message.cache_epoch != self._cache_epoch:
                self._cache_epoch = message.cache_epoch
                if self._context.opened is not None:
                    self._context.opened.invalidate()
            unpacker.add(message.definitions)
            self._jobs.extend(message.jobs)
        elif isinstance(message, Hello):
            set_main_module_name(message.main_name)
            self._context.begin(message)
            self._most_memory = message.most_memory
            of_worker.around = message.around

    def _run(self, job: JobMessage) -> None:
        number, interruption = job.number, self._interruption
        if job.after in self._failed:
            self._has_failed(number)
            return
        set_job = self._status_page.set_job
        self._running = number
        context = of_worker.running = self._context
        context.job = job
        if job.threads != self._share.now and self._share.change(job.threads):
            self._settings.remember()
        started = time.monotonic()
        is_ready = unpacker.has_all
        set_job(number, number - 1, started if is_ready else 0.0)
        try:
            # it may fail to open
            storage = context.storage if context.opened is None else context.opened  # the property is a call
            transaction = interruption.transaction = Transaction(storage, replace=job.replace)
            if interruption.is_due:
                interruption.end_early()
            task = unpacker.unpack_job(job.cls, job.fields, job.task_id)
            if not is_ready:
                if unpacker.has_imported:
                    self._remember()
                interruption.threads.remember()
                self._usage.start()
                started = time.monotonic()
                set_job(number, number - 1, started)
            copy_context().run(attempt if job.context is None else attempt_in(job.context), task, transaction)
        except BaseException as error:  # everything that a task can raise is reported, exits too
            if this_process.generation != self._process:
                end_fork(error)
            interruption.transaction = None
            if interruption.is_due:
                self._end_if_stopped(number)
            fault = capture_error(error, travels=True)
            seconds = time.monotonic() - started
            self._has_failed(number)
            printed = self._end(number, seconds, failed=True)
            self._report()
            self._send(JobFailed(number, seconds, fault, printed, peak_at(error)))
            self._usage.has_failed()
            set_job(0, number, 0.0)
            if interruption.is_due:
                self._end_if_stopped(number)
            return
        ended = time.monotonic()
        if self._end(number, ended - started):
            self._printed.append(number)
        set_job(0, number, 0.0)
        if transaction.overtaken:
            self._overtaken[number] = transaction.overtaken
        self._done.append((number, ended - started, self._usage.read(transaction, ended - started, ended)))
        if interruption.is_due:
            self._end_if_stopped(number)
        if ended - self._reported_at > REPORT_EVERY:
            self._pause()

    def _end(self, number: int, seconds: float, *, failed: bool = False) -> bool:
        """Restore the process after a job, for the next one. Return whether the job has printed anything.

        After a failure this looks closer at once: failures are rare, and their report does not wait for a pause.
        """
        printed, changed = False, ""
        try:
            printed = self._capture.end(number)
            if failed or self._settings.may_have_changed(seconds):
                self._capture.put_back()
                changed = self._settings.put_back()
            elif self._capture.is_changed:
                self._capture.put_back()
        except (OSError, ValueError) as error:
            changed = f"its descriptors: {error}"
        if failed and not changed:
            changed = self._look_closer()
        if self._handler is not None:
            self._handler.end(number)
        if self._context.reports is not None:
            self._context.flush_reports()
        if changed:
            self._spoil(number, changed)
        return printed

    def _remember(self) -> None:
        unpacker.note_imports()
        self._settings.remember()

    def _spoil(self, number: int, changed: str) -> None:
        self._is_spoiled = True
        worker = f"worker process {os.getpid()}, which is replaced"
        text = f"a task has changed what cannot be put back in {worker}: {changed}"
        self._send(Logged(number, "alexflow", INFO, text, time.time()))

    def _pause(self) -> None:
        """Do, between two jobs, what need not be done after each."""
        self._report()
        self._usage.look()
        if self._most_memory:
            self._check_memory()
        if unpacker.has_imported:
            self._remember()
        elif changed := self._look_closer():
            self._spoil(self._running, changed)

    def _look_closer(self) -> str:
        try:
            self._capture.look_closer()
            return self._settings.look_closer() if noted.is_native or noted.changed else ""
        except OSError as error:
            return f"its descriptors: {error}"

    def _has_failed(self, number: int) -> None:
        self._failed.add(number)
        if len(self._failed) > MOST_FAILED:  # a job comes soon after the one behind which it is
            self._failed = {failed for failed in self._failed if failed > number - MOST_FAILED // 2}

    def _check_memory(self) -> None:
        """Report once, between two jobs, that memory exceeds the limit."""
        from alexflow.executors.process.worker.memory import rss  # deferred: few ask for it

        if rss() > self._most_memory:
            self._most_memory = 0
            self._send(MemoryExceeded())

    def _end_if_stopped(self, number: int) -> None:
        """End the process after a job that was stopped, unless only that was to end and has left nothing behind."""
        left = self._interruption.end()
        self._context.opened = None  # the storage may have been interrupted in the middle of anything
        if left:
            text = f"a task that was stopped has left {left} in worker process {os.getpid()}, which is replaced"
            self._send(Logged(number, "alexflow", INFO, text, time.time()))
            self._end_as_terminated()

    def _end_as_terminated(self) -> NoReturn:
        """Does not return."""
        self._report()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        shut_down_process(self._capture)
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(1)

    def forward_logging(self, levels: dict[str, int], disabled: int) -> None:
        """Forward records to the engine, from the import of ``logging`` on."""
        from alexflow.executors.process.worker.log_handler import ForwardingHandler, install  # imports logging

        self._handler = ForwardingHandler(self._tell, lambda: self._running)
        install(self._handler, levels, disabled)

    def _tell(self, message: Logged | Reported | SpentReport) -> None:
        """Send what a job has to say."""
        if threading.current_thread() is not threading.main_thread() or self._interruption.is_asking:
            self._send(message)
        else:
            self._interruption.undisturbed(lambda: self._send(message))

    def _report(self) -> None:
        """Report what has been done since the last time."""
        with self._telling:
            if self._done:
                done = [self._done.popleft() for _ in range(len(self._done))]
                numbers = [number for number, _, _ in done]
                printed: list[int] = []
                while self._printed and self._printed[0] <= numbers[-1]:
                    printed.append(self._printed.popleft())
                overtaken: dict[int, tuple[str, ...]] = {}
                if self._overtaken:
                    overtaken = {number: self._overtaken.pop(number) for number in numbers if number in self._overtaken}
                seconds, usage = [took for _, took, _ in done], [used for _, _, used in done]
                self._data.sendall(frame(JobsDone(numbers, seconds, printed, overtaken, usage)))
            self._reported_at = time.monotonic()

    def _send(self, message: Message) -> None:
        with self._telling:
            self._data.sendall(frame(message))

    def _give_back(self) -> list[int]:
        """Take out the jobs that have not begun, and report what is done; called by another thread."""
        self._take_in_what_has_come()
        returned: list[int] = []
        while self._jobs:
            try:
                returned.append(self._jobs.pop().number)
            except IndexError:  # the main thread was quicker
                break
        self._report()
        return returned

    def _take_in_what_has_come(self) -> None:
        """Read the data channel while a job runs: jobs that wait there are given back, too."""
        if not self._receiving.acquire(blocking=False):  # the main thread waits for messages itself
            return
        try:
            while self._inbox.has_more() and (message := self._inbox.receive()) is not None:
                self._take_in(message)
        finally:
            self._receiving.release()

    def _ask(self, question: TaskRequest | FactsRequest) -> TaskReply | FactsReply:
        return self._interruption.undisturbed(lambda: self._answer_to(question))

    def _answer_to(self, question: TaskRequest | FactsRequest) -> TaskReply | FactsReply:
        """Ask the engine; work that arrives first is queued."""
        with self._receiving:
            self._send(question)
            while (message := self._inbox.receive()) is not None:
                if isinstance(message, FactsReply):
                    return message
                if isinstance(message, TaskReply):
                    unpacker.add(message.definitions)
                    return message
                self._take_in(message)
        raise LookupError("the engine has gone; it cannot be asked")
