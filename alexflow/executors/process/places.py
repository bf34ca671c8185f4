"""Places of a pool and the jobs that are at each, as the pool's decisions see them: no process, no descriptor."""

from __future__ import annotations

import sys
from typing import Final, Protocol

from msgspec import Struct

from alexflow.executors.capacity import Binding, Claim
from alexflow.executors.interface import Job, NotDone, Outcome, Unsure

#: The number of the last job that has ended at a place that was lost with its machine: nothing is known.
UNSEEN = -1

#: Above every priority: of a place that has no jobs.
NOTHING_SENT: Final = 1 << 63


class Timer(Protocol):
    """A timer that has been set for a job."""

    def cancel(self) -> object:
        """Let it not go off."""


class Home(Protocol):
    """The places of one machine, where a pool has several machines."""

    def include(self, place: Place) -> None:
        """Note a place that was started there."""

    def exclude(self, place: Place) -> None:
        """Note that a place gets no more jobs."""

    def drop(self, place: Place) -> None:
        """Note that a place has ended."""

    @property
    def is_full(self) -> bool:
        """Whether it has as many places that get jobs as it may."""
        ...

    def readmit(self, place: Place) -> None:
        """Note that a place gets jobs again."""


class Assignment(Struct, eq=False):
    """A job that is at a place, under its number there.

    Attributes:
        expected: seconds that it will probably take.
        after: the number of the job that has to succeed before this one is run; 0 for none.
        is_speculative: whether it was sent before it was ready, and still is not.
        outcome: of a speculative one that has ended.
        pruned: whether it is to end early.
        claim: what it has claimed, if anything; released when it leaves its place.
    """

    job: Job
    place: Place
    number: int
    expected: float
    after: int = 0
    claim: Claim | None = None
    is_speculative: bool = False
    outcome: Outcome | None = None
    cancelled: bool = False
    took_too_long: bool = False
    pruned: bool = False
    timer: Timer | None = None


class Place:
    """A place for one job at a time, such as a worker process, with its jobs in the order in which it runs them.

    Args:
        ordinal: 1 for the first place of the pool.
        now: when it was started.
        binding: the devices to which it is bound, if any.

    Attributes:
        home: the places of the machine where it is, if the pool has several; None for a pool of one machine.
    """

    def __init__(self, ordinal: int, now: float, binding: Binding = (), home: Home | None = None) -> None:
        self.ordinal = ordinal
        self.binding = binding
        self.home = home
        self.claim: Claim | None = None  # of the job that it has, which is then the only one
        self.started_at = now
        self.sent: dict[int, Assignment] = {}
        self.expected = 0.0  # seconds of work that is with it
        self.number = 0  # of the last job sent
        self.speculated_to = 0  # the number of the last job of which the successor was looked for
        self.last_number = sys.maxsize  # the number of the last job that it may get
        self.last_report = 0.0  # when it last reported the end of a job, or got work while idle
        self.has_reported = False  # anything
        self.has_ended_one = False  # a job
        self.is_due = False  # for replacement, when it has run its jobs
        self.is_revoking = False
        self.makes_way = False  # whether it gives jobs back because a more urgent one waits
        self.least_urgent = NOTHING_SENT  # at most the priority of each of its jobs
        self.urgent = 0  # the last job that was more urgent than others at places
        self.is_blocked = False  # by a long job, because of which it has given others back
        self.is_leaving = False
        self.stopped = 0  # the job that is being stopped, perhaps with the place
        self.may_hesitate = False  # its job is withdrawn, and others waited
        self.hesitates = False  # it takes none for a moment

    @property
    def takes_jobs(self) -> bool:
        """Whether it may get jobs now."""
        waits = self.is_revoking or self.hesitates or (self.is_blocked and self.sent)
        return not (waits or self.is_due or self.is_leaving)

    def begin_anew(self, now: float) -> None:
        """Prepare for the first job after it was idle."""
        self.last_report = now
        self.least_urgent = NOTHING_SENT

    @property
    def works_below_0(self) -> bool:
        """Whether it has a job of a priority below 0."""
        return any(sent.job.priority < 0 for sent in self.sent.values())

    def forget(self, number: int) -> Assignment | None:
        """Remove a job that is not with it any more; return its assignment."""
        sent = self.sent.pop(number, None)
        if sent is not None:
            self.expected = self.expected - sent.expected if self.sent else 0.0
            if sent.timer is not None:
                sent.timer.cancel()
            if sent.claim is not None:
                self.claim = None
                sent.claim.release()
        return sent


def outcome_at_end(sent: Assignment, running: int, ended: int, lost: NotDone | None) -> Outcome | None:
    """Return the outcome of a job whose place has ended; None if it had not begun.

    A job that was running may have published everything: the place may have died between its last output and the end of
    the job. If it has not, the attempt has failed; a speculative job counts as never begun.

    Args:
        sent: the job.
        running: the number of the job that the place was running, or 0.
        ended: the number of the last job that had ended; ``UNSEEN`` if the place was lost with its machine.
        lost: the outcome of the job that was running, if its attempt has failed.
    """
    if ended == UNSEEN:
        return _outcome_at_loss(sent, running, lost)
    job = sent.job
    was_running = sent.number == running and sent.place.stopped in (0, running)  # else another was to be stopped
    if was_running and lost is not None and not sent.is_speculative:
        return Unsure(job.task_id, lost) if lost.reason == "lost" and not job.replace else lost
    if sent.cancelled and not sent.is_speculative:
        return NotDone(job.task_id, "cancelled")
    if sent.number <= ended or (sent.is_speculative and sent.number == running):
        return None if sent.is_speculative and job.replace else Unsure(job.task_id)
    return None


def _outcome_at_loss(sent: Assignment, at_work: int, lost: NotDone | None) -> Outcome | None:
    """Return the outcome of a job whose place is lost out of sight, with the machine it was on; None if it moves on.

    Its last reports may be lost, too: any job may have ended. Only the one that was seen at work loses an attempt.

    Args:
        sent: the job.
        at_work: the number of the job that the place had been at for a while, or 0.
        lost: the outcome of that job, if the loss is to be charged.
    """
    job = sent.job
    if sent.is_speculative:  # it has run if what was before it had ended
        return None if job.replace else Unsure(job.task_id)
    if sent.cancelled:
        return NotDone(job.task_id, "cancelled")
    if sent.number == at_work and lost is not None:
        return lost if job.replace else Unsure(job.task_id, lost)
    return None if job.replace else Unsure(job.task_id)  # what is replaced exists in any case
