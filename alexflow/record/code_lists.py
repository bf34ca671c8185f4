"""States of code in the record: for each a list of names and digests, stored once.

On a disk a list is a file of its own, named by the state's digest, which the lines of all segments refer to. Where
files are only written whole, an object for each state would cost a request: there the line itself has the list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from alexflow.record.lines import CodeLine
from alexflow.storage.reserved import ReservedSpace

if TYPE_CHECKING:  # what finds it has been imported, and takes a while
    from alexflow.fingerprint import Fingerprint

#: The beginning of the names of files with lists.
CODE_PREFIX = "code-"


class CodeLists:
    """Writes lists to the record of a storage.

    Args:
        space: the record's.
    """

    def __init__(self, space: ReservedSpace):
        self._space = space
        self._present: set[str] | None = None  # files that are there

    def line(self, shape: int, state: Fingerprint) -> CodeLine:
        """Return the line of a class, after its list has been stored. It blocks."""
        if not self._space.appends:
            return CodeLine(shape, 0, state.digest, state.units, state.marks)
        if self._present is None:
            self._present = set(self._space.names())
        name = list_name(state.digest)
        if name not in self._present:
            self._space.write(name, "".join(f"{digest} {unit}\n" for unit, digest in state.units).encode())
            self._present.add(name)
        return CodeLine(shape, 0, state.digest, None, state.marks)


def list_name(digest: str) -> str:
    """Return the name of the file with the list of a state."""
    return f"{CODE_PREFIX}{digest}.txt"


def stored_list(spaces: Iterable[ReservedSpace], digest: str) -> tuple[tuple[str, str], ...] | None:
    """Return the list of a state, names with their digests; None if no space has it."""
    for space in spaces:
        try:
            text = space.read(list_name(digest)).decode()
        except FileNotFoundError:
            continue
        pairs = (line.partition(" ") for line in text.splitlines())
        return tuple((unit, unit_digest) for unit_digest, _, unit in pairs)
    return None
