"""How attempts went of tasks that have failed at least once and are not over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from alexflow.failures import Attempt

#: Attempts that are remembered of a task; of more, the last ones.
ATTEMPTS_KEPT = 20


class History:
    """Failed attempts by task; nothing of tasks that have never failed."""

    def __init__(self) -> None:
        self._attempts: dict[str, deque[Attempt]] = {}

    def add(self, task_id: str, attempt: Attempt) -> None:
        """An attempt has failed."""
        self._attempts.setdefault(task_id, deque(maxlen=ATTEMPTS_KEPT)).append(attempt)

    def of(self, task_id: str) -> tuple[Attempt, ...]:
        """The failed attempts of a task that is not over."""
        return tuple(self._attempts.get(task_id, ()))

    def forget(self, task_ids: Iterable[str]) -> None:
        """These tasks are over."""
        if self._attempts:
            for task_id in task_ids:
                self._attempts.pop(task_id, None)
