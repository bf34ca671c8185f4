"""The instructions that the pool's machine gives. Frozen and named, like those of the scheduler."""

from __future__ import annotations

from msgspec import Struct

from alexflow.executors.capacity import Binding
from alexflow.executors.interface import Job, Outcome
from alexflow.executors.process.places import Assignment, Home, Place
from alexflow.model import AbstractTask


class PoolInstruction(Struct, frozen=True):
    """Base of all instructions."""


class StartPlaces(PoolInstruction, frozen=True):
    """Start so many places, bound to these devices. Answer: ``came`` for each, or ``cannot_start``.

    ``home`` says on which machine, if the pool has several; None leaves that open.
    """

    count: int
    binding: Binding = ()
    home: Home | None = None


class SendJobs(PoolInstruction, frozen=True):
    """Send these jobs to their place, in one message and in this order. Answer: the ends of each."""

    place: Place
    jobs: list[Assignment]


class LookUpUsage(PoolInstruction, frozen=True):
    """Look up the memory and time that tasks of this one's class have needed; its id begins with the class's name.

    Answer: ``learnt_usage``.
    """

    name: str
    task: AbstractTask


class RevokeJobs(PoolInstruction, frozen=True):
    """Let a place give back the jobs that it has not begun. Answer: ``revoked``."""

    place: Place


class StopJob(PoolInstruction, frozen=True):
    """Stop this job if a place is running it; then it gets the grace period.

    Answer: ``stops``, or if the place is to end with the job, ``stopping``.
    """

    place: Place
    number: int


class LookAgain(PoolInstruction, frozen=True):
    """Say when so many seconds have passed. Answer: ``moment_over``, with this number."""

    number: int
    seconds: float


class RetirePlace(PoolInstruction, frozen=True):
    """End a place that has nothing to do. Answer: ``gone``."""

    place: Place


class FailAll(PoolInstruction, frozen=True):
    """Fail these jobs and all that wait: there is no place, and none can be started."""

    jobs: list[Job]


class ReturnJobs(PoolInstruction, frozen=True):
    """Put jobs back into the source: they have not begun."""

    jobs: list[Job]


class ReportOutcomes(PoolInstruction, frozen=True):
    """Report these outcomes."""

    outcomes: list[Outcome]
