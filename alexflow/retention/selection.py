"""The choice of outputs that may go: by age, by total size, by what is still reachable. Pure but for the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from alexflow.errors import NotRecorded
from alexflow.record import Record
from alexflow.retention.stored import Stored, StoredOutput, StoredTask


class Limits(NamedTuple):
    """The conditions for removal: an output goes if any condition that is set selects it.

    Attributes:
        unused_since: outputs of tasks that were not used after this moment, in seconds since 1970.
        max_bytes: those used least recently, until what is left is no more than this.
        unreachable: those that are not upstream of anything that is kept.
        named: outputs by key, also those without a record.
    """

    unused_since: float | None = None
    max_bytes: int | None = None
    unreachable: bool = False
    named: frozenset[str] = frozenset()


class Selection(NamedTuple):
    """The outcome of a choice.

    Attributes:
        tasks: whose outputs go.
        orphans: outputs without a record that go, because they were named.
        kept: how many selected tasks stay, because they are pinned, or an engine is at work on them.
    """

    tasks: Sequence[StoredTask]
    orphans: Sequence[StoredOutput]
    kept: int

    @property
    def outputs(self) -> list[StoredOutput]:
        """Everything that goes."""
        return [*(output for task in self.tasks for output in task.outputs), *self.orphans]

    @property
    def bytes(self) -> int:
        """The bytes that are freed."""
        return sum(output.bytes for output in self.outputs)


def select(stored: Stored, limits: Limits, protected: Iterable[str], reachable: Iterable[str] = ()) -> Selection:
    """Choose what goes.

    A task whose end is not recorded is chosen by name only, since it may be under way.

    Args:
        stored: what there is.
        limits: what is to go.
        protected: ids of tasks, and keys, that stay whatever the limits say.
        reachable: ids of tasks that ``unreachable`` does not mean.
    """
    protected, reachable = set(protected), set(reachable)
    named = [_named_part(task, limits.named) for task in stored.tasks if not limits.named.isdisjoint(_keys(task))]
    chosen = {task.task_id: task for task in named}
    ended = [task for task in stored.tasks if task.used is not None]
    for task in ended:
        is_old = limits.unused_since is not None and task.used is not None and task.used <= limits.unused_since
        if is_old or (limits.unreachable and task.task_id not in reachable):
            chosen[task.task_id] = task
    kept = [task for task in chosen.values() if _is_protected(task, protected)]
    for task in kept:
        del chosen[task.task_id]
    if limits.max_bytes is not None:
        left = stored.bytes - sum(task.bytes for task in chosen.values())
        for task in sorted(ended, key=lambda task: task.used or 0.0):
            if left <= limits.max_bytes:
                break
            if task.task_id not in chosen and not _is_protected(task, protected):
                chosen[task.task_id] = task
                left -= task.bytes
    orphans = [output for output in stored.orphans if output.key in limits.named and output.key not in protected]
    return Selection(list(chosen.values()), orphans, len(kept))


def reachable_from(record: Record, names: Iterable[str]) -> set[str]:
    """The ids of tasks, and of all that they were made from, as far as the record has them.

    What a dynamic task has given is not upstream of it; all that ran for the same run counts as reachable.

    Args:
        record: the record.
        names: keys and ids.
    """
    reached: set[str] = set()
    runs: set[str] = set()
    pending = list(names)
    for name in pending:  # grows
        try:
            entries = [record.entry(name), *record.upstream(name)]
        except NotRecorded:
            continue
        for entry in entries:
            if entry.task_id not in reached:
                reached.add(entry.task_id)
                if not entry.outputs and entry.run_id not in runs:
                    runs.add(entry.run_id)
                    pending += [other.task_id for other in record.entries() if other.run_id == entry.run_id]
    return reached


def _keys(task: StoredTask) -> list[str]:
    return [output.key for output in task.outputs]


def _named_part(task: StoredTask, named: frozenset[str]) -> StoredTask:
    """A task with those of its outputs that were named."""
    return task._replace(outputs=[output for output in task.outputs if output.key in named])


def _is_protected(task: StoredTask, protected: set[str]) -> bool:
    return task.task_id in protected or not protected.isdisjoint(_keys(task))
