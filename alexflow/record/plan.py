"""``Plan``: the tasks that a run would start, grouped by class and reason. Plain data, made in ``alexflow.graph``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from alexflow.html_repr import html_text, shown_safely

if TYPE_CHECKING:
    from alexflow.record.entry import Entry
    from alexflow.record.record import Record

#: The reason why a task has to run. ``missing``: an output is not there, and all that the task reads is. ``upstream
#: missing``: nor is something that it reads. ``read and gone``: an ephemeral output, removed when its readers were
#: done, is needed again. ``damaged``: what was stored has been moved to the quarantine. ``too old``: older than its
#: class allows.
Cause = Literal["missing", "forced", "upstream missing", "read and gone", "damaged", "too old"]

#: The order in which groups are shown.
CAUSES: tuple[Cause, ...] = ("forced", "damaged", "too old", "read and gone", "missing", "upstream missing")


@dataclass(frozen=True)
class PlannedTasks:
    """Tasks of one class that a run would start for one reason.

    Attributes:
        class_name: the class, as it stands in the tasks' ids.
        reason: why they would run.
        task_ids: their ids, in the order in which they were found.
        dynamic: whether they generate further tasks, which are not known before they run.
        generated: how many those may be: as many as the last time, or as the class's last task has given; None if the
            record does not say it.
        seconds: the work that is expected of all of them, by the mean of the class's recorded tasks; None if the record
            has none.
        bytes: what they are expected to store, in the same way.
    """

    class_name: str
    reason: Cause
    task_ids: Sequence[str]
    dynamic: bool = False
    seconds: float | None = None
    bytes: int | None = None
    generated: int | None = None

    @property
    def count(self) -> int:
        """The number of tasks."""
        return len(self.task_ids)

    def to_json(self) -> dict[str, Any]:
        """The group as plain data."""
        data: dict[str, Any] = {"class": self.class_name, "count": self.count, "reason": self.reason}
        if self.dynamic:
            data |= {"dynamic": True, "generated": self.generated}
        return data | {"seconds": self.seconds, "bytes": self.bytes}


@dataclass(frozen=True, repr=False)
class Plan:
    """The work that a request would cause, as things stand. Nothing has run.

    ::

        plan = alexflow.plan(train, storage="results")
        print(plan)

    Attributes:
        run: the tasks that would run, in groups.
        present: how many tasks were found done. What is upstream of those was not looked at.
        storage: where outputs were looked for, as ``--storage`` takes it.
    """

    run: Sequence[PlannedTasks]
    present: int
    storage: str

    @property
    def count(self) -> int:
        """The number of tasks that would run, besides those that dynamic ones give."""
        return sum(group.count for group in self.run)

    @property
    def seconds(self) -> float | None:
        """The work that is expected, in seconds of one worker; None if no group's is."""
        return _sum([group.seconds for group in self.run])

    @property
    def bytes(self) -> int | None:
        """The bytes that are expected to be stored; None if no group's are."""
        total = _sum([group.bytes for group in self.run])
        return None if total is None else int(total)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data, for ``json.dumps``; ``alexflow plan --json`` prints the same."""
        return {
            "run": [group.to_json() for group in self.run],
            "count": self.count,
            "present": self.present,
            "seconds": self.seconds,
            "bytes": self.bytes,
            "storage": self.storage,
        }

    def __repr__(self) -> str:
        return f"<Plan: {headline(self)}>"

    @shown_safely
    def _repr_html_(self) -> str:
        return html_text(str(self))

    def __str__(self) -> str:
        return "\n".join([headline(self), *("  " + "  ".join(row).rstrip() for row in _aligned(rows(self)))])


def headline(plan: Plan) -> str:
    """One line: what would run, and what is there."""
    there = "1 is there" if plan.present == 1 else f"{plan.present:,} are there"
    if not plan.run:
        return f"nothing to run, {there}"
    more = ", and what they give" if any(group.dynamic for group in plan.run) else ""
    return f"{plan.count:,} {'task' if plan.count == 1 else 'tasks'} to run{more}, {there}"


def rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Count, class and reason of each group, as texts."""
    return [(f"{group.count:,}", group.class_name, _reason(group)) for group in plan.run]


def _reason(group: PlannedTasks) -> str:
    if not group.dynamic:
        return group.reason
    last = "" if group.generated is None else f" ({group.generated:,} the last time)"
    return f"{group.reason}, and what it gives{last}"


def _aligned(table: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    count = max((len(row[0]) for row in table), default=0)
    name = max((len(row[1]) for row in table), default=0)
    return [(row[0].rjust(count), row[1].ljust(name), row[2]) for row in table]


def with_estimates(plan: Plan, record: Record) -> Plan:
    """Return a plan with the work, bytes and children that earlier tasks of the same classes let expect."""
    means = {name: _means(record.entries(cls=name)) for name in {group.class_name for group in plan.run}}
    groups = []
    for group in plan.run:
        seconds, size = means[group.class_name]
        total = None if size is None else round(size * group.count)
        given = _generated(group, record.entries(cls=group.class_name)) if group.dynamic else None
        work = None if seconds is None else seconds * group.count
        groups.append(replace(group, seconds=work, bytes=total, generated=given))
    return replace(plan, run=groups)


def _generated(group: PlannedTasks, newest_first: Iterable[Entry]) -> int | None:
    """The children that dynamic tasks may give: each as many as the last time, else as the newest of its class."""
    known = {entry.task_id: entry.generated for entry in newest_first if entry.generated is not None}
    if not known:
        return None
    newest = next(iter(known.values()))
    return sum(known.get(task_id, newest) for task_id in group.task_ids)


def _means(entries: Iterable[Entry]) -> tuple[float | None, float | None]:
    """The mean seconds and bytes of entries, of those that have them."""
    seconds: list[float] = []
    sizes: list[int] = []
    for entry in entries:
        if entry.seconds is not None:
            seconds.append(entry.seconds)
        if entry.outputs and all(output.bytes is not None for output in entry.outputs):
            sizes.append(entry.bytes)
    return (fmean(seconds) if seconds else None), (fmean(sizes) if sizes else None)


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
