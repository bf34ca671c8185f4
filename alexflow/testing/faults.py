"""Faults of simulations, given by name and number or drawn at random.

A fault names its task or output, and a number: the first attempt at a task, the second publication of an output. It
has no time. So a fault stays with its task whatever else changes, and a history can be shrunk by leaving faults out.
Random faults are drawn when their time comes, each from the seed and its own name alone: the faults of one task do not
depend on the order in which others run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Self, TypeVar

from msgspec import Struct, structs

FaultT = TypeVar("FaultT", bound="SimulatedFault")


class SimulatedFault(Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of all faults.

    Attributes:
        what: the task or the output: its id or key, or a part of that between dots, such as the name of the task's
            class or the end of the key (``"Train"``, ``"model.pkl"``).
        nth: the number of the attempt or publication, from 1; None for each.
    """

    what: str
    nth: int | None = 1

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        """Draw a fault of this kind."""
        return cls(what, nth)

    def befalls(self, what: str, nth: int) -> bool:
        """Return whether the fault is for this task or output, this time."""
        return (self.nth is None or self.nth == nth) and f".{self.what}." in f".{what}."


class LostWorker(SimulatedFault, frozen=True):
    """The worker dies during the nth attempt at the task; ``late``: after the outputs were published."""

    late: bool = False

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.random() < 0.3)


class RaisedError(SimulatedFault, frozen=True):
    """The task's own code raises in its nth attempt."""


class SlowTask(SimulatedFault, frozen=True):
    """The nth attempt at the task takes so many seconds; others take one."""

    seconds: float = 60.0

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.choice([0.0, 0.1, 0.9, 2.5, 7.0]))


class DelayedReply(SimulatedFault, frozen=True):
    """The report of the nth attempt's end reaches the engine so many seconds later."""

    seconds: float = 10.0

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.choice([0.1, 1.0, 5.0]))


class DeafTask(SimulatedFault, frozen=True):
    """The nth attempt at the task ignores its cancellation, and goes on to its end."""


class FailedStore(SimulatedFault, frozen=True):
    """The nth publication of the output fails; ``stored``: only the reply is lost, and the output is there."""

    stored: bool = False

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.random() < 0.4)


class VanishedOutput(SimulatedFault, frozen=True):
    """The output vanishes so many seconds after it was published for the nth time; 0: after the beginning."""

    seconds: float = 0.0

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.choice([0.0, 0.5, 2.0, 6.0]))


class SlowAnswer(SimulatedFault, frozen=True):
    """The storage takes so many seconds for its nth answer on the event loop.

    ``what`` is the kind of question: ``exists``, ``read``, ``publish`` or ``remove``.
    """

    seconds: float = 1.0

    @classmethod
    def drawn(cls, what: str, nth: int, random: Random) -> Self:
        return cls(what, nth, random.choice([0.0, 0.1, 1.5]))


class FailedAnswer(SimulatedFault, frozen=True):
    """The storage has an error for its nth answer on the event loop; ``what`` as for :class:`SlowAnswer`."""


AnyFault = (
    LostWorker
    | RaisedError
    | SlowTask
    | DelayedReply
    | DeafTask
    | FailedStore
    | VanishedOutput
    | SlowAnswer
    | FailedAnswer
)

#: The default probability of each kind, each time that it could happen.
USUAL_RATES: Mapping[str, float] = {
    "LostWorker": 0.1,
    "RaisedError": 0.05,
    "SlowTask": 0.7,
    "DelayedReply": 0.2,
    "FailedStore": 0.05,
    "VanishedOutput": 0.03,
    "SlowAnswer": 0.5,
    "FailedAnswer": 0.005,
}


class Faults:
    """The faults of a simulation.

    Args:
        planned: the faults that happen.
    """

    def __init__(self, planned: Sequence[SimulatedFault] = ()):
        self.planned = tuple(planned)
        #: The faults that have happened, in order.
        self.happened: list[SimulatedFault] = []

    def find(self, kind: type[FaultT], what: str, nth: int) -> FaultT | None:
        """Return the fault of this kind that happens now, if any."""
        for fault in self.planned:
            if type(fault) is kind and fault.befalls(what, nth):
                self.happened.append(structs.replace(fault, what=what, nth=nth))
                return fault
        return None


class RandomFaults(Faults):
    """Faults drawn at random, the same ones for the same seed.

    Args:
        seed: any number or text.
        rates: the probability of each kind each time that it could happen, by class name; others do not happen.
        planned: further faults.
    """

    def __init__(
        self, seed: int | str, rates: Mapping[str, float] = USUAL_RATES, planned: Sequence[SimulatedFault] = ()
    ):
        super().__init__(planned)
        self._seed = seed
        self._rates = rates

    def find(self, kind: type[FaultT], what: str, nth: int) -> FaultT | None:
        """Return the fault of this kind that happens now, if any."""
        fault = super().find(kind, what, nth)
        rate = self._rates.get(kind.__name__, 0.0)
        if fault is None and rate:
            random = Random(f"{self._seed} {kind.__name__} {what} {nth}")
            if random.random() < rate:
                fault = kind.drawn(what, nth, random)
                self.happened.append(fault)
        return fault
