"""What the scheduler wants done. Frozen, named, serializable, like the events."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Instruction(Struct, frozen=True, tag=True):
    """Base of all instructions."""


class Inspect(Instruction, frozen=True):
    """Find out which of these exist, and describe the tasks behind those that do not.

    Answer: ``Inspected`` and ``InspectionFailed``, in any number of parts, with the same ``question``.
    """

    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    question: int = 0


class Start(Instruction, frozen=True):
    """Run these tasks now.

    Answer: ``Succeeded``, ``Failed``, ``InputsLost`` or, for dynamic ones, ``Generated``. Where other engines use the
    same storage also ``MadeElsewhere``, or ``HeldElsewhere`` and later ``FreeAgain`` or ``MadeElsewhere``.
    """

    tasks: tuple[str, ...]


class Generate(Instruction, frozen=True):
    """Take further tasks from a dynamic task. Answer: ``Generated``."""

    task_id: str


class Close(Instruction, frozen=True):
    """All that a dynamic task gave is done: publish what is held for it, and see that its own outputs exist.

    Answer: ``Succeeded`` or ``Failed``.

    Attributes:
        held: keys that it is to make, each with that under which it is kept.
    """

    task_id: str
    held: tuple[tuple[str, str], ...] = ()


class Cancel(Instruction, frozen=True):
    """Stop these running tasks. Answer: ``Cancelled``, or how they ended if they were quicker."""

    tasks: tuple[str, ...]


class Delay(Instruction, frozen=True):
    """Come back after some seconds. Answer: ``DelayOver``."""

    task_id: str
    attempt: int
    seconds: float


class TryAgain(Instruction, frozen=True):
    """Tell that an attempt failed and that another follows after some seconds, for which ``Delay`` or ``Start`` asks.

    Attributes:
        attempts: how many have failed.
        deaths: how many of these ended with the death of what they ran in.
    """

    task_id: str
    error: Any
    attempts: int
    deaths: int
    seconds: float


class GaveUp(Instruction, frozen=True):
    """Tell that a task failed for good; ``attempts`` and ``deaths`` as in :class:`TryAgain`."""

    task_id: str
    error: Any
    attempts: int
    deaths: int


class Remove(Instruction, frozen=True):
    """Remove ephemeral outputs that nobody will read."""

    keys: tuple[str, ...]


class Verify(Instruction, frozen=True):
    """See that the targets of a run that were made during it exist. Answer: ``Verified``."""

    run_id: int
    keys: tuple[str, ...]


class Finish(Instruction, frozen=True):
    """A run is over.

    Attributes:
        error: why the request as a whole could not be served, if so.
        failures: tasks that failed for good, each with its error.
        ran: how many tasks ran to success on this run's account.
        cached: how many were found done.
        skipped: tasks that did not run because others failed, each with the failed one that it needs; ``""`` where
            the run was stopped before.
    """

    run_id: int
    error: Any = None
    failures: tuple[tuple[str, Any], ...] = ()
    ran: int = 0
    cached: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


class Forget(Instruction, frozen=True):
    """These tasks are over; what is kept about them can go, and dynamic ones that are giving tasks are to stop."""

    tasks: tuple[str, ...]


class Resume(Instruction, frozen=True):
    """There is more to do than one turn should take. Answer: ``Resumed``, after others have had theirs."""
