"""The instructions that the scheduler returns. Frozen, named, serializable, like the events."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Instruction(Struct, frozen=True, tag=True):
    """Base of all instructions."""


class Inspect(Instruction, frozen=True):
    """Find out which of these exist, and describe the tasks that make those which do not.

    Answer: ``Inspected`` and ``InspectionFailed``, in any number of parts, with the same ``question``.
    """

    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    question: int = 0


class Start(Instruction, frozen=True):
    """Run these tasks: a dynamic one now, any other when its executor has a place for it.

    Those others are in the ready queue, from which the executor takes them (:meth:`.Scheduler.begin`).

    Answer: ``Succeeded``, ``Failed``, ``InputsLost`` or, for dynamic ones, ``Generated``; ``PutBack`` for one that was
    taken and has not begun. If other engines use the same storage also ``DoneByPeer``, or ``HeldByPeer`` and later
    ``ReleasedByPeer`` or ``DoneByPeer``.
    """

    tasks: tuple[str, ...]


class Collect(Instruction, frozen=True):
    """Take the outcomes of tasks that had succeeded before they were ready: they are done, and are not started."""

    tasks: tuple[str, ...]


class Generate(Instruction, frozen=True):
    """Take further tasks from a dynamic task. Answer: ``Generated``."""

    task_id: str


class Close(Instruction, frozen=True):
    """Close a dynamic task whose children are done: publish what is held for it, and check that its outputs exist.

    Answer: ``Succeeded`` or ``Failed``.

    Attributes:
        held: keys that it is to make, each with the key under which the output is held.
    """

    task_id: str
    held: tuple[tuple[str, str], ...] = ()


class Cancel(Instruction, frozen=True):
    """Stop these running tasks. Answer: ``Cancelled``, or their own end if that came first."""

    tasks: tuple[str, ...]


class Delay(Instruction, frozen=True):
    """Come back after some seconds. Answer: ``DelayOver``."""

    task_id: str
    attempt: int
    seconds: float


class WakeAt(Instruction, frozen=True):
    """Come back at a time, of the clock by which events are handled. Replaces an earlier one. Answer: ``Woken``."""

    time: float


class TryAgain(Instruction, frozen=True):
    """Report that an attempt failed and that another follows after some seconds, by a ``Delay`` or ``Start``.

    Attributes:
        attempts: how many have failed.
        deaths: how many of these ended with the death of their worker.
    """

    task_id: str
    error: Any
    attempts: int
    deaths: int
    seconds: float


class GaveUp(Instruction, frozen=True):
    """Report that a task failed for good; ``attempts`` and ``deaths`` as in :class:`TryAgain`."""

    task_id: str
    error: Any
    attempts: int
    deaths: int


class Remove(Instruction, frozen=True):
    """Remove ephemeral outputs that have no reader left."""

    keys: tuple[str, ...]


class Verify(Instruction, frozen=True):
    """Check that the targets of a run that were made during it exist. Answer: ``Verified``."""

    run_id: int
    keys: tuple[str, ...]


class Finish(Instruction, frozen=True):
    """End a run.

    Attributes:
        error: the error of the request as a whole, if it could not be served.
        failures: tasks that failed for good, each with its error.
        ran: how many tasks ran to success for this run.
        cached: how many were found done.
        shared: how many of its targets' tasks ran for another run.
        skipped: tasks that did not run because others failed, each with the failed one that it needs, or ``""`` if
            the run was stopped before.
    """

    run_id: int
    error: Any = None
    failures: tuple[tuple[str, Any], ...] = ()
    ran: int = 0
    cached: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    shared: int = 0


class Forget(Instruction, frozen=True):
    """Drop what is kept about these tasks, which are over, and stop those dynamic ones that generate tasks."""

    tasks: tuple[str, ...]


class Offer(Instruction, frozen=True):
    """Let all executors look for tasks that they may take, as some were passed over until now."""


class Resume(Instruction, frozen=True):
    """Come back after other work of the event loop: there is more to do than one turn may take. Answer: ``Resumed``."""


class Outbox:
    """Instructions gathered while an event is handled, each kind in one piece; :meth:`drain` returns them in order.

    A task to be cancelled may have been started by the same event, and one to be forgotten may have been asked for
    more, so these come last. Reports of failed attempts come first, because a failed task may start again; then
    removals, because a removed output may be made again.
    """

    __slots__ = (
        "cancel",
        "finish",
        "forget",
        "inspect_keys",
        "inspect_tasks",
        "others",
        "question",
        "remove",
        "reports",
        "start",
    )

    def __init__(self) -> None:
        self.question = 1  # the number of the next ``Inspect``
        self.reports: list[Instruction] = []
        self.remove: list[str] = []
        self.inspect_keys: list[str] = []
        self.inspect_tasks: list[str] = []
        self.start: list[str] = []
        self.others: list[Instruction] = []
        self.cancel: list[str] = []
        self.finish: list[Finish] = []
        self.forget: list[str] = []

    def drain(self) -> list[Instruction]:
        """Return all instructions gathered since the last time."""
        drained: list[Instruction] = []
        if self.reports:
            drained, self.reports = self.reports, drained
        if self.remove:
            drained.append(Remove(tuple(self.remove)))
            self.remove = []
        if self.inspect_keys or self.inspect_tasks:
            drained.append(Inspect(tuple(self.inspect_keys), tuple(self.inspect_tasks), self.question))
            self.question += 1
            self.inspect_keys, self.inspect_tasks = [], []
        if self.start:
            drained.append(Start(tuple(self.start)))
            self.start = []
        if self.others:
            drained += self.others
            self.others = []
        if self.cancel:
            drained.append(Cancel(tuple(self.cancel)))
            self.cancel = []
        if self.finish or self.forget:
            self._drain_ends(drained)
        return drained

    def _drain_ends(self, drained: list[Instruction]) -> None:
        drained += self.finish
        self.finish = []
        if self.forget:
            drained.append(Forget(tuple(self.forget)))
            self.forget = []
