"""Results of linking, in the user's cache directory: in a new process nothing is parsed and nothing linked.

A file counts as unchanged if its size, times and inode are those of before, and its content had settled when the memo
was written; else if its bytes are. So neither edits within one tick of the clock nor constant times (wheels, layers of
images, Nix) deceive it: the time of the inode's change cannot be set. The cache is never needed.

Paths are plain strings: pathlib takes longer to import than all else that is done where nothing has changed.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from alexflow.fingerprint.code_state import Fingerprint
from alexflow.fingerprint.summary import CODE_DIGEST_SIZE, NORMAL_FORM, ModuleSummary, digest_of
from alexflow.identity.blake2 import blake2b

#: Nanoseconds that a file must have been left alone before its times are believed.
_SETTLED_AFTER = 2_000_000_000

_MOST_FILES = 400

DataT = TypeVar("DataT")


class FileStamp(msgspec.Struct, frozen=True, array_like=True):
    """A file or directory as it was.

    Attributes:
        path: where it is.
        size, modified, changed, inode: of its status; times in nanoseconds.
        digest: of its content; of a directory, of what is in it that can be imported.
        names: those that matter of a directory, as they were looked for; None for all.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int
    digest: str
    names: tuple[str, ...] | None = None

    def holds(self, written: int) -> bool:
        """Whether it is as it was when a memo was written."""
        try:
            now = os.stat(self.path)
        except OSError:
            return self.inode == 0
        same = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino) == (
            self.size,
            self.modified,
            self.changed,
            self.inode,
        )
        if same and max(now.st_mtime_ns, now.st_ctime_ns) < written - _SETTLED_AFTER:
            return True
        return content_of(self.path, self.names) == self.digest


def stamp(path: str, names: Collection[str] | None = None) -> FileStamp:
    """Return the stamp of a file or directory, which may be missing; ``names`` are those that matter of a directory."""
    try:
        now = os.stat(path)
    except OSError:
        return FileStamp(path, 0, 0, 0, 0, "")
    kept = None if names is None else tuple(sorted(names))
    return FileStamp(path, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, content_of(path, kept), kept)


def content_of(path: str, names: Collection[str] | None = None) -> str:
    """Return the digest of a file's bytes, or of what is in a directory that can be imported, under these names.

    It is empty if there is neither.
    """
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            if names is None:
                return digest_of("\n".join(importable_names(path)))
            entries = [entry for entry in os.listdir(path) if _importable_name(entry) in names]
            return digest_of("\n".join(sorted(entries)))
        with open(path, "rb") as file:
            return blake2b(file.read(), digest_size=CODE_DIGEST_SIZE).hexdigest()
    except OSError:
        return ""


def importable_names(directory: str) -> list[str]:
    """Return the names under which files and folders of a directory may be imported."""
    try:
        listed = os.listdir(directory)
    except OSError:
        return []
    names = set(map(_importable_name, listed))
    return sorted(name for name in names - {"__init__", "__pycache__"} if name.isidentifier())


def _importable_name(entry: str) -> str:
    """Return the name under which a file or folder may be imported; empty if there is none."""
    return entry.partition(".")[0] if "." not in entry or entry.endswith((".py", ".so", ".pyc")) else ""


class LinkMemo(msgspec.Struct, frozen=True, array_like=True):
    """The fingerprint of a class, and what it was made from.

    Attributes:
        normal_form: the version of the form.
        written: when, in nanoseconds since 1970.
        files: everything that was read or looked into.
        fingerprint: the result.
    """

    normal_form: int
    written: int
    files: tuple[FileStamp, ...]
    fingerprint: Fingerprint

    def holds(self) -> bool:
        """Whether the fingerprint is up to date: linking again would give the same."""
        return self.normal_form == NORMAL_FORM and all(file.holds(self.written) for file in self.files)


def make_memo(fingerprint: Fingerprint, paths: Mapping[str, Collection[str] | None]) -> LinkMemo:
    """Remember a fingerprint with the state of what it was made from.

    Args:
        fingerprint: the result.
        paths: files, and directories with the names that matter of each, or None for all.
    """
    stamps = tuple(stamp(path, names) for path, names in sorted(paths.items()))
    return LinkMemo(NORMAL_FORM, time.time_ns(), stamps, fingerprint)


class Memos:
    """The cache on disk.

    Args:
        directory: where it is; by default in the user's cache directory. Another format has another directory.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None):
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        self._directory = os.fspath(directory or f"{home}/alexflow/code-{NORMAL_FORM}")
        self._swept = False

    def read(self, module: str, qualname: str) -> LinkMemo | None:
        """Return what was linked for a class; None if that is not known or does not hold."""
        memo = self._decoded(self._file("link", module, qualname), LinkMemo)
        return memo if memo is not None and memo.holds() else None

    def write(self, module: str, qualname: str, memo: LinkMemo) -> None:
        """Keep what was linked for a class."""
        self._replace(self._file("link", module, qualname), msgspec.msgpack.encode(memo))

    def summaries(self, package: str) -> dict[str, tuple[str, ModuleSummary]]:
        """Return the summaries of modules that were needed for classes of a top-level package."""
        return self._decoded(self._file("summaries", package), dict[str, tuple[str, ModuleSummary]]) or {}

    def write_summaries(self, package: str, summaries: dict[str, tuple[str, ModuleSummary]]) -> None:
        """Keep summaries of modules."""
        self._replace(self._file("summaries", package), msgspec.msgpack.encode(summaries))

    def _file(self, *names: str) -> str:
        """The same name may be another module under another search path."""
        name = digest_of("\0".join([*names, *map(os.path.abspath, sys.path)]))
        return f"{self._directory}/{name}"

    def _decoded(self, path: str, kind: type[DataT]) -> DataT | None:
        try:
            with open(path, "rb") as file:
                return msgspec.msgpack.decode(file.read(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return None

    def _replace(self, path: str, content: bytes) -> None:
        new = f"{path}.{os.getpid()}"
        try:
            os.makedirs(self._directory, exist_ok=True)
            with open(new, "wb") as file:
                file.write(content)
            os.replace(new, path)
            self._sweep()
        except OSError:  # it is found out again the next time
            return

    def _sweep(self) -> None:
        """Remove the files that were written longest ago, once a process."""
        if not self._swept:
            self._swept = True
            with os.scandir(self._directory) as found:
                files = sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)
            for file in files[_MOST_FILES:]:
                os.unlink(file)
