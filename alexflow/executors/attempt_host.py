"""The engine as attempts reach it, from wherever they run: for what :data:`alexflow.current` shows and passes on."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol

from msgspec import Struct


class AttemptFacts(Struct, frozen=True, array_like=True):
    """What an attempt has to be told of itself; few ask.

    Attributes:
        attempt: its number, from 1 on; attempts that ended with the death of their worker count.
        run_id: the id of the run for which it counts, as the record has it; "" if that is over.
        timeout: seconds that it may take; None for any time.
        code: the digest of the code of the task's class, if results of other code are refused; else "".
    """

    attempt: int = 1
    run_id: str = ""
    timeout: float | None = None
    code: str = ""


class AttemptHost(Protocol):
    """What attempts, and executors on their behalf, may ask of the engine. Methods may be called by any thread.

    Attributes:
        engine: the engine itself.
    """

    engine: Any

    def facts_of(self, task_id: str) -> AttemptFacts:
        """Return the facts of the attempt that runs at a task."""
        ...


#: The engine whose executors were opened in this context; None for executors without one.
host: ContextVar[AttemptHost | None] = ContextVar("alexflow_attempt_host", default=None)


def facts_of(task_id: str) -> AttemptFacts:
    """Return the facts of the attempt that runs at a task of this context's engine."""
    here = host.get()
    return AttemptFacts() if here is None else here.facts_of(task_id)
