"""The cost of starting a task, in the limited rates of its tags; calls the user's ``key`` and ``cost``."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, exact_name, hook_failed, repr_of
from alexflow.limits import REQUESTS, RateLimit
from alexflow.model import AbstractTask

if TYPE_CHECKING:  # a client that only plans needs no scheduler
    from alexflow.scheduler.buckets import Spends


def spends_of(task: AbstractTask, tags: tuple[str, ...], rates: Mapping[str, RateLimit]) -> Spends:
    """Find out what a task spends.

    Raises:
        DefinitionError: a function of a limit gives something invalid, or more than the quota.
        HookError: it raised.
    """
    return tuple([_spend(task, tag, rates[tag]) for tag in tags if tag in rates])


def _spend(task: AbstractTask, tag: str, limit: RateLimit) -> tuple[str, tuple[float, ...]]:
    hook = f"key of the RateLimit of {repr_of(tag, SHORT_TEXT)}"
    try:
        name = tag if limit.key is None else f"{tag}\0{exact_name(task, hook, limit.key(task))}"
        hook = f"cost of the RateLimit of {repr_of(tag, SHORT_TEXT)}"
        given = {} if limit.cost is None else dict(limit.cost(task))
        costs = {**{unit: float(unit == REQUESTS) for unit in limit.quotas}, **given}
        for unit, cost in costs.items():
            _check(tag, limit, unit, cost)
    except BaseException as error:
        hook_failed(task, hook, error)
    return name, tuple(float(costs[unit]) for unit in limit.quotas)


def _check(tag: str, limit: RateLimit, unit: str, cost: object) -> None:
    quota, where = limit.quotas.get(unit), f"cost of the RateLimit of {repr_of(tag, SHORT_TEXT)}"
    if quota is None:
        raise DefinitionError(f"{where} has {repr_of(unit, SHORT_TEXT)}; the limit has {', '.join(limit.quotas)}")
    if not isinstance(cost, int | float) or not isfinite(cost) or cost < 0:
        raise DefinitionError(f"{where}: {unit} must be a number of at least 0, not {repr_of(cost, SHORT_TEXT)}")
    if cost > quota:
        raise DefinitionError(
            f"{where}: {cost:g} {unit} are more than the {quota:g} in {limit.per:g} s, so the task could never start"
        )
