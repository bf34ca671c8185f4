"""Attempts at tasks: how many there were of each, and which are under way."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar

from alexflow.testing.faults import Faults, RaisedError
from alexflow.testing.history import SimulationHistory


class SimulatedError(RuntimeError):
    """The error of a task with a :class:`RaisedError`."""


class Misuse(AssertionError):
    """A call of an executor that the engine must not make."""


class Attempts:
    """Counts attempts, and records them.

    Args:
        faults: the faults of the simulation.
        history: where attempts are recorded.
    """

    def __init__(self, faults: Faults, history: SimulationHistory):
        self.faults = faults
        self.history = history
        self.count: Counter[str] = Counter()
        self.under_way: dict[str, int] = {}

    def begin(self, task_id: str) -> int:
        """Begin an attempt at a task. Returns its number, from 1.

        Raises:
            Misuse: another attempt at it is under way.
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
        """End the attempt at a task."""
        name = self.history.names(task_id)
        self.history.add("ends", name, self.under_way.pop(name), how)

    def raise_if_told(self, task_id: str, nth: int) -> None:
        """Raise the task's error, if it has a fault.

        Raises:
            SimulatedError: the fault.
        """
        name = self.history.names(task_id)
        if self.faults.find(RaisedError, name, nth) is not None:
            raise SimulatedError(f"simulated: {name} raises in attempt {nth}")


#: The attempts of the simulation that is going on, for tasks that are made for simulations.
ATTEMPTS: ContextVar[Attempts] = ContextVar("alexflow.testing.attempts")
