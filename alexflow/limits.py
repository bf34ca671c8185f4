"""Limits of an engine: how much may wait, and how often tasks with a tag may start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from alexflow.arguments import check_argument, check_positive, check_whole, wrong_argument
from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of

__all__ = ["Queue", "RateLimit"]

REQUESTS = "requests"

#: The other keywords of a rate limit that are no units.
KEYWORDS = "per", "burst", "key", "cost"

#: How similar a unit's name may not be to a keyword, as difflib has it: ``bursts`` is 0.91 of ``burst``.
NEARLY_THE_SAME = 0.8


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
        if self.max_queued is not None:
            check_whole("Queue.max_queued", self.max_queued, kind=", or None")
        meant = 'a dict from executor to places, such as {"process": 1}'
        check_argument("Queue.reserve", self.reserve, Mapping, meant)
        for name, places in self.reserve.items():
            check_whole(f"Queue.reserve[{repr_of(name, SHORT_TEXT)}]", places, 0)


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
        for unit in quotas:
            _refuse_misspelt(unit)
        for unit, quota in given.items():
            _check_positive(f"RateLimit: {unit}", quota, "a number above 0")
        if not given:
            raise DefinitionError("RateLimit needs a number, such as RateLimit(50, per=1.0)")
        _check_positive("RateLimit: per", per, "a number of seconds above 0")
        check_whole("RateLimit: burst", burst)
        if burst > 1 and requests is None:
            raise DefinitionError(
                "RateLimit: burst counts requests; say how many, as in RateLimit(50, per=1.0, burst=5)"
            )
        for name, function in (("key", key), ("cost", cost)):
            if function is not None and not callable(function):
                raise wrong_argument(f"RateLimit: {name}", function, "a function of a task")
        self.quotas: dict[str, float] = {unit: float(quota) for unit, quota in given.items()}
        self.per, self.burst, self.key, self.cost = float(per), burst, key, cost

    def __repr__(self) -> str:
        quotas = ", ".join(f"{unit}={quota:g}" for unit, quota in self.quotas.items())
        return f"RateLimit({quotas}, per={self.per:g}, burst={self.burst})"

    def differences(self, spent: Mapping[str, float], costs: tuple[float, ...]) -> tuple[float, ...]:
        """Return by how much what a task has spent differs from its costs; a unit that is not named does not."""
        pairs = zip(self.quotas, costs, strict=True)
        return tuple(spent[unit] - cost if unit in spent else 0.0 for unit, cost in pairs)


def _refuse_misspelt(unit: str) -> None:
    """Refuse a unit whose name is nearly that of a keyword, and that would limit what no task spends."""
    from difflib import get_close_matches  # deferred: of units beside requests

    meant = get_close_matches(unit, (REQUESTS, *KEYWORDS), 1, NEARLY_THE_SAME)
    if meant:
        raise DefinitionError(
            f"RateLimit has the unit {unit!r}; did you mean {meant[0]}? A unit needs a name that differs more from it"
        )


def _check_positive(name: str, value: object, meant: str) -> None:
    check_positive(name, value, meant)
    if value == inf:
        raise wrong_argument(name, value, meant)
