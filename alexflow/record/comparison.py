"""``diff``: two outputs, two runs, two storages, compared by the digests that the record has of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alexflow.record.change_lines import change_lines
from alexflow.record.changes import Change
from alexflow.record.value_differences import Difference

if TYPE_CHECKING:
    from alexflow.record.entry import Entry, EntryOutput

#: ``added`` and ``removed``: only the second, only the first has it; ``bytes``: both have it, with other bytes;
#: ``unknown``: both have it, and the record lacks a digest of one.
OutputDifferenceKind = Literal["added", "removed", "bytes", "unknown"]


@dataclass(frozen=True)
class OutputDifference:
    """An output that is not the same on both sides.

    Attributes:
        key: its key; of two outputs with different keys ``before → after``.
        kind: what differs.
        before: digest of its bytes on the first side.
        after: the same on the second.
        value: where the values differ first, if they were compared.
    """

    key: str
    kind: OutputDifferenceKind
    before: str | None = None
    after: str | None = None
    value: Difference | None = None

    def __str__(self) -> str:
        if self.kind == "bytes":
            return f"{self.key}: {self.value}" if self.value is not None else f"{self.key}: other bytes"
        texts = {"added": "only in the second", "removed": "only in the first", "unknown": "no digest to compare"}
        return f"{self.key}: {texts[self.kind]}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        value = None if self.value is None else self.value.to_json()
        return {"key": self.key, "kind": self.kind, "before": self.before, "after": self.after, "value": value}


@dataclass(frozen=True)
class Comparison:
    """Two sides, compared.

    Attributes:
        equal: whether nothing differs, and nothing is unknown.
        differences: outputs that are not the same, by key.
        changes: of two outputs, what differs in what they were made from.
        compared: how many outputs were compared.
    """

    equal: bool
    differences: tuple[OutputDifference, ...]
    changes: tuple[Change, ...] = ()
    compared: int = 0

    def __str__(self) -> str:
        head = "equal" if self.equal else f"{len(self.differences)} of {self.compared} outputs differ"
        return "\n  ".join([head, *change_lines(self.changes), *map(str, self.differences)])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "equal": self.equal,
            "differences": [difference.to_json() for difference in self.differences],
            "changes": [change.to_json() for change in self.changes],
            "compared": self.compared,
        }


def compare_outputs(first: Iterable[EntryOutput], second: Iterable[EntryOutput]) -> Comparison:
    """Compare outputs by key."""
    before: Mapping[str, str | None] = {output.key: output.digest for output in first}
    after: Mapping[str, str | None] = {output.key: output.digest for output in second}
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if key not in before:
            found.append(OutputDifference(key, "added", None, new))
        elif key not in after:
            found.append(OutputDifference(key, "removed", old, None))
        elif old is None or new is None:
            found.append(OutputDifference(key, "unknown", old, new))
        elif old != new:
            found.append(OutputDifference(key, "bytes", old, new))
    return Comparison(not found, tuple(found), (), len(before.keys() | after.keys()))


def compare_entries(first: Entry, second: Entry, changes: Iterable[Change] = ()) -> Comparison:
    """Compare what two tasks have stored: outputs in their order, for two tasks have two sets of keys.

    Args:
        first: one task.
        second: the other.
        changes: what differs in what they were made from.
    """
    found = []
    for old, new in zip(first.outputs, second.outputs, strict=False):
        key = old.key if old.key == new.key else f"{old.key} → {new.key}"
        if old.digest is None or new.digest is None:
            found.append(OutputDifference(key, "unknown", old.digest, new.digest))
        elif old.digest != new.digest:
            found.append(OutputDifference(key, "bytes", old.digest, new.digest))
    shared = min(len(first.outputs), len(second.outputs))
    found += [OutputDifference(output.key, "removed", output.digest) for output in first.outputs[shared:]]
    found += [OutputDifference(output.key, "added", None, output.digest) for output in second.outputs[shared:]]
    most = max(len(first.outputs), len(second.outputs))
    return Comparison(not found, tuple(found), tuple(changes), most)
