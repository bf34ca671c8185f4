"""Names that survive a loss of power: a directory's names are on the disk once it has been synced itself."""

from __future__ import annotations

import os


class SyncedNames:
    """Has the names of a storage's files written to the disk, and the way to each directory once.

    Args:
        base: the storage's directory.
    """

    def __init__(self, base: str):
        self._base = base.rstrip("/")  # nothing is left of the root
        self._known: frozenset[str] = frozenset()  # directories; replaced, not changed: threads share it

    def sync(self, path: str) -> None:
        """Have a name written to the disk, and if its directory was not seen before, the way to it."""
        directory = os.path.dirname(path)
        sync_directory(directory)
        if directory in self._known:
            return
        way = directory
        while way.rstrip("/") != self._base:
            way = os.path.dirname(way)
            sync_directory(way)
        try:
            sync_directory(os.path.dirname(way))
        except PermissionError:  # then it is none that could have been made from here
            pass
        self._known |= {directory}

    def forget(self) -> None:
        """A directory is new, or some have been removed: what was known of the way to them does not hold."""
        self._known = frozenset()


def sync_directory(directory: str) -> None:
    """Have the names in a directory written to the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
