"""Outcomes of jobs that failed with their worker, or in it, or before they reached one."""

from __future__ import annotations

from msgspec.structs import replace

from alexflow.errors import TaskTimeout, WorkerDied
from alexflow.executors.captured_error import capture_error, not_done, pruned
from alexflow.executors.interface import Job, NotDone, Printed
from alexflow.executors.process.places import Assignment
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import JobFailed
from alexflow.executors.process.worker_state import WorkerState
from alexflow.hooks import repr_of


def cannot_start(job: Job, error: Exception) -> NotDone:
    """Return the outcome of a job for which there can be no worker."""
    return NotDone(job.task_id, "fatal", worker_died(job, f"worker processes cannot be started: {error}", ExitStatus()))


def failed_to_start(job: Job, message: str, end: ExitStatus) -> NotDone:
    """Return the outcome of a job for which workers have failed to start too often."""
    return NotDone(job.task_id, "fatal", worker_died(job, message, end))


def unshippable(job: Job, error: Exception) -> NotDone:
    """Return the outcome of a job that cannot be sent."""
    return not_done(job.task_id, job.task, capture_error(error, travels=False), cause=error)


def failed(worker: WorkerState, sent: Assignment, message: JobFailed, printed: Printed | None) -> NotDone:
    """Return the outcome of a job that its worker has reported as failed."""
    job = sent.job
    process, seconds = worker.process, message.seconds
    outcome = _of_stopped(sent, printed, process.pid, seconds)
    if outcome is None:
        fault = message.fault
        outcome = not_done(job.task_id, job.task, fault, seconds=seconds, printed=printed, worker=process.pid)
    return replace(outcome, host=process.host)


def outcome_of_running(worker: WorkerState, sent: Assignment, end: ExitStatus) -> NotDone:
    """Return the outcome of the job that was running when its worker ended."""
    job = sent.job
    printed = worker.process.printed.take_partial(sent.number)
    pid = worker.process.pid
    outcome = _of_stopped(sent, printed, pid)
    if outcome is None:
        error = worker_died(job, f"its worker process {pid} {end}", end)
        outcome = NotDone(job.task_id, "lost", error, printed=printed, worker=pid)
    return replace(outcome, host=worker.process.host)


def _of_stopped(sent: Assignment, printed: Printed | None, worker: int, seconds: float = 0.0) -> NotDone | None:
    """Return the outcome of a job that has ended, if it was to; None if it ended by itself."""
    job = sent.job
    if sent.cancelled:
        return NotDone(job.task_id, "cancelled", printed=printed)
    if sent.pruned:
        return pruned(job, seconds=seconds, printed=printed, worker=worker)
    if sent.took_too_long:
        error = TaskTimeout(
            job.task_id, f"took longer than its timeout of {job.timeout:g} s", summary=repr_of(job.task)
        )
        return NotDone(job.task_id, "error", error, seconds, printed=printed, worker=worker)
    return None


def worker_died(job: Job, message: str, end: ExitStatus) -> WorkerDied:
    """Return the error for a job whose worker has died."""
    return WorkerDied(job.task_id, message, exitcode=end.code, peak_rss=end.peak_rss, summary=repr_of(job.task))
