"""Head-of-line blocking: jobs that wait in a worker behind an unexpectedly long one are revoked, to run elsewhere.

Which jobs travel together is estimated from those of their class that have run. A worker that has ended no job for a
while, with others behind the first, gives those back, and gets no more until the first has ended. Logs and requests of
the first job do not count as progress.
"""

from __future__ import annotations

import asyncio
import time

from alexflow.executors.process.shutdown import Shutdown
from alexflow.executors.process.worker_set import WorkerSet

#: After so long without a job that ended, those behind the first are revoked; after twice that at the latest.
BLOCKED_AFTER = 0.02  # seconds


class HeadOfLine:
    """Watches workers that have several jobs.

    Args:
        worker_set: the workers.
        shutdown: revokes jobs.
    """

    def __init__(self, worker_set: WorkerSet, shutdown: Shutdown):
        self._worker_set = worker_set
        self._shutdown = shutdown
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Watch, if workers have been given jobs."""
        if self._timer is None and any(len(worker.sent) > 1 for worker in self._worker_set.workers):
            self._timer = self._loop.call_later(BLOCKED_AFTER, self._look)

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        latest = time.monotonic() - BLOCKED_AFTER
        for worker in self._worker_set.workers:
            if len(worker.sent) > 1 and worker.last_report < latest and not worker.is_revoking:
                self._shutdown.revoke(worker)
        self.watch()
