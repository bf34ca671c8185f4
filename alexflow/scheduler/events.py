"""What can happen to the scheduler. Frozen, named, serializable: a failing history can be saved and replayed."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

OnError = Literal["stop", "continue"]

#: Why an attempt failed.
Reason = Literal["error", "lost", "fatal"]


class TaskSpec(Struct, frozen=True, gc=False):  # refers to nothing that could refer back
    """One task, as the scheduler sees it.

    Attributes:
        task_id: its id.
        inputs: keys that must exist before it starts, each once.
        ephemeral: those of ``inputs`` that this task lets be removed afterwards.
        outputs: keys that exist when it is done.
        tags: names that limits may be set for.
        dynamic: whether it gives further tasks instead of doing work itself.
        retries: how often it is tried again after an error of its own.
        retry_delay: seconds before the first retry, doubled for each further one.
        retry_jitter: fraction by which chance makes each delay longer or shorter.
        acyclic: whether its id is a digest of (among others) its inputs' ids, so that it cannot be on a cycle: each
            task on it would have to be made before the one before it.
        serves: keys of the dynamic task that gave it and for which it makes them, each with the one of ``outputs``
            under which that is kept until the dynamic task is done.
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


class Event(Struct, frozen=True, tag=True):
    """Base of all events."""


class RunRequested(Event, frozen=True):
    """Somebody asks for outputs (by key) and tasks (by id)."""

    run_id: int
    keys: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    on_error: OnError = "stop"


class RunsCancelled(Event, frozen=True):
    """Nobody waits for these runs any more."""

    run_ids: tuple[int, ...]


class Inspected(Event, frozen=True):
    """A part of the answer to an ``Inspect``.

    Attributes:
        present: keys that exist.
        missing: keys that do not, each with the id of the task that makes it.
        complete: inspected tasks whose outputs all exist.
        incomplete: inspected tasks that must run.
        specs: the tasks of ``missing`` and ``incomplete`` that the scheduler does not know yet; and those of
            ``complete``, of which only the outputs matter: they are not removed while a run that asked for them lasts.
        found: ids of the tasks behind ``present`` and ``complete``.
        question: the number of the ``Inspect``; what has been asked once more since then is passed over, for the answer
            may be from before it was made. None is an answer to the last one.
    """

    present: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    complete: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    specs: tuple[TaskSpec, ...] = ()
    found: tuple[str, ...] = ()
    question: int | None = None


class InspectionFailed(Event, frozen=True):
    """Keys or tasks that could not be looked at: the graph is wrong or the storage does not answer.

    ``question`` is as in :class:`Inspected`.
    """

    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    error: Any
    question: int | None = None


class Succeeded(Event, frozen=True):
    """These tasks have run and their outputs are published."""

    tasks: tuple[str, ...]


class Failed(Event, frozen=True):
    """A task's attempt failed.

    Attributes:
        reason: ``error``, its own code (retries apply); ``lost``, what it ran in died (a limit of its own applies);
            ``fatal``, trying again cannot help.
        chance: a random number from 0 to 1, for a delay that has jitter.
    """

    task_id: str
    error: Any
    reason: Reason = "error"
    chance: float = 0.5


class InputsLost(Event, frozen=True):
    """A task could not run because inputs that existed are gone."""

    task_id: str
    keys: tuple[str, ...]
    error: Any


class Cancelled(Event, frozen=True):
    """Tasks that were to be cancelled have ended without a result."""

    tasks: tuple[str, ...]


class HeldByPeer(Event, frozen=True):
    """Tasks that were to be started are held by another engine on the same storage."""

    tasks: tuple[str, ...]


class ReleasedByPeer(Event, frozen=True):
    """No other engine holds these any more, and they are not done."""

    tasks: tuple[str, ...]


class DoneByPeer(Event, frozen=True):
    """The outputs of these exist: another engine has made them."""

    tasks: tuple[str, ...]


class Generated(Event, frozen=True):
    """A dynamic task gave further tasks.

    Attributes:
        paused: it gives no more until it is asked (``Generate``).
        last: it will never give any more.
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
    """The answer to a ``Verify``: target keys that are not there after all."""

    run_id: int
    missing: tuple[str, ...] = ()


class Resumed(Event, frozen=True):
    """The scheduler asked for another turn (``Resume``) and gets it."""
