"""What an engine tells of its work, as it happens. Frozen, typed, serializable."""

from __future__ import annotations

from msgspec import Struct


class EngineEvent(Struct, frozen=True, tag=True):
    """Base of all events that an engine tells."""


class RunStarted(EngineEvent, frozen=True):
    """A run was asked for; ``targets`` is how many tasks and outputs."""

    run_id: int
    targets: int


class TasksPlanned(EngineEvent, frozen=True):
    """These tasks turned out to be needed."""

    task_ids: tuple[str, ...]


class TasksFound(EngineEvent, frozen=True):
    """This many tasks turned out to be done already."""

    count: int


class TaskStarted(EngineEvent, frozen=True):
    """A task was handed to where it runs."""

    task_id: str


class TaskSucceeded(EngineEvent, frozen=True):
    """A task has run and its outputs are published; ``seconds`` is what its attempt took where it ran."""

    task_id: str
    seconds: float


class TaskPrinted(EngineEvent, frozen=True):
    """An attempt has ended, and it or what it started has printed something, in a worker process.

    Of long output this is the beginning and the end (8 and 24 KiB), with a line in between that says how much was left
    out. Told before the event that says how the attempt ended.
    """

    task_id: str
    stdout: str
    stderr: str


class TaskRetrying(EngineEvent, frozen=True):
    """An attempt failed; there will be another after ``delay`` seconds."""

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
    """A task found inputs gone that had existed; they are made again."""

    task_id: str
    keys: tuple[str, ...]


class OutputsRemoved(EngineEvent, frozen=True):
    """Ephemeral outputs were removed: everything that reads them is done."""

    keys: tuple[str, ...]


class TasksMadeElsewhere(EngineEvent, frozen=True):
    """The outputs of these tasks, which were to run, exist: another engine on the same storage has made them."""

    task_ids: tuple[str, ...]


class TasksPutBack(EngineEvent, frozen=True):
    """These were handed to where they run, and taken back before they began, because another engine may run them."""

    task_ids: tuple[str, ...]


class WaitingForEngine(EngineEvent, frozen=True):
    """Tasks that are to run here have been held by another engine on the same storage for a while.

    Attributes:
        tasks: how many tasks this engine waits for, with all engines that hold any.
        host: the machine on which the other engine runs.
        pid: its process.
        since: when it began to hold anything, in seconds since 1970, by its own clock.
    """

    tasks: int
    host: str
    pid: int
    since: float


class ResultDropped(EngineEvent, frozen=True):
    """A task stored outputs that somebody else had published first; those stay."""

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
    """A reader of events was too slow; it missed this many."""

    count: int
