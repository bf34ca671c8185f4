"""Limits of an engine: how much may wait, and how often tasks with a tag may start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of

__all__ = ["Queue", "RateLimit"]

REQUESTS = "requests"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The queue of an engine: how many tasks may wait in it, and what is kept free for urgent ones.

    ::

        Engine(queue=Queue(max_queued=10_000, reserve={"process": 1}))

    Attributes:
        max_queued: while so many tasks wait that a request could not pass (they have its priority, or a higher one),
            further requests raise :class:`~alexflow.errors.Overloaded`. A request is accepted or refused as a whole, so
            one for many tasks may exceed the number. None for no limit.
        reserve: places that tasks of a priority below 0 never take, by executor: ``"process"``, ``"thread"`` or
            ``"loop"``.

    Raises:
        DefinitionError: a value is invalid.
    """

    max_queued: int | None = None
    reserve: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_queued is not None and not _is_whole(self.max_queued, 1):
            shown = repr_of(self.max_queued, SHORT_TEXT)
            raise DefinitionError(f"Queue.max_queued must be a whole number of at least 1, or None, not {shown}")
        if not isinstance(self.reserve, Mapping):
            shown = repr_of(self.reserve, SHORT_TEXT)
            raise DefinitionError(
                f'Queue.reserve must be a dict from executor to places, such as {{"process": 1}}, not {shown}'
            )
        for name, places in self.reserve.items():
            if not _is_whole(places, 0):
                shown = repr_of(places, SHORT_TEXT)
                raise DefinitionError(f"Queue.reserve[{name!r}] must be a whole number of at least 0, not {shown}")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


class RateLimit:
    """A limit of how often tasks with a tag may start, such as that of the API which they call.

    ::

        Engine(limits={"api": RateLimit(50, per=1.0, burst=5, key=lambda task: task.tenant)})
        Engine(limits={"llm": RateLimit(requests=500, tokens=200_000, per=60, cost=lambda task: {"tokens": task.most})})

    A task waits for its turn before it starts: its ``timeout`` has not begun, and it holds no place. One that leaves
    before it has begun gives its turn back; another attempt takes another turn.

    Args:
        requests: how many tasks may start in ``per`` seconds. That is a hard bound for every interval of that length,
            which is kept 2 % longer since requests do not all take equally long to arrive.
        per: seconds.
        burst: how many of these may start at once; the others start at even distances.
        key: gives a name for a task, such as its tenant: each name has a limit of its own.
        cost: gives what a task will probably spend, by unit; what it leaves out is 0, or 1 of ``requests``.
            ``current.spent(tokens=…)`` in the task corrects it.
        quotas: limits in further units, such as ``tokens=200_000``, in the same ``per`` seconds.

    Raises:
        DefinitionError: a value is invalid.
    """

    __slots__ = ("burst", "cost", "key", "per", "quotas")

    def __init__(
        self,
        requests: float | None = None,
        *,
        per: float,
        burst: int = 1,
        key: Callable[[Any], str] | None = None,
        cost: Callable[[Any], Mapping[str, float]] | None = None,
        **quotas: float,
    ):
        given = quotas if requests is None else {REQUESTS: requests, **quotas}
        for unit, quota in given.items():
            if not _is_positive(quota):
                raise DefinitionError(f"RateLimit: {unit} must be a number above 0, not {repr_of(quota, SHORT_TEXT)}")
        if not given:
            raise DefinitionError("RateLimit needs a number, such as RateLimit(50, per=1.0)")
        if not _is_positive(per):
            raise DefinitionError(f"RateLimit: per must be a number of seconds above 0, not {repr_of(per, SHORT_TEXT)}")
        if not _is_whole(burst, 1):
            raise DefinitionError(
                f"RateLimit: burst must be a whole number of at least 1, not {repr_of(burst, SHORT_TEXT)}"
            )
        if burst > 1 and requests is None:
            raise DefinitionError(
                "RateLimit: burst counts requests; say how many, as in RateLimit(50, per=1.0, burst=5)"
            )
        for name, function in (("key", key), ("cost", cost)):
            if function is not None and not callable(function):
                raise DefinitionError(
                    f"RateLimit: {name} must be a function of a task, not {repr_of(function, SHORT_TEXT)}"
                )
        self.quotas: dict[str, float] = {unit: float(quota) for unit, quota in given.items()}
        self.per, self.burst, self.key, self.cost = float(per), burst, key, cost

    def __repr__(self) -> str:
        quotas = ", ".join(f"{unit}={quota:g}" for unit, quota in self.quotas.items())
        return f"RateLimit({quotas}, per={self.per:g}, burst={self.burst})"

    def differences(self, spent: Mapping[str, float], costs: tuple[float, ...]) -> tuple[float, ...]:
        """Return by how much what a task has spent differs from its costs; a unit that is not named does not."""
        pairs = zip(self.quotas, costs, strict=True)
        return tuple(spent[unit] - cost if unit in spent else 0.0 for unit, cost in pairs)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0
