"""How workers leave: they die, they are ended because of the job that they run, or they are not needed any more.

A worker that is to be ended gives up its place at once, so that another can be hired for it. It is told with SIGTERM,
which its job hears as :class:`TaskStopped`; after a grace period it is killed, and whatever has happened, its process
group is killed when it has ended, in which the children of its jobs are. Only then is it said what became of the jobs
that were with it: what they hold of the limited resources is free when their process is gone, not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alexflow.errors import TaskTimeout, WorkerDied
from alexflow.executors.interface import Done, Job, NotDone, Outcome
from alexflow.executors.process.speculation import Ahead, settle
from alexflow.executors.process.wire.exit_status import Exit
from alexflow.executors.process.wire.messages import Recall
from alexflow.executors.process.wire.status_page import Mark
from alexflow.executors.process.worker_set import Staff
from alexflow.executors.process.worker_state import Assignment, Member
from alexflow.hooks import passes, repr_of
from alexflow.model import flatten, keys_of
from alexflow.model.deferred import deferred_keys
from alexflow.storage import Storage

#: Seconds that a worker without a job gets to end by itself.
PATIENCE = 1.0

#: Called with a worker that has left, how it ended, outcomes of jobs that were with it, and those to be run elsewhere.
Left = Callable[[Member, Exit, list[Outcome], list[Job]], None]


class Departures:
    """Sees workers off.

    Args:
        staff: those who may leave.
        ahead: jobs that nobody has asked for yet.
        storage: where the outputs of jobs are.
        grace: seconds that a job gets to end when it is told to.
        on_left: called for each worker that has left, until the pool is closed.
    """

    def __init__(self, staff: Staff, ahead: Ahead, storage: Storage, grace: float, on_left: Left):
        self._staff = staff
        self._ahead = ahead
        self._storage = storage
        self._grace = grace
        self._on_left = on_left
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = False

    def stop(self, worker: Member, number: int) -> None:
        """Stop one job: by ending the worker if it is running it, else by calling it back."""
        if worker.has_left:
            return
        if worker.mark().running == number:
            worker.stopped = number
            self._see_off(worker, self._grace, terminate=True)
        self.recall(worker)  # what waits behind it can be run elsewhere meanwhile

    def recall(self, worker: Member) -> None:
        """Have a worker give back what it has not begun."""
        if not worker.recalled:
            worker.recalled = True
            worker.process.send_control(Recall())

    def has_died(self, worker: Member) -> None:
        """A worker has ended, or has closed its channel."""
        if not worker.has_left:
            self._see_off(worker)

    def dismiss(self, worker: Member) -> None:
        """A worker without a job is not needed any more."""
        worker.process.hang_up()
        mark = worker.process.mark()
        self._see_off(worker, PATIENCE if mark.running or mark.ended else 0.0)  # one that has done nothing has no end

    async def aclose(self) -> None:
        """End all, and wait until they have ended."""
        self._closed = True
        for worker in list(self._staff.workers):
            if worker.sent:
                for number in list(worker.sent):
                    worker.forget(number)
                self._see_off(worker, self._grace, terminate=True)
            else:
                self.dismiss(worker)
        self._staff.give_up()
        await asyncio.gather(*self._burials)

    def kill(self) -> None:
        """End all now, and from now on whoever is to be ended; may be called by a signal handler."""
        self._closed = True
        self._grace = 0.0
        for worker in [*self._staff.workers, *self._staff.leaving]:
            worker.process.kill()

    def _see_off(self, worker: Member, patience: float = 0.0, *, terminate: bool = False) -> None:
        worker.has_left = True
        self._staff.workers.remove(worker)
        self._staff.leaving.append(worker)
        burial = asyncio.create_task(self._bury(worker, patience, terminate))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _bury(self, worker: Member, patience: float, terminate: bool) -> None:
        try:
            end, last = await worker.process.bury(patience, terminate=terminate)
        finally:
            self._staff.leaving.remove(worker)
        mark = worker.believable(last)
        worker.has_begun = mark.running > 0
        if self._closed:
            return
        outcomes, unsure, elsewhere = self._sort(worker, mark, end)
        for number in list(worker.sent):
            await self._look_at_foreseen(worker, number, outcomes, elsewhere)
        for job, lost in unsure:
            if await self._is_published(job):
                outcomes.append(Done(job.task_id, 0.0))
            elif lost is not None:
                outcomes.append(lost)
            else:
                elsewhere.insert(0, job)
        if not self._closed:
            self._on_left(worker, end, outcomes, elsewhere)

    def _sort(
        self, worker: Member, mark: Mark, end: Exit
    ) -> tuple[list[Outcome], list[tuple[Job, NotDone | None]], list[Job]]:
        """Outcomes; jobs that may have ended, though the worker died before it could say so; jobs that had not begun.

        With a job that was running goes its outcome if it has not published everything: the worker may have died
        between its last output and the end of the job. Jobs that may have ended and that nobody has asked for yet stay
        with the worker.
        """
        outcomes: list[Outcome] = []
        unsure: list[tuple[Job, NotDone | None]] = []
        elsewhere: list[Job] = []
        for number in list(worker.sent):
            begun = number <= mark.ended or number == mark.running
            if worker.sent[number].foreseen is not None and begun:
                continue
            sent = worker.forget(number)
            if sent is None:
                continue
            if sent.foreseen is not None:
                self._ahead.discard(sent)
            elif number == mark.running and worker.stopped in (0, number):  # else it was the other one that we meant
                lost = _victim(worker, number, sent, end)
                if lost.reason == "lost" and not sent.job.replace:
                    unsure.append((sent.job, lost))
                else:
                    outcomes.append(lost)
            elif sent.cancelled:
                outcomes.append(NotDone(sent.job.task_id, "cancelled"))
            elif number <= mark.ended:
                unsure.append((sent.job, None))
            else:
                elsewhere.append(sent.job)
        return outcomes, unsure, elsewhere

    async def _look_at_foreseen(
        self, worker: Member, number: int, outcomes: list[Outcome], elsewhere: list[Job]
    ) -> None:
        """A job has begun that nobody had asked for when the worker died: it is done if it has published, else it has
        not been.
        """
        job = worker.sent[number].job
        is_done = not job.replace and await self._is_published(job)
        sent = worker.forget(number)
        if sent is None:
            return
        if is_done:
            settle(sent, Done(job.task_id, 0.0), outcomes)
        elif sent.foreseen is not None:
            self._ahead.discard(sent)
        else:  # asked for while we looked
            elsewhere.append(job)

    async def _is_published(self, job: Job) -> bool:
        try:
            outputs = job.task.output()
            held = deferred_keys(job.task, outputs)
            keys = {held.get(key, key) for output in flatten(outputs) for key in keys_of(output)}
            return bool(keys) and len(await self._storage.aexists_many(list(keys))) == len(keys)
        except BaseException as error:  # the storage's or the task's, whatever it is: running it again will tell
            if passes(error):
                raise
            return False


def _victim(worker: Member, number: int, sent: Assignment, end: Exit) -> NotDone:
    """What became of the job that was running."""
    job = sent.job
    printed = worker.process.listening.last_words(number)
    if sent.cancelled:
        return NotDone(job.task_id, "cancelled", printed=printed)
    pid = worker.process.pid
    if sent.took_too_long:
        message = f"took longer than its timeout of {job.timeout:g} s"
        return NotDone(
            job.task_id,
            "error",
            TaskTimeout(job.task_id, message, summary=repr_of(job.task)),
            printed=printed,
            worker=pid,
        )
    message = f"its worker process {pid} {end}"
    return NotDone(job.task_id, "lost", worker_died(job, message, end), printed=printed, worker=pid)


def worker_died(job: Job, message: str, end: Exit) -> WorkerDied:
    """The error for a job whose worker has died."""
    return WorkerDied(job.task_id, message, exitcode=end.code, peak_rss=end.peak_rss, summary=repr_of(job.task))
