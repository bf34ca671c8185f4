"""Says for whom this engine waits, when it waits for another engine for longer than a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alexflow.logs import logger
from alexflow.storage.leases import Holder, Leases, Wanted

#: Waiting that need not be told.
A_MOMENT = 1.0  # seconds


class Waiting:
    """Remembers since when tasks are held elsewhere, and which holders have been told.

    Args:
        tell: called with how many tasks are waited for, and each engine that holds any.
    """

    def __init__(self, tell: Callable[[int, Holder], None]):
        self._tell = tell
        self._since: float | None = None
        self._told: set[Holder] = set()

    async def look(self, leases: Leases, elsewhere: Wanted, *, is_at_work: bool) -> None:
        """Tell who holds these, if they have been held for long; louder if this engine has nothing else to do."""
        now = time.monotonic()
        if not elsewhere:
            self._since = None
            self._told.clear()
        elif self._since is None:
            self._since = now
        elif now - self._since >= A_MOMENT:
            for holder in await leases.holders(elsewhere):
                if holder not in self._told:
                    self._told.add(holder)
                    self._log(len(elsewhere), holder, logging.INFO if is_at_work else logging.WARNING)
                    self._tell(len(elsewhere), holder)

    def _log(self, tasks: int, holder: Holder, level: int) -> None:
        logger.log(
            level,
            "waiting for %s that another engine on this storage holds: process %d on %s, at work since %s",
            "1 task" if tasks == 1 else f"{tasks} tasks",
            holder.pid,
            holder.host,
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since)),
        )
