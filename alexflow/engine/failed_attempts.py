"""The failed attempts of tasks that are not over, for the error of the last one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from alexflow.failures import Attempt

#: Attempts that are kept of a task: the last ones.
ATTEMPTS_KEPT = 20


class FailedAttempts:
    """Failed attempts by task; nothing is kept of tasks that have never failed."""

    def __init__(self) -> None:
        self._attempts: dict[str, deque[Attempt]] = {}

    def __bool__(self) -> bool:
        return bool(self._attempts)

    def add(self, task_id: str, attempt: Attempt) -> None:
        """Keep one."""
        self._attempts.setdefault(task_id, deque(maxlen=ATTEMPTS_KEPT)).append(attempt)

    def of(self, task_id: str) -> tuple[Attempt, ...]:
        """List those of a task that is not over."""
        return tuple(self._attempts.get(task_id, ()))

    def count(self, task_id: str) -> int:
        """Count those of a task that is not over, as far as they are kept."""
        return len(self._attempts[task_id]) if task_id in self._attempts else 0

    def forget(self, task_ids: Iterable[str]) -> None:
        """Drop those of tasks that are over."""
        if self._attempts:
            for task_id in task_ids:
                self._attempts.pop(task_id, None)
