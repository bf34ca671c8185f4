"""Log lines about waiting: which peer holds what this engine needs, once that lasts longer than a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alexflow.logs import logger
from alexflow.storage.leases import Holder, Leases, Wanted

#: Waiting below this is not reported.
SILENT_SECONDS = 1.0


class PeerWaits:
    """Keeps since when tasks have been held by peers, and which holders have been reported.

    Args:
        report: called with the number of tasks that wait, for each engine that holds any.
    """

    def __init__(self, report: Callable[[int, Holder], None]):
        self._report = report
        self._since: float | None = None
        self._reported: set[Holder] = set()

    async def look(self, leases: Leases, at_peers: Wanted, *, is_at_work: bool) -> None:
        """Report the holders of tasks held for long; as a warning if this engine has nothing else to do."""
        now = time.monotonic()
        if not at_peers:
            self._since = None
            self._reported.clear()
        elif self._since is None:
            self._since = now
        elif now - self._since >= SILENT_SECONDS:
            for holder in await leases.holders(at_peers):
                if holder not in self._reported:
                    self._reported.add(holder)
                    self._log(len(at_peers), holder, logging.INFO if is_at_work else logging.WARNING)
                    self._report(len(at_peers), holder)

    def _log(self, tasks: int, holder: Holder, level: int) -> None:
        logger.log(
            level,
            "waiting for %s that another engine on this storage holds: process %d on %s, working since %s",
            "1 task" if tasks == 1 else f"{tasks} tasks",
            holder.pid,
            holder.host,
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since)),
        )
