"""The events that an engine emits. Frozen, typed, serializable. Their names are tags and do not change."""

from __future__ import annotations

from msgspec import Struct


class EngineEvent(Struct, frozen=True, tag=True):
    """Base of all events of an engine."""


class RunStarted(EngineEvent, frozen=True):
    """A run was requested, of so many tasks and outputs (``targets``)."""

    run_id: int
    targets: int


class TasksPlanned(EngineEvent, frozen=True):
    """These tasks have to run."""

    task_ids: tuple[str, ...]


class TasksFound(EngineEvent, frozen=True):
    """This many tasks are done already."""

    count: int


class TaskStarted(EngineEvent, frozen=True):
    """A task was taken by its executor, which has a place for it, or will have in a moment."""

    task_id: str


class TaskSucceeded(EngineEvent, frozen=True):
    """A task has run and its outputs are published. ``seconds`` is the duration of its attempt, measured there."""

    task_id: str
    seconds: float


class TaskPrinted(EngineEvent, frozen=True):
    """An attempt has ended, and it, or a process that it started, printed something in a worker process.

    Long output is cut to its beginning and end (8 and 24 KiB), with a line between them that says how much was left
    out. This event precedes the one that says how the attempt ended.
    """

    task_id: str
    stdout: str
    stderr: str


class TaskRetrying(EngineEvent, frozen=True):
    """An attempt failed. Another one follows after ``delay`` seconds."""

    task_id: str
    attempts: int
    error: str
    delay: float


class TaskGivenUp(EngineEvent, frozen=True):
    """A task failed for good."""

    task_id: str
    attempts: int
    error: str


class InputsVanished(EngineEvent, frozen=True):
    """Inputs of a task that had existed are gone. They are made again."""

    task_id: str
    keys: tuple[str, ...]


class OutputsRemoved(EngineEvent, frozen=True):
    """Ephemeral outputs were removed: everything that reads them is done."""

    keys: tuple[str, ...]


class TasksMadeElsewhere(EngineEvent, frozen=True):
    """Another engine on the same storage has made the outputs of these tasks, which were to run here."""

    task_ids: tuple[str, ...]


class TasksPutBack(EngineEvent, frozen=True):
    """These had been taken, and were put back before they began: they start once more, here or at a peer."""

    task_ids: tuple[str, ...]


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


class ResultDropped(EngineEvent, frozen=True):
    """A task stored outputs that had been published before by another process; the earlier ones stay."""

    task_id: str
    keys: tuple[str, ...]


class RunFinished(EngineEvent, frozen=True):
    """A run is over."""

    run_id: int
    ran: int
    cached: int
    failed: int
    skipped: int
    seconds: float


class EventsDropped(EngineEvent, frozen=True):
    """A reader of events was too slow and missed this many."""

    count: int
