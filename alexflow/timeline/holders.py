"""The attempts that held what another needed to begin: its worker, a slot of its limit, or the task itself.

A limit is as many slots as it has tasks at once. A task takes the slot that has been free longest, and has waited for
it if all slots were taken when it was given back, or those that were not had been given back so as well: then others
stood in line.
"""

from __future__ import annotations

from array import array
from collections import deque

from alexflow.timeline.fold import RETRIED
from alexflow.timeline.lanes import Lane
from alexflow.timeline.run_fold import LOOP, RunFold
from alexflow.timeline.task_columns import TaskColumns


def is_bounded(run: RunFold, lane: Lane) -> bool:
    """Whether a lane is a worker or a thread, of which there are so many, and not one of an event loop's."""
    return not run.timeline.places[lane.place].endswith((LOOP, "dynamic"))


def before_in_lane(columns: TaskColumns, run: RunFold) -> array[int]:
    """Return for each attempt the one before it on its worker; -1 on an event loop, whose lanes hold nothing up."""
    before, last = array("i", [-1]) * len(columns), [-1] * len(run.timeline.lanes)
    bounded = [is_bounded(run, lane) for lane in run.timeline.lanes]
    for index, lane in enumerate(columns.lane):
        if bounded[lane]:
            before[index] = last[lane]
            last[lane] = index
    return before


def before_in_limits(columns: TaskColumns, run: RunFold) -> dict[int, int]:
    """Return for attempts that have waited for a limit the one that gave them its slot: of several, the latest.

    Limits of rates are none: nothing gives a place in them back.
    """
    options = run.begun.about.get("options", {})
    limits = options.get("limits", {}) if isinstance(options, dict) else {}
    found: dict[int, int] = {}
    for tag, most in limits.items():
        if isinstance(most, int) and most > 0:
            _add_waits(columns, tag, most, found)
    return found


def _add_waits(columns: TaskColumns, tag: str, most: int, found: dict[int, int]) -> None:
    """Add the attempts that have waited for one limit."""
    tagged = [index for index in range(len(columns)) if tag in columns.tags(index)]
    moments = [(columns.end[index], 0, index) for index in tagged] + [
        (columns.start[index], 1, index) for index in tagged
    ]
    free: deque[tuple[int, bool]] = deque([(-1, False)] * most)  # what has given a slot back, and whether in a line
    for _, begins, index in sorted(moments):
        if not begins:
            free.append((index, all(in_line for _, in_line in free)))
        elif free:  # clocks of several machines may say that there were more
            holder, in_line = free.popleft()
            if in_line and (index not in found or columns.end[holder] > columns.end[found[index]]):
                found[index] = holder


def earlier_attempts(columns: TaskColumns) -> dict[int, int]:
    """Return for each attempt that is not its task's first one the one before it."""
    failed = {columns.number[index] for index in range(len(columns)) if columns.state[index] == RETRIED}
    last: dict[int, int] = {}
    found: dict[int, int] = {}
    for index in sorted((i for i in range(len(columns)) if columns.number[i] in failed), key=columns.end.__getitem__):
        number = columns.number[index]
        if number in last:
            found[index] = last[number]
        last[number] = index
    return found
