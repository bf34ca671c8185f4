"""The files of a record's segments, read all at once."""

from __future__ import annotations

from alexflow.record.lines import MERGED_PREFIX, SEGMENT_SUFFIX
from alexflow.record.segment import merged_in
from alexflow.record.segment_parts import segment_of
from alexflow.storage.reserved import ReservedSpace


def segment_files(space: ReservedSpace) -> list[tuple[str, bytes]]:
    """Return names and bytes of all segments but those that a merged one stands for; parts of one are in order."""
    while True:
        names = [name for name in space.names() if name.endswith(SEGMENT_SUFFIX)]
        merged = list(space.read_many([name for name in names if name.startswith(MERGED_PREFIX)]))
        gone = {name for _, data in merged for name in merged_in(data).names}
        rest = [name for name in names if not name.startswith(MERGED_PREFIX) and segment_of(name) not in gone]
        merged = [(name, data) for name, data in merged if name not in gone]
        found = list(space.read_many(rest))
        if len(found) == len(rest):  # else some were merged meanwhile
            return [*found, *merged]
