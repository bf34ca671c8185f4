"""Limits of rates on their way to the scheduler: what they are for it, and when it is to be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from alexflow.scheduler.events import Woken
from alexflow.scheduler.instructions import WakeAt
from alexflow.scheduler.rates import RateSpec

if TYPE_CHECKING:
    from alexflow.limits import RateLimit


def rate_specs(rates: Mapping[str, RateLimit]) -> dict[str, RateSpec]:
    """Make the scheduler's view of limits."""
    return {tag: RateSpec(tuple(limit.quotas.values()), limit.per, limit.burst) for tag, limit in rates.items()}


class Alarm:
    """The one timer of the scheduler, on the event loop's clock.

    Args:
        over: called with the event when its time has come.
    """

    def __init__(self, over: Callable[[Woken], None]):
        self._over = over
        self._timer: asyncio.TimerHandle | None = None

    def set(self, instruction: WakeAt) -> None:
        """Set it; an earlier setting is void."""
        self.clear()
        self._timer = asyncio.get_running_loop().call_at(instruction.time, self._over, Woken())

    def clear(self) -> None:
        """Let it not go off."""
        if self._timer is not None:
            self._timer.cancel()
