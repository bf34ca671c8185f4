"""Changes between two tasks as the record has them: the field that really differs, however far upstream it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alexflow.record.fields import FORM_TAG, NO_SUCH_FIELD, scalar
from alexflow.record.leaves import value_text
from alexflow.record.rows import Row

#: Something that differs: a ``field``; the ``version`` of a class; the bytes of a ``source``; another ``class`` or
#: output in a place, of which the record says no more; a unit of ``code``; what was read under the key of an ``input``.
ChangeKind = Literal["field", "version", "source", "class", "code", "input"]

_SOURCE_ID = "alexflow.sources.external.Known."

_DIGEST = re.compile(r"[0-9a-f]{32,}")

#: Hexadecimal digits of a digest that are shown.
_DIGITS_SHOWN = 8


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        path: ``Train.config.depth``; of code the name of the unit, ``features.scale``; of an input its key.
        before: the value there, as in documents; None if there was none.
        after: the same, now.
        kind: what it is.
        via: the fields that lead from the task in question to the one that the path is of, from the nearest on.
    """

    path: str
    before: Any
    after: Any
    kind: ChangeKind
    via: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "code":
            return f"the code of {self.path} differs"
        through = f" (through {', '.join(self.via)})" if self.via else ""
        shown = _shown if self.kind in ("field", "version") else _named
        source = "source " if self.kind == "source" else ""
        return f"{self.path}: {source}{shown(self.before)} → {shown(self.after)}{through}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "path": self.path,
            "before": self.before,
            "after": self.after,
            "kind": self.kind,
            "via": list(self.via),
        }


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | bool | None) else value_text(value)


def _named(value: Any) -> str:
    """A key, an id or the digest of a content, with as many digits as commands take."""
    if value is None:
        return "nothing"
    text = _shown(value).strip("'")
    if text.startswith(_SOURCE_ID):
        return f"source {text.rpartition('.')[2][:_DIGITS_SHOWN]}"
    return _DIGEST.sub(lambda found: found[0][:_DIGITS_SHOWN], text, count=1)


def differing(before: Any, after: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the leaves in which two documents differ: the steps to each, and both values."""
    pending: list[tuple[tuple[str, ...], Any, Any]] = [((), before, after)]
    while pending:
        path, one, other = pending.pop()
        parts = _parts(one, other)
        if parts is not None:
            pending += [((*path, step), *pair) for step, *pair in reversed(list(parts))]
        elif type(one) is not type(other) or one != other:
            yield path, one, other


def _parts(one: Any, other: Any) -> Iterable[tuple[str, Any, Any]] | None:
    """Return the parts of two values that have parts alike; None for leaves."""
    if isinstance(one, list) and isinstance(other, list):
        length = max(len(one), len(other))
        return [(str(at), _at(one, at), _at(other, at)) for at in range(length)]
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None
    if FORM_TAG not in one and FORM_TAG not in other:
        return [(name, one.get(name), other.get(name)) for name in {**one, **other}]
    if (one.get(FORM_TAG), one.get("class")) != (other.get(FORM_TAG), other.get("class")) or is_reference(one):
        return None
    for inside in ("fields", "items", "entries"):
        if inside in one and inside in other:
            return _parts(one[inside], other[inside])
    return None


def _at(items: Sequence[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def is_reference(value: Any) -> bool:
    """Whether a value of a document stands for another task, or an output of one."""
    return isinstance(value, dict) and value.get(FORM_TAG) in ("task", "output")


def count_differing(one: Row, other: Row) -> int:
    """Return in how many fields two tasks differ, as they stand: what is upstream of an output counts as one."""
    _, version, fields = one.canonical()
    _, other_version, other_fields = other.canonical()
    names = {name for name in fields.keys() | other_fields.keys() if fields.get(name) != other_fields.get(name)}
    if not names:
        return int(version != other_version)
    leaves = differing(one.significant_fields(), other.significant_fields())
    return sum(1 for _ in leaves) + (version != other_version)


def changes_between(before: Row, after: Row, row_of: Callable[[str], Row | None]) -> list[Change]:
    """Return what differs between two tasks of one class, each where it really differs.

    Args:
        before: the earlier one.
        after: the one in question.
        row_of: gives the row of a task upstream by its id.
    """
    found: dict[tuple[str, str], Change] = {}
    pending: list[tuple[Row, Row, tuple[str, ...]]] = [(before, after, ())]
    seen = set[tuple[str, str]]()
    for one, other, via in pending:  # grows
        if (one.task_id, other.task_id) in seen:
            continue
        seen.add((one.task_id, other.task_id))
        owner = short_name(other)
        versions = one.canonical()[1], other.canonical()[1]
        here = [] if versions[0] == versions[1] else [Change(f"{owner}.version", *versions, "version", via)]
        for steps, old, new in differing(one.significant_fields(), other.significant_fields()):
            path = ".".join([owner, *steps])
            upstream = _upstream(old, new, row_of)
            if upstream is None or not of_one_class(*upstream):
                here.append(_leaf(path, old, new, via))
            if upstream is not None:
                pending.append((*upstream, (*via, path)))
        for change in here:  # what several fields lead to is said once
            found.setdefault((change.path, repr((change.before, change.after))), change)
    return list(found.values())


def _upstream(old: Any, new: Any, row_of: Callable[[str], Row | None]) -> tuple[Row, Row] | None:
    """Return two tasks that a field refers to, before and after: of one class, or of one with the same fields."""
    if not is_reference(old) or not is_reference(new):
        return None
    ids = task_id_in(old), task_id_in(new)
    one, other = row_of(ids[0]), row_of(ids[1])
    if one is None or other is None or ids[0] == ids[1] or _is_source(new):
        return None
    return (one, other) if of_one_class(one, other) or _same_fields(one, other) else None


def _same_fields(one: Row, other: Row) -> bool:
    """Whether two classes may be one that was renamed."""
    return one.canonical()[2].keys() == other.canonical()[2].keys()


def _leaf(path: str, old: Any, new: Any, via: tuple[str, ...]) -> Change:
    if not is_reference(old) and not is_reference(new):
        return Change(path, _value(old), _value(new), "field", via)
    if _is_source(old) and _is_source(new):
        return Change(path, _content(old), _content(new), "source", via)
    return Change(path, _value(old), _value(new), "class", via)


def _is_source(reference: Any) -> bool:
    return is_reference(reference) and task_id_in(reference).startswith(_SOURCE_ID)


def _content(reference: dict[str, Any]) -> str:
    """The digest of a source's bytes, at the end of its key."""
    return str(reference["key"]).rpartition(".")[2]


def _value(value: Any) -> Any:
    return None if value is NO_SUCH_FIELD else scalar(value)


def task_id_in(reference: dict[str, Any]) -> str:
    """Return the id of the task that a reference is to."""
    return str(reference["id"] if reference[FORM_TAG] == "task" else reference["task"])


def of_one_class(one: Row, other: Row) -> bool:
    """Whether two tasks are of one class: one that was renamed with its ``task_name`` pinned is still the same."""
    return one.cls == other.cls or name_in_id(one) == name_in_id(other)


def name_in_id(row: Row) -> str:
    """Return the name of a task's class, or its ``task_name``, as its id begins with it."""
    return row.task_id.rpartition(".")[0]


def short_name(row: Row) -> str:
    """Return the name of a task's class without its module."""
    return row.cls.rpartition(":")[2].rpartition(".")[2]
