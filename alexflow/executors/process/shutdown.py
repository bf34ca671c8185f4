"""Worker shutdown: crashes, cancellation of the running job, and retirement.

A worker that is shut down gives up its place at once, so that another can be started. It gets SIGTERM, which its job
sees as :class:`TaskStopped`; after a grace period it is killed. In any case its process group, with the children of its
jobs, is killed when it has ended. Only then are the outcomes of its jobs reported: the limited resources that they hold
are free when their process is gone, not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alexflow.executors.interface import Done, Job, NotDone, Outcome
from alexflow.executors.process.outcomes import outcome_of_running
from alexflow.executors.process.speculation import Speculation, settle
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import Revoke
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState
from alexflow.hooks import passes
from alexflow.model import flatten, keys_of
from alexflow.model.deferred import deferred_keys
from alexflow.storage import Storage

#: Seconds that an idle worker gets to end by itself.
RETIRE_GRACE = 1.0

#: Called with a worker that has ended, its exit status, outcomes of its jobs, and the jobs to be run elsewhere.
Left = Callable[[WorkerState, ExitStatus, list[Outcome], list[Job]], None]


class Shutdown:
    """Shuts workers down.

    Args:
        worker_set: the workers.
        speculation: the speculative jobs.
        storage: where the outputs of jobs are.
        grace: seconds that a stopped job gets to end.
        on_left: called for each worker that has ended, until the pool is closed.
    """

    def __init__(self, worker_set: WorkerSet, ahead: Speculation, storage: Storage, grace: float, on_left: Left):
        self._worker_set = worker_set
        self._speculation = ahead
        self._storage = storage
        self._grace = grace
        self._on_left = on_left
        self._reaping: set[asyncio.Task[None]] = set()
        self._closed = False

    def stop(self, worker: WorkerState, number: int) -> None:
        """Stop one job: shut the worker down if it is running the job, else revoke it."""
        if worker.is_leaving:
            return
        if worker.status().running == number:
            worker.stopped = number
            self._shut_down(worker, self._grace, terminate=True)
        self.revoke(worker)  # jobs that wait behind it can run elsewhere meanwhile

    def revoke(self, worker: WorkerState) -> None:
        """Make a worker give back the jobs that it has not begun."""
        if not worker.is_revoking:
            worker.is_revoking = True
            worker.process.send_control(Revoke())

    def has_died(self, worker: WorkerState) -> None:
        """Take in that a worker has ended, or has closed its channel."""
        if not worker.is_leaving:
            self._shut_down(worker)

    def retire(self, worker: WorkerState) -> None:
        """Shut down an idle worker."""
        worker.process.hang_up()
        status = worker.process.status()
        has_run = status.running or status.ended  # one that has done nothing has nothing to end
        self._shut_down(worker, RETIRE_GRACE if has_run else 0.0)

    async def aclose(self) -> None:
        """Shut all workers down, and wait until they have ended."""
        self._closed = True
        for worker in list(self._worker_set.workers):
            if worker.sent:
                for number in list(worker.sent):
                    worker.forget(number)
                self._shut_down(worker, self._grace, terminate=True)
            else:
                self.retire(worker)
        self._worker_set.give_up()
        await asyncio.gather(*self._reaping)

    def kill(self) -> None:
        """Kill all workers now, and from now on without grace; may be called by a signal handler."""
        self._closed = True
        self._grace = 0.0
        for worker in [*self._worker_set.workers, *self._worker_set.leaving]:
            worker.process.kill()

    def _shut_down(self, worker: WorkerState, patience: float = 0.0, *, terminate: bool = False) -> None:
        worker.is_leaving = True
        self._worker_set.workers.remove(worker)
        self._worker_set.leaving.append(worker)
        reaping = asyncio.create_task(self._reap(worker, patience, terminate))
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)

    async def _reap(self, worker: WorkerState, patience: float, terminate: bool) -> None:
        try:
            end, last = await worker.process.wait_and_reap(patience, terminate=terminate)
        finally:
            self._worker_set.leaving.remove(worker)
        status = worker.believable(last)
        worker.has_begun = status.running > 0
        if self._closed:
            return
        outcomes, unsure, elsewhere = self._sort(worker, status, end)
        for number in list(worker.sent):
            await self._settle_speculative(worker, number, outcomes, elsewhere)
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
        self, worker: WorkerState, status: WorkerStatus, end: ExitStatus
    ) -> tuple[list[Outcome], list[tuple[Job, NotDone | None]], list[Job]]:
        """Sort the jobs of a dead worker: outcomes; jobs that may have ended unreported; jobs that had not begun.

        With a job that was running goes its outcome if it has not published everything: the worker may have died
        between its last output and the end of the job. Speculative jobs that may have ended stay with the worker.
        """
        outcomes: list[Outcome] = []
        unsure: list[tuple[Job, NotDone | None]] = []
        elsewhere: list[Job] = []
        for number in list(worker.sent):
            begun = number <= status.ended or number == status.running
            if worker.sent[number].speculative is not None and begun:
                continue
            sent = worker.forget(number)
            if sent is None:
                continue
            if sent.speculative is not None:
                self._speculation.discard(sent)
            elif number == status.running and worker.stopped in (0, number):  # else another job was to be stopped
                lost = outcome_of_running(worker, number, sent, end)
                if lost.reason == "lost" and not sent.job.replace:
                    unsure.append((sent.job, lost))
                else:
                    outcomes.append(lost)
            elif sent.cancelled:
                outcomes.append(NotDone(sent.job.task_id, "cancelled"))
            elif number <= status.ended:
                unsure.append((sent.job, None))
            else:
                elsewhere.append(sent.job)
        return outcomes, unsure, elsewhere

    async def _settle_speculative(
        self, worker: WorkerState, number: int, outcomes: list[Outcome], elsewhere: list[Job]
    ) -> None:
        """Settle a speculative job that had begun when the worker died: it is done if it has published, else it never
        ran.
        """
        job = worker.sent[number].job
        is_done = not job.replace and await self._is_published(job)
        sent = worker.forget(number)
        if sent is None:
            return
        if is_done:
            settle(sent, Done(job.task_id, 0.0), outcomes)
        elif sent.speculative is not None:
            self._speculation.discard(sent)
        else:  # submitted while we looked
            elsewhere.append(job)

    async def _is_published(self, job: Job) -> bool:
        try:
            outputs = job.task.output()
            held = deferred_keys(job.task, outputs)
            keys = {held.get(key, key) for output in flatten(outputs) for key in keys_of(output)}
            return bool(keys) and len(await self._storage.aexists_many(list(keys))) == len(keys)
        except BaseException as error:  # the storage's or the task's: the next run of the job will raise it
            if passes(error):
                raise
            return False
