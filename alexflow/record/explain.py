"""``Explanation``: the reason for which a task ran, or will run, from the record alone.

It is found against one other task. If the same task ran before, that is the earlier generation: its output was removed,
or damaged, or it was forced, or something that it reads was made again. Else it is the nearest earlier task of the
class: of those with the fewest fields that differ the newest. Then each field that differs is followed upstream, to
where the value really differs. Code that differs is named in either case, for no id depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from msgspec import Raw

from alexflow.fingerprint import Fingerprint, fingerprint_of, make_fingerprint, names_that_differ
from alexflow.html_repr import html_text, shown_safely
from alexflow.identity import children, qualified_name
from alexflow.model import AbstractTask, Output
from alexflow.model.class_info import class_info
from alexflow.model.made_from import origin_of
from alexflow.record.change_lines import change_lines
from alexflow.record.changes import Change, changes_between, count_differing, of_one_class
from alexflow.record.entry import EntryInput
from alexflow.record.lines import NIL, SegmentHeader
from alexflow.record.rows import Row, has_ended_before
from alexflow.record.segment import Section

#: A reason: ``first``: no task of the class had run; ``changed``: none with these parameters had; ``removed``: its
#: output was no longer there; ``damaged``: it was, and was not what had been stored; ``forced``: it was asked to be
#: made again; ``upstream``: something that it reads was made again.
ExplainedReason = Literal["first", "changed", "removed", "damaged", "forced", "upstream"]

_TEXTS: dict[str, str] = {
    "first": "no task of its class had run",
    "changed": "no task with these parameters had run",
    "removed": "its output had been removed",
    "damaged": "its output was damaged",
    "forced": "it was forced",
    "upstream": "what it reads was made again",
}

_OF_RECORD: dict[str, ExplainedReason] = {"forced": "forced", "damaged": "damaged", "upstream": "upstream"}


@dataclass(frozen=True)
class Explanation:
    """The reason why a task ran, or will run.

    Attributes:
        task_id: the task.
        reason: why, in a word.
        nearest: the key of the earlier task that it is compared with, or that task's id; None if there is none.
        changes: everything that differs from that one, where it really differs.
        has_run: whether the task has run; else it is said why it will.
        guessed: what the fingerprint of its code could only guess, in words: a change there is not seen.
        since: the code that differs now from that which made the task and what is upstream of it; only of a live task.
    """

    task_id: str
    reason: ExplainedReason
    nearest: str | None
    changes: tuple[Change, ...]
    has_run: bool = True
    guessed: tuple[str, ...] = ()
    since: tuple[Change, ...] = ()

    def __repr__(self) -> str:
        return f"<Explanation of {self.task_id}: {self.reason}, {len(self.changes)} changes>"

    def __str__(self) -> str:
        head = f"{self.task_id} {'ran' if self.has_run else 'will run'}: {_TEXTS[self.reason]}"
        compared = [f"against {self.nearest}:"] if self.nearest and self.changes else []
        guessed = [f"guessed: {mark}" for mark in self.guessed]
        since = [f"since then {change}" for change in self.since]
        return "\n  ".join([head, *compared, *change_lines(self.changes), *guessed, *since])

    @shown_safely
    def _repr_html_(self) -> str:
        return html_text(str(self))

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "task_id": self.task_id,
            "reason": self.reason,
            "nearest": self.nearest,
            "changes": [change.to_json() for change in self.changes],
            "has_run": self.has_run,
            "guessed": list(self.guessed),
            "since": [change.to_json() for change in self.since],
        }


class RecordedTasks(NamedTuple):
    """The sources of an explanation.

    Attributes:
        generations: gives the generations of a task by its id, the newest first.
        alike: gives those of each task that may be of one class with another.
        inputs: gives the keys that a task has read, with the digests of what it found there.
        reason: gives the cause for which a task ran, as an entry has it.
        code: gives the names and digests of a state of code; None where the record lacks them.
        marks: gives what the fingerprint of that state could only guess.
    """

    generations: Callable[[str], Sequence[Row]]
    alike: Callable[[Row], Iterable[Sequence[Row]]]
    inputs: Callable[[Row], Sequence[EntryInput]]
    reason: Callable[[Row], str]
    code: Callable[[str], Sequence[tuple[str, str]] | None]
    marks: Callable[[str], tuple[str, ...]]


def explain_made(task: AbstractTask, row: Row, recorded: RecordedTasks) -> Explanation:
    """Explain why a live task ran that is there, and name the code that has changed since.

    Args:
        task: the task.
        row: it, as it ran.
        recorded: the others.
    """
    compared = set[tuple[type, str]]()
    since: dict[str, Change] = {}
    for each in _tasks_behind(task):
        made = _newest(recorded, each.task_id)
        pair = (type(each), (made and made.code) or "")
        if made is None or pair in compared:
            continue
        compared.add(pair)
        for change in _changed_code(_state(made, recorded), fingerprint_of(type(each))):
            since.setdefault(change.path, change)
    return replace(explain_row(row, recorded), since=tuple(since.values()))


def explain_row(row: Row, recorded: RecordedTasks) -> Explanation:
    """Explain why a task ran.

    Args:
        row: the task, as it ran.
        recorded: the others.
    """
    earlier = [
        other for other in recorded.generations(row.task_id) if other is not row and has_ended_before(other, row)
    ]
    before = earlier[0] if earlier else _nearest(row, recorded)
    guessed = () if row.code is None else recorded.marks(row.code)
    if before is None:
        return Explanation(row.task_id, "first", None, (), guessed=guessed)
    reason: ExplainedReason = "changed"
    if earlier:
        reason = _OF_RECORD.get(recorded.reason(row), "removed")
    changes = [
        *changes_between(before, row, lambda task_id: _newest(recorded, task_id)),
        *(_changed_inputs(before, row, recorded) if earlier else ()),
        *_changed_code(_state(before, recorded), _state(row, recorded)),
    ]
    return Explanation(row.task_id, reason, _name(before), tuple(changes), guessed=guessed)


def explain_task(task: AbstractTask, recorded: RecordedTasks) -> Explanation:
    """Explain why a task will run that is not there.

    Args:
        task: the task.
        recorded: those that have run.
    """
    live = {each.task_id: _live_row(each) for each in _tasks_behind(task)}
    row = live[task.task_id]
    earlier = recorded.generations(row.task_id)
    before = earlier[0] if earlier else _nearest(row, recorded)
    code = fingerprint_of(type(task))
    if before is None:
        return Explanation(row.task_id, "first", None, (), has_run=False, guessed=code.marks)
    changes = [
        *changes_between(before, row, lambda task_id: live.get(task_id) or _newest(recorded, task_id)),
        *_changed_code(_state(before, recorded), code),
    ]
    reason: ExplainedReason = "removed" if earlier else "changed"
    return Explanation(row.task_id, reason, _name(before), tuple(changes), has_run=False, guessed=code.marks)


def _nearest(row: Row, recorded: RecordedTasks) -> Row | None:
    """Return the earlier task of the class with the fewest fields that differ, of these the newest."""
    best: tuple[int, float] | None = None
    found = None
    for rows in recorded.alike(row):
        other = next((each for each in rows if has_ended_before(each, row)), None)
        if other is None or other.task_id == row.task_id or not of_one_class(other, row):
            continue
        distance = count_differing(other, row), -(other.finished or 0.0)
        if best is None or distance < best:
            best, found = distance, other
    return found


def _newest(recorded: RecordedTasks, task_id: str) -> Row | None:
    rows = recorded.generations(task_id)
    return rows[0] if rows else None


def _name(row: Row) -> str:
    return row.keys[0] if row.keys else row.task_id


def _changed_inputs(before: Row, row: Row, recorded: RecordedTasks) -> Iterator[Change]:
    """Yield the inputs of a task of which the bytes were others when it ran before."""
    then = {read.key: read.digest for read in recorded.inputs(before)}
    for read in recorded.inputs(row):
        digest = then.get(read.key)
        if digest is not None and read.digest is not None and digest != read.digest:
            yield Change(read.key, digest, read.digest, "input")


def _state(row: Row, recorded: RecordedTasks) -> Fingerprint | None:
    units = recorded.code(row.code) if row.code is not None else None
    return None if units is None else make_fingerprint(units)


def _changed_code(before: Fingerprint | None, after: Fingerprint | None) -> Iterator[Change]:
    if before is None or after is None:
        return
    old, new = dict(before.units), dict(after.units)
    for name in names_that_differ(before, after):
        yield Change(name, old.get(name), new.get(name), "code")


def _tasks_behind(task: AbstractTask) -> Iterator[AbstractTask]:
    """Yield a live task, and those behind it, once each."""
    pending: list[Any] = [task]
    seen = set[str]()
    for value in pending:  # grows
        if isinstance(value, Output):
            value = value.__dict__.get("src_task")
        if not isinstance(value, AbstractTask):
            pending += [child for _, child in children(value)]
            continue
        live = value.unwrapped()
        if live.task_id not in seen:
            seen.add(live.task_id)
            yield live
            info = class_info(type(live))
            pending += [info.identity_value(live, name) for name in info.significant]


def _live_row(task: AbstractTask) -> Row:
    """Return the row of a live task, as if it were recorded."""
    origin = origin_of(task)
    return Row(
        task_id=task.task_id,
        cls=qualified_name(type(task)),
        keys=(),
        classes=(),
        preimage=Raw(origin[0]),
        further=NIL,
        reads=None,
        section=Section(SegmentHeader(0.0, "", 0)),  # none
        finished=None,
        begun=None,
        completion=None,
        run_id="",
        code=None,
        executor="",
        tags=(),
    )
