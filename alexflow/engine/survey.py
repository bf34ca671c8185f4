"""A survey of an engine, for a page that asks twice a second: tasks under way, counted as they come and leave.

Each costs a look-up when it comes and when it leaves, and only once a page has asked. What runs, and what the first of
those that wait waits for, is asked for with the page. Rejected: listening to the engine's events, some 30 µs a task;
and going through all tasks for each page, which at 100,000 takes the event loop for 20 ms each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.executors.interface import Executor
from alexflow.graph import Described
from alexflow.scheduler import Scheduler

#: Tasks that were there before the first question, and are counted in one turn of the loop: a part of a millisecond.
COUNTED_AT_ONCE = 500

#: A class of one run, by the run's number.
ClassOfRun = tuple[int, str]


class Survey:
    """The tasks that are wanted and not done, by run and class.

    Args:
        tasks: descriptions of the tasks that are not over, by id; others change it.
        scheduler: says for which run a task counts.
        executors: by name; they say what runs.
    """

    def __init__(self, tasks: Mapping[str, Described], scheduler: Scheduler, executors: Mapping[str, Executor]):
        self._tasks = tasks
        self._owners_of = scheduler.owners_of
        self._executors = executors
        self._remaining: dict[ClassOfRun, dict[str, None]] = {}  # in the order in which they came
        self._class_of: dict[str, ClassOfRun] = {}
        self._uncounted: list[str] = list(tasks)

    def entered(self, task_ids: Iterable[str]) -> None:
        """Count tasks that are wanted from now on."""
        task_ids = list(task_ids)
        for task_id, owner in zip(task_ids, self._owners_of(task_ids), strict=True):
            key = owner, task_id.rpartition(".")[0]
            remaining = self._remaining.get(key)
            if remaining is None:
                remaining = self._remaining[key] = {}
            remaining[task_id] = None
            self._class_of[task_id] = key

    def forgotten(self, task_ids: Iterable[str]) -> None:
        """Take out tasks that are over or not wanted any more."""
        for task_id in task_ids:
            key = self._class_of.pop(task_id, None)
            if key is not None:
                remaining = self._remaining[key]
                del remaining[task_id]
                if not remaining:
                    del self._remaining[key]

    def count_more(self) -> bool:
        """Count some tasks that were there before the first question. Returns whether more are left."""
        some = self._uncounted[-COUNTED_AT_ONCE:]
        del self._uncounted[-COUNTED_AT_ONCE:]
        self.entered([task_id for task_id in some if task_id in self._tasks and task_id not in self._class_of])
        return bool(self._uncounted)

    def move_to_owners(self, is_run: Callable[[int], bool]) -> None:
        """Let tasks of runs that have left count for those that want them now."""
        for key in [key for key in self._remaining if not is_run(key[0])]:
            task_ids = list(self._remaining[key])
            if set(self._owners_of(task_ids)) != {key[0]}:
                self.forgotten(task_ids)
                self.entered(task_ids)

    # -- questions

    def remaining(self) -> dict[ClassOfRun, int]:
        """Return how many tasks have not ended."""
        return {key: len(tasks) for key, tasks in self._remaining.items()}

    def at_work(self) -> list[CurrentAttempt]:
        """Return what runs now."""
        return [each for executor in self._executors.values() for each in executor.at_work()]

    def run_of(self, task_id: str) -> int:
        """Return the number of the run for which a task counts; 0 if it has left."""
        return self._class_of.get(task_id, (0, ""))[0]

    def by_class(self, task_ids: Iterable[str]) -> Counter[ClassOfRun]:
        """Count tasks by run and class; those that have left are not counted."""
        counts = Counter(map(self._class_of.get, task_ids))
        counts.pop(None, None)
        return counts  # type: ignore[return-value]

    def first_waiting(self, running: Mapping[str, object], most: int) -> Iterator[tuple[ClassOfRun, str]]:
        """Yield for so many classes the first task that does not run."""
        for key in islice(list(self._remaining), most):
            remaining = self._remaining.get(key, {})
            first = next((task_id for task_id in remaining if task_id not in running), None)
            if first is not None:
                yield key, first
