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
    """Keeps since when each task has been held by a peer, and which holders have been reported.

    Args:
        report: called with the number of tasks that wait, for each engine that holds any.
        clock: gives the time, in seconds.
    """

    def __init__(self, report: Callable[[int, Holder], None], clock: Callable[[], float] = time.monotonic):
        self._report = report
        self._clock = clock
        self._since: dict[str, float] = {}
        self._reported: set[Holder] = set()

    async def look(self, leases: Leases, at_peers: Wanted, *, is_at_work: bool) -> None:
        """Report the holders of tasks held for long; as a warning if this engine has nothing else to do."""
        now, before = self._clock(), self._since
        since = self._since = {task_id: before.get(task_id, now) for task_id in at_peers}
        held_long = {task_id: at_peers[task_id] for task_id, at in since.items() if now - at >= SILENT_SECONDS}
        if not held_long:
            self._reported.clear()
            return
        for holder in await leases.holders(held_long):
            if holder not in self._reported:
                self._reported.add(holder)
                self._log(len(held_long), holder, logging.INFO if is_at_work else logging.WARNING)
                self._report(len(held_long), holder)

    def _log(self, tasks: int, holder: Holder, level: int) -> None:
        logger.log(
            level,
            "waiting for %s that another engine on this storage holds: process %d on %s, working since %s",
            "1 task" if tasks == 1 else f"{tasks} tasks",
            holder.pid,
            holder.host,
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since)),
        )
