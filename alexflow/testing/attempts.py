"""Attempts at tasks: how often each was tried, and which are under way."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar

from alexflow.testing.faults import Faults, RaisedError
from alexflow.testing.history import History


class SimulatedError(RuntimeError):
    """What a task raises when it is told to."""


class Misuse(AssertionError):
    """The engine asked of an executor what it must not ask."""


class Attempts:
    """Counts and tells.

    Args:
        faults: what happens.
        history: where it is told.
    """

    def __init__(self, faults: Faults, history: History):
        self.faults = faults
        self.history = history
        self.count: Counter[str] = Counter()
        self.under_way: dict[str, int] = {}

    def begin(self, task_id: str) -> int:
        """A task is tried. Returns for which time.

        Raises:
            Misuse: it is being tried already.
        """
        name = self.history.names(task_id)
        self.count[name] += 1
        nth = self.count[name]
        self.history.add("begins", name, nth)
        if name in self.under_way:
            raise Misuse(f"{name} began, and was under way already")
        self.under_way[name] = nth
        return nth

    def end(self, task_id: str, how: str) -> None:
        """That has come to an end."""
        name = self.history.names(task_id)
        self.history.add("ends", name, self.under_way.pop(name), how)

    def raise_if_told(self, task_id: str, nth: int) -> None:
        """Raise what the faults say that the task raises.

        Raises:
            SimulatedError: this.
        """
        name = self.history.names(task_id)
        if self.faults.find(RaisedError, name, nth) is not None:
            raise SimulatedError(f"simulated: {name} raises in attempt {nth}")


#: Those of the simulation that is going on, for tasks that are made for simulations.
ATTEMPTS: ContextVar[Attempts] = ContextVar("alexflow.testing.attempts")
