"""The events that the scheduler handles. Frozen, named, serializable: a failing history can be saved and replayed."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

OnError = Literal["stop", "continue"]

#: The reason of a failed attempt.
Reason = Literal["error", "lost", "fatal"]


class TaskSpec(Struct, frozen=True, gc=False):  # refers to nothing that could refer back
    """One task, as the scheduler sees it: names and numbers, no object of the user's.

    Attributes:
        task_id: its id.
        inputs: keys that must exist before it starts, each once.
        ephemeral: those of ``inputs`` that may be removed after it.
        outputs: keys that exist when it is done.
        tags: names that may have limits.
        dynamic: whether it generates tasks instead of doing work itself.
        retries: how often it is tried again after an error of its own.
        retry_delay: seconds before the first retry, doubled for each further one.
        retry_jitter: fraction by which each delay is varied at random.
        acyclic: whether its id is a digest of (among others) its inputs' ids, so that it cannot be on a cycle: each
            task on it would have to be created before the one before it.
        serves: keys that it makes for the dynamic task that generates it, each with the one of ``outputs`` under which
            the output is held until the dynamic task is done.
        key: the same for tasks that probably take equally long: the name of its class; "" for one that has a timeout,
            which counts as long.
        executor: the name of the executor that runs it; "" for a dynamic task.
        priority: its class's; None if that has none.
        spends: what it spends by starting, of its tags whose rates are limited: names of buckets, each with its costs.
    """

    task_id: str
    inputs: tuple[str, ...] = ()
    ephemeral: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    dynamic: bool = False
    retries: int = 0
    retry_delay: float = 0.0
    retry_jitter: float = 0.0
    acyclic: bool = False
    serves: tuple[tuple[str, str], ...] = ()
    key: str = ""
    executor: str = ""
    priority: int | None = None
    spends: tuple[tuple[str, tuple[float, ...]], ...] = ()


class Event(Struct, frozen=True, tag=True):
    """Base of all events."""


class RunRequested(Event, frozen=True):
    """A request for outputs (by key) and tasks (by id).

    Attributes:
        priority: of all that is done for it; None for that of each task's class.
        fairness_key: requests with the same share a place in the rounds of their priority.
        more: whether further ones follow (``TargetsAdded``), as there are too many for one turn.
    """

    run_id: int
    keys: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    on_error: OnError = "stop"
    priority: int | None = None
    fairness_key: str = ""
    more: bool = False


class TargetsAdded(Event, frozen=True):
    """Further outputs and tasks of a request; no output or task comes twice."""

    run_id: int
    keys: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    more: bool = False


class RunsCancelled(Event, frozen=True):
    """The callers of these runs have gone."""

    run_ids: tuple[int, ...]


class Inspected(Event, frozen=True):
    """A part of the answer to an ``Inspect``.

    Attributes:
        present: keys that exist.
        missing: keys that do not, each with the id of the task that makes it. Behind those that were asked about there
            may be inputs of their tasks, which would be asked about next.
        complete: inspected tasks whose outputs all exist.
        incomplete: inspected tasks that must run.
        specs: the tasks of ``missing`` and ``incomplete`` that the scheduler does not know yet; and those of
            ``complete``, of which only the outputs matter: they are not removed while a run that requested them lasts.
        found: ids of the tasks behind ``present`` and ``complete``.
        question: the number of the ``Inspect``. Keys and tasks that were inspected again since then are passed over,
            because the answer may be older than they are. None is an answer to the last one.
    """

    present: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    complete: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    specs: tuple[TaskSpec, ...] = ()
    found: tuple[str, ...] = ()
    question: int | None = None


class InspectionFailed(Event, frozen=True):
    """Keys or tasks could not be inspected: the graph is wrong or the storage does not answer.

    ``question`` is as in :class:`Inspected`.
    """

    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    error: Any
    question: int | None = None


class Succeeded(Event, frozen=True):
    """These tasks have run and their outputs are published.

    Attributes:
        generated: the number of children that a dynamic task has generated, for the record; 0 for others.
        seconds: the time that a dynamic task has spent in ``generate``, for the record; 0 for others.
        stored: keys that ``generate`` itself has stored, each with the size and digest of its bytes, for the record.
        ahead: tasks that were not ready and have succeeded, too, each behind those that make its inputs. Those that
            become ready by this event are done with it (``Collect``); of others it says nothing.
    """

    tasks: tuple[str, ...]
    generated: int = 0
    seconds: float = 0.0
    stored: tuple[tuple[str, tuple[int, bytes]], ...] = ()
    ahead: tuple[str, ...] = ()


class Failed(Event, frozen=True):
    """A task's attempt failed.

    Attributes:
        reason: ``error``: its own code (retries apply). ``lost``: its worker died (a limit of its own applies).
            ``fatal``: trying again cannot help.
        chance: a random number from 0 to 1, for a delay with jitter.
        seconds: as for :class:`Succeeded`.
    """

    task_id: str
    error: Any
    reason: Reason = "error"
    chance: float = 0.5
    seconds: float = 0.0


class Postponed(Event, frozen=True):
    """A task asks for a pause of its limited rates, and to start again after that; no attempt is counted."""

    task_id: str
    seconds: float
    error: Any = None


class Spent(Event, frozen=True):
    """A task that runs reports what it has really spent until now.

    Attributes:
        amounts: buckets, each with the amounts by unit; None where it says nothing.
    """

    task_id: str
    amounts: tuple[tuple[str, tuple[float | None, ...]], ...]


class SharedBy(Event, frozen=True):
    """The limits of rates are shared with other engines.

    Attributes:
        parts: equal parts, of which this engine has one.
        anew: whether it has had none until now, so that others may have spent all.
        lag: seconds until the others have noticed.
    """

    parts: int
    anew: bool = False
    lag: float = 0.0


class Woken(Event, frozen=True):
    """The time that the scheduler asked for (``WakeAt``) has come."""


class InputsLost(Event, frozen=True):
    """A task could not run because inputs that existed are gone."""

    task_id: str
    keys: tuple[str, ...]
    error: Any


class Cancelled(Event, frozen=True):
    """Cancelled tasks have ended without a result."""

    tasks: tuple[str, ...]


class PutBack(Event, frozen=True):
    """Tasks that had been taken from the ready queue have not begun, and come back before all others."""

    tasks: tuple[str, ...]


class HeldByPeer(Event, frozen=True):
    """Another engine on the same storage holds tasks that were to start."""

    tasks: tuple[str, ...]


class ReleasedByPeer(Event, frozen=True):
    """No other engine holds these tasks any more, and they are not done."""

    tasks: tuple[str, ...]


class DoneByPeer(Event, frozen=True):
    """The outputs of these tasks exist: another engine has made them."""

    tasks: tuple[str, ...]


class Generated(Event, frozen=True):
    """A dynamic task has generated further tasks.

    Attributes:
        paused: it generates no more until it is asked (``Generate``).
        last: it generates no more at all.
    """

    task_id: str
    tasks: tuple[str, ...] = ()
    paused: bool = False
    last: bool = False


class DelayOver(Event, frozen=True):
    """The delay before a retry has passed."""

    task_id: str
    attempt: int


class Verified(Event, frozen=True):
    """The answer to a ``Verify``: target keys that do not exist after all."""

    run_id: int
    missing: tuple[str, ...] = ()


class Resumed(Event, frozen=True):
    """The turn that the scheduler requested (``Resume``)."""
