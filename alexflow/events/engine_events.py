"""The events that an engine emits. Frozen, typed, serializable. Their names are tags and do not change.

Every start has an end: a :class:`RunStarted` is followed by one :class:`RunFinished`, also if its caller left, and a
:class:`TaskStarted` by one of :class:`TaskSucceeded`, :class:`TaskRetrying`, :class:`TaskGivenUp`,
:class:`TaskCancelled`, :class:`InputsVanished`, :class:`TasksPutBack` and :class:`TasksMadeElsewhere`. A planned task
ends with the same but for those after which it starts again.
"""

from __future__ import annotations

import time as clock
from typing import Any, Literal

from msgspec import Struct, field

#: What a task waits for that has all its inputs.
WaitsFor = Literal["engine", "limit", "rate", "core", "memory", "device"]

#: How a run ended.
RunEnd = Literal["done", "failed", "cancelled", "error"]


class EngineEvent(Struct, frozen=True, tag=True, kw_only=True):
    """Base of all events of an engine.

    Attributes:
        time: when it happened, in seconds since 1970.
        run_id: the id of the run that it is about, as in the record; of an event about a task the run for which the
            task counts, though several may wait for it; "" if it is about none or several.
    """

    time: float = field(default_factory=clock.time)
    run_id: str = ""


class TaskEvent(EngineEvent, frozen=True):
    """Base of the events about one task."""

    task_id: str

    @property
    def class_name(self) -> str:
        """The task's class, as ``module.qualname``, or its ``task_name``."""
        return self.task_id.rpartition(".")[0]


# -- runs


class RunStarted(EngineEvent, frozen=True):
    """A run was requested.

    Attributes:
        targets: how many tasks and outputs were asked for.
        attributes: those of the request.
        traceparent: the span of the caller, as W3C Trace Context has it; "" if OpenTelemetry is not used.
        tracestate: what belongs to it.
    """

    targets: int
    attributes: dict[str, Any] = {}
    traceparent: str = ""
    tracestate: str = ""


class RunFinished(EngineEvent, frozen=True):
    """A run is over.

    Attributes:
        ran: how many tasks ran for it.
        cached: how many were done already.
        failed: how many failed.
        skipped: how many did not run because others failed.
        seconds: how long it took.
        shared: how many of its targets' tasks ran for another run, which had asked before.
        outcome: ``done``, ``failed``: tasks failed; ``cancelled``: its caller left, or the engine was closed;
            ``error``: the request could not be served.
    """

    ran: int
    cached: int
    failed: int
    skipped: int
    seconds: float
    shared: int = 0
    outcome: RunEnd = "done"


# -- tasks before they start


class TasksPlanned(EngineEvent, frozen=True):
    """These tasks have to run.

    Attributes:
        task_ids: their ids, of which all but the digest is the class.
        reads: for each the ids of the tasks whose outputs it reads: the edges of the graph.
    """

    task_ids: tuple[str, ...]
    reads: tuple[tuple[str, ...], ...] = ()


class TasksFound(EngineEvent, frozen=True):
    """This many tasks are done already; ``task_ids`` are theirs."""

    count: int
    task_ids: tuple[str, ...] = ()


class TaskQueued(TaskEvent, frozen=True):
    """A task has all that it reads, and waits for a place to run in."""


class TaskWaiting(TaskEvent, frozen=True):
    """A task has all that it reads, and waits for something besides a place.

    Attributes:
        waits_for: ``engine``: another engine on the same storage holds it; ``limit`` and ``rate``: those of a tag, once
            it has waited for a second, of the first 1,000 tasks that do; ``core``, ``memory``, ``device``: what others
            of this engine have taken.
        name: which one: the tag, or the kind of the device.
        holders: ids of tasks that have it, the first of them.
    """

    waits_for: WaitsFor
    name: str = ""
    holders: tuple[str, ...] = ()


# -- tasks that run


class TaskStarted(TaskEvent, frozen=True):
    """An attempt has begun.

    Attributes:
        attempt: its number, from 1 on.
        executor: where: ``loop``, ``thread``, ``process`` or another executor's name; ``dynamic`` for a dynamic task,
            which generates.
        worker: the process id of the worker; 0 in the engine's process.
        host: the worker's machine; "" for the engine's.
        lane: a number from 1 on that no other attempt has that runs on this executor now.
        devices: what it was given of each kind.
        cores: CPUs to which it is bound.
    """

    attempt: int = 1
    executor: str = ""
    worker: int = 0
    host: str = ""
    lane: int = 0
    devices: dict[str, tuple[int | str, ...]] = {}
    cores: tuple[int, ...] = ()


class TaskReported(TaskEvent, frozen=True):
    """A running task has reported how far it is.

    Attributes:
        step: the number of the step that is done; None if it did not say.
        of: how many steps there are; None if it did not say.
        values: what else it reported, such as a loss.
    """

    step: int | None = None
    of: int | None = None
    values: dict[str, Any] = {}


class TaskPrinted(TaskEvent, frozen=True):
    """An attempt has ended, and it, or a process that it started, printed something in a worker process.

    Long output is cut to its beginning and end (8 and 24 KiB), with a line between them that says how much was left
    out. This event precedes the one that says how the attempt ended.
    """

    stdout: str
    stderr: str


# -- tasks that end


class TaskSucceeded(TaskEvent, frozen=True):
    """A task has run and its outputs are published.

    Attributes:
        seconds: the duration of its attempt, measured there; of a dynamic task the time in ``generate``, without that
            of the tasks that it gave.
        attempt: its number.
        cpu_seconds: processor time; None where that of others cannot be subtracted.
        peak_rss: the peak of the worker's memory during the attempt, in bytes; None in the engine's process.
        bytes_in: bytes of the outputs that it read; None where that is not known.
        bytes_out: bytes of the outputs that it published; None where that is not known.
    """

    seconds: float
    attempt: int = 1
    cpu_seconds: float | None = None
    peak_rss: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None


class TaskRetrying(TaskEvent, frozen=True):
    """An attempt failed. Another one follows after ``delay`` seconds. ``error_class`` is qualified."""

    attempts: int
    error: str
    delay: float
    error_class: str = ""


class TaskGivenUp(TaskEvent, frozen=True):
    """A task failed for good. ``error_class`` is qualified."""

    attempts: int
    error: str
    error_class: str = ""


class TaskCancelled(TaskEvent, frozen=True):
    """A task was stopped or will not run: nothing wants it any more, or what it reads cannot be made.

    Attributes:
        begun: whether an attempt had begun.
    """

    begun: bool = False


class TaskPruned(TaskEvent, frozen=True):
    """A running task was stopped because going on was not worth it; ``reason`` says why."""

    reason: str = ""


class InputsVanished(TaskEvent, frozen=True):
    """Inputs of a task that had existed are gone. They are made again."""

    keys: tuple[str, ...]


class ResultDropped(TaskEvent, frozen=True):
    """A task stored outputs that had been published before by another process; the earlier ones stay."""

    keys: tuple[str, ...]


class OutputsRemoved(EngineEvent, frozen=True):
    """Outputs were removed: ephemeral ones of which all readers are done, or those that were invalidated."""

    keys: tuple[str, ...]


class TasksMadeElsewhere(EngineEvent, frozen=True):
    """Another engine on the same storage has made the outputs of these tasks, which were to run here."""

    task_ids: tuple[str, ...]


class TasksPutBack(EngineEvent, frozen=True):
    """These had started and have not done anything: they are queued again, and start once more, here or at a peer."""

    task_ids: tuple[str, ...]


# -- others


class WaitingForEngine(EngineEvent, frozen=True):
    """Another engine on the same storage has held tasks that are to run here for a while.

    Attributes:
        tasks: how many tasks this engine waits for, over all engines that hold any.
        host: the other engine's machine.
        pid: its process.
        since: when it began to hold tasks, in seconds since 1970, by its own clock.
    """

    tasks: int
    host: str
    pid: int
    since: float


class EventsDropped(EngineEvent, frozen=True):
    """A reader of events was too slow and missed this many."""

    count: int
